"""Whether a seed adds the same rows again when it is loaded again, as far as its text shows.

What stands in the text is looked at, not what it does to a database: that is what ``assay seed --check`` is for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from assay.proof.discover.source import Source
from assay.sql.lexer import BLANK, Kind, tokenize
from assay.sql.names import folded
from assay.sql.splitting import Statement, split_statements

ALLOWED = "assay: allow-repeats"
"""In the comments that a seed begins with: it is loaded although it may add the same rows again."""

_ALLOWED = re.compile(r"(?:--|/\*|#)[^\n]*\bassay:\s*allow-repeats\b")
_COMMENTS_OF_SQL = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
_COMMENTS_OF_PYTHON = re.compile(r"(?:\s+|\#[^\n]*)*")
_REMEDY = f"or begin the file with the comment {ALLOWED} and the reason"
_ADDS = f"adds the same rows when the seed is loaded again; add ON CONFLICT DO NOTHING or WHERE NOT EXISTS, {_REMEDY}"
_COPIES = f"adds the same rows when the seed is loaded again; empty the table first, {_REMEDY}"
_COUNTS_ON = f"goes on from the value that is there each time the seed is loaded; set a value of its own, {_REMEDY}"
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "||"})
_ENDS_OF_SET = frozenset({"where", "from", "returning", "when"})
_ENDS_OF_NAME = frozenset({"set", "(", "values", "select", "default", "overriding", "using", "table", "with"})
_QUERIES = frozenset({"select", "with", "values", "table", "("})
_QUERY = re.compile(r"\s*(?:insert|with|copy|update|merge|do)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Repeat:
    """What a second run of a seed would do again."""

    at: int
    """Where in the text, in characters from 0."""
    text: str
    """A sentence's part: ``this INSERT adds ...``."""


class _Word(NamedTuple):
    text: str
    """In lower case, or the name within double quotes."""
    at: int
    depth: int
    """How many parentheses it is in."""


@dataclass(slots=True)
class _Tables:
    """What the statements before have done to tables: those that are empty, or this session's own."""

    fresh: set[str] = field(default_factory=set)

    def has(self, name: str) -> bool:
        return bool({name, f"public.{name}", name.removeprefix("public.")} & self.fresh)


def is_allowed(text: str, *, python: bool = False) -> bool:
    """Whether the comments that a seed begins with say that it may add the same rows again."""
    comments = (_COMMENTS_OF_PYTHON if python else _COMMENTS_OF_SQL).match(text)
    return comments is not None and _ALLOWED.search(comments[0]) is not None


def repeats_of_sql(statements: Iterable[Statement]) -> Iterator[Repeat]:
    """What a second run of a script would do again, by place.

    An INSERT passes with ON CONFLICT, with NOT EXISTS, NOT IN or EXCEPT in its query, into a table that an earlier
    statement of the script has emptied as a whole, and into a temporary table. COPY needs one of the last two. An
    UPDATE, also that of ON CONFLICT, passes unless it adds to, takes from or appends to the value of the column that
    it sets. MERGE, DELETE, SELECT and whatever is no DML passes. The body of DO is looked at in the same way.
    """
    tables = _Tables()
    for statement in statements:
        for found in _repeats(statement.text, statement.words, tables):
            yield Repeat(statement.start + found.at, found.text)
        _note(statement, tables)


def repeats_of_python(source: str, tree: ast.Module) -> Iterator[Repeat]:
    """What a second run of a Python seed would do again: its literal SQL is looked at, and calls of ``copy_in``."""
    text = Source(Path(), "", None, source, tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "copy_in":
            yield Repeat(text.offset(node.lineno, node.col_offset), f"this copy_in {_COPIES}")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _QUERY.match(node.value):
            at = text.offset(node.lineno, node.col_offset)
            yield from (Repeat(at, one.text) for one in repeats_of_sql(split_statements(node.value)))


def passed_over(statements: Iterable[Statement]) -> Iterator[tuple[str, frozenset[str]]]:
    """The tables into which INSERTs add with ON CONFLICT DO NOTHING, as written, and the columns that each lists.

    No columns stand for all: an INSERT without a list gives them in order.
    """
    for statement in statements:
        words = list(_words(statement.text))
        texts = [word.text for word in words]
        for index in range(len(words) - 1):
            if texts[index : index + 2] == ["insert", "into"]:
                name, after = _name(words, index + 2)
                extent = [word.text for word in _extent(words, index, after)]
                if any(extent[at : at + 2] == ["do", "nothing"] for at in range(len(extent))):
                    yield name, _listed(extent)


def _listed(extent: list[str]) -> frozenset[str]:
    if extent[:1] != ["("] or ")" not in extent or extent[1] in _QUERIES:
        return frozenset()
    return frozenset(extent[1 : extent.index(")")]) - {","}


def _repeats(text: str, kinds: Sequence[str], tables: _Tables) -> Iterator[Repeat]:
    words = list(_words(text))
    yield from _insertions(words, tables, guarded=False)
    yield from _counting(words)
    if kinds[:1] == ("copy",) and "from" in kinds:
        name, _ = _name(words, 1)
        if not tables.has(name):
            yield Repeat(words[0].at, f"this COPY {_COPIES}")
    if kinds[:1] == ("do",):
        yield from _block(text, tables)


def _insertions(words: list[_Word], tables: _Tables, *, guarded: bool) -> Iterator[Repeat]:
    for index in range(len(words) - 1):
        if words[index].text == "insert" and words[index + 1].text == "into":
            name, after = _name(words, index + 2)
            extent = _extent(words, index, after)
            if not (guarded or tables.has(name) or _is_settled(extent, words[index].depth)):
                yield Repeat(words[index].at, f"this INSERT {_ADDS}")


def _extent(words: list[_Word], index: int, after: int) -> list[_Word]:
    """The words of an INSERT, up to the parenthesis that closes around it or a semicolon."""
    extent = []
    for word in words[after:]:
        if word.depth < words[index].depth or word.text == ";":
            break
        extent.append(word)
    return extent


def _is_settled(extent: list[_Word], depth: int) -> bool:
    for one, other in pairwise([*extent, _Word("", 0, 0)]):
        pair = (one.text, other.text)
        if pair in (("not", "exists"), ("not", "in")) or (
            one.depth == depth and (pair == ("on", "conflict") or one.text == "except")
        ):
            return True
    return False


def _counting(words: list[_Word]) -> Iterator[Repeat]:
    """Columns that are set to something that is made of their own value by arithmetic."""
    updates = any(word.text == "update" for word in words)
    for index, word in enumerate(words[:-2]):
        starts = updates and (word.text == "set" or (word.text == "," and word.depth == 0))
        if starts and words[index + 2].text == "=" and _reckons(words, index):
            yield Repeat(words[index + 1].at, f'this UPDATE of "{words[index + 1].text}" {_COUNTS_ON}')


def _reckons(words: list[_Word], index: int) -> bool:
    column, depth = words[index + 1].text, words[index + 1].depth
    own = _own_names(words)
    uses = operates = False
    for at, word in enumerate(words[index + 3 :], index + 3):
        if word.depth < depth or (word.depth == depth and word.text in (*_ENDS_OF_SET, ",", ";")):
            break
        uses |= word.text == column and (words[at - 1].text != "." or words[at - 2].text in own)
        operates |= word.text in _ARITHMETIC
    return uses and operates


def _own_names(words: list[_Word]) -> set[str]:
    """The names of the tables that are written to, and their aliases, by which their columns can be qualified."""
    own: set[str] = set()
    naming = False
    for word in words:
        naming = word.text in ("update", "into") or (naming and word.text not in _ENDS_OF_NAME)
        if naming:
            own.add(word.text)
    return own


def _block(text: str, tables: _Tables) -> Iterator[Repeat]:
    """What the body of DO does; behind an IF NOT EXISTS all of it passes."""
    for token in tokenize(text):
        if token.kind is Kind.STRING and text[token.start : token.end].startswith("$"):
            inside = text[token.start : token.end]
            tag = inside[: inside.index("$", 1) + 1]
            words = [
                word._replace(at=word.at + token.start + len(tag)) for word in _words(inside[len(tag) : -len(tag)])
            ]
            yield from _insertions(words, tables, guarded=_is_settled(words, -1))


def _note(statement: Statement, tables: _Tables) -> None:
    """Remember the tables that a statement leaves empty or makes for this session."""
    words = list(_words(statement.text))
    match statement.words:
        case ("truncate", *_):
            tables.fresh |= _truncated(words)
        case ("delete", "from", *_) if not {"where", "using"} & {word.text for word in words if word.depth == 0}:
            tables.fresh.add(_name(words, 2)[0])
        case ("create", "temp" | "temporary", "table", *rest):
            tables.fresh.add(_name(words, 6 if rest[:3] == ["if", "not", "exists"] else 3)[0])


def _truncated(words: list[_Word]) -> set[str]:
    names, index = set(), 1
    while index < len(words):
        name, after = _name(words, index + (words[index].text == "table"))
        names.add(name)
        if after >= len(words) or words[after].text != ",":
            break
        index = after + 1
    return names


def _name(words: list[_Word], index: int) -> tuple[str, int]:
    """A table's name, which may be qualified, and where the words after it begin."""
    if index < len(words) and words[index].text == "only":
        index += 1
    parts: list[str] = []
    while index < len(words):
        parts.append(words[index].text)
        index += 1
        if index >= len(words) or words[index].text != ".":
            break
        index += 1
    return ".".join(parts), index


def _words(text: str) -> Iterator[_Word]:
    """Its words, names, operators and symbols; literals and numbers stand for themselves."""
    depth = 0
    for token in tokenize(text):
        if token.kind in BLANK:
            continue
        part = text[token.start : token.end]
        if part == ")":
            depth -= 1
        if token.kind is not Kind.STRING:
            yield _Word(folded(part), token.start, depth)
        if part == "(":
            depth += 1
