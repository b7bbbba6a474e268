"""A pool of threads whose reads go to replicas, and whose writes follow a promotion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, LiteralString, Self, cast

from assay.config import DatabaseUrl
from assay.errors import ConnectionFailed
from assay.runtime.dynamic import query_for
from assay.runtime.pool_facts import PoolStats
from assay.runtime.query import Query
from assay.runtime.replicas.options import Replicas, read_replicas
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.proven import Proven, load
from assay.runtime.replicas.stats import MemberStats, stats_of, total
from assay.runtime.replicas.topology import Role
from assay.runtime.replicas.trail import unknown_promotion
from assay.runtime.streaming import BATCH
from assay.runtime.sync.pool import Lease, Pool
from assay.runtime.sync.replicas.errands import Errand
from assay.runtime.sync.replicas.following import Following
from assay.runtime.sync.replicas.readers import Reader
from assay.runtime.sync.replicas.reading import Answer, Reading, ReplicaLender
from assay.runtime.sync.replicas.roster import Roster
from assay.runtime.sync.reserve import Reserve
from assay.runtime.sync.session import Session
from assay.runtime.sync.streaming import Stream
from assay.runtime.sync.transaction import Transactions


class ReplicatedPool(Pool):
    """What ``assay.sync.Pool(..., replicas=...)`` makes.

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

    def __enter__(self) -> Self:
        self._watch.start()
        try:
            self._roster.open()
        except BaseException:
            self._roster.close(0)
            raise
        return self

    def close(self, timeout: float = 10.0) -> None:
        """Hand out no more connections, wait for those in use, close all, to every member.

        Args:
            timeout: seconds to wait; connections still in use then are cut.
        """
        self._roster.close(timeout)

    # --- statements

    def _fetch(self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]) -> Answer:
        query, values = query_for(sql).bind(args, named)
        if self._proven[query] and (reader := self._readers.choose()) is not None:
            found = self._reading.answer(reader, query, row, values)
            if found is not None:
                return found
        return self._on_primary(query, row, values)

    def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        query, values = query_for(sql).bind(args, named)
        session = self.lend()
        try:
            return session.execute(query, values)
        finally:
            self.take_back(session)

    def _on_primary(
        self, query: Query, row: Any, values: tuple[object, ...], following: Following | None = None
    ) -> Answer:
        session = self.lend()
        try:
            found = session.fetch(query, row, values)
            if following is not None and following.wrote:
                following.note(session)
            return found
        finally:
            self.take_back(session)

    def fetch_for(
        self, following: Following, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> Answer:
        """Run a statement where it sees what was written before; called by :class:`Following`."""
        query, values = query_for(sql).bind(args, named)
        if not self._proven[query]:
            try:
                return self._on_primary(query, row, values)
            finally:
                following.has_written()
        reader = self._reader_for(following)
        found = self._reading.answer(reader, query, row, values) if reader is not None else None
        return found or self._on_primary(query, row, values, following)

    def _reader_for(self, following: Following) -> Reader | None:
        """A replica that has come far enough; None for the primary."""
        if following.wrote and not following.wait:
            return None
        position = following.position()
        if position is None:
            return self._readers.choose()
        if position.timeline > self._watch.topology.timeline:
            self._catch_up(position)
        return self._readers.choose_after(position, following.wait)

    def _catch_up(self, position: Position) -> None:
        """Learn of a promotion that the giver of a position knew of; until then the primary may be the old one."""
        topology = self._watch.fresh()
        if position.timeline > topology.timeline:
            raise ConnectionFailed(unknown_promotion(position, topology.timeline))

    # --- as of any pool

    def _lend(self, timeout: float | None) -> Session:
        return self._primary.lend(timeout)

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

    def _open_listening(self) -> Session:
        member = self._roster.adopted
        session = super()._open_listening()
        try:
            self._roster.admit(member, session)
        except BaseException:
            session.close()
            raise
        member.listens(session)
        return session

    def warm_up(self, *statements: LiteralString, connections: int | None = None) -> None:
        """Open connections to every member that is of use, and prepare statements in them."""
        warming = [
            Errand(lambda one=pool: one.warm_up(*statements, connections=connections), "assay-pool-warm-up")  # type: ignore[misc]  # bound at once
            for pool in self._roster.pools
        ]
        for errand in warming:
            errand.wait()
        for errand in warming:
            errand.result()

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
        pools = [(member, member.pool) for member in self._roster.members]
        return tuple(stats_of(member, pool.stats() if pool is not None else None) for member, pool in pools)

    def __repr__(self) -> str:
        replicas = sum(member.standing.role is Role.REPLICA for member in self._roster.members)
        return f"{super().__repr__()[:-1]}, {replicas} of {len(self._roster.members) - 1} replicas in use>"
