"""The replicas that may answer now, and the choice of one."""

from __future__ import annotations

import asyncio
from asyncio import get_running_loop
from collections.abc import Sequence
from typing import NamedTuple

from assay.runtime.replicas.member import Member
from assay.runtime.replicas.options import Replicas
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.topology import Role, Topology
from assay.runtime.reserve import Reserve

ASK_TIMEOUT = 0.25
"""Seconds that replicas have to say how far they have come; then the primary is asked instead."""
_PAUSES = (0.001, 0.02)
"""Seconds between questions to replicas that have not come far enough: the first pause, which doubles, and the longest.
"""


class Reader(NamedTuple):
    """A replica that may answer."""

    member: Member
    reserve: Reserve
    """Its sessions."""
    good_until: float
    """When its answers may be too old, on the event loop's clock."""


class Readers:
    """Replicas within the bounds; of those about equally fresh, each in its turn."""

    def __init__(self, options: Replicas) -> None:
        self._max_lag = float("inf") if options.max_lag is None else options.max_lag
        self._every = options.check_every
        self._timeline = 0
        self._all: tuple[Reader, ...] = ()
        self._best: tuple[Reader, ...] = ()
        self._turn = 0

    def update(self, topology: Topology, members: Sequence[Member]) -> None:
        """Take up what a look found."""
        self._timeline = topology.timeline
        self._all = tuple(
            Reader(member, member.pool.reserve, member.standing.fresh_at + self._max_lag)
            for member in members
            if member.standing.role is Role.REPLICA and member.pool is not None
        )
        freshest = max((reader.member.standing.fresh_at for reader in self._all), default=0.0)
        # How fresh they are is known no better than looks are frequent.
        self._best = tuple(one for one in self._all if one.member.standing.fresh_at >= freshest - self._every)

    def choose(self) -> Reader | None:
        """The replica with the fewest connections in use; None where no replica is fresh enough."""
        best = self._best
        if not best:
            return None
        now, chosen = get_running_loop().time(), None
        self._turn += 1
        for index in range(len(best)):
            reader = best[(self._turn + index) % len(best)]
            if reader.good_until > now and (chosen is None or reader.reserve.in_use < chosen.reserve.in_use):
                chosen = reader
        return chosen

    async def choose_after(self, position: Position, wait: float) -> Reader | None:
        """A replica that has replayed up to a position; None where there is none.

        Args:
            position: given by a primary; one on a later timeline than the latest known is reached by nobody.
            wait: seconds for a replica to come that far.
        """
        if position.timeline > self._timeline:
            return None
        now = get_running_loop().time()
        until, pause = now + wait, _PAUSES[0]
        while candidates := self._good(now):
            found = _reached(candidates, position) or await _asked(candidates, position, until - now)
            now = get_running_loop().time()
            if found is not None or now >= until:
                return found
            await asyncio.sleep(min(pause, until - now))
            pause = min(pause * 2, _PAUSES[1])
        return None

    def _good(self, now: float) -> list[Reader]:
        """Those that may be asked, the one whose turn it is first."""
        self._turn += 1
        start = self._turn % max(len(self._all), 1)
        return [reader for reader in self._all[start:] + self._all[:start] if reader.good_until > now]


def _reached(readers: Sequence[Reader], position: Position) -> Reader | None:
    return next((reader for reader in readers if reader.member.replayed >= position.lsn), None)


async def _asked(readers: Sequence[Reader], position: Position, left: float) -> Reader | None:
    """The same, after asking them how far they have come."""
    questions = [asyncio.ensure_future(reader.member.ask()) for reader in readers]
    try:
        await asyncio.wait(questions, timeout=max(left, ASK_TIMEOUT))
    finally:
        for question in questions:
            question.cancel()
    return _reached(readers, position)
