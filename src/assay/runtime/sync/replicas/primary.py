"""Sessions of whichever member takes writes."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from assay.errors import ConnectionFailed, Error, PoolClosed, PoolTimeout
from assay.runtime.sync.replicas.watch import Watch
from assay.runtime.sync.reserve import Reserve
from assay.runtime.sync.session import Session


class Primary:
    """Lends as a reserve does, from the primary's; a thread that waits when another is promoted waits there."""

    def __init__(self, reserve: Reserve, watch: Watch, why: Callable[[], str]) -> None:
        self.reserve = reserve
        """Of the primary, or, while there is none, of the last one."""
        self._watch = watch
        self._why = why
        """Why no member takes writes, in a sentence; empty where one does."""
        self._lends = True
        """Whether that reserve may be used: not when its server turned out to be an old primary."""
        self.running = False
        """Whether the pool is open."""

    def lend(self, timeout: float | None = None) -> Session:
        """A session: free, newly opened, or given back by somebody else.

        Raises what a reserve raises; where no member takes writes, ConnectionFailed or PoolTimeout says of each why.
        """
        until = monotonic() + (self.reserve.options.acquire_timeout if timeout is None else timeout)
        while True:
            reserve = self.reserve
            try:
                self._check()
                session = reserve.lend(max(until - monotonic(), 0.0))
            except (PoolClosed, PoolTimeout, ConnectionFailed) as error:
                if self.reserve is reserve:
                    self._bear(error, in_time=monotonic() < until)
            else:
                if self.reserve is reserve and self._lends:
                    return session
                reserve.give_back(session)  # it is another member's by now

    def give_back(self, session: Session) -> None:
        """Take a session back; one that broke has the members looked at."""
        give_back(session, self._watch.wake)

    def follow(self, reserve: Reserve) -> None:
        """Lend from another member's from now on."""
        self.reserve, self._lends = reserve, True

    def stop(self) -> None:
        """Lend nothing until there is a primary again."""
        self._lends = False

    def _check(self) -> None:
        if not self._lends:
            raise PoolClosed("The member that took writes takes none any more, and no other was found in time")

    def _bear(self, error: Error, *, in_time: bool) -> None:
        """Raise the error, in words about all members; or wait for the new primary, when the old one was cut off."""
        running = self.running and self._watch.is_looking
        why = self._why() if running else ""
        if why:
            raise (PoolTimeout if isinstance(error, PoolTimeout) else ConnectionFailed)(why) from error
        if not (running and in_time and isinstance(error, PoolClosed)):
            self._watch.wake()
            raise error
        self._watch.fresh()


def give_back(session: Session, wake: Callable[[], None]) -> None:
    """Give a session back to whatever it is of; for one that broke, have the members looked at."""
    if session.driver.closed:
        wake()
    if session.owner is not None:
        session.owner.give_back(session)
