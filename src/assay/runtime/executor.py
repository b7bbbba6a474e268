"""What runs statements: the protocol that a pool, a connection and a transaction share."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal, LiteralString, Protocol, TypeAlias, TypedDict, TypeVar, Unpack, overload

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from assay.runtime.streaming import Stream

T = TypeVar("T")
Isolation: TypeAlias = Literal["read committed", "repeatable read", "serializable"]


class BlockOptions(TypedDict, total=False):
    """How a transaction is begun, and how long it may wait; what is not given is as the session is set."""

    isolation: Isolation | None
    """``"read committed"``, ``"repeatable read"`` or ``"serializable"``. This, ``readonly`` and ``deferrable`` are for
    the outermost block only, and so is ``retry``."""
    readonly: bool
    """Refuse statements that write."""
    deferrable: bool
    """With serializable and readonly, wait for a moment in which the transaction cannot fail."""
    statement_timeout: float | None
    """Seconds that each statement in the block may take, then QueryCanceled; 0 for no limit."""
    lock_timeout: float | None
    """Seconds that a statement in the block may wait for a lock, then LockNotAvailable; 0 for no limit."""
    idle_timeout: float | None
    """Seconds that may pass between statements; then the server ends the connection."""


class Executor(Protocol):
    """Runs statements; annotate the functions that hold your queries with it.

    SQL is a literal string: type checkers that know LiteralString (pyright, pyrefly, ty) refuse one that is built from
    user input, and ``assay check`` reports one that it cannot prove. Parameters are ``$1``, ``$2``,
    ... by position; or ``:name`` by keyword, or all taken from the fields of one object given by position. A clause in
    ``[[ ]]`` is left out when a parameter in it is ``assay.OMIT``, and ``{name}`` becomes one of the strings that the
    argument of that name has as its ``Literal`` or enum; each statement that comes of it is proven.

    ``row`` is what each row becomes: a dataclass, msgspec.Struct, attrs class, NamedTuple, TypedDict or pydantic
    model, whose fields are matched with columns by name; ``tuple[...]``, by position; or the type of a single
    column's value, such as ``int`` or ``str | None``.

    Every method raises ParameterError when arguments and placeholders do not fit, RowClassError when columns and row
    class do not, DecodeError when a value does not fit its field, and a DatabaseError when the server refuses the
    statement.
    """

    async def fetch_all(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> list[T]:
        """Every row."""
        ...

    async def fetch_one(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> T:
        """The only row. Raises NoRows or TooManyRows when there is not exactly one."""
        ...

    async def fetch_optional(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> T | None:
        """The only row, or None. Raises TooManyRows when there are more."""
        ...

    def stream(
        self, row: TypeForm[T], sql: LiteralString, /, *args: object, batch: int = 500, **named: object
    ) -> Stream[T]:
        """The rows one after the other, from a cursor on the server, ``batch`` of them fetched at a time.

        ``async for row in db.stream(...)``; or ``async with db.stream(...) as rows`` around that, which closes the
        cursor for certain when the loop is left early. Outside of a transaction it reads only.
        """
        ...

    async def execute(self, sql: LiteralString, /, *args: object, **named: object) -> int:
        """Run a statement and return the number of rows affected, as in the server's command tag; 0 if it has none.

        Without parameters it may be several statements with semicolons between them: they run in one transaction,
        and the number is the last one's.
        """
        ...

    async def execute_many(self, sql: LiteralString, rows: Iterable[Any], /) -> int:
        """Run a statement once for each row of arguments, all or none, in one round trip; the rows affected in all."""
        ...

    async def fetch_many(self, row: TypeForm[T], sql: LiteralString, rows: Iterable[Any], /) -> list[T]:
        """Run a statement with RETURNING once for each row of arguments; what they returned, in that order."""
        ...

    async def copy_in(
        self, table: LiteralString, rows: Iterable[Any] | AsyncIterable[Any], *, columns: Sequence[str] | None = None
    ) -> int:
        """Insert rows with COPY, all or none; how many they were."""
        ...

    def copy_out(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> Stream[T]:
        """All the rows of a large result, one after the other."""
        ...

    async def notify(self, channel: str, payload: str = "") -> None:
        """Send a notification, when the transaction that it is sent in is committed."""
        ...

    @overload
    def transaction(
        self, *, retry: None = None, **options: Unpack[BlockOptions]
    ) -> AbstractAsyncContextManager[Executor]:
        """A block that is committed at its end, and rolled back by an exception or a cancellation."""
        ...

    @overload
    def transaction(
        self, *, retry: int, **options: Unpack[BlockOptions]
    ) -> AsyncIterator[AbstractAsyncContextManager[Executor]]:
        """A loop around such a block, that runs it again after a serialization failure or a deadlock."""
        ...
