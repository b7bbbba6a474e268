"""What runs statements without waiting for an event loop: the protocol of the sync surface."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, LiteralString, Protocol, TypeVar

from assay.runtime.executor import Isolation

if TYPE_CHECKING:
    from typing_extensions import TypeForm

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

    def execute(self, sql: LiteralString, /, *args: object, **named: object) -> int:
        """Run a statement and return the number of rows affected, as in the server's command tag; 0 if it has none.

        Without parameters it may be several statements with semicolons between them: they run in one transaction,
        and the number is the last one's.
        """
        ...

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False, deferrable: bool = False
    ) -> AbstractContextManager[Executor]:
        """A block that is committed at its end, and rolled back by an exception."""
        ...
