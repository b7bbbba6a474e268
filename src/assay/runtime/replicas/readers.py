"""The replicas that may answer now, and the choice of one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from assay.runtime.replicas.member import Member
from assay.runtime.replicas.options import Replicas
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.topology import Role, Topology

ASK_TIMEOUT = 0.25
"""Seconds that replicas have to say how far they have come; then the primary is asked instead."""
_PAUSES = (0.001, 0.02)
"""Seconds between questions to replicas that have not come far enough: the first pause, which doubles, and the longest.
"""


class Readers:
    """Replicas within the bounds; of those about equally fresh, each in its turn."""

    def __init__(self, options: Replicas) -> None:
        self._max_lag = float("inf") if options.max_lag is None else options.max_lag
        self._every = options.check_every
        self._timeline = 0
        self._all: tuple[Member, ...] = ()
        self._best: tuple[Member, ...] = ()
        self._turn = 0

    def update(self, topology: Topology, members: Sequence[Member]) -> None:
        """Take up what a look found."""
        self._timeline = topology.timeline
        self._all = tuple(m for m in members if m.standing.role is Role.REPLICA and m.pool is not None)
        freshest = max((member.standing.fresh_at for member in self._all), default=0.0)
        # How fresh they are is known no better than looks are frequent.
        self._best = tuple(m for m in self._all if m.standing.fresh_at >= freshest - self._every)

    def choose(self) -> Member | None:
        """The replica with the fewest connections in use; None where no replica is fresh enough."""
        if not self._best:
            return None
        now = asyncio.get_running_loop().time()
        good = [member for member in self._in_turn(self._best) if self._is_good(member, now)]
        return min(good, key=_in_use) if good else None

    async def choose_after(self, position: Position, wait: float) -> Member | None:
        """A replica that has replayed up to a position; None where there is none.

        Args:
            position: given by a primary; one on a later timeline than the latest known is reached by nobody.
            wait: seconds for a replica to come that far.
        """
        if position.timeline > self._timeline:
            return None
        now = asyncio.get_running_loop().time()
        until, pause = now + wait, _PAUSES[0]
        while candidates := [m for m in self._in_turn(self._all) if self._is_good(m, now)]:
            found = _reached(candidates, position) or await _asked(candidates, position, until - now)
            now = asyncio.get_running_loop().time()
            if found is not None or now >= until:
                return found
            await asyncio.sleep(min(pause, until - now))
            pause = min(pause * 2, _PAUSES[1])
        return None

    def _is_good(self, member: Member, now: float) -> bool:
        return member.pool is not None and member.standing.fresh_at + self._max_lag > now

    def _in_turn(self, members: Sequence[Member]) -> Iterator[Member]:
        self._turn += 1
        return (members[(self._turn + index) % len(members)] for index in range(len(members)))


def _in_use(member: Member) -> int:
    return member.pool.reserve.in_use if member.pool is not None else 0


def _reached(members: Sequence[Member], position: Position) -> Member | None:
    return next((member for member in members if member.replayed >= position.lsn), None)


async def _asked(members: Sequence[Member], position: Position, left: float) -> Member | None:
    """The same, after asking them how far they have come."""
    questions = [asyncio.ensure_future(member.ask()) for member in members]
    try:
        await asyncio.wait(questions, timeout=max(left, ASK_TIMEOUT))
    finally:
        for question in questions:
            question.cancel()
    return _reached(members, position)
