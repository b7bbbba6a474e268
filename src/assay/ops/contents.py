"""What tables hold, in a form that can be compared: the number of rows and a hash of them in any order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from assay.config import DatabaseUrl
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection, translate

_TABLES = """
select format('%I.%I', n.nspname, c.relname) as name
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and (c.relpersistence = 'p' or not pg_catalog.pg_is_in_recovery())
    and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by format('%I.%I', n.nspname, c.relname) collate "C"
"""
_COUNT = "select {1} as place, count(*), null::text, null::text from only {0}"
_HASH = """
select {1} as place, count(*), sum(('x' || left(hash, 16))::bit(64)::bigint)::text,
    sum(('x' || substr(hash, 17, 16))::bit(64)::bigint)::text
from (
    select encode(sha256(convert_to((of_it.*)::text, getdatabaseencoding())), 'hex') as hash from only {0} of_it
) hashed
"""
_STEADY = """
set local search_path to pg_catalog; set local datestyle to 'ISO, YMD'; set local intervalstyle to 'postgres';
set local timezone to 'UTC'; set local bytea_output to 'hex'; set local extra_float_digits to 1;
set local lc_monetary to 'C'; set local xmlbinary to 'base64'; set local row_security to off; set local jit to off;
set local statement_timeout to 0; set local max_parallel_workers_per_gather to 0
"""
"""So that the same row has the same text on every server, and no session is hurried or takes the whole machine."""
_AT_ONCE = 50
"""Tables that one statement reads: most are small, and a statement for each would take longer than reading them."""
_MASK = 2**64 - 1


@dataclass(frozen=True, slots=True)
class TableContents:
    """What one table holds."""

    name: str
    """Qualified, and quoted where SQL needs it."""
    rows: int
    content: str | None = None
    """32 hexadecimal digits that any other row, or one more or less, would change; None when it was not asked for.

    It is the sum of the first 128 bits of the SHA-256 of each row's text, so the order of rows does not matter.
    """


async def table_names(connection: DriverConnection) -> tuple[str, ...]:
    """The tables of users, partitions among them: what pg_dump writes the rows of. Extensions' own are left out,
    and on a replica those that are not logged, which it does not have.

    Raises DatabaseError or ConnectionLost.
    """
    try:
        return tuple(row[0] for row in await connection.fetch(_TABLES))
    except DRIVER_ERRORS as error:
        raise translate(error) from error


async def read_contents(
    connection: DriverConnection, names: Iterable[str], *, content: bool = False
) -> AsyncIterator[TableContents]:
    """What tables hold, one after the other. The connection is in a transaction, whose settings this changes.

    Args:
        connection: in a transaction, of whose snapshot it reads.
        names: from ``table_names``.
        content: hash the rows too, which takes several times as long as counting them.

    Raises InsufficientPrivilege where the role cannot read all rows, ConnectionLost and the like.
    """
    try:
        await connection.execute(_STEADY)
        waiting = list(names)
        while waiting:
            some, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            asked = [(_HASH if content else _COUNT).format(name, place) for place, name in enumerate(some)]
            for place, rows, high, low in await connection.fetch(" union all ".join(asked) + " order by place"):
                yield TableContents(some[place], rows, _joined(high, low) if content else None)
    except DRIVER_ERRORS as error:
        raise translate(error) from error


async def contents_of(url: DatabaseUrl, *, content: bool = False) -> dict[str, TableContents]:
    """What all tables of a database hold, at one moment, by their names.

    Raises ConnectionFailed and the like, InsufficientPrivilege.
    """
    connection = await open_connection(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            names = await table_names(connection)
            return {one.name: one async for one in read_contents(connection, names, content=content)}
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()


def _joined(high: str | None, low: str | None) -> str:
    return "".join(f"{int(part or 0) & _MASK:016x}" for part in (high, low))
