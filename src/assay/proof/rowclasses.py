"""What a row asks of a statement's columns, as the runtime will fill it."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any

from assay.pgtypes.hints import class_of, read_hint, see_through, show
from assay.runtime.rowclass import Field, Making, RowClass, read_row_class


@dataclass(frozen=True, slots=True)
class ByName:
    """A class whose fields take the columns of their names."""

    title: str
    row: RowClass

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that take columns."""
        return self.row.fields

    @property
    def validates(self) -> bool:
        """Whether the class itself turns values into what its fields hold."""
        return self.row.making is Making.VALIDATE


@dataclass(frozen=True, slots=True)
class ByPosition:
    """A tuple whose elements take the columns in order."""

    title: str
    elements: tuple[Any, ...]
    any_number: bool = False
    """Whether its one element is repeated: ``tuple[int, ...]``."""


@dataclass(frozen=True, slots=True)
class Single:
    """A scalar, which takes the only column."""

    title: str
    annotation: Any


Shape = ByName | ByPosition | Single


def row_shape(annotation: Any) -> Shape:
    """How a row is filled from columns; raises RowClassError for a class that the runtime cannot read."""
    annotation = see_through(annotation)
    row = read_row_class(annotation)
    if row is not None:
        return ByName(show(annotation), row)
    if class_of(annotation) is tuple:
        return _tuple(annotation)
    return Single(show(annotation), annotation)


def _tuple(annotation: Any) -> ByPosition:
    elements = typing.get_args(annotation)
    if not elements:
        return ByPosition(show(annotation), (Any,), any_number=annotation is tuple)
    if elements[-1] is Ellipsis:
        return ByPosition(show(annotation), elements[:1], any_number=True)
    return ByPosition(show(annotation), elements)


def nested_shape(annotation: Any) -> tuple[ByName, bool] | None:
    """The row class inside a field's annotation and whether it may be None; None when there is no such class."""
    hint = read_hint(annotation)
    for member in hint.members:
        row = read_row_class(member)
        if row is not None:
            return ByName(show(member), row), hint.optional
    return None
