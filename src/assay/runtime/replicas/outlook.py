"""What the members of a pool are, from one look at them to the next."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol, TypeVar

from assay.runtime.replicas.known import Known
from assay.runtime.replicas.lag import History
from assay.runtime.replicas.sighting import Sighting
from assay.runtime.replicas.topology import Bounds, Role, Topology, decide

_log = logging.getLogger("assay.replicas")

LEAST_PAUSE = 0.02
"""Seconds between two looks, however often somebody asks for one."""
LOST_PATIENCE = 0.25
"""Seconds that a look waits for members that did not answer the last time."""
_WELL = frozenset({Role.PRIMARY, Role.REPLICA})


class Look(Protocol):
    """A look at one member, under way or over."""

    def done(self) -> bool:
        """Whether it is over."""
        ...

    def result(self) -> Sighting | str:
        """What the member is, or why that cannot be told, as a sentence's end."""
        ...


M = TypeVar("M", bound=Known)


class Outlook:
    """Has the members stand as they were seen, and writes to the log when one changes its role."""

    def __init__(self, members: Sequence[Known], bounds: Bounds) -> None:
        self._members = members
        self._bounds = bounds
        self._history = History()
        self.topology = Topology()

    def update(self, seen: Sequence[Sighting | str], now: float) -> Topology:
        """Take up a look that began at ``now``, on the monotonic clock."""
        first = not self.topology.standings
        self.topology = decide(self.topology, seen, self._history, now, self._bounds)
        for member, standing in zip(self._members, self.topology.standings, strict=True):
            if standing.role is not member.standing.role or first:
                level = logging.INFO if standing.role in _WELL else logging.WARNING
                _log.log(level, "%s %s", member.place, standing)
            member.standing = standing
        return self.topology


def gathered(members: Sequence[M], looks: Mapping[M, Look], late: AbstractSet[M]) -> tuple[list[Sighting | str], bool]:
    """What each member was seen as, and whether to look again soon.

    Args:
        members: all of them.
        looks: at each of them.
        late: those that an earlier look was still waiting for when this one began.
    """
    again = any(member.missed == 1 or (member in late and looks[member].done()) for member in members)
    # What a look says that began earlier may not be so any more; that it is over is all it is good for.
    timely = {member for member in members if member not in late and looks[member].done()}
    return [looks[member].result() if member in timely else member.absence for member in members], again
