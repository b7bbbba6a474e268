"""Looks at all members of a pool, again and again."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic, sleep

from assay.errors import PoolClosed
from assay.runtime.replicas.known import LOOK_TIMEOUT
from assay.runtime.replicas.outlook import LEAST_PAUSE, LOST_PATIENCE, Outlook, gathered
from assay.runtime.replicas.sighting import Sighting
from assay.runtime.replicas.topology import Bounds, Topology
from assay.runtime.sync.replicas.errands import NoThread
from assay.runtime.sync.replicas.member import Member


class Watch:
    """Keeps the topology of a pool up to date.

    One thread looks; whoever needs to know that nothing has changed waits for a look that began after the question.
    """

    def __init__(
        self, members: Sequence[Member], bounds: Bounds, every: float, seen: Callable[[Topology], None]
    ) -> None:
        self._members = members
        self._outlook = Outlook(members, bounds)
        self._every = every
        self._seen = seen
        """Told of the topology after each look."""
        self._begun = 0
        """How many looks have begun, and below, how many are over."""
        self._over = 0
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._waiters: deque[SimpleQueue[None]] = deque()
        """Who waits for the end of a look; as in :class:`Errand`, each at a queue of its own."""
        self._stopped = False
        self._thread: threading.Thread | None = None

    @property
    def topology(self) -> Topology:
        """The members by the last look."""
        return self._outlook.topology

    @property
    def is_looking(self) -> bool:
        """Whether there will be another look; not in a child that was forked."""
        return not self._stopped and self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to look; raises PoolClosed when it has begun before."""
        if self._thread is not None:
            raise PoolClosed("The pool was opened before; a pool is opened once")
        self._thread = threading.Thread(target=self._keep_looking, name="assay-pool-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        self.wake()

    def wake(self) -> None:
        """Look soon: something happened."""
        self._bell.put(None)

    def fresh(self) -> Topology:
        """The topology by a look that began after this call."""
        wanted = self._begun + 1
        self.wake()
        while self._over < wanted:
            waiter: SimpleQueue[None] = SimpleQueue()
            self._waiters.append(waiter)
            if not self.is_looking:
                raise PoolClosed("The pool was closed while this thread waited for a look at its members")
            if self._over < wanted:
                waiter.get()
        return self.topology

    def _keep_looking(self) -> None:
        try:
            while not self._stopped:
                with suppress(Empty):
                    while True:
                        self._bell.get_nowait()
                with suppress(NoThread):
                    self._look()
                sleep(LEAST_PAUSE)
                with suppress(Empty):
                    self._bell.get(timeout=max(self._every - LEAST_PAUSE, 0.0))
        finally:
            self._stopped = True
            self._tell_waiters()

    def _tell_waiters(self) -> None:
        while self._waiters:
            self._waiters.popleft().put(None)

    def _look(self) -> None:
        self._begun += 1
        now = monotonic()
        seen = self._see()
        if not self._stopped:  # members that were closed meanwhile have nothing to say
            self._seen(self._outlook.update(seen, now))
        self._over = self._begun
        self._tell_waiters()

    def _see(self) -> list[Sighting | str]:
        """What each member is; one that has not answered before does not keep the others waiting."""
        late = {member for member in self._members if member.is_being_looked_at}
        lost = {member for member in self._members if member.missed}
        looks = {member: member.look_soon() for member in self._members}
        begun = monotonic()
        for member in looks.keys() - lost:
            # Only a name that is looked up for so long outlasts the bound on a look.
            if not looks[member].wait(begun + LOOK_TIMEOUT + LOST_PATIENCE) and member not in late:
                member.was_missed(TimeoutError(), LOOK_TIMEOUT)
        for member in lost:
            looks[member].wait(monotonic() + LOST_PATIENCE)
        seen, again = gathered(self._members, looks, late)
        if again:
            self.wake()
        return seen
