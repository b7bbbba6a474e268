"""The sessions of a pool that somebody observes, or whose connections are watched for leaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import perf_counter
from weakref import WeakKeyDictionary

from assay.config import DatabaseUrl
from assay.errors import PoolTimeout
from assay.runtime.loans import Loans, place_of
from assay.runtime.observing import Observer, calling_frame
from assay.runtime.pool_options import PoolOptions
from assay.runtime.stock import State
from assay.runtime.sync.hooks import Hooks
from assay.runtime.sync.reserve import Reserve
from assay.runtime.sync.session import Session


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
        self._loans: Loans[Session] = Loans(observe, WeakKeyDictionary())

    @property
    def observers(self) -> Sequence[Observer]:
        """Who is told, while the reserve is open."""
        return self._loans.observers

    def lend(self, timeout: float | None = None) -> Session:
        """A session: free, newly opened, or given back by somebody else."""
        started = perf_counter()
        try:
            session = super().lend(timeout)
        except PoolTimeout as error:
            self._loans.failed(error)
            raise
        self._loans.lent(session, perf_counter() - started, self._place())
        return session

    def give_back(self, session: Session) -> None:
        """Take a session back, whatever state it is in."""
        self._loans.given_back(session)
        super().give_back(session)

    def open(self) -> None:
        """Open the minimum of sessions, and tell observers and watch for leaks from then on."""
        if self._state is State.NEW:
            self._loans.begin()
        super().open()
        if self.options.leak_after:
            threading.Thread(target=self._look_for_leaks, name="assay-pool-leaks", daemon=True).start()

    def close(self, timeout: float) -> None:
        """Close, and tell observers that nothing more will come."""
        try:
            super().close(timeout)
        finally:
            self._loans.end()

    def places(self) -> list[str]:
        """Where the connections in use were taken, and how long ago; the longest held first."""
        return self._loans.places()

    def _timed(self, open_session: Callable[[], Session]) -> Callable[[], Session]:
        def timed() -> Session:
            started = perf_counter()
            session = open_session()
            self._loans.opened(started)
            return session

        return timed

    def _look_for_leaks(self) -> None:
        limit = self.options.leak_after
        while not self._closing.wait(limit / 4):
            self._loans.warn(limit, self._url.place, self._usage)

    def _usage(self) -> str:
        most, waiting = self.options.max_connections, self.sizes()["waiting"]
        return f"{self.in_use} of at most {most} are in use, and {waiting} threads wait for one"

    def _place(self) -> str:
        """Where Assay was called from, and by which thread; empty where nobody asks for it."""
        if not self.options.leak_after:
            return ""
        return place_of(calling_frame(awaits=False), f"the thread {threading.current_thread().name!r}")
