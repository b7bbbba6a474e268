"""Reads what the rules look at from a database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from assay.config import DatabaseUrl
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection, translate
from assay.schema.advice import queries
from assay.schema.advice.model import (
    Column,
    Constraint,
    Counter,
    EnumType,
    Facts,
    ForeignKey,
    Grant,
    Index,
    IndexKey,
    Routine,
    Statistics,
    Table,
)
from assay.schema.inventory_sql import Query

_PER_TABLE = (queries.COLUMNS, queries.INDEXES, queries.FOREIGN_KEYS, queries.CONSTRAINTS, queries.COUNTERS)
_SETTINGS = "set local search_path to pg_catalog; set local jit to off; set local statement_timeout to '30s'"
"""A catalog is read in milliseconds; what takes so long waits for a lock."""


async def read_facts(url: DatabaseUrl, *, live: bool) -> Facts:
    """What there is to look at in a database; it is only read.

    Args:
        url: the database.
        live: whether it is in use, so that its statistics tell something.

    Raises ConnectionFailed and the like, and DatabaseError when the catalogs cannot be read.
    """
    # Without prepared statements of its own it works behind a transaction-pooling proxy too.
    connection = await open_connection(url, statement_cache_size=0)
    try:
        # One snapshot, so that an object that is dropped meanwhile is in all answers or in none.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(_SETTINGS)
            return await _facts(connection, live)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()


async def _facts(connection: DriverConnection, live: bool) -> Facts:
    statistics = (await _rows(connection, queries.STATISTICS))[0] if live else None
    return Facts(
        tables=await read_tables(connection),
        open_grants=tuple(_grant(row) for row in await _rows(connection, queries.OPEN_GRANTS)),
        lone_inserts=tuple(_grant(row) for row in await _rows(connection, queries.LONE_INSERTS)),
        definers=tuple(Routine(**row) for row in await _rows(connection, queries.DEFINERS)),
        enums=tuple(EnumType(**_tuples(row, "values")) for row in await _rows(connection, queries.ENUMS)),
        statistics=Statistics(statistics["days"] or 0.0, statistics["replicas"]) if statistics else None,
    )


async def read_tables(connection: DriverConnection) -> tuple[Table, ...]:
    """The tables of a database, on a connection whose search path is ``pg_catalog``."""
    tables = await _rows(connection, queries.TABLES)
    oids = [row["oid"] for row in tables]
    parts = [_by_table(await _rows(connection, query, oids)) for query in _PER_TABLE]
    return tuple(_table(row, *(part[row["oid"]] for part in parts)) for row in tables)


async def _rows(connection: DriverConnection, query: Query, *arguments: Any) -> list[Mapping[str, Any]]:
    major = connection.get_server_version().major
    return [dict(row) for row in await connection.fetch(query.since(major), *arguments)]


def _by_table(rows: Iterable[Mapping[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["table_oid"]].append({name: value for name, value in row.items() if name != "table_oid"})
    return found


def _tuples(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A row with some of its lists as tuples."""
    return {**row, **{name: tuple(row[name]) for name in names}}


_Many = list[dict[str, Any]]


def _table(
    row: Mapping[str, Any],
    columns: _Many,
    indexes: _Many,
    foreign_keys: _Many,
    constraints: _Many,
    counters: _Many,
) -> Table:
    return Table(
        **_tuples(row, "policies"),
        columns={column["number"]: Column(**column) for column in columns},
        indexes=tuple(_index(row["oid"], index) for index in indexes),
        foreign_keys=tuple(_foreign_key(key) for key in foreign_keys),
        constraints=tuple(Constraint(**_tuples(each, "columns")) for each in constraints),
        counters=tuple(Counter(**each) for each in counters),
    )


def _index(table: int, row: Mapping[str, Any]) -> Index:
    keys = [IndexKey(*parts) for parts in msgspec.json.decode(row["keys"])]
    count = row["key_count"]
    rest = {name: value for name, value in row.items() if name not in ("keys", "key_count")}
    return Index(**_tuples(rest, "storage"), table=table, keys=tuple(keys[:count]), includes=tuple(keys[count:]))


def _foreign_key(row: Mapping[str, Any]) -> ForeignKey:
    families = tuple(frozenset(part or ()) for part in msgspec.json.decode(row["families"]))
    lists = ("columns", "referred_columns", "referred_types", "collations")
    return ForeignKey(**{**_tuples(row, *lists), "families": families})


def _grant(row: Mapping[str, Any]) -> Grant:
    return Grant(**_tuples(row, "privileges"))
