"""The Python annotation that a PostgreSQL type has, and what is needed to compare the two.

:mod:`assay.pgtypes.results` and :mod:`assay.pgtypes.parameters` compare, one for each direction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from assay.pgtypes.hints import Hint, show
from assay.pgtypes.model import PgType
from assay.pgtypes.table import ENTRIES, REFUSED, TEXT_ONLY, VECTORS, Entry

JSON_TYPES = frozenset({"json", "jsonb"})

RECORD = "asyncpg.protocol.record.Record"
RANGE = "asyncpg.types.Range"
LISTS = frozenset({
    "list",
    "collections.abc.Sequence",
    "collections.abc.MutableSequence",
    "collections.abc.Collection",
    "collections.abc.Reversible",
    "collections.abc.Iterable",
    "collections.abc.Container",
    "collections.abc.Sized",
})  # fmt: skip
"""What a field for a list may be annotated with."""
_TEXT = ENTRIES["text"]
_BINARY = JSON_TYPES.union(ENTRIES, VECTORS, REFUSED) - TEXT_ONLY


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why an annotation does not fit a type, and one that does."""

    why: str
    """In words that stand alone: ``uuid arrives as UUID``."""
    annotation: str
    """Without ``| None``; empty when none fits."""


def python_type(pg: PgType, allowed: tuple[str, ...] | None = None) -> str:
    """The annotation to suggest for a type, without ``| None``; empty for a type that cannot be fetched."""
    if refusal(pg) is not None:
        return ""
    if allowed and _returns_text(pg):
        return f"Literal[{', '.join(map(repr, allowed))}]"
    match pg.kind:
        case "domain":
            return python_type(part_of(pg))
        case "array":
            return f"list[{python_type(part_of(pg))}]"
        case "range":
            return f"asyncpg.Range[{python_type(part_of(pg))}]"
        case "multirange":
            return f"list[asyncpg.Range[{python_type(part_of(pg))}]]"
        case "enum":
            return f"Literal[{', '.join(map(repr, pg.labels))}]"
        case "composite":
            return "asyncpg.Record"
    if is_builtin(pg, VECTORS):
        return "list[int]"
    if is_builtin(pg, JSON_TYPES):
        return "dict[str, Any]"
    entry = entry_of(pg)
    return entry.write if entry else ""


def refusal(pg: PgType, verb: str = "fetched") -> str | None:
    """Why no value of a type can be fetched at all, or None."""
    part = _text_part(pg)
    if part is not None:
        return f"{pg} cannot be {verb}: the driver has no binary form of {part}, which is in it"
    if pg.element is not None:
        return refusal(pg.element, verb)
    if is_builtin(pg, REFUSED):
        return f"{pg} cannot be {verb}: {REFUSED[pg.name]}"
    if pg.kind == "pseudo" and pg.name not in ENTRIES:
        return f"{pg} is a pseudo-type, which the driver does not decode"
    return None


def _text_part(pg: PgType) -> PgType | None:
    """What a composite or a range holds, at any depth, that keeps the driver from reading it."""
    parts = [field for _, field in pg.fields] + ([pg.element] if pg.element is not None else [])
    for part in parts:
        if pg.kind in ("composite", "range", "multirange") and _is_text_only(part):
            return part
        if (inner := _text_part(part)) is not None:
            return inner
    return None


def _is_text_only(pg: PgType) -> bool:
    """Whether the driver has only the text form of a type or of its elements, as of those that extensions bring."""
    if pg.kind in ("domain", "array"):
        return _is_text_only(part_of(pg))
    return pg.kind == "base" and not is_builtin(pg, _BINARY)


def entry_of(pg: PgType) -> Entry | None:
    """Of a built-in type its entry; a base type that an extension added travels as its text form."""
    if is_builtin(pg, REFUSED):
        return None
    if is_builtin(pg, ENTRIES):
        return ENTRIES[pg.name]
    return _TEXT if pg.kind == "base" else None


def is_builtin(pg: PgType, names: Iterable[str]) -> bool:
    """Whether a type is one of the built-in ones named, and not another of the same name."""
    return pg.schema in (None, "pg_catalog") and pg.kind in ("base", "pseudo") and pg.name in names


def _returns_text(pg: PgType) -> bool:
    if pg.kind == "domain":
        return _returns_text(part_of(pg))
    entry = entry_of(pg)
    return pg.kind == "enum" or (entry is not None and entry.returns == ("str",))


def part_of(pg: PgType) -> PgType:
    """Of an array the element, of a domain the base, of a range the subtype."""
    return pg.element or PgType("unknown", "pseudo")


def shown(hint: Hint) -> str:
    """A hint as one would write it, without None."""
    return " | ".join(show(member) for member in hint.members)


def listed(values: Iterable[Any]) -> str:
    """Values for a message."""
    return ", ".join(repr(value) for value in values)
