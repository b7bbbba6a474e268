"""What a database holds, read so that a change since the last reading shows.

The server counts, for each table and each catalog, the rows that were inserted, updated and deleted (manual, "The
Cumulative Statistics System"). A session hands in its counts when it ends at the latest, so they are complete once all
sessions but this one have ended; before 15 they travelled in packets that could be late or lost. TRUNCATE, DDL, large
objects, comments and privileges are changes of catalogs. Sequences and settings of the database are read themselves.
So is of each small table how many rows it has and which transaction wrote the last of them: should a count be late, or
switched off, the rows show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import asyncpg

from assay.runtime.connecting import DriverConnection
from assay.sql.quoting import quote_identifier

OLDEST = 15
"""The first major version whose counts can be relied on."""
LARGEST = 1_000_000
"""Bytes of a table that is still put back row by row; for one that is larger, another copy of all is cheaper."""

_RELATIONS = """
select c.oid, n.nspname as schema, c.relname as name, c.relkind::text as kind, pg_table_size(c.oid) as size,
       exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgenabled in ('A', 'R'))
       or exists (select from pg_rewrite r where r.ev_class = c.oid and r.ev_enabled in ('A', 'R')) as stubborn
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'S') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' order by c.oid
"""
_CATALOGS = """
select array_agg(oid) from pg_class
where relnamespace = 'pg_catalog'::regnamespace and relkind = 'r' and not relisshared
  and relname not in ('pg_statistic', 'pg_statistic_ext_data')
"""
_DDL = """
select sum(pg_stat_get_tuples_inserted(oid) + pg_stat_get_tuples_updated(oid) + pg_stat_get_tuples_deleted(oid))::bigint
from unnest($1::oid[]) oid
"""
_READING = """
select
  ({ddl}) as catalogs,
  array(
    select pg_stat_get_tuples_inserted(oid) + pg_stat_get_tuples_updated(oid) + pg_stat_get_tuples_deleted(oid)
    from unnest($2::oid[]) with ordinality u (oid, n) order by n) as tables,
  array[{sequences}]::text[] as sequences,
  array[{extents}]::text[] as extents,
  (select concat_ws('|', pg_stat_get_db_stat_reset_time(d.oid), d.datdba, d.datacl, d.datconnlimit, d.datistemplate,
       d.dattablespace, shobj_description(d.oid, 'pg_database'),
       (select string_agg(concat(setrole, setconfig), '|' order by setrole) from pg_db_role_setting
        where setdatabase = d.oid),
       (select count(*) from pg_prepared_xacts p where p.database = d.datname))
   from pg_database d where d.datname = current_database()) as database
"""
_SEQUENCE = "(select last_value || ',' || is_called from {})"
_EXTENT = "(select count(*) || '/' || coalesce(max(xmin::text::bigint), 0) from only {})"
_ROWS = "select count(*) || '/' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) from only {} t"


@dataclass(frozen=True, slots=True)
class Table:
    """A table as its template has it."""

    schema: str
    name: str
    oid: int
    rows: bytes | None
    """Its rows in the binary format of COPY; None for a large table, and for one with triggers or rules that cannot be
    kept from firing."""
    digest: str

    @property
    def quoted(self) -> str:
        """Schema and name, as SQL has them."""
        return f"{quote_identifier(self.schema)}.{quote_identifier(self.name)}"

    async def read_digest(self, connection: DriverConnection) -> str:
        """What tells these rows from others, whatever their order."""
        digest: str = await connection.fetchval(_ROWS.format(self.quoted))
        return digest


@dataclass(frozen=True, slots=True)
class Reading:
    """A database at one moment."""

    catalogs: int
    """Changes to catalogs since it was made."""
    tables: tuple[int, ...]
    """Changes to each table."""
    sequences: tuple[str, ...]
    """The last value of each sequence, and whether it was given out."""
    extents: tuple[str, ...]
    """Of each small table, how many rows it has, and the last transaction that wrote one of them."""
    database: str
    """Settings of the database itself."""


@dataclass(frozen=True, slots=True)
class Original:
    """A template's content; its copies have the same object identifiers."""

    tables: tuple[Table, ...]
    sequences: tuple[str, ...]
    """As SQL has their names."""
    catalogs: tuple[int, ...]
    reading: Reading

    @property
    def small(self) -> tuple[Table, ...]:
        """The tables that are put back row by row."""
        return tuple(table for table in self.tables if table.rows is not None)

    @property
    def _sql(self) -> str:
        extents = ", ".join(_EXTENT.format(table.quoted) for table in self.small)
        return _READING.format(ddl=_DDL, sequences=", ".join(map(_SEQUENCE.format, self.sequences)), extents=extents)

    async def has_ddl(self, connection: DriverConnection) -> bool:
        """Whether a copy's catalogs were changed: the one question that a new connection answers quickly."""
        changes: int = await connection.fetchval(_DDL, self.catalogs)
        return changes != self.reading.catalogs

    async def read(self, connection: DriverConnection) -> Reading:
        """Read a copy."""
        (row,) = await connection.fetch(self._sql, self.catalogs, [table.oid for table in self.tables])
        return Reading(
            row["catalogs"], tuple(row["tables"]), tuple(row["sequences"]), tuple(row["extents"]), row["database"]
        )


async def read_original(connection: DriverConnection) -> Original:
    """Read all that a new copy holds."""
    relations = await connection.fetch(_RELATIONS)
    catalogs = tuple(await connection.fetchval(_CATALOGS))
    tables = tuple([await _table(connection, row) for row in relations if row["kind"] == "r"])
    names = [(row["schema"], row["name"]) for row in relations if row["kind"] == "S"]
    sequences = tuple(f"{quote_identifier(schema)}.{quote_identifier(name)}" for schema, name in names)
    unread = Original(tables, sequences, catalogs, Reading(0, (), (), (), ""))
    return Original(tables, sequences, catalogs, await unread.read(connection))


async def _table(connection: DriverConnection, row: asyncpg.Record) -> Table:
    bare = Table(row["schema"], row["name"], row["oid"], None, "")
    if row["stubborn"] or row["size"] > LARGEST:
        return bare
    rows = BytesIO()
    await connection.copy_from_table(bare.name, schema_name=bare.schema, output=rows, format="binary")
    return Table(bare.schema, bare.name, bare.oid, rows.getvalue(), await bare.read_digest(connection))
