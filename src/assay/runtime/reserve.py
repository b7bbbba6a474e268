"""The sessions of a pool, lent to tasks, from the pool's opening to its end."""

from __future__ import annotations

import asyncio
import logging
from asyncio import get_running_loop
from collections.abc import Callable, Coroutine, Sequence
from copy import copy
from dataclasses import replace
from time import monotonic
from typing import Any

from assay.config import DatabaseUrl
from assay.errors import Error, PoolClosed, PoolTimeout, UsageError
from assay.runtime.closing import cut
from assay.runtime.exhaustion import exhausted, unreturned
from assay.runtime.forks import disown, keep_from_children
from assay.runtime.hooks import Hooks
from assay.runtime.pool_options import PoolOptions
from assay.runtime.query import Query
from assay.runtime.session import Session
from assay.runtime.stock import State, Stock

LIVENESS_AFTER = 30.0
"""A session that nobody used for so many seconds is asked whether it is alive before it is handed out."""
LIVENESS_TIMEOUT = 2.0
"""Seconds that it has to answer in."""
UPKEEP_PAUSE = 30.0
"""Seconds between rounds of upkeep, at most."""

_log = logging.getLogger("assay.pool")


class Reserve(Stock):
    """Lends sessions.

    Lending from the free ones never waits, so that a cancellation cannot come in between.
    """

    def __init__(
        self,
        url: DatabaseUrl,
        options: PoolOptions,
        hooks: Hooks,
        open_session: Callable[[], Coroutine[Any, Any, Session]],
    ) -> None:
        super().__init__(url, options, hooks, open_session)
        self._fresh_for = 0.0 if hooks.before_acquire else LIVENESS_AFTER
        """Seconds of idleness after which a session is not lent without a question."""

    # --- lending

    def take(self) -> Session | None:
        """The free session used last, if there is one that can be lent without a question to it."""
        if self._free and get_running_loop() is self._loop:
            session = self._free.pop()
            now = monotonic()
            fresh = now - session.idle_since < self._fresh_for and now < session.expires_at
            if fresh and not session.driver.is_closed():
                self.counters.acquired += 1
                return session
            self._free.append(session)
        return None

    async def wait(self, timeout: float | None = None) -> Session:  # noqa: ASYNC109 - one bound on several steps
        """A session: free, newly opened, or given back by somebody else.

        Raises PoolTimeout when there is none within the timeout (the acquire timeout unless given), PoolClosed,
        UsageError in another event loop than the pool's, and what opening raised when no connection is open and none
        can be opened.
        """
        self._check_open()
        started = monotonic()
        deadline = self._loop.time() + (self.options.acquire_timeout if timeout is None else timeout)
        while True:
            session = self._pop() or await self._stand_in_line(started, deadline)
            if await self._is_fit(session, started, deadline):
                self.counters.acquired += 1
                return session

    def _pop(self) -> Session | None:
        while self._free:
            session = self._free.pop()
            if monotonic() < session.expires_at and not session.driver.is_closed():
                return session
            self._retire(session)
        return None

    async def _stand_in_line(self, started: float, deadline: float) -> Session:
        self._check_outage()
        try:
            return await self._line.wait(deadline, lambda: self._too_late(started), self._grow)
        finally:
            self.counters.waited += 1
            self.counters.wait_seconds += monotonic() - started

    def _check_outage(self) -> None:
        """Tell of an outage that has lasted long, until the next attempt to open a session is due."""
        opener = self.opener
        attempting = opener.under_way or monotonic() < opener.resting_until
        if not self._sessions and opener.is_down_for_long and attempting and opener.last_failure is not None:
            raise copy(opener.last_failure)

    def _too_late(self, started: float) -> PoolTimeout:
        self.counters.timeouts += 1
        waited = monotonic() - started
        return exhausted(self._url, waited, self.sizes(), self.options.max_connections, self.opener.last_failure)

    async def _is_fit(self, session: Session, started: float, deadline: float) -> bool:
        """Whether a session can be lent; if not, it is let go."""
        try:
            async with asyncio.timeout_at(deadline):
                fit = await self._is_alive(session) and await self._hooks.keeps("before_acquire", session, self._url)
        except Error:
            self._drop(session)
            raise
        except TimeoutError:
            self._drop(session)
            raise self._too_late(started) from None
        except BaseException:
            self.give_back(session)
            raise
        if not fit:
            self._drop(session)
        return fit

    async def _is_alive(self, session: Session) -> bool:
        return monotonic() - session.idle_since < LIVENESS_AFTER or await session.is_alive(LIVENESS_TIMEOUT)

    def _check_open(self) -> None:
        if self._state is not State.OPEN:
            raise PoolClosed(f"The pool for {self._url.place} {self._state.value}")
        self._check_loop()

    def _check_loop(self) -> None:
        if not _is_running(self._loop):
            state = "closed since" if self._loop.is_closed() else "another than the running one"
            raise UsageError(
                f"The pool for {self._url.place} was opened in an event loop that is {state}, and its connections work "
                "in no other; open a pool in the loop that uses it, such as one in each thread or test"
            )

    # --- the pool's life

    async def open(self) -> None:
        """Open the minimum of sessions, and one in any case before the others, so that a wrong URL is found at once.

        Raises what opening raises; then none is open.
        """
        if self._state is not State.NEW:
            raise PoolClosed(f"The pool for {self._url.place} {self._state.value}; a pool is opened once")
        self._loop = get_running_loop()
        self._state = State.OPEN
        keep_from_children(self)
        try:
            for count in (1, self.options.min_connections - 1):
                await self._open_several(count)
        except BaseException:
            await self.close(0)
            raise
        self._spawn(self._keep_up(), self._helpers)

    async def _open_several(self, count: int) -> None:
        tasks = [self._loop.create_task(self._open_one()) for _ in range(count)]
        self.opener.under_way += len(tasks)
        self._helpers.update(tasks)
        for task in tasks:
            task.add_done_callback(self._opened)
        if tasks:
            await asyncio.wait(tasks)  # which does not cancel them when it is cancelled
        for task in tasks:
            task.result()

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._helpers.discard(task)
        if not task.cancelled():
            task.exception()  # or else it would be said to have been ignored

    async def warm_up(self, connections: int, statements: Sequence[Query]) -> None:
        """Open sessions until there are so many, and prepare statements in all that are free.

        Raises what opening and preparing raise.
        """
        self._check_open()
        present = len(self._sessions) + self.opener.under_way
        await self._open_several(min(connections, self.options.max_connections) - present)
        for session in [*self._free]:
            if statements and session in self._free:
                self._free.remove(session)
                try:
                    async with session.using():
                        for statement in statements:
                            await session.prepared(statement)
                finally:
                    self.give_back(session)

    def resize(self, least: int | None, most: int | None) -> None:
        """Other limits from now on; what is too much goes at once if it is free, and else when it comes back."""
        least = self.options.min_connections if least is None else least
        most = self.options.max_connections if most is None else most
        self.options = replace(self.options, min_connections=least, max_connections=most)
        if self._state is not State.OPEN:
            return
        self._check_loop()
        surplus = len(self._sessions) - most
        for session in [*self._free, *self._sessions.difference(self._free)][: max(surplus, 0)]:
            session.expires_at = 0.0
        self._tidy()
        self._grow()

    def drain(self) -> None:
        """Replace every session: the free ones at once, the others when they come back."""
        self._check_open()
        for session in self._sessions:
            session.expires_at = 0.0
        self._tidy()
        self._grow()

    def disown(self) -> None:
        """Give up all sessions, in a child that was forked."""
        if self._state is State.OPEN:
            self._state = State.FORKED
        for session in self._sessions:
            disown(session)
        self._sessions, self._free = set(), []

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - a deadline for others, not for this call
        """Lend no more, wait until all sessions are back, close them; after the timeout cut what is not back."""
        if self._state is State.FORKED:
            return
        if self._sessions:
            self._check_loop()
        self._state = State.CLOSED
        self._line.fail(PoolClosed(f"The pool for {self._url.place} was closed while this task waited"))
        for task in self._helpers:
            task.cancel()
        if self._alarm is not None:
            self._alarm.cancel()
        try:
            async with asyncio.timeout(timeout):
                await self._empty()
        except TimeoutError:
            self._report_unreturned(timeout)
        finally:
            self._cut_all()
        await asyncio.gather(*self._tasks, *self._helpers, return_exceptions=True)
        self.opener.under_way = 0  # what was cancelled before it began did not count itself out

    def places(self) -> list[str]:
        """Where the connections in use were taken; nothing is known of it unless they are watched for leaks."""
        return []

    def _report_unreturned(self, timeout: float) -> None:
        _log.warning("%s", unreturned(self._url, self.in_use, timeout, self.places()))

    def _cut_all(self) -> None:
        for session in self._sessions:
            self._spawn(cut(session), self._tasks)
        self.counters.closed += len(self._sessions)
        self._sessions.clear()
        self._changed.set()

    async def _empty(self) -> None:
        while self._free:
            self._retire(self._free.pop())
        while self._sessions:
            self._changed.clear()
            await self._changed.wait()

    async def _keep_up(self) -> None:
        """Close what is too old or too long idle, and keep the minimum open."""
        limits = [limit for limit in (self.options.idle_timeout, self.options.max_lifetime) if limit]
        pause = min(UPKEEP_PAUSE, *(limit / 4 for limit in limits), UPKEEP_PAUSE)
        while True:
            await asyncio.sleep(pause)
            self._tidy()
            self._grow()

    def _tidy(self) -> None:
        now = monotonic()
        kept = []
        surplus = len(self._sessions) - self.options.min_connections
        for session in self._free:  # from the one that has been idle longest
            idle_too_long = 0 < self.options.idle_timeout <= now - session.idle_since
            if session.driver.is_closed() or now >= session.expires_at or (idle_too_long and surplus > 0):
                surplus -= 1
                self._retire(session)
            else:
                kept.append(session)
        self._free = kept


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether this is called from within the loop."""
    try:
        return get_running_loop() is loop
    except RuntimeError:
        return False
