"""The query of a SQL text, or, when it has clauses or choices, the query of each of its variants."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import TypeVar

from assay.errors import ParameterError
from assay.runtime.query import Query
from assay.sql.arguments import arrange_template
from assay.sql.fragments import fault, fragment
from assay.sql.omit import OMIT
from assay.sql.placeholders import parse
from assay.sql.templates import Template, parse_template
from assay.sql.variants import Variant, left_out, variant

MAX_VARIANTS = 1024
"""Variants remembered of one statement; the oldest is dropped for a new one."""

K = TypeVar("K")
V = TypeVar("V")


class DynamicQuery:
    """A statement with clauses that can be left out, or with choices."""

    __slots__ = ("_count", "_known", "_queries", "template")

    def __init__(self, template: Template) -> None:
        self.template = template
        self._count = template.statement.parameter_count
        self._known: dict[tuple[object, ...], tuple[Query, tuple[int, ...]]] = {}
        """By which parameters are OMIT and the texts of the choices: the query, and the arguments that it takes."""
        self._queries: dict[str, Query] = {}
        """By the text as sent, since leaving out a clause leaves out the choices in it."""

    def bind(self, args: tuple[object, ...], named: dict[str, object]) -> tuple[Query, tuple[object, ...]]:
        """What to run, and the arguments in the order of its parameters.

        Raises ParameterError when they do not fit, or when a text cannot take a choice's place.
        """
        values = arrange_template(self.template, args, named)
        key = (*[value is OMIT for value in values[: self._count]], *map(_told_apart, values[self._count :]))
        known = self._known.get(key)
        if known is None:
            known = _remember(self._known, key, self._make(values))
        query, taken = known
        return query, tuple([values[index] for index in taken])

    def _make(self, values: Sequence[object]) -> tuple[Query, tuple[int, ...]]:
        template = self.template
        omitted = {key for key, value in zip(template.keys, values, strict=True) if value is OMIT}
        given = dict(zip(template.choices, values[self._count :], strict=True))
        texts = {name: fragment(value) or "" for name, value in given.items()}
        made = variant(template, left_out(template, omitted), texts)
        for name, value in given.items():
            if value is not OMIT:
                _refuse(name, value, made)
        query = self._queries.get(made.statement.text)
        return query or _remember(self._queries, made.statement.text, Query(made.statement)), made.taken


def _told_apart(value: object) -> object:
    """What tells the values of a choice apart: an enum's member is not the string that it may be equal to."""
    return (type(value), fragment(value)) if value is not OMIT else OMIT


def _refuse(name: str, value: object, made: Variant) -> None:
    text = fragment(value)
    if text is None:
        raise ParameterError(f"{{{name}}} takes a string or a member of an enum of strings, not {type(value).__name__}")
    why = fault(text, fixed=isinstance(value, Enum), called=name in made.called)
    if why is not None:
        raise ParameterError(f"{{{name}}} cannot be {text!r}, because {why}")


def _remember(known: dict[K, V], key: K, value: V) -> V:
    if len(known) >= MAX_VARIANTS:
        del known[next(iter(known))]
    known[key] = value
    return value


@lru_cache(maxsize=4096)
def query_for(sql: str) -> Query | DynamicQuery:
    """The query of a SQL text.

    Raises ParameterError when it has placeholders of both kinds, or a clause or a choice that is not well formed.
    """
    template = parse_template(sql)
    return Query(parse(sql)) if template is None else DynamicQuery(template)
