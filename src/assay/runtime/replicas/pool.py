"""A pool whose reads go to replicas, and whose writes follow a promotion."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, LiteralString, Self, cast

from assay.config import DatabaseUrl
from assay.errors import ConnectionFailed
from assay.runtime.connecting import DriverConnection
from assay.runtime.dynamic import query_for
from assay.runtime.pool import Lease, Pool
from assay.runtime.pool_facts import PoolStats
from assay.runtime.query import Query
from assay.runtime.replicas.following import Following
from assay.runtime.replicas.options import Replicas, read_replicas
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.proven import Proven, load
from assay.runtime.replicas.readers import Reader
from assay.runtime.replicas.reading import Answer, Reading, ReplicaLender
from assay.runtime.replicas.roster import Roster
from assay.runtime.replicas.stats import MemberStats, stats_of, total
from assay.runtime.replicas.topology import Role
from assay.runtime.replicas.trail import unknown_promotion
from assay.runtime.reserve import Reserve
from assay.runtime.session import Session
from assay.runtime.streaming import BATCH, Stream
from assay.runtime.transaction import Transactions


class ReplicatedPool(Pool):
    """What ``assay.Pool(..., replicas=...)`` makes.

    What a :class:`Pool` keeps of its server is here the present primary's, and is another's after a promotion.
    """

    __slots__ = ("_lender", "_primary", "_proven", "_readers", "_reading", "_replicas", "_roster", "_watch")

    def __init__(
        self,
        url: str | DatabaseUrl | None = None,
        *,
        replicas: Sequence[str | DatabaseUrl] | Replicas,
        **options: Any,
    ) -> None:
        self._replicas = read_replicas(replicas)
        proofs = load(self._replicas.proven)
        self._proven = Proven(proofs)
        self._roster = Roster((url, *self._replicas.urls), self._replicas, proofs, options, self._adopt)
        self._watch, self._readers, self._primary = self._roster.watch, self._roster.readers, self._roster.primary
        self._reading = Reading(self._proven, self._watch.wake)
        self._lender = ReplicaLender(self._reading, self._readers.choose, self)

    def _adopt(self, pool: Pool) -> None:
        for name in Pool.__slots__:
            if hasattr(pool, name):
                setattr(self, name, getattr(pool, name))

    async def __aenter__(self) -> Self:
        self._watch.start()
        try:
            await self._roster.open()
        except BaseException:
            await self._roster.close(0)
            raise
        return self

    async def close(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - as a pool's
        """Hand out no more connections, wait for those in use, close all, to every member.

        Args:
            timeout: seconds to wait; connections still in use then are cut.
        """
        await self._roster.close(timeout)

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
                following.has_written()
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
            raise ConnectionFailed(unknown_promotion(position, topology.timeline))

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
        member = self._roster.adopted
        driver = await super()._open_listening()
        try:
            await self._roster.admit(member, driver)
        except BaseException:
            driver.terminate()
            raise
        member.listening = [*(one for one in member.listening if not one.is_closed()), driver]
        return driver

    async def warm_up(self, *statements: LiteralString, connections: int | None = None) -> None:
        """Open connections to every member that is of use, and prepare statements in them."""
        await asyncio.gather(*(pool.warm_up(*statements, connections=connections) for pool in self._roster.pools))

    def resize(self, *, min_connections: int | None = None, max_connections: int | None = None) -> None:
        """Change the limits, of the connections to each member."""
        self._roster.resize({"min_connections": min_connections, "max_connections": max_connections})

    def drain(self) -> None:
        """Replace every connection to every member."""
        for pool in self._roster.pools:
            pool.drain()

    def stats(self) -> PoolStats:
        """The connections to all members together; :meth:`members` has those to each."""
        return total([pool.stats() for pool in self._roster.pools] or [super().stats()])

    def members(self) -> tuple[MemberStats, ...]:
        """Every member at this moment, in the order in which they were given."""
        members = self._roster.members
        return tuple(stats_of(member, member.pool.stats() if member.pool else None) for member in members)

    def __repr__(self) -> str:
        replicas = sum(member.standing.role is Role.REPLICA for member in self._roster.members)
        return f"{super().__repr__()[:-1]}, {replicas} of {len(self._roster.members) - 1} replicas in use>"
