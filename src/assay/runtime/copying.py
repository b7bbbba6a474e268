"""Rows sent into a table by COPY in its binary format."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeAlias

import asyncpg

from assay.errors import Error, ParameterError, UsageError
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection
from assay.runtime.dynamic import query_for
from assay.runtime.given_rows import GivenRows, RowsFailed, Values, Wanted, source_errors
from assay.runtime.query import NO_ROWS, Prepared, Query
from assay.runtime.redacting import unfit_value
from assay.runtime.rowclass import read_row_class
from assay.runtime.session import UNFIT, Session
from assay.sql.names import TableName, table_name
from assay.sql.quoting import quote_identifier

Rows: TypeAlias = Iterable[Any] | AsyncIterable[Any]

WRITABLE = """
select attname from pg_catalog.pg_attribute
where attrelid = $1::text::pg_catalog.regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum
"""
_TYPES = """
select atttypid from pg_catalog.unnest($2::text[]) with ordinality as wanted (name, place)
left join pg_catalog.pg_attribute on attrelid = $1::text::pg_catalog.regclass and attname = name and not attisdropped
order by place
"""
PLACE = re.compile(r"COPY .*, line (\d+)")
"""What the server says of the place of an error in its CONTEXT; in the binary format each row is a line."""


@dataclass(frozen=True, slots=True)
class CopyIn:
    """What is copied, and where to."""

    table: TableName
    columns: tuple[str, ...] | None
    """None: as the first row says; all columns that can be written, for a tuple."""
    rows: Rows


def copy_of(table: str, rows: Rows, columns: Sequence[str] | None) -> CopyIn:
    """What a call asks for. Raises UsageError for names that no table or column can have."""
    if isinstance(rows, (str, bytes)) or not isinstance(rows, (Iterable, AsyncIterable)):
        raise UsageError(f"The rows are a {type(rows).__name__}; give a list or a generator of rows")
    if isinstance(columns, str) or (columns is not None and not columns):
        raise UsageError(f"The columns are {columns!r}; give a list of names, or leave them out")
    for column in columns or ():
        quote_identifier(column)
    return CopyIn(table_name(table), tuple(columns) if columns is not None else None, rows)


async def copy_rows(session: Session, copy: CopyIn) -> int:
    """Copy rows, all of them or none; how many they were."""
    with source_errors():
        first, rows = await _first(copy.rows)
        if not first:
            return 0
        columns = copy.columns or fields_of(first[0]) or await _writable(session, copy.table)
        places = f"the columns {', '.join(columns)}"
        given = GivenRows(Wanted(columns, len(columns), places, all_keys=copy.columns is None))
        query = insert_of(copy.table, columns)
        try:
            async with session.using(query) as driver:
                await _check_types(session, driver, copy.table, columns, query)
                prepared = await session.prepared(query)
                return await _sent(session, driver, copy.table, columns, _values(given, rows, prepared))
        except _Unfit as unfit:
            reason = unfit.reason
        # Raised here, the error has nothing behind it that may have a value in it.
        raise await _explained(session, query, columns, given, reason)


class _Unfit(Error):
    """Carries what was said when a value was to be sent in its column's type."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


async def _first(rows: Rows) -> tuple[list[Any], Rows]:
    """The first row, if there is one, and all of them."""
    if type(rows) is list:
        return rows[:1], rows
    try:
        if isinstance(rows, AsyncIterable):
            later = aiter(rows)
            start = [row async for row in _up_to_one(later)]
            return start, _joined(start, later)
        iterator = iter(rows)
        start = [*islice(iterator, 1)]
    except Exception as error:
        raise RowsFailed(error) from None
    return start, chain(start, iterator)


async def _up_to_one(rows: AsyncIterator[Any]) -> AsyncIterator[Any]:
    with suppress(StopAsyncIteration):
        yield await anext(rows)


async def _joined(start: Iterable[Any], rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
    for row in start:
        yield row
    async for row in rest:
        yield row


def fields_of(row: Any) -> tuple[str, ...] | None:
    """The names of a row's fields, or the keys of a mapping; None for what has only values."""
    if isinstance(row, Mapping):
        return tuple(row)
    row_class = read_row_class(type(row))
    return tuple(field.name for field in row_class.fields) if row_class is not None else None


async def _writable(session: Session, table: TableName) -> tuple[str, ...]:
    """The columns of a table that can be written, in order."""
    query = query_for(WRITABLE)
    assert isinstance(query, Query)  # noqa: S101 - it has no clauses
    _, records = await session.fetch(query, NO_ROWS, (str(table),))
    if not records:
        raise UsageError(
            f"The table {table} has no column that can be written: it has none, or all are generated; "
            "add rows to it with INSERT ... DEFAULT VALUES"
        )
    return tuple(record[0] for record in records)


def insert_of(table: TableName, columns: Sequence[str]) -> Query:
    """A statement that is prepared and never run: its parameters have the types of the columns."""
    names = ", ".join(map(quote_identifier, columns))
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    query = query_for(f"insert into {table} ({names}) overriding system value values ({places})")  # noqa: S608 - quoted
    assert isinstance(query, Query)  # noqa: S101 - it has no clauses
    return query


async def _check_types(
    session: Session, driver: DriverConnection, table: TableName, columns: Sequence[str], query: Query
) -> None:
    """Forget what the driver knows of the columns when their types have changed since the session last copied.

    In the binary format the server takes the bytes of any type that has as many: an integer would become some float.
    """
    types = tuple([record[0] for record in await driver.fetch(_TYPES, str(table), list(columns))])
    if session.copied_types.setdefault(query, types) != types:
        session.copied_types[query] = types
        session.forget_prepared()
        await driver.reload_schema_state()


def _values(given: GivenRows, rows: Rows, prepared: Prepared) -> Any:
    """The values of each row, in the form that the driver takes."""
    if isinstance(rows, AsyncIterable):
        return given.tuples_of_async(rows, prepared)
    tuples = given.tuples(rows)
    return given.encoded(tuples, prepared) if prepared.encodes else tuples


async def _sent(
    session: Session, driver: DriverConnection, table: TableName, columns: Sequence[str], values: Any
) -> int:
    try:
        status = await driver.copy_records_to_table(
            table.name, schema_name=table.schema, columns=columns, records=values
        )
        return int(status.rpartition(" ")[2])
    except asyncpg.PostgresError as error:
        _name_row(error)
        raise
    except DRIVER_ERRORS:
        raise
    except Exception as error:
        if isinstance(error, Error):
            session.interrupted = True
            raise
        reason = str(error)
    session.interrupted = True  # the driver has sent a request to cancel, which may come late
    raise _Unfit(reason)


def _name_row(error: asyncpg.PostgresError) -> None:
    place = PLACE.search(getattr(error, "context", None) or "")
    if place is not None:
        error.args = (f"{error.args[0]}, in row {place[1]}",)


async def _explained(
    session: Session, query: Query, columns: Sequence[str], given: GivenRows, reason: str
) -> ParameterError:
    """The error that users see for one that was raised while the values of a row were taken or sent."""
    index = await _unfit_column(session, query, given.row)
    if index is None:
        return ParameterError(f"Row {given.number} has a value that cannot be sent in the type of its column")
    prepared = await session.prepared(query)
    kind = prepared.statement.get_parameters()[index].name
    return unfit_value(f'column "{columns[index]}"', kind, reason, given.number)


async def _unfit_column(session: Session, query: Query, values: Values) -> int | None:
    """Which of a row's values cannot be sent, from 0.

    The driver says so when the row is an argument of a statement, before it sends anything; should it send the
    statement after all, that is in a transaction that cannot write.
    """
    await session.settle()
    alone = not session.driver.is_in_transaction()
    if alone:
        await session.command("begin read only")
    try:
        prepared = await session.prepared(query)
        await prepared.statement.fetch(*(prepared.encode(tuple(values)) if prepared.encodes else values))
    except Exception as error:
        found = UNFIT.match(str(error.args[0])) if error.args else None
        return int(found["index"]) - 1 if found else None
    finally:
        if alone:
            await session.command("rollback")
    return None
