"""What a project's own statements create: temporary tables, and a schema that is kept in code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from assay.proof.discover.model import Call, Place, Sql
from assay.sql.lexer import BLANK, Kind, Token, tokenize
from assay.sql.names import folded

_BETWEEN = frozenset(
    {"or", "replace", "global", "local", "temp", "temporary", "unlogged", "foreign", "recursive", "materialized"}
)
_CREATING = re.compile("create|into", re.IGNORECASE)
"""A word of every statement that creates something; most have none."""
_OBJECTS = frozenset({"table", "view", "sequence", "function", "procedure", "type", "domain"})


def created_objects(calls: Iterable[Call]) -> dict[str, Place]:
    """Where relations, types and functions are created, by their names without a schema, as PostgreSQL folds them."""
    found: dict[str, Place] = {}
    for call in calls:
        if isinstance(call.sql, Sql) and _CREATING.search(call.sql.text):
            for name, offset in _created(call.sql.text):
                found.setdefault(name, call.sql.place(offset + 1))
    return found


def _created(sql: str) -> Iterator[tuple[str, int]]:
    """The name that each CREATE or SELECT INTO of a text gives, and where it stands."""
    tokens = [token for token in tokenize(sql) if token.kind not in BLANK]
    words = [sql[token.start : token.end].lower() for token in tokens]
    first = ""
    for index, word in enumerate(words):
        first = word if index == 0 or words[index - 1] == ";" else first
        if word == "create" and first == "create":
            at = _skip(words, index + 1, _BETWEEN)
            named = at if words[at : at + 1] and words[at] in _OBJECTS else None
        elif word == "into" and first in ("select", "with") and words[index - 1] not in ("insert", "merge"):
            named = _skip(words, index + 1, _BETWEEN | {"table"}) - 1
        else:
            continue
        if named is not None:
            at = _skip(words, named + 1, frozenset({"if", "not", "exists"}))
            name = _name(sql, tokens[at:])
            if name is not None:
                yield name, tokens[at].start


def _skip(words: list[str], index: int, skipped: frozenset[str]) -> int:
    while index < len(words) and words[index] in skipped:
        index += 1
    return index


def name_at(sql: str, position: int | None) -> str | None:
    """The last part of the dotted name at a position, from 1; None when there is none."""
    if position is None:
        return None
    tokens = [token for token in tokenize(sql, position - 1) if token.kind not in BLANK]
    return _name(sql, tokens)


def _name(sql: str, tokens: list[Token]) -> str | None:
    name = None
    for token, dot in zip(tokens[::2], [*tokens[1::2], None], strict=False):
        if token.kind not in (Kind.WORD, Kind.QUOTED):
            break
        text = sql[token.start : token.end]
        name = folded(text)
        if dot is None or sql[dot.start : dot.end] != ".":
            break
    return name
