"""The sessions of a pool that somebody observes, or whose connections are watched for leaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from assay.config import DatabaseUrl
from assay.errors import PoolTimeout
from assay.runtime.hooks import Hooks
from assay.runtime.observing import Observer, calling_frame
from assay.runtime.pool_options import PoolOptions
from assay.runtime.reserve import Reserve
from assay.runtime.session import Session
from assay.runtime.stock import State

_log = logging.getLogger("assay.pool")


@dataclass(slots=True)
class Loan:
    """A session that a task holds."""

    since: float
    place: str
    """File, line and function that took it, and the task."""
    told: bool = False


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
        self._observe = observe
        self.observers: Sequence[Observer] = ()
        """Who is told, while the reserve is open."""
        self._loans: dict[Session, Loan] = {}

    def take(self) -> Session | None:
        """The free session used last, if there is one that can be lent without a question to it."""
        session = super().take()
        if session is not None:
            self._lent(session, 0.0)
        return session

    async def wait(self, timeout: float | None = None) -> Session:  # noqa: ASYNC109 - as the reserve's
        """A session: free, newly opened, or given back by somebody else."""
        started = perf_counter()
        try:
            session = await super().wait(timeout)
        except PoolTimeout:
            for observer in self.observers:
                observer.timed_out()
            raise
        self._lent(session, perf_counter() - started)
        return session

    def give_back(self, session: Session) -> None:
        """Take a session back, whatever state it is in; this never waits."""
        loan = self._loans.pop(session, None)
        if loan is not None:
            for observer in self.observers:
                observer.used(perf_counter() - loan.since)
        super().give_back(session)

    async def open(self) -> None:
        """Open the minimum of sessions, and tell observers and watch for leaks from then on."""
        if self._state is State.NEW:
            self.observers = self._observe()
        await super().open()
        if self.options.leak_after:
            self._spawn(self._look_for_leaks(self.options.leak_after), self._helpers)

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - as the reserve's
        """Close, and tell observers that nothing more will come."""
        try:
            await super().close(timeout)
        finally:
            observers, self.observers = self.observers, ()
            for observer in observers:
                observer.closed()

    def places(self) -> list[str]:
        """Where the connections in use were taken, and how long ago; the longest held first."""
        now = perf_counter()
        loans = sorted(self._loans.values(), key=lambda loan: loan.since)
        return [f"{loan.place}, {now - loan.since:.3g} s ago" for loan in loans]

    def _lent(self, session: Session, waited: float) -> None:
        self._loans[session] = Loan(perf_counter(), _place() if self.options.leak_after else "")
        for observer in self.observers:
            observer.waited(waited)

    def _timed(
        self, open_session: Callable[[], Coroutine[Any, Any, Session]]
    ) -> Callable[[], Coroutine[Any, Any, Session]]:
        async def timed() -> Session:
            started = perf_counter()
            session = await open_session()
            for observer in self.observers:
                observer.opened(perf_counter() - started)
            return session

        return timed

    async def _look_for_leaks(self, limit: float) -> None:
        while True:
            await asyncio.sleep(limit / 4)
            for loan in self._loans.values():
                held = perf_counter() - loan.since
                if held >= limit and not loan.told:
                    loan.told = True
                    _log.warning(
                        "A connection of the pool for %s has been in use for %.3g s; it was taken at %s. "
                        "%d of at most %d are in use, and %d tasks wait for one",
                        *(self._url.place, held, loan.place, self.in_use),
                        *(self.options.max_connections, self.sizes()["waiting"]),
                    )


def _place() -> str:
    """Where Assay was called from, and by which task."""
    frame = calling_frame()
    task = asyncio.current_task()
    named = f"the task {task.get_name()!r}" if task is not None else "no task"
    if frame is None:
        return f"no function, but {named} itself"
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}, by {named}"
