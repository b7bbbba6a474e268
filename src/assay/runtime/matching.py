"""The columns of a statement matched with the fields of the class that its rows are wanted in.

Columns belong to fields by name, in any order; every field must have a column, and every column a field. A column
``"author.name"`` belongs to the field ``name`` of the row class in the field ``author``, and so on inwards. The
elements of ``tuple[...]`` belong to columns by position, and one value takes one column.

A field ``author: Author | None`` is None when the fields of Author that cannot be None are all NULL: that is a row
that an outer join did not find. If every field of Author can be None, it is None when all are.
"""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

import asyncpg

from assay.errors import RowClassError
from assay.pgtypes.hints import read_hint, see_through, show
from assay.runtime.converting import Converter, converter
from assay.runtime.rowclass import Field, RowClass, read_row_class
from assay.wording import counted


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a statement's result."""

    index: int
    """Its position, from 0."""
    name: str
    type: asyncpg.Type


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value taken from one column."""

    column: Column
    annotation: Any
    convert: Converter | None
    nullable: bool
    """Whether its annotation allows None."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A row class filled from several columns."""

    row: RowClass
    children: tuple[tuple[Field, Node], ...]
    """In the order of the class's fields."""
    absent: tuple[int, ...] = ()
    """The columns that are all NULL when there is no such row; empty for a row that is always there."""


@dataclass(frozen=True, slots=True)
class Flat:
    """A plain tuple."""

    children: tuple[Leaf, ...]


Node: TypeAlias = Leaf | Branch
Root: TypeAlias = Leaf | Branch | Flat


def match_columns(row: Any, columns: Sequence[Column]) -> Root:
    """Where each part of a row comes from.

    Raises RowClassError, naming column, field and remedy, when columns and class do not fit.
    """
    if not columns:
        raise RowClassError("The statement returns no columns; run it with execute, or add a RETURNING clause")
    row = see_through(row)
    if row is tuple or typing.get_origin(row) is tuple:
        return _tuple(row, columns)
    row_class = read_row_class(row)
    if row_class is not None:
        return _branch(row_class, [(column.name, column) for column in columns], optional=False)
    return _value(row, columns)


def leaves(node: Root) -> list[Leaf]:
    """Every leaf of a tree, in order."""
    match node:
        case Leaf():
            return [node]
        case Flat():
            return list(node.children)
        case Branch():
            return [leaf for _, child in node.children for leaf in leaves(child)]


def _value(annotation: Any, columns: Sequence[Column]) -> Leaf:
    if len(columns) != 1:
        raise RowClassError(
            f"{show(annotation)} is one value, and the statement returns {len(columns)} columns ({_names(columns)}); "
            "ask for a row class or for tuple[...]"
        )
    leaf = _leaf(columns[0], annotation)
    row_class = _row_class_in(annotation)
    if row_class is not None and leaf.convert is None:
        raise RowClassError(f"A row is never None; ask for {row_class.name}, with fetch_optional if there may be none")
    return leaf


def _tuple(annotation: Any, columns: Sequence[Column]) -> Flat:
    arguments = typing.get_args(annotation)
    if not arguments or (len(arguments) == 2 and arguments[1] is Ellipsis):
        arguments = (arguments[0] if arguments else Any,) * len(columns)
    if len(arguments) != len(columns):
        raise RowClassError(
            f"{show(annotation)} has {counted(len(arguments), 'element')}, and the statement returns "
            f"{counted(len(columns), 'column')} ({_names(columns)}); they belong together by position"
        )
    return Flat(tuple(map(_leaf, columns, arguments)))


def _leaf(column: Column, annotation: Any) -> Leaf:
    hint = read_hint(annotation)
    return Leaf(column, annotation, converter(annotation, column.type), hint.optional)


def _branch(row: RowClass, named: Sequence[tuple[str, Column]], *, optional: bool) -> Branch:
    """A row class and the columns for it, each by its name from here on inwards."""
    groups = _grouped(row, named)
    lacking = next((field for field in row.fields if field.required and field.name not in groups), None)
    if lacking is not None:
        raise _no_column(row, lacking, named)
    present = [field for field in row.fields if field.name in groups]
    children = tuple((field, _child(row, field, groups[field.name])) for field in present)
    return Branch(row, children, _absent(children) if optional else ())


def _grouped(row: RowClass, named: Sequence[tuple[str, Column]]) -> dict[str, list[tuple[str, Column]]]:
    """The columns of each field: one without a further name, or several with what follows the dot."""
    groups: dict[str, list[tuple[str, Column]]] = {}
    for name, column in named:
        whole = row.field(name) is not None
        head, _, rest = (name, "", "") if whole else name.partition(".")
        if row.field(head) is None or not (whole or rest):
            raise _no_field(row, name, column)
        group = groups.setdefault(head, [])
        if group and not (rest and group[0][0]):
            raise RowClassError(
                f"Two columns, {_quoted(group[0][1])} and {_quoted(column)}, are for the field {head} of {row.name}; "
                "give one of them another name"
            )
        group.append((rest, column))
    return groups


def _child(row: RowClass, field: Field, group: list[tuple[str, Column]]) -> Node:
    if group[0][0] == "":
        return _leaf(group[0][1], field.annotation)
    inner = _row_class_in(field.annotation)
    if inner is None:
        raise RowClassError(
            f"The column {_quoted(group[0][1])} is for a row class in the field {field.name} of {row.name}, "
            f"and that is {show(field.annotation)}"
        )
    return _branch(inner, group, optional=read_hint(field.annotation).optional)


def _row_class_in(annotation: Any) -> RowClass | None:
    return next(filter(None, map(read_row_class, read_hint(annotation).members)), None)


def _absent(children: Sequence[tuple[Field, Node]]) -> tuple[int, ...]:
    found = [leaf for _, child in children for leaf in _always_there(child)]
    never_null = [leaf.column.index for leaf in found if not leaf.nullable]
    return tuple(never_null or [leaf.column.index for leaf in found])


def _always_there(node: Node) -> list[Leaf]:
    """The leaves that have values whenever the row around has: those inside an optional row need not."""
    match node:
        case Leaf():
            return [node]
        case Branch(absent=()):
            return [leaf for _, child in node.children for leaf in _always_there(child)]
        case _:
            return []


def _no_field(row: RowClass, name: str, column: Column) -> RowClassError:
    close = get_close_matches(name, [field.name for field in row.fields], n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return RowClassError(
        f"The column {_quoted(column)} has no field in {row.name}{meant}; add the field {name.partition('.')[0]}, "
        f"give the column another name with AS, or leave it out of the statement"
    )


def _no_column(row: RowClass, field: Field, named: Sequence[tuple[str, Column]]) -> RowClassError:
    inner = _row_class_in(field.annotation)
    wanted = f"{field.name}.{inner.fields[0].name}" if inner and inner.fields else field.name
    prefix = named[0][1].name.removesuffix(named[0][0])
    return RowClassError(
        f"The field {field.name} of {row.name} has no column (the statement returns "
        f'{_names([column for _, column in named])}); select one, if need be with AS "{prefix}{wanted}", '
        f"or take the field out of the class"
    )


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(column.name for column in columns)


def _quoted(column: Column) -> str:
    return f'"{column.name}"'
