"""Which of the replicas may answer now, and the choice of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Generic, NamedTuple, Protocol, TypeVar

from assay.runtime.replicas.known import Known
from assay.runtime.replicas.options import Replicas
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.topology import Role, Topology

ASK_TIMEOUT = 0.25
"""Seconds that replicas have to say how far they have come; then the primary is asked instead."""
PAUSES = (0.001, 0.02)
"""Seconds between questions to replicas that have not come far enough: the first pause, which doubles, and the longest.
"""


class Lends(Protocol):
    """What lends sessions."""

    @property
    def in_use(self) -> int:
        """How many of them are lent."""
        ...


M = TypeVar("M", bound=Known)
R = TypeVar("R", bound=Lends)


class Reader(NamedTuple, Generic[M, R]):
    """A replica that may answer."""

    member: M
    reserve: R
    """Its sessions."""
    good_until: float
    """When its answers may be too old, on the monotonic clock."""


class Choice(Generic[M, R]):
    """Replicas within the bounds; of those about equally fresh, each in its turn."""

    def __init__(self, options: Replicas) -> None:
        self._max_lag = float("inf") if options.max_lag is None else options.max_lag
        self._every = options.check_every
        self._timeline = 0
        self._all: tuple[Reader[M, R], ...] = ()
        self._best: tuple[Reader[M, R], ...] = ()
        self._turn = 0

    def update(self, topology: Topology, open_members: Iterable[tuple[M, R]]) -> None:
        """Take up what a look found; ``open_members`` are those with a pool, each with its sessions."""
        self._timeline = topology.timeline
        self._all = tuple(
            Reader(member, reserve, member.standing.fresh_at + self._max_lag)
            for member, reserve in open_members
            if member.standing.role is Role.REPLICA
        )
        freshest = max((reader.member.standing.fresh_at for reader in self._all), default=0.0)
        # How fresh they are is known no better than looks are frequent.
        self._best = tuple(one for one in self._all if one.member.standing.fresh_at >= freshest - self._every)

    def choose(self) -> Reader[M, R] | None:
        """The replica with the fewest connections in use; None where no replica is fresh enough."""
        best = self._best
        if not best:
            return None
        now, chosen = monotonic(), None
        self._turn += 1
        for index in range(len(best)):
            reader = best[(self._turn + index) % len(best)]
            if reader.good_until > now and (chosen is None or reader.reserve.in_use < chosen.reserve.in_use):
                chosen = reader
        return chosen

    def good(self, position: Position, now: float) -> list[Reader[M, R]]:
        """Those that may be asked whether they have reached a position, the one whose turn it is first.

        There is none for a position on a later timeline than the latest known, which nobody has reached.
        """
        if position.timeline > self._timeline:
            return []
        everybody = self._all
        self._turn += 1
        start = self._turn % max(len(everybody), 1)
        return [reader for reader in everybody[start:] + everybody[:start] if reader.good_until > now]


def reached(readers: Sequence[Reader[M, R]], position: Position) -> Reader[M, R] | None:
    """The first that is known to have replayed up to a position."""
    return next((reader for reader in readers if reader.member.replayed >= position.lsn), None)
