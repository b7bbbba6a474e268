"""The sessions of a pool: opened, handed out, mended, retired."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Any

from assay.config import DatabaseUrl
from assay.errors import Error, PoolClosed, PoolTimeout
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection
from assay.runtime.opener import Opener
from assay.runtime.pool_options import PoolOptions
from assay.runtime.session import Session
from assay.runtime.waiting_line import WaitingLine

MEND_TIMEOUT = 5.0
"""Seconds in which a session left in an unknown state must be as good as new; then it is cut and replaced."""
LIVENESS_AFTER = 30.0
"""A session that nobody used for so many seconds is asked whether it is alive before it is handed out."""
LIVENESS_TIMEOUT = 2.0
"""Seconds that it has to answer in."""
CLOSE_TIMEOUT = 2.0
"""Seconds in which one session must have said goodbye; then it is cut."""
UPKEEP_PAUSE = 30.0
"""Seconds between rounds of upkeep, at most."""


class State(Enum):
    """Of a pool."""

    NEW = "is not open yet; use it inside of `async with`, or get it from `await Pool.open(...)`"
    OPEN = "is open"
    CLOSED = "is closed"


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


class Reserve:
    """Sessions, free and lent, and the tasks that wait for one.

    Lending from the free ones and taking back never wait, so that a cancellation cannot come in between. Whatever
    takes time (opening, mending, closing) is done by tasks of the reserve's own, which no caller's cancellation
    reaches. A session is handed to whoever has waited longest; it is free only when nobody waits.
    """

    def __init__(
        self, url: DatabaseUrl, options: PoolOptions, open_driver: Callable[[], Coroutine[Any, Any, DriverConnection]]
    ) -> None:
        self._url = url
        self._options = options
        self._opener = Opener(open_driver, options.max_lifetime)
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
        self.counters = Counters()

    # --- lending

    def take(self) -> Session | None:
        """The free session used last, if there is one that can be lent without a question to it."""
        if self._free:
            session = self._free.pop()
            now = self._loop.time()
            fresh = now - session.idle_since < LIVENESS_AFTER and now < session.expires_at
            if fresh and not session.driver.is_closed():
                self.counters.acquired += 1
                return session
            self._free.append(session)
        return None

    async def wait(self, timeout: float | None = None) -> Session:  # noqa: ASYNC109 - one bound on several steps
        """A session: free, newly opened, or given back by somebody else.

        Raises PoolTimeout when there is none within the timeout (the acquire timeout unless given), PoolClosed, and
        what opening raised when no connection is open and none can be opened.
        """
        self._check_open()
        started = self._loop.time()
        deadline = started + (self._options.acquire_timeout if timeout is None else timeout)
        while True:
            session = self._pop() or await self._stand_in_line(started, deadline)
            if await self._is_alive(session):
                self.counters.acquired += 1
                return session

    def give_back(self, session: Session) -> None:
        """Take a session back, whatever state it is in; this never waits."""
        driver = session.driver
        if driver.is_closed():
            self._retire(session)
        elif session.is_unsettled or driver.is_in_transaction() or self._options.reset == "always":
            self._mending += 1
            self._spawn(self._mend(session), self._tasks)
        else:
            self._offer(session)

    def _offer(self, session: Session) -> None:
        """Hand a session to who waits longest, or keep it."""
        session.idle_since = self._loop.time()
        if self._state is not State.OPEN or session.idle_since >= session.expires_at:
            self._retire(session)
        elif not self._line or not self._line.hand(session):
            self._free.append(session)

    def _pop(self) -> Session | None:
        while self._free:
            session = self._free.pop()
            if self._loop.time() < session.expires_at and not session.driver.is_closed():
                return session
            self._retire(session)
        return None

    async def _stand_in_line(self, started: float, deadline: float) -> Session:
        try:
            return await self._line.wait(deadline, lambda: self._too_late(started), self._grow)
        finally:
            self.counters.waited += 1
            self.counters.wait_seconds += self._loop.time() - started

    def _too_late(self, started: float) -> PoolTimeout:
        self.counters.timeouts += 1
        failure, opening = self._opener.last_failure, self._opener.under_way
        why = f"; the last attempt to open one failed: {failure}" if failure else ""
        return PoolTimeout(
            f"No connection to {self._url.place} was free after {self._loop.time() - started:.3g} s: "
            f"{self.in_use} of at most {self._options.max_connections} are in use, {opening} being opened, "
            f"{len(self._line)} other tasks wait{why}; "
            "hold connections for a shorter time, or raise max_connections (DB_MAX_CONNECTIONS)"
        )

    async def _is_alive(self, session: Session) -> bool:
        if self._loop.time() - session.idle_since < LIVENESS_AFTER:
            return True
        try:
            alive = await session.is_alive(LIVENESS_TIMEOUT)
        except BaseException:
            self.give_back(session)
            raise
        if not alive:
            session.terminate()
            self._retire(session)
        return alive

    def _check_open(self) -> None:
        if self._state is not State.OPEN:
            raise PoolClosed(f"The pool for {self._url.place} {self._state.value}")

    # --- opening, mending, closing

    def _grow(self) -> None:
        """Open what waiting tasks need and the minimum asks for, within the maximum."""
        if self._state is not State.OPEN or (self._sessions and self._loop.time() < self._opener.resting_until):
            return
        opening = self._opener.under_way
        wanted = max(len(self._line), self._options.min_connections - len(self._sessions)) - opening
        room = self._options.max_connections - len(self._sessions) - opening
        for _ in range(min(wanted, room)):
            self._opener.under_way += 1
            self._spawn(self._open_another(), self._helpers)

    async def _open_another(self) -> None:
        try:
            await self._open_one()
        except Error as error:
            if self._sessions:  # one that comes back will serve those who wait
                self._loop.call_at(self._opener.resting_until, self._grow)
            else:
                self._line.fail(error)

    async def _open_one(self) -> None:
        session = await self._opener.open()
        self._sessions.add(session)
        self.counters.opened += 1
        self._offer(session)

    async def _mend(self, session: Session) -> None:
        try:
            async with asyncio.timeout(MEND_TIMEOUT):
                await session.mend(always=self._options.reset == "always")
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

    def _retire(self, session: Session) -> None:
        """Let a session go for good, and open another if one is needed."""
        if session not in self._sessions:
            return
        self._sessions.remove(session)
        self.counters.closed += 1
        if not session.driver.is_closed():
            self._spawn(self._close_driver(session), self._tasks)
        self._changed.set()
        self._grow()

    async def _close_driver(self, session: Session) -> None:
        try:
            await session.driver.close(timeout=CLOSE_TIMEOUT)
        except DRIVER_ERRORS:
            session.terminate()

    def _spawn(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = self._loop.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    # --- the reserve's life

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
            "opening": self._opener.under_way,
            "waiting": len(self._line),
        }

    async def open(self) -> None:
        """Open the minimum of sessions, and one in any case before the others, so that a wrong URL is found at once.

        Raises what opening raises; then none is open.
        """
        if self._state is not State.NEW:
            raise PoolClosed(f"The pool for {self._url.place} {self._state.value}; a pool is opened once")
        self._loop = asyncio.get_running_loop()
        self._state = State.OPEN
        try:
            for count in (1, self._options.min_connections - 1):
                await self._open_first(count)
        except BaseException:
            await self.close(0)
            raise
        self._spawn(self._keep_up(), self._helpers)

    async def _open_first(self, count: int) -> None:
        self._opener.under_way += max(count, 0)
        outcomes = await asyncio.gather(*(self._open_one() for _ in range(count)), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - a deadline for others, not for this call
        """Lend no more, wait until all sessions are back, close them; after the timeout cut what is not back."""
        self._state = State.CLOSED
        self._line.fail(PoolClosed(f"The pool for {self._url.place} was closed while this task waited"))
        for task in self._helpers:
            task.cancel()
        try:
            async with asyncio.timeout(timeout):
                await self._empty()
        except TimeoutError:
            pass
        finally:
            for session in [*self._sessions]:
                session.terminate()
                self._retire(session)
        await asyncio.gather(*self._tasks, *self._helpers, return_exceptions=True)

    async def _empty(self) -> None:
        while self._free:
            self._retire(self._free.pop())
        while self._sessions:
            self._changed.clear()
            await self._changed.wait()

    async def _keep_up(self) -> None:
        """Close what is too old or too long idle, and keep the minimum open."""
        limits = [limit for limit in (self._options.idle_timeout, self._options.max_lifetime) if limit]
        pause = min(UPKEEP_PAUSE, *(limit / 4 for limit in limits), UPKEEP_PAUSE)
        while True:
            await asyncio.sleep(pause)
            self._tidy()
            self._grow()

    def _tidy(self) -> None:
        now = self._loop.time()
        kept = []
        surplus = len(self._sessions) - self._options.min_connections
        for session in self._free:  # from the one that has been idle longest
            idle_too_long = 0 < self._options.idle_timeout <= now - session.idle_since
            if session.driver.is_closed() or now >= session.expires_at or (idle_too_long and surplus > 0):
                surplus -= 1
                self._retire(session)
            else:
                kept.append(session)
        self._free = kept
