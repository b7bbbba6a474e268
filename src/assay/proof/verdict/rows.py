"""The verdict on a row class: each column against its field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from assay.pgtypes.hints import Hint, read_hint, show
from assay.pgtypes.python import Misfit, python_type, refusal
from assay.pgtypes.results import is_known, result_misfit
from assay.proof.description import Column, Description
from assay.proof.findings import Element, Fields, Finding, Subject, finding
from assay.proof.rowclasses import ByName, ByPosition, Shape, Single, nested_shape
from assay.proof.verdict.query import Query
from assay.runtime.rowclass import Field
from assay.wording import counted, listed


@dataclass(frozen=True, slots=True)
class _Slot:
    """What takes a column."""

    label: str
    """``Device.id``, ``element 2 of tuple[int, str]`` or ``the row``."""
    annotation: Any
    change: str
    """How to change it, with ``{}`` for the annotation: ``annotate it {}``."""
    subject: Subject
    absent: frozenset[str] = frozenset()
    """What outer joins must find for there to be a row at all."""
    validated: bool = False
    """Whether the class validates, so that annotations unknown to the table of types are its own affair."""


def row_findings(query: Query, shape: Shape, description: Description) -> Iterator[Finding]:
    """Everything in which the columns of a statement and a row class differ."""
    columns = description.columns
    match shape:
        case ByName():
            yield from _by_name(query, shape, columns)
        case ByPosition():
            yield from _by_position(query, shape, columns)
        case Single(title=title, annotation=annotation):
            if len(columns) != 1:
                yield _arity(query, title, 1, columns)
            else:
                yield from _compared(query, columns[0], _Slot("the row", annotation, "ask for {}", Element(None)))


def _by_position(query: Query, shape: ByPosition, columns: tuple[Column, ...]) -> Iterator[Finding]:
    elements = shape.elements * len(columns) if shape.any_number else shape.elements
    if len(elements) != len(columns):
        yield _arity(query, shape.title, len(elements), columns)
        return
    for index, (column, element) in enumerate(zip(columns, elements, strict=True)):
        subject = Element(0 if shape.any_number else index)
        slot = _Slot(f"element {index + 1} of {shape.title}", element, "make it {}", subject)
        yield from _compared(query, column, slot)


def _arity(query: Query, title: str, wanted: int, columns: tuple[Column, ...]) -> Finding:
    returned = counted(len(columns), "column")
    return finding(
        "ASY206",
        query.place,
        f"the statement returns {returned}, {title} takes {wanted}",
        because=f"its columns are {_names(columns)}" if columns else "its select list is empty",
        call=query.place,
        fix=f"select {counted(wanted, 'column')}, or change the row to {_suggested_row(columns)}",
    )


def _suggested_row(columns: tuple[Column, ...]) -> str:
    types = [python_type(column.type) + (" | None" if column.nullable else "") for column in columns]
    return types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"


_NOTHING: frozenset[str] = frozenset()


def _by_name(
    query: Query, shape: ByName, columns: tuple[Column, ...], absent: frozenset[str] = _NOTHING
) -> Iterator[Finding]:
    """Each field with its column; where what ``absent`` names is not found, there is no such row."""
    duplicates = [name for name, count in Counter(column.name for column in columns).items() if count > 1]
    for name in duplicates:
        yield _duplicate(query, name, columns)
    by_name = {column.name: column for column in columns if column.name not in duplicates}
    nested = nested_columns(columns)
    extra = [column for name, column in by_name.items() if not _has_field(shape, name)]
    missing = []
    for field in shape.fields:
        if field.name in by_name:
            label, subject = f"{shape.title}.{field.name}", Fields(shape.row.kind, (field.name,))
            column = by_name[field.name]
            slot = _Slot(label, field.annotation, "annotate it {}", subject, absent, shape.validates)
            yield from _compared(query, column, slot)
        elif field.name in nested:
            yield from _nested_findings(query, shape, field, nested[field.name], absent)
        elif field.required and field.name not in duplicates:
            missing.append(field)
    if missing:
        yield _missing(query, shape, missing, columns, extra)
    else:
        yield from (_extra(query, shape, column) for column in extra)


def _has_field(shape: ByName, column: str) -> bool:
    names = {field.name for field in shape.fields}
    return column in names or ("." in column and column.partition(".")[0] in names)


def nested_columns(columns: tuple[Column, ...]) -> dict[str, tuple[Column, ...]]:
    """The columns with dotted names, by what stands before the first dot, with what stands after it."""
    found: dict[str, tuple[Column, ...]] = {}
    for column in columns:
        outer, dot, inner = column.name.partition(".")
        if dot:
            found[outer] = (*found.get(outer, ()), replace(column, name=inner))
    return found


def _nested_findings(
    query: Query, shape: ByName, field: Field, columns: tuple[Column, ...], absent: frozenset[str]
) -> Iterator[Finding]:
    found = nested_shape(field.annotation)
    if found is not None:
        inner, optional = found
        missing = missing_row(inner, columns)
        if not absent.issuperset(missing) and not optional:
            yield _missing_row(query, shape, field, columns, missing)
        yield from _by_name(query, inner, columns, absent.union(missing))
    elif not read_hint(field.annotation).open:
        yield finding(
            "ASY204",
            query.place,
            f'columns "{field.name}.…" fill a row class, {shape.title}.{field.name} is {show(field.annotation)}',
            because=f"{show(field.annotation)} has no fields",
            call=query.place,
            fix=f"annotate it with a row class that has {_names(columns)}",
        )


def missing_row(shape: ByName, columns: tuple[Column, ...]) -> tuple[str, ...]:
    """What outer joins must find for there to be a nested row; empty when there always is one.

    A row is missing when all of its fields that cannot be None are NULL. So it is if one of them is NULL, and all
    others are wherever that one is.
    """
    there = list(_always_there(shape, columns))
    return _cause([column for column, optional in there if not optional] or [column for column, _ in there])


def _always_there(shape: ByName, columns: tuple[Column, ...]) -> Iterator[tuple[Column, bool]]:
    """The columns with values whenever there is a row, and whether their fields may be None."""
    by_name, nested = {column.name: column for column in columns}, nested_columns(columns)
    for field in shape.fields:
        inner = nested_shape(field.annotation) if field.name in nested else None
        if field.name in by_name:
            yield by_name[field.name], read_hint(field.annotation).optional
        elif inner is not None and not inner[1]:
            yield from _always_there(inner[0], nested[field.name])


def _cause(columns: Sequence[Column]) -> tuple[str, ...]:
    """Of what outer joins may not find for columns, that without which all of them are NULL."""
    shortest = min((column.joined for column in columns), key=len, default=())
    return shortest if all(set(shortest) <= set(column.joined) for column in columns) else ()


def may_be_missing(columns: tuple[Column, ...]) -> tuple[str, ...]:
    """The same for a nested row whose fields are not known yet: all that are its own will be taken to decide."""
    return _cause([column for column in columns if "." not in column.name] or columns)


def may_be_none(column: Column, absent: Collection[str] = ()) -> bool:
    """Whether a field must take None for a column, where without what ``absent`` names there is no row at all."""
    whole = bool(column.joined) and set(column.joined) <= set(absent) and not column.null_in_row
    return (column.nullable and not whole) or _is_void(column)


def _missing_row(
    query: Query, shape: ByName, field: Field, columns: tuple[Column, ...], missing: tuple[str, ...]
) -> Finding:
    annotation = show(field.annotation)
    return finding(
        "ASY203",
        query.place,
        f'columns "{field.name}.…" may all be NULL, {shape.title}.{field.name} is {annotation}',
        because=next(column.reason for column in columns if column.joined == missing),
        call=query.place,
        fix=f"annotate it {annotation} | None",
        subject=Fields(shape.row.kind, (field.name,)),
    )


def _duplicate(query: Query, name: str, columns: tuple[Column, ...]) -> Finding:
    count = sum(column.name == name for column in columns)
    return finding(
        "ASY205",
        query.place,
        f'{counted(count, "column")} of the statement are named "{name}"',
        because="a field takes one column",
        call=query.place,
        fix=f'give each a name of its own: {name} as "…"',
    )


def _missing(
    query: Query, shape: ByName, missing: list[Field], columns: tuple[Column, ...], extra: list[Column]
) -> Finding:
    names = [f"{shape.title}.{field.name}" for field in missing]
    subject = f"field {names[0]} has" if len(names) == 1 else f"fields {listed(names)} have"
    reasons = [f"the statement returns {_names(columns)}" if columns else "the statement returns no columns"]
    if extra:
        reasons.append(f"{shape.title} has no field for {_names(extra)}")
    return finding(
        "ASY201",
        query.place,
        f"{subject} no column",
        because=tuple(reasons),
        call=query.place,
        fix=_missing_remedy(missing, extra),
        subject=Fields(shape.row.kind, tuple(field.name for field in missing)) if not extra else None,
    )


def _missing_remedy(missing: list[Field], extra: list[Column]) -> str:
    if len(missing) == 1:
        name = missing[0].name
        likely = get_close_matches(name, [column.name for column in extra], n=1, cutoff=0.5)
        column = likely[0] if likely else extra[0].name if len(extra) == 1 else None
        if column is not None:
            return f'select "{column}" as "{name}", or rename the field'
    return "select it, or remove the field" if len(missing) == 1 else "select them, or remove the fields"


def _extra(query: Query, shape: ByName, column: Column) -> Finding:
    annotation = python_type(column.type, column.allowed) + (" | None" if column.nullable else "")
    fields = [field.name for field in shape.fields]
    return finding(
        "ASY202",
        query.place,
        f'column "{column.name}" has no field in {shape.title}',
        because=f"the fields of {shape.title} are {listed(fields)}" if fields else f"{shape.title} has no fields",
        call=query.place,
        fix=f"add {column.name}: {annotation}, or leave the column out",
        subject=Fields(shape.row.kind, (column.name,)),
    )


def _compared(query: Query, column: Column, slot: _Slot) -> Iterator[Finding]:
    """One finding at most: a type that does not fit says what to do about NULL as well."""
    unfetchable = refusal(column.type)
    hint = read_hint(slot.annotation)
    if unfetchable is not None:
        yield _unfetchable(query, column, unfetchable)
        return
    null = may_be_none(column, slot.absent) and not hint.optional
    misfit = column_misfit(column, slot.annotation, validated=slot.validated)
    if misfit is not None:
        yield _wrong_type(query, column, slot, misfit, null, hint)
    elif null:
        yield finding(
            "ASY203",
            query.place,
            f'column "{column.name}" may be NULL, {slot.label} is {show(slot.annotation)}',
            because=_why_null(column, slot),
            call=query.place,
            fix=slot.change.format(f"{show(slot.annotation)} | None"),
            subject=slot.subject,
        )


def _why_null(column: Column, slot: _Slot) -> str:
    found = slot.absent.issuperset(column.joined) and column.null_in_row
    return column.null_in_row if found else column.reason


def column_misfit(column: Column, annotation: Any, *, validated: bool = False) -> Misfit | None:
    """Why an annotation does not hold a column's values, NULL aside.

    A class that is ``validated`` by itself may have annotations that the table of types does not know.
    """
    unknown = validated and not all(map(is_known, read_hint(annotation).members))
    return None if _is_void(column) or unknown else result_misfit(column.type, annotation, column.allowed)


def _is_void(column: Column) -> bool:
    return column.type.kind == "pseudo" and column.type.name == "void"


def _unfetchable(query: Query, column: Column, why: str) -> Finding:
    return finding(
        "ASY204",
        query.place,
        f'column "{column.name}" is {column.type}, which no field can hold',
        because=why,
        call=query.place,
        fix="cast it to text, or leave it out",
    )


def _wrong_type(query: Query, column: Column, slot: _Slot, misfit: Misfit, null: bool, hint: Hint) -> Finding:
    annotation = misfit.annotation + (" | None" if null or hint.optional else "")
    return finding(
        "ASY204",
        query.place,
        f'column "{column.name}" is {column.type}, {slot.label} is {show(slot.annotation)}',
        because=(misfit.why, f"it may be NULL: {_why_null(column, slot)}") if null else misfit.why,
        call=query.place,
        fix=slot.change.format(annotation),
        subject=slot.subject,
    )


def _names(columns: tuple[Column, ...] | list[Column]) -> str:
    return listed([f'"{column.name}"' for column in columns])
