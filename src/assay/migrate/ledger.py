"""The table ``_sqlx_migrations``: which migrations a database has had.

The table's definition and the meaning of its columns are SQLx's (``sqlx-postgres/src/migrate.rs``). It lies in the
first schema of the search path, where SQLx creates it too; from then on it is called by its full name, because a
migration may change the search path.
"""

from __future__ import annotations

from dataclasses import dataclass

from assay.errors import MigrationError
from assay.migrate.model import LedgerRow, Migration
from assay.runtime.connecting import DriverConnection
from assay.sql.quoting import quote_literal

TABLE = "_sqlx_migrations"

_WHERE = "select quote_ident(current_schema())"

_EXISTS = "select to_regclass($1) is not null"

_CREATE = """
create table if not exists {table} (
    version bigint primary key,
    description text not null,
    installed_on timestamptz not null default now(),
    success boolean not null,
    checksum bytea not null,
    execution_time bigint not null
)
"""

_READ = "select version, description, installed_on, success, checksum, execution_time from {table} order by version"

_INSERT = """
insert into {table} (version, description, success, checksum, execution_time) values ($1, $2, $3, $4, $5)
"""

_FINISH = """
update {table} set success = true, installed_on = now(), checksum = $2, execution_time = $3 where version = $1
"""

_REOPEN = "update {table} set success = false, checksum = coalesce($2, checksum) where version = $1"

_KEEP = "update {table} set success = true where version = $1"

_CORRECT = "update {table} set checksum = $2 where version = $1"

_DELETE = "delete from {table} where version = $1"

_SINCE_SENT = "(extract(epoch from clock_timestamp() - statement_timestamp()) * 1000000000)::bigint"
"""Nanoseconds since the server was sent the message of which this is a part."""

UNKNOWN_TIME = -1
"""The execution time of a row whose migration is not finished; SQLx writes the same."""


@dataclass(frozen=True, slots=True)
class LedgerTable:
    """The ledger of one database, by its full name."""

    schema: str
    """Quoted where it needs to be."""

    @property
    def name(self) -> str:
        """Schema and table, as SQL."""
        return f"{self.schema}.{TABLE}"

    async def exists(self, connection: DriverConnection) -> bool:
        """Whether the table is there."""
        return bool(await connection.fetchval(_EXISTS, self.name))

    async def ensure(self, connection: DriverConnection) -> None:
        """Create the table unless it is there."""
        if not await self.exists(connection):
            await connection.execute(self.creation())

    async def read(self, connection: DriverConnection) -> dict[int, LedgerRow]:
        """The rows by version; none when there is no table."""
        if not await self.exists(connection):
            return {}
        records = await connection.fetch(_READ.format(table=self.name))
        return {record["version"]: LedgerRow(**record) for record in records}

    async def insert(self, connection: DriverConnection, migration: Migration, success: bool, nanoseconds: int) -> None:
        """Add the row of a migration."""
        await connection.execute(
            _INSERT.format(table=self.name),
            migration.version,
            migration.description,
            success,
            migration.checksum,
            nanoseconds,
        )

    def creation(self) -> str:
        """The statement that creates the table unless it is there."""
        return _CREATE.format(table=self.name)

    def insertion(self, migration: Migration, nanoseconds: int, *, since_sent: bool = False) -> str:
        """The statement that adds the row of a migration that was applied, to be sent together with others.

        Args:
            migration: the migration.
            nanoseconds: what it took.
            since_sent: whether the server is to add what has passed since it was sent the message.
        """
        taken = f"{nanoseconds} + {_SINCE_SENT}" if since_sent else str(nanoseconds)
        description, checksum = quote_literal(migration.description), f"decode('{migration.checksum.hex()}', 'hex')"
        return (
            f"insert into {self.name} (version, description, success, checksum, execution_time) "  # noqa: S608
            f"values ({migration.version}, {description}, true, {checksum}, {taken})"
        )

    def deletion(self, version: int) -> str:
        """The statement that takes the row of a migration away, to be sent together with others."""
        return f"delete from {self.name} where version = {version}"  # noqa: S608

    async def finish(self, connection: DriverConnection, migration: Migration, nanoseconds: int) -> None:
        """Turn the row of a migration that was under way into that of one that is applied."""
        await connection.execute(_FINISH.format(table=self.name), migration.version, migration.checksum, nanoseconds)

    async def reopen(self, connection: DriverConnection, version: int, checksum: bytes | None = None) -> None:
        """Mark a migration as under way: SQLx then refuses to work on the database.

        Args:
            connection: the connection to the ledger's database.
            version: the migration.
            checksum: what the file has now; None leaves what is there.
        """
        await connection.execute(_REOPEN.format(table=self.name), version, checksum)

    async def keep(self, connection: DriverConnection, version: int) -> None:
        """Take back that a migration is under way."""
        await connection.execute(_KEEP.format(table=self.name), version)

    async def correct(self, connection: DriverConnection, version: int, checksum: bytes) -> None:
        """Replace the checksum of a migration that was applied."""
        await connection.execute(_CORRECT.format(table=self.name), version, checksum)

    async def delete(self, connection: DriverConnection, version: int) -> None:
        """Take the row of a migration away."""
        await connection.execute(_DELETE.format(table=self.name), version)


async def find_ledger(connection: DriverConnection) -> LedgerTable:
    """Where the ledger of this session is; raises MigrationError when the search path leads to no schema."""
    schema = await connection.fetchval(_WHERE)
    if schema is None:
        raise MigrationError(
            f"The search path of this connection names no schema that exists, so there is no place for {TABLE}; "
            "create the schema, or set the role's or the database's search_path"
        )
    return LedgerTable(schema)
