"""A PostgreSQL type as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["base", "array", "enum", "domain", "composite", "range", "multirange", "pseudo"]


@dataclass(frozen=True, slots=True)
class PgType:
    """A type of the server, with what is needed to compare it with a Python type.

    ``str()`` gives the name by which Assay shows it: ``int4``, ``text[]``, ``mood``, ``app.mood`` where the type's
    schema is not on the search path.
    """

    name: str
    """As in pg_type.typname; for an array, the element's display name followed by ``[]``."""
    kind: Kind = "base"
    schema: str | None = None
    """None when the type is found without naming its schema."""
    oid: int = 0
    """Of the server that was asked; 0 where it is not known."""
    element: PgType | None = None
    """Of an array the element, of a domain the base, of a range or multirange the subtype."""
    labels: tuple[str, ...] = ()
    """Of an enum, in order."""
    fields: tuple[tuple[str, PgType], ...] = ()
    """Of a composite, in order."""
    not_null: bool = False
    """A domain that refuses NULL."""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name
