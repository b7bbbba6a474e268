"""What runs statements without waiting for an event loop: the protocol of the sync surface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, LiteralString, Protocol, TypeVar, Unpack, overload

from assay.runtime.executor import BlockOptions

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from assay.runtime.sync.streaming import Stream

T = TypeVar("T")


class Executor(Protocol):
    """Runs statements; annotate the functions that hold your queries with it.

    Everything that :class:`assay.Executor` says of SQL, parameters, row classes and errors holds here too.
    """

    def fetch_all(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> list[T]:
        """Every row."""
        ...

    def fetch_one(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> T:
        """The only row. Raises NoRows or TooManyRows when there is not exactly one."""
        ...

    def fetch_optional(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> T | None:
        """The only row, or None. Raises TooManyRows when there are more."""
        ...

    def stream(
        self, row: TypeForm[T], sql: LiteralString, /, *args: object, batch: int = 500, **named: object
    ) -> Stream[T]:
        """The rows one after the other, from a cursor on the server, ``batch`` of them fetched at a time.

        ``for row in db.stream(...)``; or ``with db.stream(...) as rows`` around that, which closes the
        cursor for certain when the loop is left early. Outside of a transaction it reads only.
        """
        ...

    def execute(self, sql: LiteralString, /, *args: object, **named: object) -> int:
        """Run a statement and return the number of rows affected, as in the server's command tag; 0 if it has none.

        Without parameters it may be several statements with semicolons between them: they run in one transaction,
        and the number is the last one's.
        """
        ...

    def execute_many(self, sql: LiteralString, rows: Iterable[Any], /) -> int:
        """Run a statement once for each row of arguments, all or none, in one round trip; the rows affected in all."""
        ...

    def fetch_many(self, row: TypeForm[T], sql: LiteralString, rows: Iterable[Any], /) -> list[T]:
        """Run a statement with RETURNING once for each row of arguments; what they returned, in that order."""
        ...

    def copy_in(self, table: LiteralString, rows: Iterable[Any], *, columns: Sequence[str] | None = None) -> int:
        """Insert rows with COPY, all or none; how many they were."""
        ...

    def copy_out(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> Stream[T]:
        """All the rows of a large result, one after the other."""
        ...

    def notify(self, channel: str, payload: str = "") -> None:
        """Send a notification, when the transaction that it is sent in is committed."""
        ...

    @overload
    def transaction(self, *, retry: None = None, **options: Unpack[BlockOptions]) -> AbstractContextManager[Executor]:
        """A block that is committed at its end, and rolled back by an exception."""
        ...

    @overload
    def transaction(self, *, retry: int, **options: Unpack[BlockOptions]) -> Iterator[AbstractContextManager[Executor]]:
        """A loop around such a block, that runs it again after a serialization failure or a deadlock."""
        ...
