"""The sessions of a pool that somebody observes, or whose connections are watched for leaks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from time import perf_counter
from weakref import WeakKeyDictionary

from assay.config import DatabaseUrl
from assay.errors import PoolTimeout
from assay.runtime.observing import Observer, calling_frame
from assay.runtime.pool_options import PoolOptions
from assay.runtime.stock import State
from assay.runtime.sync.hooks import Hooks
from assay.runtime.sync.reserve import Reserve
from assay.runtime.sync.session import Session
from assay.runtime.watched_reserve import Loan

_log = logging.getLogger("assay.pool")


class WatchedReserve(Reserve):
    """A reserve that tells observers what happens, and knows where each connection was taken."""

    def __init__(
        self,
        url: DatabaseUrl,
        options: PoolOptions,
        hooks: Hooks,
        open_session: Callable[[], Session],
        observe: Callable[[], Sequence[Observer]],
    ) -> None:
        super().__init__(url, options, hooks, self._timed(open_session))
        self._observe = observe
        self.observers: Sequence[Observer] = ()
        """Who is told, while the reserve is open."""
        self._loans: WeakKeyDictionary[Session, Loan] = WeakKeyDictionary()

    def lend(self, timeout: float | None = None) -> Session:
        """A session: free, newly opened, or given back by somebody else."""
        started = perf_counter()
        try:
            session = super().lend(timeout)
        except PoolTimeout:
            for observer in self.observers:
                observer.timed_out()
            raise
        self._loans[session] = Loan(perf_counter(), _place() if self.options.leak_after else "")
        for observer in self.observers:
            observer.waited(perf_counter() - started)
        return session

    def give_back(self, session: Session) -> None:
        """Take a session back, whatever state it is in."""
        loan = self._loans.pop(session, None)
        if loan is not None:
            for observer in self.observers:
                observer.used(perf_counter() - loan.since)
        super().give_back(session)

    def open(self) -> None:
        """Open the minimum of sessions, and tell observers and watch for leaks from then on."""
        if self._state is State.NEW:
            self.observers = self._observe()
        super().open()
        if self.options.leak_after:
            threading.Thread(target=self._look_for_leaks, name="assay-pool-leaks", daemon=True).start()

    def close(self, timeout: float) -> None:
        """Close, and tell observers that nothing more will come."""
        try:
            super().close(timeout)
        finally:
            observers, self.observers = self.observers, ()
            for observer in observers:
                observer.closed()

    def places(self) -> list[str]:
        """Where the connections in use were taken, and how long ago; the longest held first."""
        now = perf_counter()
        loans = sorted(self._loans.values(), key=lambda loan: loan.since)
        return [f"{loan.place}, {now - loan.since:.3g} s ago" for loan in loans]

    def _timed(self, open_session: Callable[[], Session]) -> Callable[[], Session]:
        def timed() -> Session:
            started = perf_counter()
            session = open_session()
            for observer in self.observers:
                observer.opened(perf_counter() - started)
            return session

        return timed

    def _look_for_leaks(self) -> None:
        limit = self.options.leak_after
        while not self._closing.wait(limit / 4):
            for loan in [*self._loans.values()]:
                held = perf_counter() - loan.since
                if held >= limit and not loan.told:
                    loan.told = True
                    _log.warning(
                        "A connection of the pool for %s has been in use for %.3g s; it was taken at %s. "
                        "%d of at most %d are in use, and %d threads wait for one",
                        *(self._url.place, held, loan.place, self.in_use),
                        *(self.options.max_connections, self.sizes()["waiting"]),
                    )


def _place() -> str:
    """Where Assay was called from, and by which thread."""
    frame, named = calling_frame(awaits=False), f"the thread {threading.current_thread().name!r}"
    if frame is None:
        return f"no function, but {named} itself"
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}, by {named}"
