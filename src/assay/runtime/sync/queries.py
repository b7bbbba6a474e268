"""The methods of the executors, over one way to run a statement that each has of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, LiteralString, Protocol, TypeVar

from assay.runtime.building import Builder, build
from assay.runtime.queries import affected, miscounted
from assay.runtime.sync.session import Session

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")


class Lender(Protocol):
    """What lends a session for as long as something runs on it."""

    def lend(self) -> Session:
        """A session that nobody else uses."""
        ...

    def take_back(self, session: Session) -> None:
        """Take it back."""
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

    @abstractmethod
    def lend(self) -> Session:
        """A session that nobody else uses, for as long as something runs on it."""

    @abstractmethod
    def take_back(self, session: Session) -> None:
        """Take a session back."""

    @abstractmethod
    def holds(self, session: Session) -> bool:
        """Whether a session that it lent may still be used."""

    @abstractmethod
    def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[Any]]:
        """Run a statement for its records, and find what builds its rows."""

    @abstractmethod
    def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        """Run a statement for its command tag."""
