"""What every pool offers to programs that read from replicas, whether it has any or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.runtime.building import Builder
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.stats import MemberStats
from assay.runtime.sync.replicas.following import Following
from assay.runtime.sync.replicas.looking import inserted
from assay.runtime.sync.transaction import Transactions


class Replicated(Transactions):
    """An executor that may have replicas; this is what holds where it has none."""

    __slots__ = ()

    def session(self, *, after: Position | None = None, wait: float = 0.0) -> Following:
        """An executor whose reads see every write made through it before: ``with pool.session() as db``.

        What is said of :meth:`assay.Pool.session` holds here too.
        """
        return Following(self, after, wait)

    def position(self) -> Position:
        """Where the primary's log ends now: whoever has reached it sees all that was committed before the call."""
        session = self.lend()
        try:
            return inserted(session)
        finally:
            self.take_back(session)

    def members(self) -> tuple[MemberStats, ...]:
        """The primary and the replicas at this moment; nothing for a pool without replicas."""
        return ()

    def fetch_for(
        self, following: Following, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[Any]]:
        """Run a statement of a :meth:`session`."""
        try:
            return self._fetch(row, sql, args, named)
        finally:
            following.has_written()

    def execute_for(self, following: Following, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        """Run a statement of a :meth:`session`."""
        try:
            return self._execute(sql, args, named)
        finally:
            following.has_written()
