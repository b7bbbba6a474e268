"""The relations that TRUNCATE, LOCK and REFRESH MATERIALIZED VIEW name.

PostgreSQL looks up what a utility statement names when it runs it, not when it prepares it (transformStmt(),
src/backend/parser/analyze.c), so a table that a migration renamed is not noticed by preparing. Here the names are
read off the text of a statement that the server has prepared, and are therefore known to stand where its grammar has
them (gram.y: TruncateStmt, LockStmt, RefreshMatViewStmt, relation_expr).
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
import msgspec

from assay.catalog.queries import qualified
from assay.proof.session import Session
from assay.sql.lexer import BLANK, Kind, Token, tokenize

_BEFORE_NAMES = {
    "truncate": ("table",),
    "lock": ("table",),
    "refresh": ("materialized", "view", "concurrently"),
}
"""By their first word, the words that may stand between it and the first name, in order.

Where a table may be named, ``table``, ``concurrently`` and ``only`` are no names without quotes (manual, appendix C).
"""


@dataclass(frozen=True, slots=True)
class NamedRelation:
    """A name of a relation in a statement."""

    name: str
    """As SQL, without the blanks and comments that may stand around its dot."""
    start: int
    """Where it stands, in characters from 0."""


async def check_relations(session: Session, sql: str) -> None:
    """Raise asyncpg's error for a relation that is not there, as a SELECT from it would, in the place of its name.

    Args:
        session: where the statement was prepared, and whose search path counts.
        sql: any statement; nothing is looked for in others than these three.
    """
    named = named_relations(sql)
    if not named:
        return
    found = await session.text(_MISSING, [each.name for each in named])
    if found is None:
        return
    number, words = msgspec.json.decode(found, type=tuple[int, str])
    error = asyncpg.UndefinedTableError(f'relation "{words}" does not exist')
    error.position = str(named[number - 1].start + 1)
    raise error


_MISSING = qualified("""
-- The first of these names that no relation has: its number, from 1, and the name as messages show it.
select pg_catalog.json_build_array(u.n, pg_catalog.array_to_string(pg_catalog.parse_ident(u.name), '.'))
    ::pg_catalog.text
from pg_catalog.unnest($1::pg_catalog.text[]) with ordinality u (name, n)
where pg_catalog.to_regclass(u.name) is null order by u.n limit 1
""")


def named_relations(sql: str) -> tuple[NamedRelation, ...]:
    """The relations that one of the three statements names, in order; none for another statement.

    Names with the database before the schema, and ``U&"..."``, are left out: they are not looked up here.
    """
    tokens = [token for token in tokenize(sql) if token.kind not in BLANK]
    words = [sql[token.start : token.end].lower() for token in tokens]
    if not words or words[0] not in _BEFORE_NAMES:
        return ()
    at = 1
    for word in _BEFORE_NAMES[words[0]]:
        at += words[at : at + 1] == [word]
    found: list[NamedRelation] = []
    while True:
        at = _skip(words, at, ("only", "("))
        parts = _parts(tokens, words, at)
        texts = [sql[token.start : token.end] for token in parts]
        if 0 < len(parts) <= 2 and not any(text[:2] in ("U&", "u&") and text[2:3] == '"' for text in texts):
            found.append(NamedRelation(".".join(texts), parts[0].start))
        at = _skip(words, at + max(2 * len(parts) - 1, 0), (")", "*"))
        if words[at : at + 1] != [","]:
            return tuple(found)
        at += 1


def _skip(words: list[str], at: int, skipped: tuple[str, ...]) -> int:
    while at < len(words) and words[at] in skipped:
        at += 1
    return at


def _parts(tokens: list[Token], words: list[str], at: int) -> list[Token]:
    """The parts of the dotted name that begins with a token."""
    parts: list[Token] = []
    while at < len(tokens) and tokens[at].kind in (Kind.WORD, Kind.QUOTED):
        parts.append(tokens[at])
        if words[at + 1 : at + 2] != ["."]:
            break
        at += 2
    return parts
