"""Which Python annotations a PostgreSQL type fits, in each direction: as a result's field and as a parameter."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from assay.pgtypes.hints import Hint, ancestors, class_of, full_name, literal_values, read_hint, see_through, show
from assay.pgtypes.model import PgType
from assay.pgtypes.payload import json_argument_misfit, json_misfit
from assay.pgtypes.table import ENTRIES, REFUSED, VECTORS, Entry

JSON_TYPES = frozenset({"json", "jsonb"})

_RECORD = "asyncpg.protocol.record.Record"
_RANGE = "asyncpg.types.Range"
_LISTS = frozenset({
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
_SENT_AS_ARRAYS = _LISTS | {"tuple", "set", "frozenset", "collections.abc.Set", "collections.abc.MutableSet"}
_KNOWN = _LISTS | {"dict", _RECORD, _RANGE} | {name for entry in ENTRIES.values() for name in entry.returns}
_TEXT = ENTRIES["text"]


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why an annotation does not fit a type, and one that does."""

    why: str
    """In words that stand alone: ``uuid arrives as UUID``."""
    annotation: str
    """Without ``| None``; empty when none fits."""


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


def argument_misfit(pg: PgType, annotation: Any) -> Misfit | None:
    """Whether every value of an annotation, None aside, can be sent as a parameter; None when it can."""
    hint = read_hint(annotation)
    if hint.open:
        return None
    for member in hint.members:
        why = _ARGUMENT[pg.kind](pg, member)
        if why:
            return Misfit(why, python_type(pg))
    return None


def python_type(pg: PgType, allowed: tuple[str, ...] | None = None) -> str:
    """The annotation to suggest for a type, without ``| None``; empty for a type that cannot be fetched."""
    if refusal(pg) is not None:
        return ""
    if allowed and _returns_text(pg):
        return f"Literal[{', '.join(map(repr, allowed))}]"
    match pg.kind:
        case "domain":
            return python_type(_part(pg))
        case "array":
            return f"list[{python_type(_part(pg))}]"
        case "range":
            return f"asyncpg.Range[{python_type(_part(pg))}]"
        case "multirange":
            return f"list[asyncpg.Range[{python_type(_part(pg))}]]"
        case "enum":
            return f"Literal[{', '.join(map(repr, pg.labels))}]"
        case "composite":
            return "asyncpg.Record"
    if _is_builtin(pg, VECTORS):
        return "list[int]"
    if _is_builtin(pg, JSON_TYPES):
        return "dict[str, Any]"
    entry = _entry(pg)
    return entry.write if entry else ""


def refusal(pg: PgType) -> str | None:
    """Why no value of a type can be fetched at all, or None."""
    if pg.element is not None:
        return refusal(pg.element)
    if _is_builtin(pg, REFUSED):
        return f"{pg} cannot be fetched: {REFUSED[pg.name]}"
    if pg.kind == "pseudo" and pg.name not in ENTRIES:
        return f"{pg} is a pseudo-type, which the driver does not decode"
    return None


def is_known(member: Any) -> bool:
    """Whether a member of an annotation is a class that values of some type have, or lists values or elements."""
    kind = class_of(member)
    return literal_values(member) is not None or (kind is not None and full_name(kind) in _KNOWN)


# Results: every class that values have must be covered by some member of the annotation.


def _base_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    if _is_builtin(pg, VECTORS):
        return _array_result(PgType(str(pg), "array", element=PgType(VECTORS[pg.name])), hint, None)
    if _is_builtin(pg, JSON_TYPES):
        return json_misfit(hint)
    entry = _entry(pg)
    if entry is None:
        return refusal(pg)
    if any(literal_values(member) is not None for member in hint.members):
        return _values_result(pg, hint, allowed)
    lacking = [name for name in entry.returns if not any(_covers(member, name) for member in hint.members)]
    return f"{pg} arrives as {entry.write}" if lacking else None


def _values_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    """Literals and enum classes hold a column only when it is known that it has no other values."""
    entry = _entry(pg)
    if entry and all(any(_covers(member, name) for member in hint.members) for name in entry.returns):
        return None
    if allowed is None:
        return f"nothing limits {pg} to the values of {_shown(hint)}: no enum type, no CHECK that lists them"
    values = {str(value) for value in _values(hint)}
    missing = [value for value in allowed if value not in values]
    return f"{_shown(hint)} lacks {_listed(missing)}" if missing else None


def _enum_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    if any(_covers(member, "str") for member in hint.members):
        return None
    if not any(literal_values(member) is not None for member in hint.members):
        return f"{pg} arrives as str"
    values = _values(hint)
    missing = [label for label in allowed or pg.labels if label not in values]
    if missing:
        return f"{_shown(hint)} lacks {_listed(missing)}"
    surplus = [value for value in values if value not in pg.labels]
    return f"{pg} has no {_listed(surplus)}" if surplus else None


def _domain_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    base = _part(pg)
    return _RESULT[base.kind](base, hint, allowed)


def _array_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    for member in hint.members:
        kind = class_of(member)
        if kind is None or full_name(kind) not in _LISTS:
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
    if class_of(member) is not list and any(_is_enum(part) for part in inner.members):
        return f"the elements of a {show(member)} stay str; only those of a list become enum members"
    if all(full_name(class_of(part) or object) == "list" for part in inner.members):
        return _array_result(pg, inner, None)
    element = _part(pg)
    return _RESULT[element.kind](element, inner, None)


def _range_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    for member in hint.members:
        if full_name(class_of(member) or object) == _RANGE:
            arguments = typing.get_args(member)
            subtype = _part(pg)
            return _RESULT[subtype.kind](subtype, read_hint(arguments[0]), None) if arguments else None
    return f"{pg} arrives as {python_type(pg)}"


def _multirange_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    return _array_result(PgType(str(pg), "array", element=PgType(str(pg), "range", element=pg.element)), hint, None)


def _composite_result(pg: PgType, hint: Hint, allowed: tuple[str, ...] | None) -> str | None:
    covered = any(full_name(class_of(member) or object) == _RECORD for member in hint.members)
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


# Parameters: each member of the annotation must be a class that the driver takes.


def _base_argument(pg: PgType, member: Any) -> str | None:
    if _is_builtin(pg, VECTORS):
        return _array_argument(PgType(str(pg), "array", element=PgType(VECTORS[pg.name])), member)
    if _is_builtin(pg, JSON_TYPES):
        return json_argument_misfit(member)
    entry = _entry(pg)
    if entry is None or not entry.accepts:
        return f"{pg} cannot be a parameter"
    names = _sent_as(member)
    if any(name in entry.rejects for name in names):
        return f"{show(member)} loses something when it is sent as {pg}"
    if any(name in entry.accepts for name in names):
        return None
    return f"{pg} takes {' or '.join(_short(entry.accepts))}"


def _enum_argument(pg: PgType, member: Any) -> str | None:
    if "str" not in _sent_as(member):
        return f"{pg} takes str"
    unknown = [value for value in literal_values(member) or () if value not in pg.labels]
    return f"{pg} has no {_listed(unknown)}" if unknown else None


def _domain_argument(pg: PgType, member: Any) -> str | None:
    base = _part(pg)
    return _ARGUMENT[base.kind](base, member)


def _array_argument(pg: PgType, member: Any) -> str | None:
    kind = class_of(member)
    if kind is None or not _SENT_AS_ARRAYS.intersection(ancestors(kind)) or full_name(kind) in ("str", "bytes"):
        return f"{pg} takes a list"
    element = _part(pg)
    for argument in typing.get_args(member):
        if argument is Ellipsis:
            continue
        inner = read_hint(argument)
        for part in () if inner.open else inner.members:
            nested = full_name(class_of(part) or object) in _SENT_AS_ARRAYS and element.kind != "composite"
            why = _array_argument(pg, part) if nested else _ARGUMENT[element.kind](element, part)
            if why:
                return why
    return None


def _range_argument(pg: PgType, member: Any) -> str | None:
    kind = class_of(member)
    names = ancestors(kind) if kind else ()
    if _RANGE in names:
        arguments = typing.get_args(member)
        misfit = argument_misfit(_part(pg), arguments[0]) if arguments else None
        return misfit.why if misfit else None
    return None if {"tuple", "list"}.intersection(names) else f"{pg} takes {python_type(pg)}"


def _multirange_argument(pg: PgType, member: Any) -> str | None:
    return _array_argument(PgType(str(pg), "array", element=PgType(str(pg), "range", element=pg.element)), member)


def _composite_argument(pg: PgType, member: Any) -> str | None:
    kind = class_of(member)
    fits = kind is not None and {"tuple", "list", "dict", _RECORD}.intersection(ancestors(kind))
    return None if fits else f"{pg} takes a tuple of its fields"


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


def _is_enum(member: Any) -> bool:
    return isinstance(member, type) and literal_values(member) is not None


def _covers(member: Any, name: str) -> bool:
    kind = class_of(see_through(member))
    return kind is not None and full_name(kind) == name


def _values(hint: Hint) -> list[Any]:
    return [value for member in hint.members for value in literal_values(member) or ()]


def _entry(pg: PgType) -> Entry | None:
    """Of a built-in type its entry; a base type that an extension added travels as its text form."""
    if _is_builtin(pg, REFUSED):
        return None
    if _is_builtin(pg, ENTRIES):
        return ENTRIES[pg.name]
    return _TEXT if pg.kind == "base" else None


def _is_builtin(pg: PgType, names: Iterable[str]) -> bool:
    return pg.schema in (None, "pg_catalog") and pg.kind in ("base", "pseudo") and pg.name in names


def _returns_text(pg: PgType) -> bool:
    if pg.kind == "domain":
        return _returns_text(_part(pg))
    entry = _entry(pg)
    return pg.kind == "enum" or (entry is not None and entry.returns == ("str",))


def _part(pg: PgType) -> PgType:
    return pg.element or PgType("unknown", "pseudo")


def _shown(hint: Hint) -> str:
    return " | ".join(show(member) for member in hint.members)


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(repr(value) for value in values)


def _short(names: Iterable[str]) -> list[str]:
    words = ("asyncpg." if name.startswith("asyncpg.") else "" for name in names)
    return [word + name.rpartition(".")[2] for word, name in zip(words, names, strict=True)]
