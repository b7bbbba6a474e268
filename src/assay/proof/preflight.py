"""Finds literals that PostgreSQL would run code of users to read, before it is given them.

A literal is read while a statement is parsed: ``'(1)'::holder`` calls the input function of a row type, and that
evaluates the CHECK constraints of the domains inside it (coerce_type(), parse_coerce.c; domain_in(), domains.c), with
functions that may take numbers from a sequence or end a session, which no rollback takes back. So where a database has
such domains, the statement is prepared with a parameter in the place of each literal first: the server finds the types
of parameters as it does those of literals, and reads nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import asyncpg
import msgspec

from assay.catalog.queries import qualified
from assay.catalog.reader import Catalog
from assay.errors import StatementError
from assay.pgtypes.model import PgType
from assay.proof.session import Session
from assay.sql.lexer import BLANK, Kind, tokenize

_INDETERMINATE = "42P18"
"""SQLSTATE where nothing tells the type of a parameter: a literal in its place is of type text, or of none."""

_NOT_SUPPORTED = "0A000"

_PREPARED = frozenset({"select", "values", "with", "table", "insert", "update", "delete", "merge", "("})
"""How a statement begins that PREPARE takes."""
_HOLDS_QUERY = frozenset({"explain", "call", "declare", "create"})
"""How one begins that it does not take, but that is analysed with what is inside it (transformStmt(), analyze.c)."""

_BUILT_IN = frozenset({
    "bit", "bool", "boolean", "box", "bytea", "char", "cidr", "circle", "date", "decimal", "escape", "float8", "inet",
    "int", "int4", "int8", "integer", "interval", "json", "jsonb", "jsonpath", "numeric", "path", "point", "polygon",
    "precision", "regclass", "text", "time", "timestamp", "timestamptz", "timetz", "uescape", "uuid", "varchar",
    "varying", "xml", "zone",
})  # fmt: skip
"""Words before a literal that is of a type of the server's own, or that must be written out: it stays as it is."""


@dataclass(frozen=True, slots=True)
class _Literal:
    """Where a literal stands, and the word before it, folded as PostgreSQL does."""

    start: int
    end: int
    before: str


async def check_literals(session: Session, catalog: Catalog, sql: str) -> None:
    """Raise StatementError for a statement with a literal whose reading may run code of users."""
    await catalog.survey(session)
    literals = _literals(sql) if catalog.checked_by_users else []
    if not literals:
        return
    if (first := _first_word(sql)) not in _PREPARED:
        if first in _HOLDS_QUERY:
            raise _refusal(sql, literals[0], "that of a literal in EXPLAIN, CREATE, DECLARE or CALL is not foreseen")
        return
    named = await _types_named(session, catalog, literals)
    for literal in literals:
        if literal.before in named and _is_read_by_users(catalog, named[literal.before]):
            raise _refusal(sql, literal, f"it is one of {named[literal.before]}")
    await _check_types(session, catalog, sql, [one for one in literals if one.before not in {*named, *_BUILT_IN}])


async def _check_types(session: Session, catalog: Catalog, sql: str, literals: Sequence[_Literal]) -> None:
    """Let the server find the types of these literals; those that it cannot tell are of no type of users."""
    first = 1 + max((int(sql[t.start + 1 : t.end]) for t in tokenize(sql) if t.kind is Kind.PARAMETER), default=0)
    while literals:
        text = _with_parameters(sql, literals, first)
        try:
            types = (await session.parameters(text))[first - 1 :]
        except asyncpg.PostgresError as error:
            number = _parameter_refused(text, error, session.before_prepared) - first
            if not 0 <= number < len(literals):
                raise _refusal(sql, literals[0], f"with parameters for all of them it says: {error}") from error
            literals = [*literals[:number], *literals[number + 1 :]]
            continue
        await catalog.load(session, types=types)
        for literal, oid in zip(literals, types, strict=True):
            if _is_read_by_users(catalog, catalog.types[oid]):
                raise _refusal(sql, literal, f"it is one of {catalog.types[oid]}")
        return


async def _types_named(session: Session, catalog: Catalog, literals: Sequence[_Literal]) -> dict[str, PgType]:
    """The types of users, by name, that stand before literals, as in ``holder '(1)'``."""
    words = sorted({literal.before for literal in literals} - {""})
    found = dict(msgspec.json.decode(await session.text(_NAMED, words) or "[]"))
    await catalog.load(session, types=found.values())
    return {name: catalog.types[oid] for name, oid in found.items()}


_NAMED = qualified("""
-- The types of users that have one of these names.
select pg_catalog.json_agg(pg_catalog.json_build_array(t.typname, t.oid::pg_catalog.int8))::pg_catalog.text
from pg_catalog.pg_type t where t.oid >= 16384 and t.typname = any($1::pg_catalog.name[])
""")


def _literals(sql: str) -> list[_Literal]:
    found: list[_Literal] = []
    before = ""
    for kind, text, start, end in _words(sql):
        if kind is Kind.STRING and found and before == "'":
            # One literal may be written in several parts, on lines of their own.
            found[-1] = _Literal(found[-1].start, end, found[-1].before)
        elif kind is Kind.STRING:
            found.append(_Literal(start, end, before))
        before = {Kind.WORD: text.lower(), Kind.QUOTED: text[1:-1].replace('""', '"'), Kind.STRING: "'"}.get(kind, "")
    return found


def _words(sql: str) -> Iterator[tuple[Kind, str, int, int]]:
    return ((t.kind, sql[t.start : t.end], t.start, t.end) for t in tokenize(sql) if t.kind not in BLANK)


def _first_word(sql: str) -> str:
    return next((text.lower() for _, text, _, _ in _words(sql)), "")


def _with_parameters(sql: str, replaced: Sequence[_Literal], first: int) -> str:
    parts, end = [], 0
    for number, literal in enumerate(replaced, first):
        parts += [sql[end : literal.start], f" ${number} "]
        end = literal.end
    return "".join([*parts, sql[end:]])


def _parameter_refused(text: str, error: asyncpg.PostgresError, before: int) -> int:
    """The number of a parameter in whose place any literal is of a type of the server's; 0 for none.

    An indeterminate one is named by the error, in words of any language; a constant that must be written out, such as
    the path of JSON_TABLE, is pointed at.
    """
    if error.sqlstate == _INDETERMINATE:
        named = re.search(r"\$(\d+)", str(error))
        return int(named[1]) if named else 0
    at = int(error.position or 0) - before - 1 if error.sqlstate == _NOT_SUPPORTED else -1
    pointed = (word[1:] for kind, word, start, _ in _words(text) if kind is Kind.PARAMETER and start == at)
    return int(next(pointed, "0"))


def _is_read_by_users(catalog: Catalog, kind: PgType) -> bool:
    """Whether reading a value may run code of users; a domain's own CHECK is evaluated later (coerce_type())."""
    while kind.kind == "domain" and kind.element is not None:
        kind = kind.element
    inside = [part for part in (kind.element, *(field for _, field in kind.fields)) if part is not None]
    return any(part.oid in catalog.checked_by_users or _is_made_by_users(catalog, part) for part in inside)


def _is_made_by_users(catalog: Catalog, kind: PgType) -> bool:
    below = kind.element if kind.kind == "domain" else None
    if below is not None and below.oid in catalog.checked_by_users:
        return True
    return _is_made_by_users(catalog, below) if below is not None else _is_read_by_users(catalog, kind)


def _refusal(sql: str, literal: _Literal, why: str) -> StatementError:
    return StatementError(
        f"to read a literal, the server may run code of users while it parses the statement: {why}; nothing is run"
        " here, so that nothing is proven. Pass the value as a parameter",
        position=literal.start + 1,
        statement=sql,
    )
