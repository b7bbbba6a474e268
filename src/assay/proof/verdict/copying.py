"""The verdict on rows that are copied into a table: each of their values against its column."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from assay.errors import RowClassError
from assay.pgtypes.hints import read_hint, show
from assay.proof.arguments import Arguments
from assay.proof.description import Column, Description
from assay.proof.discover.model import Place
from assay.proof.findings import Finding, Unverified, finding
from assay.proof.verdict.batches import BatchRow, batch_row
from assay.proof.verdict.query import Query
from assay.proof.verdict.sent import sent_misfit
from assay.proof.verdict.statement import incomplete_insert
from assay.runtime.rowclass import read_row_class

Outcome = Finding | Unverified


def copy_findings(query: Query, description: Description, arguments: Arguments) -> Iterator[Outcome]:
    """Everything in which the rows of a copy_in and the columns of its table differ."""
    row, named = batch_row(query, arguments), _named(query.call.node)
    place = query.place if row is None else query.call.source.place(row.node)
    values = _values(row, named, description.columns) if row is not None else None
    if values is None:
        yield Unverified(place, "rows", "" if row is None else ast.unparse(row.node))
        return
    columns = {column.name: column for column in description.columns}
    for name, shown, annotation in values:
        if name not in columns:
            yield _no_column(query, place, name, shown, columns)
        else:
            yield from _compared(query, place, columns[name], shown, annotation)
    yield from _left_out(query, place, description.left_out, [name for name, _, _ in values])


def _left_out(query: Query, place: Place, required: tuple[str, ...], given: list[str]) -> Iterator[Finding]:
    lacking = [name for name in required if not any(name.endswith(f".{column}") for column in given)]
    if lacking:
        yield incomplete_insert(query, place, "copy_in", lacking, "in each row")


def _named(node: ast.Call) -> tuple[str, ...] | None:
    """The names that ``columns=`` lists; empty where it is not given, None where it is something else than a list."""
    given = next((keyword.value for keyword in node.keywords if keyword.arg == "columns"), None)
    match given:
        case None | ast.Constant(value=None):
            return ()
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            names = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            return tuple(names) if len(names) == len(parts) else None
    return None


def _values(
    row: BatchRow, named: tuple[str, ...] | None, table: tuple[Column, ...]
) -> list[tuple[str, str, Any]] | None:
    """The column, the words and the annotation of each value of a row; None where that is not known."""
    if named is None:
        return None
    if row.elements is not None:
        names = named or tuple(column.name for column in table)
        if len(names) != len(row.elements):
            return None  # columns that are generated cannot be copied into, and are not known here
        shown = [f"element {number} of each row" for number in range(1, len(names) + 1)]
        return [*zip(names, shown, row.elements, strict=True)]
    try:
        row_class = read_row_class(row.annotation) if row.is_object else None
    except RowClassError:
        row_class = None
    if row_class is None:
        return None
    fields = {field.name: field.annotation for field in row_class.fields}
    if not set(named) <= set(fields):
        return None
    return [(name, f"{row_class.name}.{name}", fields[name]) for name in named or fields]


def _no_column(query: Query, place: Place, name: str, shown: str, columns: dict[str, Column]) -> Finding:
    close = get_close_matches(name, columns, n=1)
    return finding(
        "ASY301",
        place,
        f'the table has no column "{name}" for {shown}',
        because=f"its columns are {', '.join(columns)}",
        call=query.place,
        fix=f"call it {close[0]}" if close else "name the columns to copy with columns=[...]",
    )


def _compared(query: Query, place: Place, column: Column, shown: str, annotation: Any) -> Iterator[Finding]:
    misfit = sent_misfit(query.call.surface, column.type, annotation)
    if misfit is not None:
        yield finding(
            "ASY302",
            place,
            f'column "{column.name}" is {column.type}, {shown} is {show(annotation)}',
            because=misfit.why,
            call=query.place,
            fix=f"annotate it {misfit.annotation}" if misfit.annotation else "copy another column",
        )
    hint = read_hint(annotation)
    if hint.optional and not hint.open and not column.nullable:
        yield finding(
            "ASY303",
            place,
            f'column "{column.name}" must not be NULL, {shown} may be None: it is {show(annotation)}',
            because=column.reason,
            call=query.place,
        )
