"""The table ``_assay_progress``: how far a ``-- no-transaction`` file has come.

It lies beside the ledger, has a row while such a file is under way, and is dropped in the transaction that finishes
the file, so that no finished schema has it. See docs/decisions/0002-resuming-no-transaction-files.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from assay.migrate.model import Direction
from assay.runtime.connecting import DriverConnection
from assay.sql.splitting import Statement, plain_text

TABLE = "_assay_progress"

_EXISTS = "select to_regclass($1) is not null"

_CREATE = """
create table if not exists {table} (
    version bigint primary key,
    direction text not null,
    done integer not null,
    digest bytea not null,
    running text,
    before oid[] not null
)
"""

_READ = "select version, direction, done, digest, running, before from {table}"

_WRITE = """
insert into {table} (version, direction, done, digest, running, before) values ($1, $2, $3, $4, $5, $6::oid[])
on conflict (version) do update
set direction = excluded.direction, done = excluded.done, digest = excluded.digest, running = excluded.running,
    before = excluded.before
"""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """How far a file has come."""

    version: int
    direction: Direction
    done: int
    """How many of its statements have taken effect."""
    digest: bytes
    """What those statements are, as ``digest_of`` gives it."""
    running: str | None = None
    """The next statement's text, while it runs where it cannot be rolled back."""
    before: tuple[int, ...] = ()
    """The relations, by oid, that it is judged by later, as ``recovery.relations_before`` found them."""


@dataclass(frozen=True, slots=True)
class ProgressTable:
    """The table in one database."""

    schema: str
    """That of the ledger, quoted where it needs to be."""

    @property
    def name(self) -> str:
        """Schema and table, as SQL."""
        return f"{self.schema}.{TABLE}"

    async def read(self, connection: DriverConnection) -> dict[int, Unfinished]:
        """The files under way by version; none when there is no table."""
        if not await connection.fetchval(_EXISTS, self.name):
            return {}
        records = await connection.fetch(_READ.format(table=self.name))
        return {record["version"]: _from_record(dict(record)) for record in records}

    async def ensure(self, connection: DriverConnection) -> None:
        """Create the table unless it is there."""
        await connection.execute(_CREATE.format(table=self.name))

    async def write(self, connection: DriverConnection, progress: Unfinished) -> None:
        """Keep how far a file has come."""
        await connection.execute(
            _WRITE.format(table=self.name),
            progress.version,
            str(progress.direction),
            progress.done,
            progress.digest,
            progress.running,
            list(progress.before),
        )

    async def drop(self, connection: DriverConnection) -> None:
        """Take the table away; only one file is under way at a time."""
        await connection.execute(f"drop table if exists {self.name}")


NOTHING = bytes(32)
"""The digest of no statements."""


def digest_of(statements: Iterable[Statement]) -> bytes:
    """A digest of statements' texts: 32 bytes. White space and comments around their words are not part of it."""
    return reduce(extended, statements, NOTHING)


def extended(digest: bytes, statement: Statement) -> bytes:
    """The digest of some statements and the one after them."""
    return hashlib.sha256(digest + plain_text(statement.text).encode()).digest()


def _from_record(record: Mapping[str, Any]) -> Unfinished:
    return Unfinished(
        **{**record, "direction": Direction(record["direction"]), "before": tuple(record["before"])},
    )
