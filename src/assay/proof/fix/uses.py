"""Which row classes the statements of a project fill, and each field with which columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assay.proof.description import Column
from assay.proof.discover.model import Place
from assay.proof.rowclasses import ByName, nested_shape
from assay.proof.verdict import Verdict
from assay.proof.verdict.rows import column_misfit, may_be_none, missing_row, nested_columns


@dataclass(frozen=True, slots=True)
class ValueUse:
    """A value of a row, and the column that it comes from."""

    annotation: Any
    column: Column | None
    """None for a nested row, which comes from several columns."""
    null: bool
    """Whether it may be None."""
    place: Place
    """Of the call."""
    validated: bool = False

    def misfits(self, annotation: Any) -> bool:
        """Whether an annotation cannot hold the value; None is not looked at."""
        return self.column is not None and column_misfit(self.column, annotation, validated=self.validated) is not None


@dataclass(frozen=True, slots=True)
class RowUse:
    """A row class that a call fills, itself or as a part of its rows."""

    shape: ByName
    columns: dict[str, Column]
    """By the names that fields have."""
    nested: dict[str, tuple[Column, ...]]
    """The columns of nested rows, by the names of their fields."""
    absent: frozenset[str]
    """What outer joins must find for there to be a row at all."""
    place: Place
    """Of the call."""

    @property
    def surplus(self) -> list[str]:
        """The columns that have no field."""
        names = {field.name for field in self.shape.fields}
        return [name for name in self.columns if name not in names and name.partition(".")[0] not in names]

    @property
    def lacking(self) -> list[str]:
        """The fields that need a column and have none."""
        return [field.name for field in self.shape.fields if field.required and not self.fills(field.name)]

    def fills(self, name: str) -> bool:
        """Whether there is a column, or several, for a field of that name."""
        return name in self.columns or name in self.nested

    def value(self, name: str, annotation: Any) -> ValueUse | None:
        """The value that a field of that name takes, or None when there is none for it."""
        if name in self.columns:
            column = self.columns[name]
            null = may_be_none(column, self.absent)
            return ValueUse(annotation, column, null, self.place, self.shape.validates)
        inner = nested_shape(annotation) if name in self.nested else None
        if name in self.nested:
            missing = missing_row(inner[0], self.nested[name]) if inner is not None else ()
            return ValueUse(annotation, None, not self.absent.issuperset(missing), self.place)
        return None


def row_uses(verdicts: Iterable[Verdict]) -> Iterator[RowUse]:
    """All of them, in the order of the calls."""
    for verdict in verdicts:
        if isinstance(verdict.shape, ByName):
            for description in verdict.descriptions:
                yield from _uses(verdict.shape, description.columns, verdict.call.place, frozenset())


def _uses(shape: ByName, columns: tuple[Column, ...], place: Place, absent: frozenset[str]) -> Iterator[RowUse]:
    nested = nested_columns(columns)
    yield RowUse(shape, {column.name: column for column in columns}, nested, absent, place)
    for field in shape.fields:
        inner = nested_shape(field.annotation) if field.name in nested else None
        if inner is not None:
            inside = absent.union(missing_row(inner[0], nested[field.name]))
            yield from _uses(inner[0], nested[field.name], place, inside)
