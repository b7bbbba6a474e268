"""A pool whose reads go to replicas, and whose writes follow a promotion."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, LiteralString, Self, cast

from assay.config import DatabaseUrl
from assay.errors import ConfigurationError, ConnectionFailed
from assay.runtime.connecting import DriverConnection
from assay.runtime.dynamic import query_for
from assay.runtime.pool import Lease, Pool, PoolStats
from assay.runtime.query import Query
from assay.runtime.replicas.following import Following
from assay.runtime.replicas.member import Member, MemberPool
from assay.runtime.replicas.options import Replicas, read_replicas
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.primary import Primary
from assay.runtime.replicas.proven import Proven, load, objection
from assay.runtime.replicas.readers import Reader, Readers
from assay.runtime.replicas.reading import Answer, Reading, ReplicaLender
from assay.runtime.replicas.sighting import look
from assay.runtime.replicas.stats import MemberStats, stats_of, total
from assay.runtime.replicas.topology import Bounds, Role, Topology
from assay.runtime.replicas.watch import Watch
from assay.runtime.reserve import Reserve
from assay.runtime.session import Session
from assay.runtime.streaming import BATCH, Stream
from assay.runtime.transaction import Transactions

_log = logging.getLogger("assay.replicas")

_GONE = frozenset({Role.STALE, Role.FOREIGN})
"""What a member is when nothing may be run on it any more."""
_USED = frozenset({Role.PRIMARY, Role.REPLICA, Role.BEHIND})
"""What a member is when connections to it are kept."""


class ReplicatedPool(Pool):
    """What ``assay.Pool(..., replicas=...)`` makes.

    What a :class:`Pool` keeps of its server is here the present primary's, and is another's after a promotion.
    """

    __slots__ = (
        *("_adopted", "_closing", "_given", "_lender", "_members", "_primary", "_proven", "_readers", "_reading"),
        *("_replicas", "_urls", "_watch"),
    )

    def __init__(
        self,
        url: str | DatabaseUrl | None = None,
        *,
        replicas: Sequence[str | DatabaseUrl] | Replicas,
        **options: Any,
    ) -> None:
        self._replicas = read_replicas(replicas)
        self._urls = (url, *self._replicas.urls)
        self._given = options
        self._members = tuple(Member(number, self._make_pool) for number in range(len(self._urls)))
        _refuse_twice([member.place for member in self._members])
        proofs = load(self._replicas.proven)
        bounds = Bounds(self._replicas.max_lag, self._replicas.max_lag_bytes, proofs.migrations if proofs else None)
        self._watch = Watch(self._members, bounds, self._replicas.check_every, self._seen)
        self._proven = Proven(proofs)
        self._readers = Readers(self._replicas)
        self._reading = Reading(self._proven, self._watch.wake)
        self._adopted = self._members[0]
        """The present primary, or the last one while there is none."""
        self._adopt(self._members[0].next_pool)
        self._primary = Primary(self._reserve, self._watch, self._why)
        self._lender = ReplicaLender(self._reading, self._readers.choose, self)
        self._closing: set[asyncio.Task[None]] = set()

    def _make_pool(self, member: Member) -> MemberPool:
        given = dict(self._given)
        if given.get("name") and member.number:
            given["name"] = f"{given['name']}-{member.number}"
        return MemberPool(self._urls[member.number], lambda driver: self._admit(member, driver), given)

    # --- life

    async def __aenter__(self) -> Self:
        try:
            self._watch.start()
            await self._open_members()
        except BaseException:
            await self.close(0)
            raise
        return self

    async def _open_members(self) -> None:
        """Open a pool on every member that is of use; the primary's has to be, replicas may come later."""
        topology = await self._watch.fresh()
        foreign = [member for member in self._members if member.standing.role is Role.FOREIGN]
        if foreign:
            raise ConfigurationError(f"The replica {foreign[0]}")
        if topology.primary is None:
            failures = [member.failure for member in self._members if member.failure is not None]
            raise ConnectionFailed(self._why()) from (failures[0] if failures else None)
        why = objection(self._proven.proofs, topology.seen[topology.primary].ledger)
        if why:
            _log.warning("All statements go to the primary: %s", why)
        await self._members[topology.primary].open_soon()
        opening = [member.open_soon() for member in self._members if member.standing.role in _USED]
        await asyncio.gather(*opening, return_exceptions=True)
        await self._watch.fresh()
        self._primary.running = True

    async def close(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - as a pool's
        """Hand out no more connections, wait for those in use, close all, to every member.

        Args:
            timeout: seconds to wait; connections still in use then are cut.
        """
        await self._watch.stop()
        self._primary.running = False
        await asyncio.gather(*(member.close(timeout) for member in self._members))
        await asyncio.gather(*self._closing, return_exceptions=True)

    # --- members

    def _adopt(self, pool: Pool) -> None:
        for name in Pool.__slots__:
            if hasattr(pool, name):
                setattr(self, name, getattr(pool, name))

    async def _admit(self, member: Member, driver: DriverConnection) -> None:
        """Refuse a connection that leads elsewhere than it ought to.

        One for writes is taken only if, at a look that began after it was opened, its server was the primary: it may
        have come back from a crash after another was promoted.
        """
        one, topology = await look(driver), self._watch.topology
        if topology.system and one.system != topology.system:
            raise ConnectionFailed(f"{member.place} is another server now: its system identifier is {one.system}")
        if member is not self._adopted and member.number != topology.primary:
            if not one.in_recovery and one.timeline < topology.timeline:
                raise ConnectionFailed(f"{member.place} is an old primary, on timeline {one.timeline}")
            return
        topology = await self._watch.fresh()
        if one.in_recovery or member.number != topology.primary:
            raise ConnectionFailed(f"{member}, and takes no writes")

    def _seen(self, topology: Topology) -> None:
        """Bring the pools in line with what was seen."""
        if topology.primary is not None:
            self._follow(self._members[topology.primary])
        for member in self._members:
            role = member.standing.role
            if role in _GONE or (member.is_lost and member is not self._adopted):
                self._cut_off(member)
            elif role in _USED:
                member.open_soon()
        self._readers.update(topology, self._members)

    def _follow(self, primary: Member) -> None:
        """Have writes go to the primary, once its pool is open."""
        if primary.pool is None or primary.pool.reserve is self._reserve:
            return
        former, self._adopted = self._adopted, primary
        self._adopt(primary.pool)
        self._primary.reserve = self._reserve
        if former is not primary:
            _log.warning("Writes go to %s from now on, and no more to %s", primary.place, former.place)
            self._cut_off(former)

    def _cut_off(self, member: Member) -> None:
        if member.pool is None and not member.listening:
            return
        task = asyncio.get_running_loop().create_task(member.cut_off())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _why(self) -> str:
        """Why no member takes writes, in a sentence; empty where one does."""
        if self._watch.topology.primary is not None:
            return ""
        return "No member of the pool takes writes: " + "; ".join(map(str, self._members))

    # --- statements

    async def _fetch(self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]) -> Answer:
        query, values = query_for(sql).bind(args, named)
        if self._proven[query] and (reader := self._readers.choose()) is not None:
            found = await self._reading.answer(reader, query, row, values)
            if found is not None:
                return found
        return await self._on_primary(query, row, values)

    async def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        query, values = query_for(sql).bind(args, named)
        session = await self.lend()
        try:
            return await session.execute(query, values)
        finally:
            self.take_back(session)

    async def _on_primary(
        self, query: Query, row: Any, values: tuple[object, ...], following: Following | None = None
    ) -> Answer:
        session = await self.lend()
        try:
            found = await session.fetch(query, row, values)
            if following is not None and following.wrote:
                await following.note(session)
            return found
        finally:
            self.take_back(session)

    async def fetch_for(
        self, following: Following, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> Answer:
        """Run a statement where it sees what was written before; called by :class:`Following`."""
        query, values = query_for(sql).bind(args, named)
        if not self._proven[query]:
            try:
                return await self._on_primary(query, row, values)
            finally:
                following.wrote = True
        reader = await self._reader_for(following)
        found = await self._reading.answer(reader, query, row, values) if reader is not None else None
        return found or await self._on_primary(query, row, values, following)

    async def _reader_for(self, following: Following) -> Reader | None:
        """A replica that has come far enough; None for the primary."""
        if following.wrote and not following.wait:
            return None
        position = await following.position()
        if position is None:
            return self._readers.choose()
        if position.timeline > self._watch.topology.timeline:
            await self._catch_up(position)
        return await self._readers.choose_after(position, following.wait)

    async def _catch_up(self, position: Position) -> None:
        """Learn of a promotion that the giver of a position knew of; until then the primary may be the old one."""
        topology = await self._watch.fresh()
        if position.timeline > topology.timeline:
            raise ConnectionFailed(
                f"The position {position} is on timeline {position.timeline}, and no member of the pool is seen on a "
                f"later one than {topology.timeline}: the primary that gave it is not among them, or not reachable"
            )

    # --- as of any pool

    async def lend(self) -> Session:
        """A session of the primary that nobody else uses."""
        return self._primary.take() or await self._primary.wait()

    def take_back(self, session: Session) -> None:
        """Take a session back, in whatever state."""
        self._primary.give_back(session)

    def acquire(self, timeout: float | None = None) -> Lease:
        """A connection to the primary for the length of a block."""
        return Lease(cast("Reserve", self._primary), self._url, timeout)

    if not TYPE_CHECKING:  # for type checkers it has the signature of any pool's

        def transaction(self, **options):
            """A transaction; a read-only one on a replica, where that was asked for."""
            readonly = options.get("readonly") and options.get("isolation") != "serializable"
            lender = self._lender if self._replicas.transactions and readonly else self
            return Transactions.transaction(lender, **options)

        def stream(self, row, sql, /, *args, batch=BATCH, **named):
            """The rows one after the other; from a replica, where read-only transactions go there."""
            listed = self._replicas.transactions and self._proven[query_for(sql).bind(args, named)[0]]
            return Stream(self._lender if listed else self, row, sql, args, named, batch=batch)

    async def _open_listening(self) -> DriverConnection:
        member = self._adopted
        driver = await super()._open_listening()
        try:
            await self._admit(member, driver)
        except BaseException:
            driver.terminate()
            raise
        member.listening = [*(one for one in member.listening if not one.is_closed()), driver]
        return driver

    async def warm_up(self, *statements: LiteralString, connections: int | None = None) -> None:
        """Open connections to every member that is of use, and prepare statements in them."""
        pools = [member.pool for member in self._members if member.pool is not None]
        await asyncio.gather(*(pool.warm_up(*statements, connections=connections) for pool in pools))

    def resize(self, *, min_connections: int | None = None, max_connections: int | None = None) -> None:
        """Change the limits, of the connections to each member."""
        limits = {"min_connections": min_connections, "max_connections": max_connections}
        for member in self._members:
            if member.pool is not None:
                member.pool.resize(**limits)
        self._given.update({name: value for name, value in limits.items() if value is not None})

    def drain(self) -> None:
        """Replace every connection to every member."""
        for member in self._members:
            if member.pool is not None:
                member.pool.drain()

    def stats(self) -> PoolStats:
        """The connections to all members together; :meth:`members` has those to each."""
        return total([member.pool.stats() for member in self._members if member.pool is not None] or [super().stats()])

    def members(self) -> tuple[MemberStats, ...]:
        """Every member at this moment, in the order in which they were given."""
        return tuple(map(stats_of, self._members))

    def __repr__(self) -> str:
        replicas = sum(member.standing.role is Role.REPLICA for member in self._members)
        return f"{super().__repr__()[:-1]}, {replicas} of {len(self._members) - 1} replicas in use>"


def _refuse_twice(places: Sequence[str]) -> None:
    twice = [place for place in places if places.count(place) > 1]
    if twice:
        raise ConfigurationError(f"{twice[0]} is given twice among the pool's URL and its replicas; give it once")
