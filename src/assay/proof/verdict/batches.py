"""The rows that a call gives as many sets of arguments: what is known of each of their values."""

from __future__ import annotations

import ast
import typing
from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass
from typing import Any, Union

from assay.pgtypes.hints import class_of, read_hint
from assay.proof.arguments import UNKNOWN, Arguments
from assay.proof.discover.libraries import Owner
from assay.proof.verdict.query import Query


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One row of a batch, as far as its annotation tells."""

    node: ast.expr
    """The argument that the rows are."""
    annotation: Any
    """Of a row; UNKNOWN where that is not known."""

    @property
    def elements(self) -> tuple[Any, ...] | None:
        """The annotations of a tuple's elements; of several tuples as long as each other, those of any of them."""
        tuples = [typing.get_args(member) for member in self._members]
        sizes = {len(elements) for elements in tuples}
        if not self.is_tuple or len(sizes) != 1 or any(Ellipsis in elements for elements in tuples) or sizes == {0}:
            return None
        return tuple(Union[parts] for parts in zip(*tuples, strict=True))  # noqa: UP007 - made of a tuple

    @property
    def is_tuple(self) -> bool:
        """Whether it is a plain tuple, whose elements are for parameters by position."""
        return bool(self._members) and all(class_of(member) is tuple for member in self._members)

    @property
    def is_object(self) -> bool:
        """Whether it is of one class that is neither a tuple nor a list, whose fields are for parameters by name."""
        kinds = [class_of(member) for member in self._members]
        return len(kinds) == 1 and kinds[0] not in (None, tuple, list, object) and kinds[0] is not Any

    @property
    def _members(self) -> tuple[Any, ...]:
        return read_hint(self.annotation).members if self.annotation is not UNKNOWN else ()


def batch_row(query: Query, arguments: Arguments) -> BatchRow | None:
    """The row of a call of Assay's that takes many; None where nothing is known of it."""
    given = [argument for argument in query.call.arguments if argument.name is None]
    if query.call.surface.owner is not Owner.ASSAY or len(given) != 1:
        return None
    rows = arguments.type_of(given[0].node, query.call.scope, query.call.source)
    found = _element(rows)
    return None if found is UNKNOWN else BatchRow(given[0].node, found)


def _element(rows: Any) -> Any:
    """What an annotation says that there are many of."""
    if rows is UNKNOWN or len(read_hint(rows).members) != 1:
        return UNKNOWN
    (member,) = read_hint(rows).members
    kind, elements = class_of(member), typing.get_args(member)
    if kind is tuple:
        elements = (Union[elements],) if elements and elements[-1] is not Ellipsis else elements[:1]  # noqa: UP007
    is_many = (
        isinstance(kind, type) and issubclass(kind, (Iterable, AsyncIterable)) and not issubclass(kind, (str, dict))
    )
    return elements[0] if is_many and elements else UNKNOWN
