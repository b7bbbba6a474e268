"""Makes the diagram of a database's tables; views and partitions are not in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from assay.errors import UsageError
from assay.schema.erd.model import Box, Detail, Diagram, Link, Row
from assay.schema.structure.model import Column, ForeignKey, Relation, Structure


def diagram_of(structure: Structure, *, detail: Detail = "all", only: Collection[tuple[str, str]] = ()) -> Diagram:
    """The diagram of a database.

    Args:
        structure: of the database.
        detail: which columns are shown.
        only: the tables to show, by schema and name, with those that they refer to and that refer to them; all, if
            none are named.
    """
    tables = [relation for relation in structure.whole() if not relation.is_view]
    if only:
        near = {*only, *_neighbours(tables, only)}
        tables = [table for table in tables if table.address in near]
    places = {table.address: index for index, table in enumerate(tables)}
    boxes = tuple(_box(table, detail) for table in tables)
    links = tuple(
        _link(key, tables, boxes, child, places[key.target])
        for child, table in enumerate(tables)
        for key in table.foreign_keys
        if key.target in places and (not only or table.address in only or key.target in only)
    )
    return Diagram(boxes, links)


def named_tables(structure: Structure, names: Collection[str]) -> list[tuple[str, str]]:
    """The tables that names mean: as a diagram shows them, or with their schema.

    Raises UsageError for a name that no table has.
    """
    known: dict[str, tuple[str, str]] = {}
    for table in structure.whole():
        if not table.is_view:
            known[f"{table.schema}.{table.name}"] = table.address
            known.setdefault(table.label, table.address)
    for name in names:
        if name not in known:
            raise UsageError(f"There is no table {name} in the schema; there are {', '.join(sorted(known)[:20])}")
    return [known[name] for name in names]


def _neighbours(tables: list[Relation], only: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for table in tables:
        for key in table.foreign_keys:
            if table.address in only:
                yield key.target
            if key.target in only:
                yield table.address


def _box(table: Relation, detail: Detail) -> Box:
    rows = tuple(_row(table, column) for column in table.columns)
    shown = tuple(row for row in rows if detail == "all" or (detail == "keys" and row.marks))
    return Box(table.address, table.label, table.kind, shown, table.comment, len(rows) - len(shown))


def _row(table: Relation, column: Column) -> Row:
    primary = table.primary_key
    marks = {
        "PK": primary is not None and column.name in primary.columns,
        "FK": any(column.name in key.columns for key in table.foreign_keys),
        "UK": any(key.columns == (column.name,) and not key.primary for key in table.keys),
    }
    kept = tuple(mark for mark, there in marks.items() if there)
    return Row(column.name, column.type, not column.not_null, kept, column.comment)


def _link(key: ForeignKey, tables: list[Relation], boxes: tuple[Box, ...], child: int, parent: int) -> Link:
    table = tables[child]
    return Link(
        key.name,
        child,
        parent,
        key.columns,
        _row_of(boxes[child], key.columns[0]),
        _row_of(boxes[parent], key.target_columns[0]),
        many=not table.is_unique(key.columns),
        optional=any(not table.column(name).not_null for name in key.columns),
    )


def _row_of(box: Box, column: str) -> int:
    return next((index for index, row in enumerate(box.rows) if row.name == column), -1)
