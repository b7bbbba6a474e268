"""The members of a pool: made, opened, admitted, followed and cut off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from assay.config import DatabaseUrl
from assay.errors import ConfigurationError, ConnectionFailed
from assay.runtime.connecting import DriverConnection
from assay.runtime.replicas.member import Member, MemberPool
from assay.runtime.replicas.options import Replicas
from assay.runtime.replicas.primary import Primary
from assay.runtime.replicas.proven import ReadOnlySet, objection
from assay.runtime.replicas.readers import Readers
from assay.runtime.replicas.sighting import look
from assay.runtime.replicas.topology import Bounds, Role, Topology
from assay.runtime.replicas.watch import Watch

_log = logging.getLogger("assay.replicas")

_GONE = frozenset({Role.STALE, Role.FOREIGN})
"""What a member is when nothing may be run on it any more."""
_USED = frozenset({Role.PRIMARY, Role.REPLICA, Role.BEHIND})
"""What a member is when connections to it are kept."""


class Roster:
    """The members, of which one is the primary, and whoever lends sessions of the right ones."""

    def __init__(
        self,
        urls: Sequence[str | DatabaseUrl | None],
        replicas: Replicas,
        proofs: ReadOnlySet | None,
        options: dict[str, Any],
        adopted: Callable[[MemberPool], None],
    ) -> None:
        self._urls = urls
        self._options = options
        self._proofs = proofs
        self._tell = adopted
        """Told of the primary's pool, of the first one at once."""
        self.members = tuple(Member(number, self._make_pool) for number in range(len(urls)))
        _refuse_twice([member.place for member in self.members])
        bounds = Bounds(replicas.max_lag, replicas.max_lag_bytes, proofs.migrations if proofs else None)
        self.watch = Watch(self.members, bounds, replicas.check_every, self._seen)
        self.readers = Readers(replicas)
        self.adopted = self.members[0]
        """The present primary, or the last one while there is none."""
        self.primary = Primary(self.adopted.next_pool.reserve, self.watch, self._why)
        self._tell(self.adopted.next_pool)
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def pools(self) -> list[MemberPool]:
        """Those that are open."""
        return [member.pool for member in self.members if member.pool is not None]

    def _make_pool(self, member: Member) -> MemberPool:
        given = dict(self._options)
        if given.get("name") and member.number:
            given["name"] = f"{given['name']}-{member.number}"
        return MemberPool(self._urls[member.number], lambda driver: self.admit(member, driver), given)

    # --- life

    async def open(self) -> None:
        """After looking has begun, open a pool on every member that is of use; replicas may come later.

        Raises ConfigurationError for a server that is no copy of the primary, ConnectionFailed where there is none,
        and what opening raises.
        """
        topology = await self.watch.fresh()
        foreign = [member for member in self.members if member.standing.role is Role.FOREIGN]
        if foreign:
            raise ConfigurationError(f"The replica {foreign[0]}")
        if topology.primary is None:
            failures = [member.failure for member in self.members if member.failure is not None]
            raise ConnectionFailed(self._why()) from (failures[0] if failures else None)
        why = objection(self._proofs, topology.seen[topology.primary].ledger)
        if why:
            _log.warning("All statements go to the primary: %s", why)
        await self.members[topology.primary].open_soon()
        opening = [member.open_soon() for member in self.members if member.standing.role in _USED]
        await asyncio.gather(*opening, return_exceptions=True)
        await self.watch.fresh()
        self.primary.running = True

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - a deadline for others, not for this call
        """Close everything; connections still in use after the timeout are cut."""
        await self.watch.stop()
        self.primary.running = False
        await asyncio.gather(*(member.close(timeout) for member in self.members))
        await asyncio.gather(*self._closing, return_exceptions=True)

    def resize(self, limits: dict[str, int | None]) -> None:
        """Other limits, also for pools that are opened later."""
        for pool in self.pools:
            pool.resize(**limits)
        self._options.update({name: value for name, value in limits.items() if value is not None})

    # --- who is what

    async def admit(self, member: Member, driver: DriverConnection) -> None:
        """Refuse a connection that leads elsewhere than it ought to.

        One for writes is taken only if, at a look that began after it was opened, its server was the primary: it may
        have come back from a crash after another was promoted.
        """
        one, topology = await look(driver), self.watch.topology
        if topology.system and one.system != topology.system:
            raise ConnectionFailed(f"{member.place} is another server now: its system identifier is {one.system}")
        if member is not self.adopted and member.number != topology.primary:
            if not one.in_recovery and one.timeline < topology.timeline:
                raise ConnectionFailed(f"{member.place} is an old primary, on timeline {one.timeline}")
            return
        topology = await self.watch.fresh()
        if one.in_recovery or member.number != topology.primary:
            raise ConnectionFailed(f"{member}, and takes no writes")

    def _seen(self, topology: Topology) -> None:
        """Bring the pools in line with what was seen."""
        if topology.primary is not None:
            self._follow(self.members[topology.primary])
        for member in self.members:
            role = member.standing.role
            if role in _GONE or (member.is_lost and member is not self.adopted):
                self._cut_off(member)
            elif role in _USED:
                member.open_soon()
        self.readers.update(topology, self.members)

    def _follow(self, primary: Member) -> None:
        """Have writes go to the primary, once its pool is open."""
        if primary.pool is None or primary.pool.reserve is self.primary.reserve:
            return
        former, self.adopted = self.adopted, primary
        self.primary.follow(primary.pool.reserve)
        self._tell(primary.pool)
        if former is not primary:
            _log.warning("Writes go to %s from now on, and no more to %s", primary.place, former.place)
            self._cut_off(former)

    def _cut_off(self, member: Member) -> None:
        if member is self.adopted:
            self.primary.stop()
        if member.pool is None and not member.listening:
            return
        task = asyncio.get_running_loop().create_task(member.cut_off())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _why(self) -> str:
        """Why no member takes writes, in a sentence; empty where one does."""
        if self.watch.topology.primary is not None:
            return ""
        return "No member of the pool takes writes: " + "; ".join(map(str, self.members))


def _refuse_twice(places: Sequence[str]) -> None:
    twice = [place for place in places if places.count(place) > 1]
    if twice:
        raise ConfigurationError(f"{twice[0]} is given twice among the pool's URL and its replicas; give it once")
