"""A section of the statistics as a value: columns with their units, and rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["text", "count", "bytes", "seconds", "ratio", "flag", "list"]
"""What the values of a column are: numbers of things, bytes, seconds, parts of one (0 to 1), yes or no, lists."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a section."""

    name: str
    """In JSON; it ends in the unit where there is one: ``heap_bytes``, ``age_seconds``."""
    heading: str
    """In text."""
    unit: Unit = "text"
    long: bool = False
    """Whether it is cut short where a line would not fit the terminal."""
    only_json: bool = False
    only_text: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """What one part of the statistics says."""

    name: str
    """``tables``, ``locks``: the name for ``--only`` and in JSON."""
    title: str
    fields: tuple[Field, ...]
    rows: tuple[tuple[Any, ...], ...] = ()
    """A value for each field; None where it is not known."""
    notes: tuple[str, ...] = ()
    """What could not be seen, how something was found, and what to do, in sentences."""
    nothing: str = "nothing"
    """What to say where there are no rows."""

    def to_json(self) -> dict[str, Any]:
        """Rows as objects, and the notes."""
        told = [(number, field.name) for number, field in enumerate(self.fields) if not field.only_text]
        return {"rows": [{name: row[number] for number, name in told} for row in self.rows], "notes": list(self.notes)}
