"""What is known of a statement: the value that every proof ends in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from assay.pgtypes.model import PgType


class RowBound(StrEnum):
    """How many rows a statement can return."""

    NONE = "none"
    """It returns no result set."""
    ONE = "one"
    """Exactly one row, unless it fails."""
    OPTIONAL = "optional"
    """No row or one."""
    MANY = "many"
    """Any number."""


class NullUse(StrEnum):
    """What passing NULL for a parameter does."""

    REQUIRED = "required"
    """NULL would break a constraint: the statement fails."""
    POINTLESS = "pointless"
    """NULL makes the statement match nothing."""
    ACCEPTED = "accepted"
    """NULL has a meaning."""


class StoredAs(StrEnum):
    """What kind of value a statement stores in a column."""

    NULL = "null"
    CONSTANT = "constant"
    LABEL = "label"
    """A constant of an enum, which the server has looked up among its labels."""
    DEFAULT = "default"
    """The word DEFAULT: what the column has instead of a value."""
    EXPRESSION = "expression"
    """Anything else, a parameter among it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A value that a statement stores in a column, before it is converted to the column's type."""

    column: str
    """``schema.table.column``."""
    how: StoredAs
    type: str
    """As SQL writes it, without limits: ``timestamp with time zone``; empty where the tree does not tell it."""
    text: str | None = None
    """Of a constant that is a text."""
    parameters: tuple[str, ...] = ()
    """The types of the statement's parameters that are in it."""
    zones: str = ""
    """For each part of it that is a moment or a time of day, ``z`` with a time zone or ``n`` with none."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter, ``$1`` being the first."""

    type: PgType
    null: NullUse
    reason: str = ""
    """Why, in words that stand alone: ``team.name is NOT NULL``."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the result."""

    name: str
    type: PgType
    nullable: bool
    """False only when it is proven that the column is never NULL."""
    reason: str
    """Why, in words that stand alone: ``devices.attestation_chain has no NOT NULL constraint``."""
    allowed: tuple[str, ...] | None = None
    """The only values it can have, from a CHECK that lists them; None when that is not known."""
    joined: tuple[str, ...] = ()
    """What outer joins may not find, outermost first, so that this is NULL: a name for each of them. Columns that have
    the same are NULL together; where one's include another's, it is NULL wherever the other is."""
    null_in_row: str = ""
    """Why it may be NULL even where all of them are found; empty when it cannot."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a statement takes and returns, whatever the data and whatever the plan."""

    rows: RowBound
    params: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    reads: tuple[str, ...] = ()
    """The columns read, as ``schema.table.column``, sorted; ``schema.table`` where no column is named."""
    writes: tuple[str, ...] = ()
    """The columns written, as ``schema.table.column``, sorted; ``schema.table`` alone for rows deleted."""
    read_only: bool = False
    """True when it is proven to change nothing, so that it may run on a replica."""
    rows_reason: str = ""
    """Why the row bound is what it is."""
    unfiltered: bool = False
    """True for an UPDATE or DELETE of every row of a table."""
    left_out: tuple[str, ...] = ()
    """The columns, as ``table.column``, for whose absence every row of an INSERT is refused; sorted."""
    stored: tuple[Stored, ...] = ()
    """The values that it stores in columns, in an order that the schema does not change."""
    notes: tuple[str, ...] = field(default=())
    """What could not be proven, and why; empty when the analysed tree was read whole."""

    def to_json(self) -> dict[str, Any]:
        """The form of ``assay describe --json``, made of dicts, lists, strings and booleans."""
        return {
            "rows": str(self.rows),
            "params": [{"type": str(p.type), "null": str(p.null)} for p in self.params],
            "columns": [
                {"name": c.name, "type": str(c.type), "nullable": c.nullable, "reason": c.reason}
                | ({"allowed": list(c.allowed)} if c.allowed is not None else {})
                for c in self.columns
            ],
            "reads": list(self.reads),
            "writes": list(self.writes),
            "read_only": self.read_only,
        }
