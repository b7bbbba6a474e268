"""Finds literals that PostgreSQL would run code of users to read, before it is given them.

A literal is read while a statement is parsed: ``'(1)'::holder`` calls the input function of a row type, and that
evaluates the CHECK constraints of the domains inside it (coerce_type(), parse_coerce.c; domain_in(), domains.c), with
functions that may take numbers from a sequence or end a session, which no rollback takes back. So where a database has
such domains, the statement is analysed with ``null::unknown`` in the place of each literal first: that gets its type as
a literal does, and no function is called to read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import asyncpg
import msgspec

from assay.catalog.queries import qualified
from assay.catalog.reader import Catalog
from assay.errors import StatementError
from assay.pgtypes.model import PgType
from assay.proof.querytree import Node, walk
from assay.proof.session import Session, TooLarge
from assay.sql.lexer import BLANK, Kind, tokenize
from assay.sql.names import folded

_NULL = " null::pg_catalog.unknown "
_SYNTAX_ERROR = "42601"
"""SQLSTATE where only a literal may stand: behind the name of its type, or where it is part of the language."""

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


_STARTS = ("(", "{", "[", "empty")
"""How the text of every row, array, range and multirange begins (rowtypes.c, arrayfuncs.c, rangetypes.c)."""


@dataclass(frozen=True, slots=True)
class _Literal:
    """Where a literal stands, and the word before it, folded as PostgreSQL does."""

    start: int
    end: int
    before: str


async def check_literals(session: Session, catalog: Catalog, sql: str, *, analysable: bool) -> None:
    """Raise StatementError for a statement with a literal whose reading may run code of users.

    Args:
        analysable: whether a statement can be analysed without running code of users for that.
    """
    literals = _literals(sql) if catalog.read_by_users else []
    if not literals:
        return
    if not analysable:
        raise _refusal(sql, literals[0], "an event trigger is in the way of finding out")
    if (first := _first_word(sql)) not in _PREPARED:
        if first in _HOLDS_QUERY:
            raise _refusal(sql, literals[0], "what one in EXPLAIN, CREATE, DECLARE or CALL is of is not known")
        return
    harmless = await _check_names(session, catalog, sql, literals) | _BUILT_IN
    await _check_types(session, catalog, sql, literals, harmless)


async def _check_types(
    session: Session, catalog: Catalog, sql: str, literals: list[_Literal], harmless: frozenset[str]
) -> None:
    """Let the server find the types of literals. Raises its error for a statement that is not valid.

    Args:
        harmless: words of which none, before a literal, names a type that it must not be read as.
    """
    left, query = [literal for literal in literals if literal.before not in _BUILT_IN], None
    while left and query is None:
        try:
            async with session.undone():
                query = (await session.analysed(_with_nulls(sql, left))).query
        except (TooLarge, RecursionError) as error:
            raise _refusal(sql, left[0], "the statement is too large to tell") from error
        except asyncpg.PostgresError as error:
            position, refused = _place(sql, left, int(error.position or 0) - session.before_prepared)
            if error.sqlstate != _SYNTAX_ERROR or refused is None or refused.before not in harmless:
                error.position = str(position) if error.position else None
                raise
            left = [literal for literal in left if literal is not refused]
    types = {_type_of_literal(node) for node in walk(query or [])} - {0}
    await catalog.load(session, types=types)
    for kind in (catalog.types[oid] for oid in sorted(types)):
        if _is_read_by_users(catalog, kind):
            raise _refusal(sql, left[0], f"one of them is of the type {kind}")


def _type_of_literal(node: Node) -> int:
    """The type that a literal in the place of a node would be read as; 0 for none."""
    if node.tag == "CONST" and node["constisnull"]:
        return int(node["consttype"])
    # DEFAULT NULL of JSON_VALUE is cast when it runs, another literal at once (transformJsonBehavior(), parse_expr.c).
    return int(node["returning"]["typid"]) if node.tag == "JSONEXPR" and node["returning"] else 0


def _with_nulls(sql: str, literals: Sequence[_Literal]) -> str:
    parts, end = [], 0
    for literal in literals:
        parts += [sql[end : literal.start], _NULL]
        end = literal.end
    return "".join([*parts, sql[end:]])


def _place(sql: str, literals: Sequence[_Literal], position: int) -> tuple[int, _Literal | None]:
    """Where a position in the statement with NULLs is in the statement, from 1, and the literal that stands there."""
    offset = position - 1
    for literal in literals:
        if offset < literal.start:
            break
        if offset < literal.start + len(_NULL):
            return literal.start + 1, literal
        offset += literal.end - literal.start - len(_NULL)
    return min(offset, len(sql)) + 1, None


async def _check_names(session: Session, catalog: Catalog, sql: str, literals: Sequence[_Literal]) -> frozenset[str]:
    """Refuse ``holder '(1)'``; gives the words before literals that are the names of other types."""
    words = sorted({literal.before for literal in literals} - {""})
    found = msgspec.json.decode(await session.text(_NAMED, words) or "[]")
    await catalog.load(session, types=[oid for _, oid in found])
    risky = {name for name, oid in found if _is_read_by_users(catalog, catalog.types[oid])}
    for literal in literals:
        if literal.before in risky:
            raise _refusal(sql, literal, f"it is one of {literal.before}")
    return frozenset(name for name, _ in found)


_NAMED = qualified("""
-- The types that have one of these names.
select pg_catalog.json_agg(pg_catalog.json_build_array(t.typname, t.oid::pg_catalog.int8))::pg_catalog.text
from pg_catalog.pg_type t where t.typname = any($1::pg_catalog.text[])
""")


def _literals(sql: str) -> list[_Literal]:
    """The literals that may be rows, arrays or ranges."""
    found: list[_Literal] = []
    before, start = "", -1
    for kind, text, at, end in _words(sql):
        if kind is not Kind.STRING:
            before = folded(text) if kind in (Kind.WORD, Kind.QUOTED) else ""
            start = -1
        elif start < 0:
            start = at
            found.append(_Literal(at, end, before))
        else:
            # One literal may be written in several parts, on lines of their own.
            found[-1] = _Literal(start, end, found[-1].before)
    return [literal for literal in found if _may_be_made(sql[literal.start : literal.end])]


def _may_be_made(literal: str) -> bool:
    """Whether a literal begins as a row, an array or a range does, or may do so when its escapes are read."""
    quote, _, body = literal.partition("$" if literal.startswith("$") else "'")
    if literal.startswith("$"):
        body = body.partition("$")[2]
    begins = body.lstrip().lower().startswith(_STARTS)
    return begins or body.lstrip().startswith("'") or (quote in ("E", "e", "U&", "u&") and "\\" in body)


def _words(sql: str) -> Iterator[tuple[Kind, str, int, int]]:
    return ((t.kind, sql[t.start : t.end], t.start, t.end) for t in tokenize(sql) if t.kind not in BLANK)


def _first_word(sql: str) -> str:
    return next((text.lower() for _, text, _, _ in _words(sql)), "")


def _is_read_by_users(catalog: Catalog, kind: PgType) -> bool:
    """Whether reading a value may run code of users; a domain's own CHECK is evaluated later (coerce_type())."""
    while kind.kind == "domain" and kind.element is not None:
        kind = kind.element
    if kind.oid in catalog.strange_ranges:
        return True
    inside = [part for part in (kind.element, *(field for _, field in kind.fields)) if part is not None]
    return any(part.oid in catalog.read_by_users or _is_made_by_users(catalog, part) for part in inside)


def _is_made_by_users(catalog: Catalog, kind: PgType) -> bool:
    below = kind.element if kind.kind == "domain" else None
    if below is not None and below.oid in catalog.read_by_users:
        return True
    return _is_made_by_users(catalog, below) if below is not None else _is_read_by_users(catalog, kind)


def _refusal(sql: str, literal: _Literal, why: str) -> StatementError:
    return StatementError(
        f"to read a literal, the server may run code of users while it parses the statement: {why}; nothing is run"
        " here, so that nothing is proven. Pass the value as a parameter",
        position=literal.start + 1,
        statement=sql,
    )
