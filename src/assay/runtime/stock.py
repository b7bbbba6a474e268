"""The sessions that a pool holds: opened, taken back, mended, let go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import Any

from assay.config import DatabaseUrl
from assay.errors import Error
from assay.runtime.closing import see_off
from assay.runtime.hooks import Hooks
from assay.runtime.opener import Opener
from assay.runtime.pool_options import PoolOptions
from assay.runtime.session import Session
from assay.runtime.waiting_line import WaitingLine

MEND_TIMEOUT = 3.0
"""Seconds in which a session left in an unknown state must be as good as new; then it is cut and replaced."""


class State(Enum):
    """Of a pool."""

    NEW = "is not open yet; use it inside of `async with`, or get it from `await Pool.open(...)`"
    OPEN = "is open"
    CLOSED = "is closed"
    FORKED = "belongs to the process that this one was forked from; open a pool after the fork, in each process"


@dataclass(slots=True)
class Counters:
    """What happened since the pool was made."""

    acquired: int = 0
    waited: int = 0
    wait_seconds: float = 0.0
    timeouts: int = 0
    opened: int = 0
    closed: int = 0
    mended: int = 0


class Stock:
    """Sessions, free and lent, and the tasks that wait for one.

    Taking back never waits, so that a cancellation cannot come in between. Whatever takes time (opening, mending,
    closing) is done by tasks of the stock's own, which no caller's cancellation reaches. A session is handed to
    whoever has waited longest; it is free only when nobody waits.
    """

    def __init__(
        self,
        url: DatabaseUrl,
        options: PoolOptions,
        hooks: Hooks,
        open_session: Callable[[], Coroutine[Any, Any, Session]],
    ) -> None:
        self._url = url
        self.options = options
        self._hooks = hooks
        self._mends_always = options.reset == "always" or hooks.after_release is not None
        self.opener = Opener(open_session)
        self._state = State.NEW
        self._loop: asyncio.AbstractEventLoop
        self._sessions: set[Session] = set()
        self._free: list[Session] = []
        """The one used last is at the end, and is lent first."""
        self._line = WaitingLine(self.give_back)
        self._mending = 0
        self._changed = asyncio.Event()
        """Set whenever a session is gone."""
        self._tasks: set[asyncio.Task[None]] = set()
        """What sees sessions off; close() waits for it."""
        self._helpers: set[asyncio.Task[None]] = set()
        """What gets sessions; close() cancels it."""
        self._alarm: asyncio.TimerHandle | None = None
        """Goes off when opening may be tried again."""
        self.counters = Counters()

    def give_back(self, session: Session) -> None:
        """Take a session back, whatever state it is in; this never waits."""
        driver = session.driver
        if driver.is_closed():
            self._retire(session)
        elif session.is_unsettled or driver.is_in_transaction() or self._mends_always:
            self._mending += 1
            self._spawn(self._mend(session), self._tasks)
        else:
            self._offer(session)

    def _offer(self, session: Session) -> None:
        """Hand a session to who waits longest, or keep it."""
        session.idle_since = monotonic()
        if self._state is not State.OPEN or session.idle_since >= session.expires_at:
            self._retire(session)
        elif not self._line or not self._line.hand(session):
            self._free.append(session)

    async def _mend(self, session: Session) -> None:
        try:
            async with asyncio.timeout(MEND_TIMEOUT):
                await self._make_good(session)
        except BaseException as error:
            session.terminate()  # whatever it was, the session is not to be trusted
            if not isinstance(error, Exception):
                raise
        finally:
            self._mending -= 1
            self.counters.mended += 1
            if session.driver.is_closed():
                self._retire(session)
            else:
                self._offer(session)

    async def _make_good(self, session: Session) -> None:
        always = self.options.reset == "always"
        resets = always or bool(session.footprint) or session.lent_driver
        await session.mend(always=always)
        if resets:
            await self._hooks.connected(session, self._url)
        if not await self._hooks.keeps("after_release", session, self._url):
            session.terminate()
        elif session.is_unsettled:
            await session.mend(always=False)
            await self._hooks.connected(session, self._url)

    # --- opening, letting go

    def _grow(self) -> None:
        """Open what waiting tasks need and the minimum asks for, within the maximum; one in an outage."""
        opener, held = self.opener, bool(self._sessions)
        resting = monotonic() < opener.resting_until and (held or opener.is_down)
        if self._state is not State.OPEN or resting:
            return
        wanted = max(len(self._line), self.options.min_connections - len(self._sessions))
        wanted = (min(wanted, 1) if opener.is_down else wanted) - opener.under_way
        room = self.options.max_connections - len(self._sessions) - opener.under_way
        for _ in range(min(wanted, room)):
            opener.under_way += 1
            self._spawn(self._open_another(), self._helpers)

    async def _open_another(self) -> None:
        try:
            await self._open_one()
        except Error as error:
            if self._sessions or self.opener.is_down:
                self._try_again_later()
            if not self._sessions and (not self.opener.is_down or self.opener.is_down_for_long):
                self._line.fail(error)
        else:
            self._grow()

    def _try_again_later(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_later(self.opener.resting_until - monotonic(), self._try_again)

    def _try_again(self) -> None:
        self.opener.resting_until = 0.0  # which a timer that rounds may be a little early for
        self._grow()

    async def _open_one(self) -> None:
        session = await self.opener.open(self.options.max_lifetime)
        self._sessions.add(session)
        self.counters.opened += 1
        if len(self._sessions) > self.options.max_connections:  # lowered since
            session.expires_at = 0.0
        session.driver.add_termination_listener(lambda _: self._lost(session))
        self._offer(session)

    def _lost(self, session: Session) -> None:
        """Replace a free session whose connection broke; one that is lent comes back by itself."""
        if session in self._free:
            self._free.remove(session)
            self._retire(session)

    def _retire(self, session: Session) -> None:
        """Let a session go for good, and open another if one is needed."""
        if session not in self._sessions:
            return
        self._sessions.remove(session)
        self.counters.closed += 1
        if not session.driver.is_closed():
            self._spawn(see_off(session), self._tasks)
        self._changed.set()
        self._grow()

    def _drop(self, session: Session) -> None:
        session.terminate()
        self._retire(session)

    def _spawn(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = self._loop.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    @property
    def in_use(self) -> int:
        """How many sessions are lent."""
        return len(self._sessions) - len(self._free) - self._mending

    @property
    def is_open(self) -> bool:
        """Whether sessions can be had."""
        return self._state is State.OPEN

    def sizes(self) -> dict[str, int]:
        """How many sessions are in which state, and how many tasks wait."""
        return {
            "open": len(self._sessions),
            "idle": len(self._free),
            "in_use": self.in_use,
            "mending": self._mending,
            "opening": self.opener.under_way,
            "waiting": len(self._line),
        }
