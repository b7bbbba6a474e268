"""Whether an annotation's values can be sent as a parameter: each member must be a class that the driver takes."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable
from typing import Any

from assay.pgtypes.hints import ancestors, class_of, full_name, literal_values, read_hint, show
from assay.pgtypes.model import PgType
from assay.pgtypes.payload import json_argument_misfit
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
)
from assay.pgtypes.table import VECTORS, Entry
from assay.wording import counted

_SENT_AS_ARRAYS = LISTS | {"tuple", "set", "frozenset", "collections.abc.Set", "collections.abc.MutableSet"}
_SEQUENCES = ("list", "tuple", "collections.abc.Sequence", "collections.abc.MutableSequence")


def argument_misfit(pg: PgType, annotation: Any) -> Misfit | None:
    """Whether every value of an annotation, None aside, can be sent as a parameter; None when it can."""
    hint = read_hint(annotation)
    if (pg.element or pg.fields) and (unsendable := refusal(pg, "sent")) is not None:
        return Misfit(unsendable, "")
    if hint.open:
        return None
    for member in hint.members:
        why = _ARGUMENT[pg.kind](pg, member)
        if why:
            return Misfit(why, python_type(pg))
    return None


def _base_argument(pg: PgType, member: Any) -> str | None:
    if is_builtin(pg, VECTORS):
        return f"{pg} cannot be a parameter"
    if is_builtin(pg, JSON_TYPES):
        return json_argument_misfit(member)
    entry = entry_of(pg)
    if entry is None or not entry.accepts:
        return f"{pg} cannot be a parameter"
    names = _sent_as(member)
    if "enum.Enum" in names and not any(name in entry.accepts for name in names):
        return f"{pg} takes {_takes(entry)}; only for an enum type is a member of {show(member)} sent as its value"
    if any(name in entry.rejects for name in names):
        return f"{show(member)} loses something when it is sent as {pg}"
    if any(name in entry.accepts for name in names):
        return None
    return f"{pg} takes {_takes(entry)}"


def _enum_argument(pg: PgType, member: Any) -> str | None:
    """A str, or what lists its values, each a label; the members of an enum class are sent as their values."""
    values = literal_values(member)
    if values is None:
        return None if "str" in _sent_as(member) else f"{pg} takes str"
    unknown = [value for value in values if value not in pg.labels]
    return f"{pg} has no {listed(unknown)}" if unknown else None


def _domain_argument(pg: PgType, member: Any) -> str | None:
    base = part_of(pg)
    return _ARGUMENT[base.kind](base, member)


def _array_argument(pg: PgType, member: Any) -> str | None:
    kind = class_of(member)
    if kind is None or not _SENT_AS_ARRAYS.intersection(ancestors(kind)) or full_name(kind) in ("str", "bytes"):
        return f"{pg} takes a list"
    element = part_of(pg)
    for part in _elements(member):
        why = _array_argument(pg, part) if _is_dimension(element, part) else _ARGUMENT[element.kind](element, part)
        if why:
            return why
    return None


def _elements(member: Any) -> Iterable[Any]:
    """The alternatives for what a list or tuple holds."""
    for argument in typing.get_args(member):
        inner = read_hint(argument if argument is not Ellipsis else Any)
        yield from () if inner.open else inner.members


def _is_dimension(element: PgType, part: Any) -> bool:
    """Whether a list within a list is one more dimension: not a tuple, which is one element, nor a list in JSON."""
    return full_name(class_of(part) or object) in _SENT_AS_ARRAYS - {"tuple"} and not is_builtin(element, JSON_TYPES)


def _range_argument(pg: PgType, member: Any) -> str | None:
    kind = class_of(member)
    names = ancestors(kind) if kind else ()
    if RANGE in names:
        arguments = typing.get_args(member)
        misfit = argument_misfit(part_of(pg), arguments[0]) if arguments else None
        return misfit.why if misfit else None
    bounds = typing.get_args(member)
    if not {"tuple", "list"}.intersection(names) or len(bounds) > 2:
        return f"{pg} takes {python_type(pg)}"
    return _first(argument_misfit(part_of(pg), bound) for bound in bounds if bound is not Ellipsis)


def _multirange_argument(pg: PgType, member: Any) -> str | None:
    kind = class_of(member)
    if kind is None or full_name(kind) not in _SEQUENCES:
        return f"{pg} takes a list of ranges"
    part = PgType(str(pg), "range", element=pg.element)
    return next(filter(None, (_range_argument(part, element) for element in _elements(member))), None)


def _composite_argument(pg: PgType, member: Any) -> str | None:
    kind = class_of(member)
    if kind is None or not {"tuple", "list", "dict", RECORD}.intersection(ancestors(kind)):
        return f"{pg} takes a tuple of its fields"
    values = typing.get_args(member) if kind is tuple else ()
    if not values or Ellipsis in values or not pg.fields:
        return None
    if len(values) != len(pg.fields):
        return f"{pg} has {counted(len(pg.fields), 'field')}"
    return _first(argument_misfit(field, value) for (_, field), value in zip(pg.fields, values, strict=True))


def _first(misfits: Iterable[Misfit | None]) -> str | None:
    return next((misfit.why for misfit in misfits if misfit is not None), None)


_ARGUMENT: dict[str, Callable[[PgType, Any], str | None]] = {
    "base": _base_argument,
    "array": _array_argument,
    "enum": _enum_argument,
    "domain": _domain_argument,
    "composite": _composite_argument,
    "range": _range_argument,
    "multirange": _multirange_argument,
    "pseudo": _base_argument,
}


def _sent_as(member: Any) -> tuple[str, ...]:
    """The full names of the classes that a member's values have, nearest first."""
    if typing.get_origin(member) is typing.Literal:
        return ancestors(type(typing.get_args(member)[0]))
    kind = class_of(member)
    return ancestors(kind) if kind else ()


def _takes(entry: Entry) -> str:
    return " or ".join(_short(entry.accepts))


def _short(names: Iterable[str]) -> list[str]:
    words = ("asyncpg." if name.startswith("asyncpg.") else "" for name in names)
    return [word + name.rpartition(".")[2] for word, name in zip(words, names, strict=True)]
