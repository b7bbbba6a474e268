"""Which Python enums and Literals hold which columns, as far as the project's queries tell."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from assay.config import DatabaseUrl, Settings
from assay.pgtypes.hints import literal_values, read_hint, show
from assay.pgtypes.model import PgType
from assay.proof.description import Column, Description
from assay.proof.guard import Guard
from assay.proof.place import Place
from assay.proof.rowclasses import ByName, ByPosition, Shape, Single, nested_shape
from assay.proof.verdict import Verdict

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Held:
    """A column of a query, and the closed list of Python values that takes it."""

    python: str
    """The class, or the Literal as it is written."""
    values: tuple[str, ...]
    place: Place
    """The query."""
    field: str
    """``Person.mood``."""
    enum: tuple[str | None, str] | None
    """Schema and name of the enum type; without the schema where the search path leads to it."""
    column: str = ""
    """``schema.table.column`` where a CHECK lists the values; empty where that is not known."""
    allowed: tuple[str, ...] = ()
    """The values that the database can give."""


def held_values(
    settings: Settings, server: DatabaseUrl | None = None, progress: Progress | None = None
) -> tuple[Held, ...]:
    """What the rows of the project's queries hold; the code is imported in a process of its own.

    Args:
        settings: of the project.
        server: as for :func:`assay.proof.project.check`.
        progress: is told how many statements are described, of how many.

    Raises ProofError with the words of whatever keeps the project from being looked at.
    """
    from assay.proof.apart import apart
    from assay.proof.project import discover_in

    if not discover_in(settings).calls:
        return ()
    return apart(partial(_held, settings, server), settings.import_timeout, progress)


def _held(settings: Settings, server: DatabaseUrl | None, guard: Guard, progress: Progress) -> tuple[Held, ...]:
    from assay.proof.project import check

    found = check(settings, server, progress=progress, guard=guard)
    return tuple(dict.fromkeys(held for verdict in found.verdicts for held in _of_verdict(verdict)))


def _of_verdict(verdict: Verdict) -> Iterator[Held]:
    if verdict.description is None or verdict.shape is None or verdict.differing:
        return
    for column in verdict.description.columns:
        for title, annotation in _taking(verdict.shape, column, verdict.description):
            yield from _held_by(verdict, column, title, annotation)


def _taking(shape: Shape, column: Column, description: Description) -> Iterator[tuple[str, Any]]:
    """What takes a column: its name for messages, and its annotation."""
    match shape:
        case ByName():
            yield from _in_class(shape, column.name.split("."))
        case ByPosition(title=title, elements=elements):
            place = description.columns.index(column)
            if place < len(elements):
                yield f"{title}[{place}]", elements[place]
        case Single(title=title, annotation=annotation):
            yield title, annotation


def _in_class(shape: ByName, path: list[str]) -> Iterator[tuple[str, Any]]:
    field = shape.row.field(path[0])
    if field is None:
        return
    if len(path) == 1:
        yield f"{shape.title}.{field.name}", field.annotation
    elif (nested := nested_shape(field.annotation)) is not None:
        yield from _in_class(nested[0], path[1:])


def _held_by(verdict: Verdict, column: Column, title: str, annotation: Any) -> Iterator[Held]:
    kind, inner = _innermost(column.type, annotation)
    listed = _closed_list(inner)
    if listed is None or not (kind.kind == "enum" or column.allowed):
        return
    name, values = listed
    is_enum = kind.kind == "enum"
    yield Held(
        name,
        values,
        verdict.call.place,
        title,
        (kind.schema, kind.name) if is_enum else None,
        "" if is_enum or verdict.description is None else _origin(verdict.description.reads, column.name),
        kind.labels if is_enum else column.allowed or (),
    )


def _innermost(kind: PgType, annotation: Any) -> tuple[PgType, Any]:
    """The element of arrays on both sides, and what a domain is over."""
    while kind.kind in ("array", "domain") and kind.element is not None:
        if kind.kind == "array":
            lists = [member for member in read_hint(annotation).members if typing.get_args(member)]
            annotation = typing.get_args(lists[0])[0] if len(lists) == 1 else Any
        kind = kind.element
    return kind, annotation


def _closed_list(annotation: Any) -> tuple[str, tuple[str, ...]] | None:
    """Name and values of an annotation that holds nothing but listed strings."""
    hint = read_hint(annotation)
    lists = [literal_values(member) for member in hint.members]
    values = [value for part in lists for value in part or ()]
    if not values or None in lists or not all(isinstance(value, str) for value in values):
        return None
    return " | ".join(show(member) for member in hint.members), tuple(str(value) for value in values)


def _origin(reads: Iterable[str], name: str) -> str:
    found = [read for read in reads if read.count(".") == 2 and read.endswith(f".{name.rpartition('.')[2]}")]
    return found[0] if len(found) == 1 else ""
