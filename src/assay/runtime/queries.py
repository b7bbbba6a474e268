"""The methods of the executors, over one way to run a statement that each has of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, LiteralString, Protocol, TypeVar

import asyncpg

from assay.errors import NoRows, TooManyRows
from assay.runtime.building import Builder, build
from assay.runtime.session import Session

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")


class Lender(Protocol):
    """What lends a session for as long as something runs on it."""

    async def lend(self) -> Session:
        """A session that nobody else uses."""
        ...

    def take_back(self, session: Session) -> None:
        """Take it back; this never waits."""
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
            raise _miscounted(sql, len(records), optional=False)
        value: T = builder(records)[0]
        return value

    async def fetch_optional(self, row: TypeForm[T], sql: LiteralString, /, *args: object, **named: object) -> T | None:
        """The only row, or None. Raises TooManyRows when there are more."""
        builder, records = await self._fetch(row, sql, args, named)
        if len(records) > 1:
            raise _miscounted(sql, len(records), optional=True)
        value: T | None = builder(records)[0] if records else None
        return value

    async def execute(self, sql: LiteralString, /, *args: object, **named: object) -> int:
        """Run a statement and return the number of rows affected; without parameters it may be several statements."""
        tag = await self._execute(sql, args, named)
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    @abstractmethod
    async def lend(self) -> Session:
        """A session that nobody else uses, for as long as something runs on it."""

    @abstractmethod
    def take_back(self, session: Session) -> None:
        """Take a session back; this never waits."""

    @abstractmethod
    def _is_in_transaction(self) -> bool:
        """Whether what is run now is part of a transaction that is open already."""

    @abstractmethod
    async def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[asyncpg.Record]]:
        """Run a statement for its records, and find what builds its rows."""

    @abstractmethod
    async def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        """Run a statement for its command tag."""


def _miscounted(sql: str, count: int, *, optional: bool) -> NoRows | TooManyRows:
    words = " ".join(sql.split())
    shown = words if len(words) <= 60 else words[:57] + "..."
    if count == 0:
        return NoRows(f"fetch_one found no row, in: {shown}; use fetch_optional if that is expected")
    call = "fetch_optional" if optional else "fetch_one"
    return TooManyRows(f"{call} found {count} rows, in: {shown}; use fetch_all, or make the statement return one")
