"""Who is what among the members of a pool, and what follows from it: which are opened, followed and cut off."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from assay.config import DatabaseUrl
from assay.errors import ConfigurationError, ConnectionFailed
from assay.runtime.replicas.choice import Choice
from assay.runtime.replicas.known import Known
from assay.runtime.replicas.options import Replicas
from assay.runtime.replicas.proven import ReadOnlySet, objection
from assay.runtime.replicas.sighting import Sighting
from assay.runtime.replicas.topology import Bounds, Role, Topology

_log = logging.getLogger("assay.replicas")

_GONE = frozenset({Role.STALE, Role.FOREIGN})
"""What a member is when nothing may be run on it any more."""
_USED = frozenset({Role.PRIMARY, Role.REPLICA, Role.BEHIND})
"""What a member is when connections to it are kept."""


class PoolOfOne(Protocol):
    """The pool of one member."""

    @property
    def url(self) -> DatabaseUrl:
        """Of the member."""
        ...

    @property
    def reserve(self) -> Any:
        """Its sessions."""
        ...

    def resize(self, *, min_connections: int | None = None, max_connections: int | None = None) -> None:
        """Other limits."""
        ...


P = TypeVar("P", bound=PoolOfOne)


class Connected(Known, ABC, Generic[P]):
    """A member with the connections to it. Its pool is made anew after it was cut off, since a pool is opened once."""

    def __init__(self, number: int, make_pool: Callable[[int], P]) -> None:
        self._make_pool = make_pool
        self.next_pool = make_pool(number)
        """A pool that is not open yet."""
        super().__init__(number, self.next_pool.url.place)
        self.pool: P | None = None
        """While it is open."""

    @abstractmethod
    def open_soon(self) -> object:
        """Open its pool without waiting for it, unless it is open."""

    @property
    @abstractmethod
    def holds_connections(self) -> bool:
        """Whether there is anything to cut off."""


class PrimaryLender(Protocol):
    """What lends sessions of the primary."""

    reserve: Any

    def follow(self, reserve: Any) -> None:
        """Lend from another member's from now on."""
        ...

    def stop(self) -> None:
        """Lend nothing until there is a primary again."""
        ...


M = TypeVar("M", bound=Connected[Any])


class Membership(ABC, Generic[M, P]):
    """The members, of which one is the primary, and whoever lends sessions of the right ones."""

    members: tuple[M, ...]
    adopted: M
    """The present primary, or the last one while there is none."""
    _lender: PrimaryLender
    _choice: Choice[M, Any]

    def __init__(
        self,
        urls: Sequence[str | DatabaseUrl | None],
        proofs: ReadOnlySet | None,
        options: dict[str, Any],
        adopted: Callable[[P], None],
    ) -> None:
        self._urls = urls
        self._options = options
        self._proofs = proofs
        self._tell = adopted
        """Told of the primary's pool, of the first one at once."""

    @property
    def pools(self) -> list[P]:
        """Those that are open."""
        return [member.pool for member in self.members if member.pool is not None]

    def resize(self, limits: dict[str, int | None]) -> None:
        """Other limits, also for pools that are opened later."""
        for pool in self.pools:
            pool.resize(**limits)
        self._options.update({name: value for name, value in limits.items() if value is not None})

    def _bounds(self, replicas: Replicas) -> Bounds:
        migrations = self._proofs.migrations if self._proofs else None
        return Bounds(replicas.max_lag, replicas.max_lag_bytes, migrations)

    def _options_of(self, number: int) -> dict[str, Any]:
        """Those of one member's pool."""
        given = dict(self._options)
        if given.get("name") and number:
            given["name"] = f"{given['name']}-{number}"
        return given

    def _found(self, topology: Topology) -> M:
        """The primary at the first look.

        Raises ConfigurationError for a server that is no copy of it, and ConnectionFailed where there is none.
        """
        foreign = [member for member in self.members if member.standing.role is Role.FOREIGN]
        if foreign:
            raise ConfigurationError(f"The replica {foreign[0]}")
        if topology.primary is None:
            failures = [member.failure for member in self.members if member.failure is not None]
            raise ConnectionFailed(self._why(topology)) from (failures[0] if failures else None)
        why = objection(self._proofs, topology.seen[topology.primary].ledger)
        if why:
            _log.warning("All statements go to the primary: %s", why)
        return self.members[topology.primary]

    def _used(self) -> list[M]:
        return [member for member in self.members if member.standing.role in _USED]

    def _takes_writes(self, member: M, one: Sighting, topology: Topology) -> bool:
        """Whether a connection to a member may be meant for writes, so that a fresh look has to confirm it.

        Raises ConnectionFailed for one that leads to another server, or to an old primary.
        """
        if topology.system and one.system != topology.system:
            raise ConnectionFailed(f"{member.place} is another server now: its system identifier is {one.system}")
        if member is self.adopted or member.number == topology.primary:
            return True
        if not one.in_recovery and one.timeline < topology.timeline:
            raise ConnectionFailed(f"{member.place} is an old primary, on timeline {one.timeline}")
        return False

    def _confirm(self, member: M, one: Sighting, topology: Topology) -> None:
        """Refuse a connection for writes unless its server was the primary at a look that began after it was opened.

        It may have come back from a crash after another was promoted.
        """
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
        pools = [(member, member.pool) for member in self.members]
        self._choice.update(topology, [(member, pool.reserve) for member, pool in pools if pool is not None])

    def _follow(self, primary: M) -> None:
        """Have writes go to the primary, once its pool is open."""
        pool = primary.pool
        if pool is None or pool.reserve is self._lender.reserve:
            return
        former, self.adopted = self.adopted, primary
        self._lender.follow(pool.reserve)
        self._tell(pool)
        if former is not primary:
            _log.warning("Writes go to %s from now on, and no more to %s", primary.place, former.place)
            self._cut_off(former)

    def _cut_off(self, member: M) -> None:
        if member is self.adopted:
            self._lender.stop()
        if member.holds_connections:
            self._end_connections(member)

    @abstractmethod
    def _end_connections(self, member: M) -> None:
        """Cut off a member without waiting for it."""

    def _why(self, topology: Topology) -> str:
        """Why no member takes writes, in a sentence; empty where one does."""
        if topology.primary is not None:
            return ""
        return "No member of the pool takes writes: " + "; ".join(map(str, self.members))


def refuse_twice(members: Sequence[Known]) -> None:
    """Raise ConfigurationError for a server that is given twice."""
    places = [member.place for member in members]
    twice = [place for place in places if places.count(place) > 1]
    if twice:
        raise ConfigurationError(f"{twice[0]} is given twice among the pool's URL and its replicas; give it once")
