"""The annotation that holds everything a field is filled with."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from assay.pgtypes.hints import literal_values, read_hint
from assay.pgtypes.python import python_type
from assay.proof.description import Column
from assay.proof.fix.uses import ValueUse

MODULES = {
    "Any": "typing",
    "Decimal": "decimal",
    "IPv4Address": "ipaddress",
    "IPv4Network": "ipaddress",
    "IPv6Address": "ipaddress",
    "IPv6Network": "ipaddress",
    "Literal": "typing",
    "UUID": "uuid",
    "date": "datetime",
    "datetime": "datetime",
    "time": "datetime",
    "timedelta": "datetime",
}
"""Where the names come from that the annotations of PostgreSQL's types are written with, besides ``asyncpg``."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an annotation should be."""

    type: str | None
    """The type without None, as :func:`python_type` writes it; None where the present one is right."""
    null: bool
    """Whether it must take None."""
    labels: tuple[str, ...] = ()
    """When the type is a Literal, its values."""


class Contradiction(Exception):
    """No annotation will do; the text says why."""


def wanted(uses: Sequence[ValueUse]) -> Wanted:
    """The annotation for a value that these uses fill; raises Contradiction where there is none.

    A type that fits already is kept. Otherwise it is one of the columns' own types, if one of them holds all columns;
    several lists of values make one list.
    """
    hint = read_hint(uses[0].annotation)
    null = hint.optional or any(use.null for use in uses)
    misfits = [use for use in uses if use.misfits(use.annotation)]
    if not misfits:
        return Wanted(None, null)
    text, labels = _chosen([*misfits, *uses])
    if labels and any(isinstance(member, type) and issubclass(member, Enum) for member in hint.members):
        raise Contradiction("the members of an enum class are not edited")
    return Wanted(text, null, labels)


def wanted_new(uses: Sequence[ValueUse]) -> Wanted:
    """The annotation for a new field; raises Contradiction where there is none."""
    text, labels = _chosen(uses)
    return Wanted(text, any(use.null for use in uses), labels)


def _chosen(uses: Sequence[ValueUse]) -> tuple[str, tuple[str, ...]]:
    """The type of a column that holds all columns, and its values when it is a list of them."""
    if all(use.column is not None for use in uses):
        for text in _candidates([use.column for use in uses if use.column is not None]):
            if not any(use.misfits(evaluated(text)) for use in uses):
                return text, tuple(map(str, literal_values(evaluated(text)) or ()))
    raise Contradiction(_differ(uses))


def _candidates(columns: Sequence[Column]) -> list[str]:
    """The types of columns, with a list of all values first where several list values."""
    lists = [_values(column) for column in columns if _values(column)]
    merged = tuple(dict.fromkeys(value for values in lists for value in values))
    texts = [f"Literal[{', '.join(map(repr, merged))}]"] if merged else []
    texts += [python_type(column.type, column.allowed) for column in columns]
    return [text for text in dict.fromkeys(texts) if text]


def _values(column: Column) -> tuple[str, ...]:
    found = python_type(column.type, column.allowed)
    return (column.allowed or column.type.labels) if found.startswith("Literal[") else ()


def _differ(uses: Iterable[ValueUse]) -> str:
    """The types that do not go together, each with the first call that has it."""
    places: dict[str, str] = {}
    for use in sorted(uses, key=lambda use: use.place):
        kind = python_type(use.column.type, use.column.allowed) if use.column is not None else "a nested row"
        places.setdefault(kind, f"{kind} at {use.place.path}:{use.place.line}")
    return f"its queries need {' and '.join(places.values())}"


@cache
def evaluated(text: str) -> Any:
    """The annotation that a text of :func:`python_type` stands for."""
    names: dict[str, Any] = {name: getattr(importlib.import_module(module), name) for name, module in MODULES.items()}
    names["asyncpg"] = importlib.import_module("asyncpg")
    holder = type("Holder", (), {"__annotations__": {"value": text}})
    return typing.get_type_hints(holder, globalns=names)["value"]
