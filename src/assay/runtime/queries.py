"""The methods of the executors, over one way to run a statement that each has of its own.

What copies, streams and runs batches is loaded with the first call that needs it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, LiteralString, Protocol, TypeVar

import asyncpg

from assay.errors import NoRows, TooManyRows
from assay.runtime.building import Builder, build
from assay.runtime.session import Session
from assay.wording import shortened

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from assay.runtime.streaming import Stream
    from assay.runtime.transaction import Transaction

T = TypeVar("T")


class Lender(Protocol):
    """What lends a session for as long as something runs on it."""

    async def lend(self) -> Session:
        """A session that nobody else uses."""
        ...

    def take_back(self, session: Session) -> None:
        """Take it back; this never waits."""
        ...

    def holds(self, session: Session) -> bool:
        """Whether a session that it lent may still be used."""
        ...


class Queries(ABC):
    """The methods that run statements, as :class:`assay.Executor` describes them."""

    __slots__ = ()

    async def fetch_all(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> list[T]:
        """Every row."""
        builder, records = await self._fetch(row, sql, args, named)
        return build(builder, records)

    async def fetch_one(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> T:
        """The only row. Raises NoRows or TooManyRows when there is not exactly one."""
        builder, records = await self._fetch(row, sql, args, named)
        if len(records) != 1:
            raise miscounted(sql, len(records), optional=False)
        value: T = builder(records)[0]
        return value

    async def fetch_optional(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> T | None:
        """The only row, or None. Raises TooManyRows when there are more."""
        builder, records = await self._fetch(row, sql, args, named)
        if len(records) > 1:
            raise miscounted(sql, len(records), optional=True)
        value: T | None = builder(records)[0] if records else None
        return value

    async def execute(self, sql: LiteralString, /, *args: object, **named: object) -> int:
        """Run a statement and return the number of rows affected; without parameters it may be several statements."""
        return affected(await self._execute(sql, args, named))

    def stream(
        self, row: TypeForm[T], sql: LiteralString, /, *args: object, batch: int = 500, **named: object
    ) -> Stream[T]:
        """The rows one after the other, from a cursor on the server: ``async for row in db.stream(...)``.

        ``batch`` is how many rows are fetched at a time. See :class:`assay.Stream`.
        """
        from assay.runtime.streaming import Stream

        return Stream(self, row, sql, args, named, batch=batch)

    async def execute_many(self, sql: LiteralString, rows: Iterable[Any], /) -> int:
        """Run a statement once for each row of arguments, all or none, in one round trip; the rows affected in all.

        Args:
            sql: one statement, without clauses or choices.
            rows: for ``$1``, ``$2``, ... tuples or lists; for ``:name`` objects with such fields, or mappings. A
                generator is taken as the rows are sent.

        Raises ParameterError, naming the row, when rows and placeholders do not fit, and a DatabaseError that names
        the row for which the server refused the statement; then none of them has taken effect.
        """
        from assay.runtime.batches import batch, run_batch

        asked = batch(sql, rows)
        session = await self.lend()
        try:
            return await run_batch(session, asked)
        finally:
            self.take_back(session)

    async def fetch_many(self, row: TypeForm[T], sql: LiteralString, rows: Iterable[Any], /) -> list[T]:
        """Run a statement with RETURNING once for each row of arguments, as ``execute_many`` does.

        Gives what the executions returned, in the order of the rows of arguments.
        """
        from assay.runtime.batches import batch, fetch_batch

        asked = batch(sql, rows)
        session = await self.lend()
        try:
            return await fetch_batch(session, asked, row)
        finally:
            self.take_back(session)

    async def copy_in(
        self, table: LiteralString, rows: Iterable[Any] | AsyncIterable[Any], *, columns: Sequence[str] | None = None
    ) -> int:
        """Insert rows with COPY in its binary format, all or none, the quickest way there is; how many they were.

        Args:
            table: its name as in SQL: ``device``, ``audit.event``, ``"Odd name"``.
            rows: objects with fields, mappings, or tuples by position; also from a generator or an asynchronous one,
                which is taken as the rows are sent.
            columns: where the values go, in this order for tuples; else the fields of the first row's class or the
                keys of the first mapping, and for tuples all columns that can be written, in the table's order.

        The role needs SELECT on the columns besides INSERT. Raises ParameterError, naming row and column, for a value
        that cannot be sent, and a DatabaseError that names the row when the server refuses one.
        """
        from assay.runtime.copying import copy_of, copy_rows

        asked = copy_of(table, rows, columns)
        session = await self.lend()
        try:
            return await copy_rows(session, asked)
        finally:
            self.take_back(session)

    def copy_out(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> Stream[T]:
        """All the rows of a large result, one after the other: ``stream`` with batches of 5,000.

        It reads through a cursor and not by COPY, which was measured not to be quicker once rows are decoded
        (docs/decisions/0012).
        """
        from assay.runtime.streaming import Stream

        return Stream(self, row, sql, args, named, batch=5_000)

    async def notify(self, channel: str, payload: str = "") -> None:
        """Send a notification; inside of a transaction it goes out when that is committed.

        The payload is a text of less than 8,000 bytes (manual, SQL command NOTIFY).
        """
        await self._execute("select pg_catalog.pg_notify($1, $2)", (channel, payload), {})

    @abstractmethod
    async def lend(self) -> Session:
        """A session that nobody else uses, for as long as something runs on it."""

    @abstractmethod
    def take_back(self, session: Session) -> None:
        """Take a session back; this never waits."""

    @abstractmethod
    def holds(self, session: Session) -> bool:
        """Whether a session that it lent may still be used."""

    @abstractmethod
    def reading_block(self) -> Transaction | None:
        """A read-only transaction, not begun yet, for what needs one; None inside of a transaction."""

    @abstractmethod
    async def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[asyncpg.Record]]:
        """Run a statement for its records, and find what builds its rows."""

    @abstractmethod
    async def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        """Run a statement for its command tag."""


def affected(tag: str) -> int:
    """The number of rows in a command tag; 0 if it has none."""
    count = tag.rpartition(" ")[2]
    return int(count) if count.isdecimal() else 0


def miscounted(sql: str, count: int, *, optional: bool) -> NoRows | TooManyRows:
    """The error for a number of rows that the call does not allow."""
    shown = shortened(sql)
    if count == 0:
        return NoRows(f"fetch_one found no row, in: {shown}; use fetch_optional if that is expected")
    call = "fetch_optional" if optional else "fetch_one"
    return TooManyRows(f"{call} found {count} rows, in: {shown}; use fetch_all, or make the statement return one")
