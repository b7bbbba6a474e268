"""The verdict on a statement that PostgreSQL does not accept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assay.catalog.extensions import UNDEFINED, missing_extension
from assay.errors import DatabaseError
from assay.proof.created import name_at
from assay.proof.discover.model import Place
from assay.proof.excerpt import code_excerpt, server_words
from assay.proof.findings import Finding, finding
from assay.proof.verdict.query import Query

_UNTYPED = frozenset({"42P08", "42P18", "42725"})
"""Ambiguous parameter, indeterminate datatype, ambiguous function: what the types of the values would settle."""

_MISTYPED = frozenset({"42804", "42846", "42883"})
"""Datatype mismatch, no such cast, no such operator or function."""


def refused(query: Query, error: DatabaseError, created: Mapping[str, Place]) -> Finding:
    """The finding for a statement that PostgreSQL does not accept, at the word that it points at, with its line.

    It is no error where what is missing is something that the code creates, and where the driver tells the server the
    types that it asks for.

    Args:
        created: where the project's own statements create objects, by their names.
    """
    stretch = query.sent_word(error.position) if error.position else query.first_word
    missing = name_at(query.statement.text, error.position) if error.sqlstate in UNDEFINED else None
    if missing is not None and missing in created:
        found = _unproven(query, stretch.place, server_words(error), f"the code creates it at {created[missing]}")
        found = replace(found, fix="where it matters, create it in a migration")
    elif query.call.surface.library.binding != "prepared" and _types_would_settle(query, error):
        found = _unproven(query, stretch.place, server_words(error), "the driver gives types that are not known here")
        found = replace(found, fix="cast the parameter, and it is the same with every driver")
    else:
        found = finding(
            "ASY101",
            stretch.place,
            server_words(error),
            because=error.detail or "",
            call=query.place,
            fix=missing_extension(error.sqlstate, server_words(error)) or error.hint or "",
        )
    return replace(found, width=stretch.size, shown=code_excerpt(stretch.source.text, stretch.offset, stretch.size))


def _types_would_settle(query: Query, error: DatabaseError) -> bool:
    """Whether the statement may well be right with the types that the driver gives, or the literals that it writes.

    The server takes one type for a parameter from the place where it stands first; a driver gives another one.
    """
    if error.sqlstate in _UNTYPED:
        return True
    sent = query.statement
    parameters = [text for edit in sent.edits if (text := sent.text[edit.start : edit.end]).strip("()").startswith("$")]
    return error.sqlstate in _MISTYPED and len(set(parameters)) < len(parameters)


def _unproven(query: Query, place: Place, words: str, because: str) -> Finding:
    message = f"the statement could not be proven: {words}"
    return finding("ASY105", place, message, because=because, call=query.place)
