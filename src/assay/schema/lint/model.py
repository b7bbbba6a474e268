"""What a statement of a migration did to a scratch database, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from assay.migrate.places import Place
from assay.migrate.scripts import Ready


class Mode(StrEnum):
    """A table-level lock, by PostgreSQL's name; in the order of strength (manual, section 13.3.1)."""

    ACCESS_SHARE = "ACCESS SHARE"
    ROW_SHARE = "ROW SHARE"
    ROW_EXCLUSIVE = "ROW EXCLUSIVE"
    SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"
    SHARE = "SHARE"
    SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
    EXCLUSIVE = "EXCLUSIVE"
    ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"

    @property
    def strength(self) -> int:
        """From 0, the weakest, to 7."""
        return list(Mode).index(self)

    @property
    def blocks(self) -> tuple[str, ...]:
        """What ordinary work has to wait for it: ``reads``, ``writes``, ``schema changes``; the manual's table 13.2."""
        return _BLOCKS[self]

    @property
    def stops_traffic(self) -> bool:
        """Whether reads or writes wait for it."""
        return "writes" in self.blocks

    @property
    def against(self) -> str:
        """What it locks a table against, in words."""
        return "reads and writes" if "reads" in self.blocks else "writes"


_SCHEMA = ("schema changes",)
_BLOCKS: dict[Mode, tuple[str, ...]] = {
    Mode.ACCESS_SHARE: (),
    Mode.ROW_SHARE: (),
    Mode.ROW_EXCLUSIVE: (),
    Mode.SHARE_UPDATE_EXCLUSIVE: _SCHEMA,
    Mode.SHARE: ("writes", *_SCHEMA),
    Mode.SHARE_ROW_EXCLUSIVE: ("writes", *_SCHEMA),
    Mode.EXCLUSIVE: ("writes", *_SCHEMA),
    Mode.ACCESS_EXCLUSIVE: ("reads", "writes", *_SCHEMA),
}


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on a table that was there before the pending migrations."""

    table: str
    """Schema and name, as SQL."""
    mode: Mode
    through: str = ""
    """The index that is locked in the table's stead, which every query of the table waits for."""
    stored: bool = True
    """Whether it is a table with rows of its own, and no view."""


@dataclass(frozen=True, slots=True)
class Built:
    """An index that was built over the rows of a table."""

    index: str
    table: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What one statement did; tables are those that were there before the pending migrations."""

    number: int
    """Which statement of its file, from 1."""
    place: Place
    text: str
    """The statement on one line."""
    words: tuple[str, ...]
    alone: bool
    """Whether it ran outside of any transaction, as CREATE INDEX CONCURRENTLY has to."""
    locks: tuple[Lock, ...] = ()
    """Those it took, the strongest of each table."""
    held: tuple[Lock, ...] = ()
    """Those that earlier statements of the same transaction had taken."""
    rewritten: tuple[str, ...] = ()
    """Tables whose rows were written anew into another file, or thrown away."""
    scanned: tuple[str, ...] = ()
    """Tables that were read from end to end."""
    built: tuple[Built, ...] = ()
    dropped: tuple[str, ...] = ()
    """``table public.device``, ``column public.device.model``."""
    required: tuple[str, ...] = ()
    """Columns that were added NOT NULL without a default, which the server refuses where the table has rows."""
    lock_timeout: bool = False
    """Whether the session gives up waiting for locks after a time."""

    @property
    def in_force(self) -> tuple[Lock, ...]:
        """All locks that the transaction has at the end of the statement, the strongest of each table."""
        return strongest((*self.held, *self.locks))

    def lock_on(self, table: str) -> Lock | None:
        """The lock that the transaction has on a table."""
        return next((lock for lock in self.in_force if lock.table == table), None)

    @property
    def empties(self) -> bool:
        """Whether it is TRUNCATE, after which a table's file is another one too."""
        return self.words[:1] == ("truncate",)


def strongest(locks: tuple[Lock, ...]) -> tuple[Lock, ...]:
    """Of each table the strongest lock, by the table's name."""
    best: dict[str, Lock] = {}
    for lock in locks:
        other = best.get(lock.table)
        if other is None or other.mode.strength < lock.mode.strength:
            best[lock.table] = lock
    return tuple(best[name] for name in sorted(best))


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """A pending migration and what its statements did."""

    ready: Ready
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a table is on the live system."""

    rows: int | None
    """As the server estimates them; None when it has never looked."""
    bytes: int | None = None
    """With indexes and TOAST; None when nobody was asked."""

    def __str__(self) -> str:
        rows = (
            "an unknown number of rows"
            if self.rows is None
            else f"about {self.rows:,} row{'' if self.rows == 1 else 's'}"
        )
        return rows if self.bytes is None else f"{rows}, {_readable(self.bytes)}"

    def to_json(self) -> dict[str, Any]:
        """Rows and bytes."""
        return {"rows": self.rows, "bytes": self.bytes}


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of tables, by schema and name as SQL."""

    known: dict[str, Size] = field(default_factory=dict)
    assumed: int | None = None
    """The rows of every table that is not known."""

    def of(self, table: str) -> Size | None:
        """The size of a table; None when nothing is known."""
        return self.known.get(table) or (None if self.assumed is None else Size(self.assumed))


def _readable(count: int) -> str:
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"
