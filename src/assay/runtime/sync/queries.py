"""The methods of the executors, over one way to run a statement that each has of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, LiteralString, Protocol, TypeVar

from assay.runtime.batches import batch
from assay.runtime.building import Builder, build
from assay.runtime.copying import copy_of
from assay.runtime.queries import affected, miscounted
from assay.runtime.streaming import BATCH
from assay.runtime.sync.batches import fetch_batch, run_batch
from assay.runtime.sync.copying import copy_rows
from assay.runtime.sync.session import Session
from assay.runtime.sync.streaming import Stream

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from assay.runtime.sync.transaction import Transaction

T = TypeVar("T")


class Lender(Protocol):
    """What lends a session for as long as something runs on it."""

    def lend(self) -> Session:
        """A session that nobody else uses."""
        ...

    def take_back(self, session: Session) -> None:
        """Take it back."""
        ...

    def take_back_later(self, session: Session) -> None:
        """Take it back without waiting for anything."""
        ...

    def holds(self, session: Session) -> bool:
        """Whether a session that it lent may still be used."""
        ...


class Queries(ABC):
    """The methods that run statements, as :class:`assay.sync.Executor` describes them."""

    __slots__ = ()

    def fetch_all(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> list[T]:
        """Every row."""
        builder, records = self._fetch(row, sql, args, named)
        return build(builder, records)

    def fetch_one(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> T:
        """The only row. Raises NoRows or TooManyRows when there is not exactly one."""
        builder, records = self._fetch(row, sql, args, named)
        if len(records) != 1:
            raise miscounted(sql, len(records), optional=False)
        value: T = builder(records)[0]
        return value

    def fetch_optional(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> T | None:
        """The only row, or None. Raises TooManyRows when there are more."""
        builder, records = self._fetch(row, sql, args, named)
        if len(records) > 1:
            raise miscounted(sql, len(records), optional=True)
        value: T | None = builder(records)[0] if records else None
        return value

    def execute(self, sql: LiteralString, /, *args: object, **named: object) -> int:
        """Run a statement and return the number of rows affected; without parameters it may be several statements."""
        return affected(self._execute(sql, args, named))

    def stream(
        self, row: TypeForm[T], sql: LiteralString, /, *args: object, batch: int = BATCH, **named: object
    ) -> Stream[T]:
        """The rows one after the other, from a cursor on the server: ``for row in db.stream(...)``.

        ``batch`` is how many rows are fetched at a time. See :class:`assay.sync.Stream`.
        """
        return Stream(self, row, sql, args, named, batch=batch)

    def execute_many(self, sql: LiteralString, rows: Iterable[Any], /) -> int:
        """Run a statement once for each row of arguments, all or none, in one round trip; the rows affected in all.

        As on the async surface: see :meth:`assay.Pool.execute_many`. The rows are all taken before the first is sent.
        """
        asked = batch(sql, rows)
        session = self.lend()
        try:
            return run_batch(session, asked)
        finally:
            self.take_back(session)

    def fetch_many(self, row: TypeForm[T], sql: LiteralString, rows: Iterable[Any], /) -> list[T]:
        """Run a statement with RETURNING once for each row of arguments, as ``execute_many`` does.

        Gives what the executions returned, in the order of the rows of arguments.
        """
        asked = batch(sql, rows)
        session = self.lend()
        try:
            return fetch_batch(session, asked, row)
        finally:
            self.take_back(session)

    def copy_in(self, table: LiteralString, rows: Iterable[Any], *, columns: Sequence[str] | None = None) -> int:
        """Insert rows with COPY in its binary format, all or none, the quickest way there is; how many they were.

        As on the async surface: see :meth:`assay.Pool.copy_in`.
        """
        asked = copy_of(table, rows, columns)
        session = self.lend()
        try:
            return copy_rows(session, asked)
        finally:
            self.take_back(session)

    def copy_out(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> Stream[T]:
        """All the rows of a large result, one after the other: ``stream`` with batches of 5,000."""
        return Stream(self, row, sql, args, named, batch=5_000)

    def notify(self, channel: str, payload: str = "") -> None:
        """Send a notification; inside of a transaction it goes out when that is committed.

        The payload is a text of less than 8,000 bytes (manual, SQL command NOTIFY).
        """
        self._execute("select pg_catalog.pg_notify($1, $2)", (channel, payload), {})

    @abstractmethod
    def lend(self) -> Session:
        """A session that nobody else uses, for as long as something runs on it."""

    @abstractmethod
    def take_back(self, session: Session) -> None:
        """Take a session back."""

    @abstractmethod
    def take_back_later(self, session: Session) -> None:
        """Take a session back without waiting for anything."""

    @abstractmethod
    def holds(self, session: Session) -> bool:
        """Whether a session that it lent may still be used."""

    @abstractmethod
    def reading_block(self) -> Transaction | None:
        """A read-only transaction, not begun yet, for what needs one; None inside of a transaction."""

    @abstractmethod
    def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[Any]]:
        """Run a statement for its records, and find what builds its rows."""

    @abstractmethod
    def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        """Run a statement for its command tag."""
