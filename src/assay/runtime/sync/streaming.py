"""Rows in batches from a cursor on the server, so that a result of any size needs the memory of one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from psycopg.pq import Format

from assay.errors import ReadOnlyTransaction, UsageError
from assay.runtime.building import Builder, build
from assay.runtime.dynamic import query_for
from assay.runtime.query import Query
from assay.runtime.streaming import BATCH, READING_ONLY, checked_batch, may_write
from assay.runtime.sync.session import Session
from assay.runtime.sync.statements import Prepared
from assay.sql.lexer import BLANK, Kind, tokenize

if TYPE_CHECKING:
    from assay.runtime.sync.queries import Queries
    from assay.runtime.sync.transaction import Transaction

T = TypeVar("T")

_READING = frozenset({"select", "values", "table", "with"})
_WRITING = frozenset({"insert", "update", "delete", "merge"})
_VERBS = _READING | _WRITING
_NAMES_FOLLOW = frozenset({"with", "recursive", ","})


@dataclass(slots=True)
class Cursor:
    """What rows are fetched from."""

    name: str
    format: Format
    rows: list[Any] | None = None
    """All of them, the next one last, of a statement that the server makes no cursor for."""


class Stream(Generic[T]):
    """The rows of a statement, one after the other: ``for row in db.stream(Device, "select ...")``.

    The cursor is opened when the first row is asked for. With ``with db.stream(...) as rows`` it is opened at the
    beginning of the block, and closed at its end whatever happens in between. Without, it is closed after the last
    row, on every error, and when nothing refers to the stream any more, as after leaving the loop early.

    A cursor lives in a transaction. Inside of one the stream uses it; on a pool, and on a connection that is in none,
    it has a transaction of its own, from the first row to the last; read-only unless the statement writes or locks by
    its words, and ended as that of :class:`assay.Stream`. Rows are those that were there when the cursor was opened.
    A statement that writes has no cursor here: all rows that it returns are fetched at once.
    """

    __slots__ = (
        *("_batch", "_block", "_bound", "_builder", "_cursor", "_home"),
        *("_row", "_rows", "_session", "_started"),
    )

    def __init__(
        self,
        home: Queries,
        row: Any,
        sql: str,
        args: tuple[object, ...],
        named: Mapping[str, object],
        *,
        batch: int = BATCH,
    ) -> None:
        self._session: Session | None = None
        """While the cursor is open."""
        self._block: Transaction | None = None
        """Its own transaction, while it has one."""
        self._cursor: Cursor | None = None
        self._builder: Builder
        self._started = False
        self._home = home
        self._row = row
        self._bound: tuple[Query, tuple[object, ...]] = query_for(sql).bind(args, dict(named))
        self._batch = checked_batch(batch)
        self._rows: list[T] = []
        """Of the batch, what has not been handed out, the next one last."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if not self._rows:
            self._next_batch()
        return self._rows.pop()

    def __enter__(self) -> Self:
        if self._started:
            raise UsageError("This stream has begun; call stream() again for another one")
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.clear()
        self._close(kind, error, trace)

    def close(self) -> None:
        """Close the cursor, and give back the connection that was taken for it; doing so again does nothing."""
        self._started = True
        self._rows.clear()
        self._close(None, None, None)

    def __del__(self) -> None:
        block, session, cursor = self._block, self._session, self._cursor
        if block is not None:
            block.abandon()
        elif session is not None and cursor is not None:
            _leave_open(session, cursor)

    # --- the cursor

    def _next_batch(self) -> None:
        if not self._started:
            self._open()
        if self._session is None:
            raise StopIteration
        try:
            records = self._fetch()
            rows: list[T] = build(self._builder, records)
            if len(records) < self._batch:
                self._close(None, None, None)
        except BaseException as error:
            self._close(type(error), error, error.__traceback__)
            raise
        if not rows:
            raise StopIteration
        rows.reverse()
        self._rows = rows

    def _fetch(self) -> Sequence[Any]:
        session = (self._block or self._home).lend()
        assert self._cursor is not None  # noqa: S101 - there is one while there is a session
        try:
            with session.using(self._bound[0]):
                return fetch(session, self._cursor, self._batch)
        except ReadOnlyTransaction as error:
            if self._block is not None:
                error.args = (f"{error.message}; {READING_ONLY}",)
            raise

    def _open(self) -> None:
        self._started = True
        block = self._home.reading_block()
        if block is not None:
            block = block.writing() if may_write(self._bound[0].statement.text) else block
            block.__enter__()
            self._block = block
        try:
            session = (self._block or self._home).lend()
            query, values = self._bound
            with session.using(query):
                prepared = session.prepared(query)
                self._builder = prepared.layout.builder(self._row)
                self._cursor = open_cursor(session, query, prepared, values)
            self._session = session
        except BaseException as error:
            self._close(type(error), error, error.__traceback__)
            raise

    def _close(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End its own transaction; in another's, close the cursor alone."""
        block, session, cursor = self._block, self._session, self._cursor
        self._block = self._session = self._cursor = None
        if block is not None:
            block.__exit__(kind, error, trace)
        elif session is not None and cursor is not None:
            _leave_open(session, cursor)


def open_cursor(session: Session, query: Query, prepared: Prepared, values: tuple[object, ...]) -> Cursor:
    """Run a statement as a cursor, or for all its rows if it can be none; only inside of ``using``."""
    statement = prepared.statement
    if not can_be_declared(query.statement.text):
        rows = session.rows(session.run(prepared, query, values))
        return Cursor("", statement.format, [*reversed(rows)])
    session.cursors += 1
    name = f"assay_{session.cursors}"
    beginning = f"declare {name} no scroll cursor for "
    data = session.sendable(beginning + query.statement.text)
    forms = statement.forms(prepared.encode(values) if prepared.encodes else values, query)
    send = session.driver.pgconn.send_query_params
    session.ask(lambda: send(data, forms, statement.oids, statement.formats), query, offset=len(beginning))
    return Cursor(name, statement.format)


def fetch(session: Session, cursor: Cursor, count: int) -> Sequence[Any]:
    """The next rows of a cursor; only inside of ``using``."""
    if cursor.rows is not None:
        return [cursor.rows.pop() for _ in range(min(count, len(cursor.rows)))]
    text = f"fetch {count} from {cursor.name}"
    send = session.driver.pgconn.send_query_params
    return session.rows(session.ask(lambda: send(text.encode(), None, result_format=cursor.format), text)[-1])


def _leave_open(session: Session, cursor: Cursor) -> None:
    """Have a cursor closed before the session's next statement."""
    if cursor.rows is None:
        session.left_open.append(cursor.name)
        session.interrupted = True


def can_be_declared(sql: str) -> bool:
    """Whether a statement only reads, as far as its words say (manual, SQL command DECLARE)."""
    tokens = [token for token in tokenize(sql) if token.kind not in BLANK]
    words = [sql[token.start : token.end].lower() if token.kind is not Kind.QUOTED else "" for token in tokens]
    first = next((word for word in words if word != "("), "")
    writes = any(word in _WRITING and before == "(" for before, word in pairwise(words))
    return (_after_with(words) if first == "with" else first) in _READING and not writes


def _after_with(words: Sequence[str]) -> str:
    """The word that the statement behind a WITH clause begins with; names of queries in it may be such words too."""
    depth = 0
    rest = words[words.index("with") :]
    for number, (before, word) in enumerate(pairwise(rest), 1):
        if not depth and ((before, word) == (")", "(") or (before not in _NAMES_FOLLOW and word in _VERBS)):
            return next(found for found in rest[number:] if found != "(")
        depth += (word == "(") - (word == ")")
    return ""
