"""Rows built from the driver's records, by a function made once for each class and layout of columns.

A record is not gone through but sliced: ``record[:]`` is a tuple of its values, copied by the driver at once, in a
third of the time. Where columns and fields are in the same order and nothing needs converting, the builder is a loop
in C over these tuples; otherwise its source is written here and compiled. A dataclass whose ``__init__`` only stores
its fields is not called: bare instances are made in C, and the columns stored straight into their fields; if it is
frozen, in an instance of a twin class with the same layout, whose class is then changed to the real one.
docs/decisions/0020 has what each step takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat, starmap
from operator import itemgetter
from typing import Any, TypeAlias

import asyncpg

from assay.errors import DecodeError
from assay.pgtypes.hints import show
from assay.runtime.converting import first_invalid
from assay.runtime.matching import Branch, Column, Flat, Leaf, Root, leaves, match_columns
from assay.runtime.rowclass import Making
from assay.runtime.thawing import bare

Builder: TypeAlias = Callable[[Sequence[asyncpg.Record]], list[Any]]

PIECE = 500
"""Records that are made into rows, and let go, at a time."""

_values = itemgetter(slice(None))
_TOOLS: dict[str, Any] = {"new": object.__new__, "repeat": repeat, "starmap": starmap, "values": _values}
"""What the source of every builder may name."""


def make_builder(row: Any, columns: Sequence[Column]) -> Builder:
    """The function that turns records with these columns into rows.

    Raises RowClassError when columns and class do not fit. The function raises DecodeError for a value that does not
    fit its field; what a class's own ``__init__`` raises passes through.
    """
    root = match_columns(row, columns)
    builder: Builder = _direct(root) or _Source(root, len(columns)).compile()
    return _explaining(builder, root) if _can_fail(root) else builder


def build(builder: Builder, records: Sequence[asyncpg.Record]) -> list[Any]:
    """Run a builder. A long list of records has as many places afterwards, with nothing in them.

    Each piece is let go as soon as its rows are made, so that the next rows take the memory that it had, which is at
    hand in the processor's caches, and so that garbage collection, which counts objects, sees none that are more.
    """
    if len(records) <= PIECE or not isinstance(records, list):
        return builder(records)
    left: list[Any] = records
    nothing = [None] * PIECE
    rows: list[Any] = []
    for start in range(0, len(left), PIECE):
        piece = left[start : start + PIECE]
        left[start : start + PIECE] = nothing[: len(piece)]
        rows += builder(piece)
    return rows


def _direct(root: Root) -> Builder | None:
    """A loop in C, where one does."""
    if any(leaf.convert is not None for leaf in leaves(root)):
        return None
    match root:
        case Leaf():
            first = itemgetter(0)
            return lambda records: list(map(first, records))
        case Flat():
            return lambda records: list(map(_values, records))
        case Branch(row=row) if _is_plain_named_tuple(row.kind) and _in_order(root):
            return _named_tuples(row.kind)
        case Branch(row=row) if row.making is Making.CALL and _in_order(root):
            return _calls(row.kind)
        case _:
            return None


def _named_tuples(kind: type) -> Builder:
    new = tuple.__new__

    def build(records: Sequence[Any]) -> list[Any]:
        if len(records) == 1:
            return [new(kind, _values(records[0]))]
        return [*starmap(new, zip(repeat(kind), map(_values, records)))]  # noqa: RUF058 - quicker, see decision 0020

    return build


def _calls(kind: type) -> Builder:
    def build(records: Sequence[Any]) -> list[Any]:
        if len(records) == 1:
            return [kind(*_values(records[0]))]
        return [*starmap(kind, map(_values, records))]

    return build


def _in_order(root: Branch) -> bool:
    return all(
        isinstance(child, Leaf) and child.column.index == index for index, (_, child) in enumerate(root.children)
    )


def _is_plain_named_tuple(kind: type) -> bool:
    """Whether creating one does nothing but fill a tuple, so that its own ``__new__``, in Python, need not be called.

    A class that inherits from one may have a ``__new__`` of its own; ``NamedTuple`` itself allows none.
    """
    return kind.__bases__ == (tuple,) and hasattr(kind, "_fields") and "_make" in vars(kind)


class _Source:
    """The source of a builder, and the objects that it refers to."""

    def __init__(self, root: Root, width: int) -> None:
        self._root = root
        self._columns = [f"c{index}" for index in range(width)]
        self._names: dict[str, Any] = {}

    def compile(self) -> Builder:
        root = self._root
        lines = self._filling(root) if isinstance(root, Branch) and root.row.making is Making.STORE else None
        builder: Builder = self._run(lines or self._listing(root), "build")
        return builder

    def _listing(self, root: Root) -> list[str]:
        columns = ", ".join(self._columns)
        return [
            "def build(records):",
            f" return [{self._expression(root)} for {columns}, in map(values, records)]",
        ]

    def _filling(self, root: Branch) -> list[str] | None:
        stored = bare(root.row.kind)
        if stored is None:
            return None
        places, stores = list(self._columns), []
        for field, child in root.children:
            if isinstance(child, Leaf) and child.convert is None:
                places[child.column.index] = f"row.{field.name}"
            else:
                stores.append(f"row.{field.name} = {self._expression(child)}")
        stores += self._finish(root, stored)
        kind, targets = self._refer(stored), f"({', '.join(places)},)"
        return [
            "def build(records):",
            " if len(records) == 1:",  # without what only many are quicker by
            f"  row = new({kind})",
            f"  {targets} = values(records[0])",
            *(f"  {line}" for line in stores),
            "  return [row]",
            f" rows = [*starmap(new, repeat(({kind},), len(records)))]",
            f" for row, {targets} in zip(rows, map(values, records)):",
            *(f"  {line}" for line in stores or ["pass"]),
            " return rows",
        ]

    def _finish(self, node: Branch, stored: type) -> list[str]:
        kind = node.row.kind
        return [] if stored is kind else [f"row.__class__ = {self._refer(kind)}"]

    def _run(self, lines: list[str], name: str) -> Any:
        scope = _TOOLS | self._names
        exec("\n".join(lines), scope)  # noqa: S102 - made here of identifiers and column numbers
        return scope[name]

    def _refer(self, value: Any) -> str:
        """A name for an object."""
        name = f"n{len(self._names)}"
        self._names[name] = value
        return name

    def _expression(self, node: Root) -> str:
        match node:
            case Leaf(column=column, convert=None):
                return f"c{column.index}"
            case Leaf(column=column, convert=convert):
                return f"None if c{column.index} is None else {self._refer(convert)}(c{column.index})"
            case Flat(children=children):
                return f"({', '.join(map(self._expression, children))},)"
            case Branch(absent=()):
                return self._made(node)
            case Branch(absent=absent):
                missing = " and ".join(f"c{index} is None" for index in absent)
                return f"(None if {missing} else {self._made(node)})"

    def _made(self, node: Branch) -> str:
        """The expression that makes a row class's instance."""
        return _MAKINGS[node.row.making](self, node)

    def call(self, node: Branch) -> str:
        arguments = ", ".join(self._expression(child) for _, child in node.children)
        return f"{self._refer(node.row.kind)}({arguments})"

    def call_by_name(self, node: Branch) -> str:
        arguments = ", ".join(f"{field.keyword}={self._expression(child)}" for field, child in node.children)
        return f"{self._refer(node.row.kind)}({arguments})"

    def as_dict(self, node: Branch) -> str:
        items = ", ".join(f"{field.name!r}: {self._expression(child)}" for field, child in node.children)
        return f"{{{items}}}"

    def validate(self, node: Branch) -> str:
        kind: Any = node.row.kind
        return f"{self._refer(kind.model_validate)}({self.as_dict(node)}, by_alias=False, by_name=True)"

    def store(self, node: Branch) -> str:
        stored = bare(node.row.kind)
        if stored is None:
            return self.call_by_name(node)
        columns = ", ".join(self._columns[leaf.column.index] for leaf in leaves(node))
        lines = [
            f"def make({columns}):",
            f" row = new({self._refer(stored)})",
            *(f" row.{field.name} = {self._expression(child)}" for field, child in node.children),
            *(f" {line}" for line in self._finish(node, stored)),
            " return row",
        ]
        return f"{self._refer(self._run(lines, 'make'))}({columns})"


_MAKINGS: dict[Making, Callable[[_Source, Branch], str]] = {
    Making.CALL: _Source.call,
    Making.CALL_BY_NAME: _Source.call_by_name,
    Making.STORE: _Source.store,
    Making.DICT: _Source.as_dict,
    Making.VALIDATE: _Source.validate,
}


def _can_fail(root: Root) -> bool:
    return any(leaf.convert is not None for leaf in leaves(root)) or _validates(root)


def _validates(node: Root) -> bool:
    if not isinstance(node, Branch):
        return False
    return node.row.making is Making.VALIDATE or any(_validates(child) for _, child in node.children)


def _explaining(builder: Builder, root: Root) -> Builder:
    """A builder whose failures name column and value."""

    def build_or_explain(records: Sequence[asyncpg.Record]) -> list[Any]:
        try:
            return builder(records)
        except Exception as error:
            for leaf in leaves(root):
                _try_column(leaf, records)
            if _validates(root) and hasattr(error, "errors"):
                raise DecodeError(_first_invalid(error)) from error
            raise

    return build_or_explain


def _try_column(leaf: Leaf, records: Iterable[asyncpg.Record]) -> None:
    if leaf.convert is None:
        return
    for record in records:
        value = record[leaf.column.index]
        try:
            _ = None if value is None else leaf.convert(value)
        except Exception as error:
            raise DecodeError(_unfit(leaf, value, error)) from error


def _unfit(leaf: Leaf, value: Any, error: Exception) -> str:
    what = f'The value of column "{leaf.column.name}" does not fit {show(leaf.annotation)}'
    if isinstance(error, KeyError):
        return f"{what}: {error.args[0]!r} is not one of its values"
    return f"{what}: {error}"


def _first_invalid(error: Any) -> str:
    place, what = first_invalid(error)
    return f'The value of column "{place}" does not fit {error.title}: {what}'
