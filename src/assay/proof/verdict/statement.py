"""The verdict on a statement as a whole: whether its rows are what the call takes, and what it would do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assay.proof.description import Description, RowBound
from assay.proof.discover.model import Place
from assay.proof.findings import Finding, finding
from assay.proof.verdict.query import Query

_MANY = {"optional": "ASY401", "one": "ASY402"}


def statement_findings(query: Query, description: Description) -> Iterator[Finding]:
    """What is wrong with a statement whatever the types."""
    yield from _number_of_rows(query, description)
    if description.unfiltered:
        yield finding(
            "ASY501",
            query.sql.place(_first_word(query)),
            "the statement changes every row of its table",
            because="it has no WHERE",
            call=query.place,
        )
    if description.left_out and not query.call.surface.table:  # which is compared with the rows
        place = query.sql.place(_first_word(query))
        yield incomplete_insert(query, place, "INSERT", description.left_out, "in the statement")
    if description.notes and description.columns and query.call.surface.row is not None:
        yield finding(
            "ASY105",
            query.place,
            "part of the statement could not be proven",
            because=tuple(f"{note[:1].lower()}{note[1:]}" for note in description.notes),
            call=query.place,
        )


def _number_of_rows(query: Query, description: Description) -> Iterator[Finding]:
    method, wants = query.call.surface.method, query.call.surface.wants
    if query.call.surface.row is not None and description.rows is RowBound.NONE:
        message = f"{method} takes rows, the statement returns none"
        yield finding("ASY403", query.place, message, call=query.place)
    elif description.rows is RowBound.MANY and wants in _MANY:
        yield finding(
            _MANY[wants],
            query.place,
            f"the statement can return many rows, {method} raises TooManyRows at the second",
            because=description.rows_reason,
            call=query.place,
        )


def incomplete_insert(query: Query, place: Place, verb: str, columns: Sequence[str], where: str) -> Finding:
    """The finding for columns that have to be given and are not.

    Args:
        query: the statement.
        place: where it is told.
        verb: what leaves them out, ``INSERT`` or ``copy_in``.
        columns: one or more.
        where: they would be given: ``in the statement``.
    """
    one = len(columns) == 1
    return finding(
        "ASY502",
        place,
        f"{verb} leaves out {', '.join(columns)}",
        because=f"{'it is' if one else 'they are'} NOT NULL and {'has' if one else 'have'} no default",
        fix=f"give {'it a value' if one else 'them values'} {where}, or a default in a migration",
        call=query.place,
    )


def _first_word(query: Query) -> int:
    text = query.sql.text
    return len(text) - len(text.lstrip()) + 1
