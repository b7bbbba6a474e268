"""What every pool offers to programs that read from replicas, whether it has any or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from assay.runtime.building import Builder
from assay.runtime.replicas.following import Following
from assay.runtime.replicas.looking import inserted
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.stats import MemberStats
from assay.runtime.transaction import Transactions


class Replicated(Transactions):
    """An executor that may have replicas; this is what holds where it has none."""

    __slots__ = ()

    def session(self, *, after: Position | None = None, wait: float = 0.0) -> Following:
        """An executor whose reads see every write made through it before: ``async with pool.session() as db``.

        A statement proven read-only goes to a replica that has replayed all of them, and to the primary while there
        is none. It holds no connection.

        Args:
            after: a position that reads must have reached as well, such as one that another process gave.
            wait: seconds that a read may wait for a replica to come that far. With 0, the first read after a write
                goes to the primary.
        """
        return Following(self, after, wait)

    async def position(self) -> Position:
        """Where the primary's log ends now: whoever has reached it sees all that was committed before the call."""
        session = await self.lend()
        try:
            async with session.using() as driver:
                return await inserted(driver)
        finally:
            self.take_back(session)

    def members(self) -> tuple[MemberStats, ...]:
        """The primary and the replicas at this moment; nothing for a pool without replicas."""
        return ()

    async def fetch_for(
        self, following: Following, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[asyncpg.Record]]:
        """Run a statement of a :meth:`session`."""
        try:
            return await self._fetch(row, sql, args, named)
        finally:
            following.has_written()

    async def execute_for(
        self, following: Following, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> str:
        """Run a statement of a :meth:`session`."""
        try:
            return await self._execute(sql, args, named)
        finally:
            following.has_written()
