"""Whether an annotation holds what a column gives: every class that values have must be covered by a member of it."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from assay.pgtypes.hints import Hint, class_of, full_name, literal_values, read_hint, see_through, show
from assay.pgtypes.model import PgType
from assay.pgtypes.payload import json_misfit
from assay.pgtypes.python import (
    JSON_TYPES,
    LISTS,
    RANGE,
    RECORD,
    Misfit,
    entry_of,
    is_builtin,
    listed,
    part_of,
    python_type,
    refusal,
    shown,
)
from assay.pgtypes.table import ENTRIES, VECTORS

_KNOWN = LISTS | {"dict", RECORD, RANGE} | {name for entry in ENTRIES.values() for name in entry.returns}


def result_misfit(pg: PgType, annotation: Any, allowed: tuple[str, ...] | None = None) -> Misfit | None:
    """Whether a field can hold the values of a column; None when it can. NULL is not looked at here.

    ``allowed`` are the only values the column can have, in their text form, where they are known. A list of
    ``X`` is taken for an array of it although elements may be NULL, which no constraint on a column can exclude.
    """
    hint = read_hint(annotation)
    if hint.open:
        return None
    why = _RESULT[pg.kind](pg, hint, allowed)
    return Misfit(why, python_type(pg, allowed)) if why else None


def is_known(member: Any) -> bool:
    """Whether a member of an annotation is a class that values of some type have, or lists values or elements."""
    kind = class_of(member)
    return literal_values(member) is not None or (kind is not None and full_name(kind) in _KNOWN)


def _base_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    if is_builtin(pg, VECTORS):
        return _array_result(PgType(str(pg), "array", element=PgType(VECTORS[pg.name])), hint, None)
    if is_builtin(pg, JSON_TYPES):
        return json_misfit(hint)
    entry = entry_of(pg)
    if entry is None:
        return refusal(pg)
    if any(literal_values(member) is not None for member in hint.members):
        return _values_result(pg, hint, allowed)
    lacking = [name for name in entry.returns if not any(_covers(member, name) for member in hint.members)]
    return f"{pg} arrives as {entry.write}" if lacking else None


def _values_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    """Literals and enum classes hold a column only when it is known that it has no other values."""
    entry = entry_of(pg)
    if entry and all(any(_covers(member, name) for member in hint.members) for name in entry.returns):
        return None
    if allowed is None:
        return f"nothing limits {pg} to the values of {shown(hint)}: no enum type, no CHECK that lists them"
    values = {str(value) for value in _values(hint)}
    missing = [value for value in allowed if value not in values]
    return f"{shown(hint)} lacks {listed(missing)}" if missing else None


def _enum_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    if any(_covers(member, "str") for member in hint.members):
        return None
    if not any(literal_values(member) is not None for member in hint.members):
        return f"{pg} arrives as str"
    values = _values(hint)
    missing = [label for label in allowed or pg.labels if label not in values]
    if missing:
        return f"{shown(hint)} lacks {listed(missing)}"
    surplus = [value for value in values if value not in pg.labels]
    return f"{pg} has no {listed(surplus)}" if surplus else None


def _domain_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    base = part_of(pg)
    return _RESULT[base.kind](base, hint, allowed)


def _array_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    for member in hint.members:
        kind = class_of(member)
        if kind is None or full_name(kind) not in LISTS:
            continue
        return _element_misfit(pg, member)
    return f"{pg} arrives as {python_type(pg)}"


def _element_misfit(pg: PgType, member: Any) -> str | None:
    """Arrays have any number of dimensions: ``list[list[int]]`` holds int4[] too."""
    arguments = typing.get_args(member)
    if not arguments:
        return None
    inner = read_hint(arguments[0])
    if inner.open:
        return None
    if class_of(member) is not list and _holds_enum(member):
        return f"the elements of a {show(member)} stay str; only those of a list become enum members"
    element = part_of(pg)
    why = _RESULT[element.kind](element, inner, None)
    lists = all(full_name(class_of(part) or object) in LISTS for part in inner.members)
    return _array_result(pg, inner, None) if why and lists and not is_builtin(element, JSON_TYPES) else why


def _range_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    for member in hint.members:
        if full_name(class_of(member) or object) == RANGE:
            arguments = typing.get_args(member)
            subtype = part_of(pg)
            return _RESULT[subtype.kind](subtype, read_hint(arguments[0]), None) if arguments else None
    return f"{pg} arrives as {python_type(pg)}"


def _multirange_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    return _array_result(PgType(str(pg), "array", element=PgType(str(pg), "range", element=pg.element)), hint, None)


def _composite_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    covered = any(full_name(class_of(member) or object) == RECORD for member in hint.members)
    return None if covered else f"{pg} arrives as asyncpg.Record"


_RESULT: dict[str, Callable[[PgType, Hint, tuple[str, ...] | None], str | None]] = {
    "base": _base_result,
    "array": _array_result,
    "enum": _enum_result,
    "domain": _domain_result,
    "composite": _composite_result,
    "range": _range_result,
    "multirange": _multirange_result,
    "pseudo": _base_result,
}


def _holds_enum(member: Any) -> bool:
    """Whether an annotation is an enum class, or one is among its elements, or theirs."""
    if isinstance(member, type) and literal_values(member) is not None:
        return True
    return any(_holds_enum(part) for argument in typing.get_args(member) for part in read_hint(argument).members)


def _covers(member: Any, name: str) -> bool:
    kind = class_of(see_through(member))
    return kind is not None and full_name(kind) == name


def _values(hint: Hint) -> list[Any]:
    return [value for member in hint.members for value in literal_values(member) or ()]
