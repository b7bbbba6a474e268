"""Rows in batches from a cursor on the server, so that a result of any size needs the memory of one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from asyncpg.cursor import Cursor

from assay.errors import DatabaseError, ReadOnlyTransaction, UsageError
from assay.runtime.building import Builder, build
from assay.runtime.dynamic import query_for
from assay.runtime.loops import call_in
from assay.runtime.query import Query
from assay.runtime.session import Session
from assay.sql.lexer import Kind, tokenize

if TYPE_CHECKING:
    import asyncpg

    from assay.runtime.queries import Queries
    from assay.runtime.transaction import Transaction

T = TypeVar("T")

_WRITING = frozenset({"insert", "update", "delete", "merge", "share"})
"""The words of which a statement that writes, or locks rows, has one; a column's name may be one of them as well."""
_STALE = ("0A000", "26000")
"""What a statement fails with that was prepared before the schema changed, or is prepared no more."""
READING_ONLY = "a stream of a SELECT outside of a transaction only reads, so open it inside of a transaction() block"
BATCH = 500
"""Rows that are fetched at a time, unless the call says otherwise."""


class Stream(Generic[T]):
    """The rows of a statement, one after the other: ``async for row in db.stream(Device, "select ...")``.

    The cursor is opened when the first row is asked for. With ``async with db.stream(...) as rows`` it is opened at
    the beginning of the block, and closed at its end whatever happens in between. Without, it is closed after the
    last row, on every error, and when nothing refers to the stream any more, as after leaving the loop early.

    A cursor lives in a transaction. Inside of one the stream uses it; on a pool, and on a connection that is in none,
    it has a transaction of its own, from the first row to the last. Rows are those that were there when the cursor was
    opened. The transaction is read-only unless the statement writes or locks by its words, as INSERT ... RETURNING and
    SELECT ... FOR UPDATE do; then it is committed after the last row and at the end of an ``async with`` block, and
    rolled back on every error, and when a loop without such a block is left early.
    """

    __slots__ = (
        *("_batch", "_block", "_bound", "_builder", "_cursor", "_home"),
        *("_loop", "_row", "_rows", "_session", "_started"),
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
        self._cursor: Cursor[asyncpg.Record] | None = None
        self._builder: Builder
        self._loop: asyncio.AbstractEventLoop
        self._started = False
        self._home = home
        self._row = row
        self._bound: tuple[Query, tuple[object, ...]] = query_for(sql).bind(args, dict(named))
        self._batch = checked_batch(batch)
        self._rows: list[T] = []
        """Of the batch, what has not been handed out, the next one last."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if not self._rows:
            await self._next_batch()
        return self._rows.pop()

    async def __aenter__(self) -> Self:
        if self._started:
            raise UsageError("This stream has begun; call stream() again for another one")
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.clear()
        await self._close(kind, error, trace)

    async def aclose(self) -> None:
        """Close the cursor, and give back the connection that was taken for it; doing so again does nothing."""
        self._started = True
        self._rows.clear()
        await self._close(None, None, None)

    def __del__(self) -> None:
        if self._session is None and self._block is None:
            return
        call_in(self._loop, _let_go, self._block, self._session, self._cursor)

    # --- the cursor

    async def _next_batch(self) -> None:
        if not self._started:
            await self._open()
        if self._session is None:
            raise StopAsyncIteration
        try:
            records = await self._fetch()
            rows: list[T] = build(self._builder, records)
            if len(records) < self._batch:
                await self._close(None, None, None)
        except BaseException as error:
            await self._close(type(error), error, error.__traceback__)
            raise
        if not rows:
            raise StopAsyncIteration
        rows.reverse()
        self._rows = rows

    async def _fetch(self) -> list[asyncpg.Record]:
        session = await (self._block or self._home).lend()
        assert self._cursor is not None  # noqa: S101 - there is one while there is a session
        try:
            async with session.using(self._bound[0]):
                return await self._cursor.fetch(self._batch)
        except ReadOnlyTransaction as error:
            if self._block is not None:
                error.args = (f"{error.message}; {READING_ONLY}",)
            raise

    async def _open(self) -> None:
        self._started = True
        self._loop = asyncio.get_running_loop()
        try:
            await self._begin()
        except DatabaseError as error:
            if error.sqlstate not in _STALE or self._home.reading_block() is None:
                raise
            await self._begin()  # with the statement prepared anew

    async def _begin(self) -> None:
        block = self._home.reading_block()
        if block is not None:
            block = block.writing() if may_write(self._bound[0].statement.text) else block
            await block.__aenter__()
            self._block = block
        try:
            session = await (self._block or self._home).lend()
            await self._bind(session)
            self._session = session
        except BaseException as error:
            await self._close(type(error), error, error.__traceback__)
            raise

    async def _bind(self, session: Session) -> None:
        query, values = self._bound
        async with session.using(query):
            prepared = await session.prepared(query)
            self._builder = prepared.layout.builder(self._row)
            arguments = prepared.encode(values) if prepared.encodes else values
            self._cursor = await prepared.statement.cursor(*arguments)

    async def _close(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End its own transaction; in another's, close the cursor alone."""
        block, session, cursor = self._block, self._session, self._cursor
        self._block = self._session = self._cursor = None
        if block is not None:
            await block.__aexit__(kind, error, trace)
        elif session is not None and cursor is not None:
            session.leave_open(cursor)
            if error is None:
                await session.settle()


def may_write(sql: str) -> bool:
    """Whether a statement writes or locks rows by its words; what functions do behind its back cannot be seen here."""
    return any(sql[token.start : token.end].lower() in _WRITING for token in tokenize(sql) if token.kind is Kind.WORD)


def checked_batch(batch: int) -> int:
    """The number of rows to fetch at a time. Raises UsageError when it is none."""
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise UsageError(f"batch is {batch!r}; it takes the number of rows to fetch at a time, such as {BATCH}")
    return batch


def _let_go(block: Transaction | None, session: Session | None, cursor: Cursor[asyncpg.Record] | None) -> None:
    """End what a stream had begun, where nobody can wait for it."""
    if block is not None:
        block.abandon()
    elif session is not None and cursor is not None:
        session.leave_open(cursor)
