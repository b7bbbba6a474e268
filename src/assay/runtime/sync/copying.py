"""Rows sent into a table by COPY in its binary format (manual, SQL command COPY, "Binary Format")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from struct import pack
from typing import Any

from psycopg.pq import DiagnosticField, ExecStatus

from assay.errors import ParameterError, UsageError
from assay.runtime.copying import PLACE, WRITABLE, CopyIn, fields_of, insert_of
from assay.runtime.dynamic import query_for
from assay.runtime.given_rows import GivenRows, RowsFailed, Wanted, source_errors
from assay.runtime.query import NO_ROWS, Query
from assay.runtime.redacting import unfit_value
from assay.runtime.sync.codecs.codec import Codec
from assay.runtime.sync.codecs.containers import sized
from assay.runtime.sync.session import Session
from assay.runtime.sync.statements import Prepared
from assay.sql.names import TableName
from assay.sql.quoting import quote_identifier

_HEAD, _TAIL = b"PGCOPY\n\xff\r\n\0" + pack("!ii", 0, 0), pack("!h", -1)
_PIECE = 64_000
"""Bytes that are sent at a time."""


def copy_rows(session: Session, copy: CopyIn) -> int:
    """Copy rows, all of them or none; how many they were."""
    if not isinstance(copy.rows, Iterable):
        raise UsageError("The rows come from an asynchronous generator, which a thread cannot wait for; give another")
    with source_errors():
        first, rows = _first(copy.rows)
        if not first:
            return 0
        columns = copy.columns or fields_of(first[0]) or _writable(session, copy.table)
        places = f"the columns {', '.join(columns)}"
        given = GivenRows(Wanted(columns, len(columns), places, all_keys=copy.columns is None))
        query = insert_of(copy.table, columns)
        session.forget(query)  # the types of columns may have changed, and COPY itself does not check what it is sent
        with session.using(query):
            prepared = session.prepared(query)
            pieces = _pieces(_tuples(given, rows, columns, prepared))
            return _sent(session, copy.table, columns, pieces)


def _first(rows: Iterable[Any]) -> tuple[list[Any], Iterable[Any]]:
    """The first row, if there is one, and all of them."""
    try:
        iterator = iter(rows)
        start = [*islice(iterator, 1)]
    except Exception as error:
        raise RowsFailed(error) from None
    return start, chain(start, iterator)


def _writable(session: Session, table: TableName) -> tuple[str, ...]:
    """The columns of a table that can be written, in order."""
    query = query_for(WRITABLE)
    assert isinstance(query, Query)  # noqa: S101 - it has no clauses
    _, records = session.fetch(query, NO_ROWS, (str(table),))
    if not records:
        raise UsageError(
            f"The table {table} has no column that can be written: it has none, or all are generated; "
            "add rows to it with INSERT ... DEFAULT VALUES"
        )
    return tuple(record[0] for record in records)


def _tuples(given: GivenRows, rows: Iterable[Any], columns: Sequence[str], prepared: Prepared) -> Iterator[bytes]:
    """Each row as COPY takes it. Raises ParameterError, naming row and column, for a value that cannot be sent."""
    codecs = prepared.statement.parameters
    for column, codec in zip(columns, codecs, strict=True):
        if not codec.sends_binary:
            raise ParameterError(f'The column "{column}" has the type {codec.type.name}, of which COPY takes only text')
    tuples = given.tuples(rows)
    count = pack("!h", len(codecs))
    for values in given.encoded(tuples, prepared) if prepared.encodes else tuples:
        parts = [
            _form(codec, value, column, given.number)
            for codec, value, column in zip(codecs, values, columns, strict=True)
        ]
        yield count + b"".join(parts)


def _form(codec: Codec, value: Any, column: str, row: int) -> bytes:
    try:
        return sized(None if value is None else codec.form(value))
    except Exception as error:
        raise unfit_value(f'column "{column}"', codec.type.name, str(error), row) from None


def _pieces(tuples: Iterable[bytes]) -> Iterator[bytes]:
    """Rows put together to pieces worth sending."""
    parts, size = [_HEAD], 0
    for data in tuples:
        parts.append(data)
        size += len(data)
        if size >= _PIECE:
            yield b"".join(parts)
            parts, size = [], 0
    yield b"".join([*parts, _TAIL])


def _sent(session: Session, table: TableName, columns: Sequence[str], pieces: Iterator[bytes]) -> int:
    names = ", ".join(map(quote_identifier, columns))
    text = f"copy {table} ({names}) from stdin (format binary)"
    data = session.sendable(text)
    result = session.wire.copy(lambda: session.driver.pgconn.send_query(data), pieces)
    if result.status == ExecStatus.FATAL_ERROR:
        context = result.error_field(DiagnosticField.CONTEXT) or b""
        place = PLACE.search(context.decode("utf-8", "replace"))
        raise session.refusal(result, text, row=int(place[1]) if place else None)
    return result.command_tuples or 0
