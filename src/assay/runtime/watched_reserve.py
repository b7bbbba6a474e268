"""The sessions of a pool that somebody observes, or whose connections are watched for leaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from time import perf_counter
from typing import Any

from assay.config import DatabaseUrl
from assay.errors import PoolTimeout
from assay.runtime.hooks import Hooks
from assay.runtime.loans import Loans, place_of
from assay.runtime.observing import Observer, calling_frame
from assay.runtime.pool_options import PoolOptions
from assay.runtime.reserve import Reserve
from assay.runtime.session import Session
from assay.runtime.stock import State


class WatchedReserve(Reserve):
    """A reserve that tells observers what happens, and knows where each connection was taken."""

    def __init__(
        self,
        url: DatabaseUrl,
        options: PoolOptions,
        hooks: Hooks,
        open_session: Callable[[], Coroutine[Any, Any, Session]],
        observe: Callable[[], Sequence[Observer]],
    ) -> None:
        super().__init__(url, options, hooks, self._timed(open_session))
        self._loans: Loans[Session] = Loans(observe, {})

    @property
    def observers(self) -> Sequence[Observer]:
        """Who is told, while the reserve is open."""
        return self._loans.observers

    def take(self) -> Session | None:
        """The free session used last, if there is one that can be lent without a question to it."""
        session = super().take()
        if session is not None:
            self._loans.lent(session, 0.0, self._place())
        return session

    async def wait(self, timeout: float | None = None) -> Session:  # noqa: ASYNC109 - as the reserve's
        """A session: free, newly opened, or given back by somebody else."""
        started = perf_counter()
        try:
            session = await super().wait(timeout)
        except PoolTimeout as error:
            self._loans.failed(error)
            raise
        self._loans.lent(session, perf_counter() - started, self._place())
        return session

    def give_back(self, session: Session) -> None:
        """Take a session back, whatever state it is in; this never waits."""
        self._loans.given_back(session)
        super().give_back(session)

    async def open(self) -> None:
        """Open the minimum of sessions, and tell observers and watch for leaks from then on."""
        if self._state is State.NEW:
            self._loans.begin()
        await super().open()
        if self.options.leak_after:
            self._spawn(self._look_for_leaks(self.options.leak_after), self._helpers)

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - as the reserve's
        """Close, and tell observers that nothing more will come."""
        try:
            await super().close(timeout)
        finally:
            self._loans.end()

    def places(self) -> list[str]:
        """Where the connections in use were taken, and how long ago; the longest held first."""
        return self._loans.places()

    def _timed(
        self, open_session: Callable[[], Coroutine[Any, Any, Session]]
    ) -> Callable[[], Coroutine[Any, Any, Session]]:
        async def timed() -> Session:
            started = perf_counter()
            session = await open_session()
            self._loans.opened(started)
            return session

        return timed

    async def _look_for_leaks(self, limit: float) -> None:
        while True:
            await asyncio.sleep(limit / 4)
            self._loans.warn(limit, self._url.place, self._usage)

    def _usage(self) -> str:
        most, waiting = self.options.max_connections, self.sizes()["waiting"]
        return f"{self.in_use} of at most {most} are in use, and {waiting} tasks wait for one"

    def _place(self) -> str:
        """Where Assay was called from, and by which task; empty where nobody asks for it."""
        if not self.options.leak_after:
            return ""
        task = asyncio.current_task()
        return place_of(calling_frame(), f"the task {task.get_name()!r}" if task is not None else "no task")
