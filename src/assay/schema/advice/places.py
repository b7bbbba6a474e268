"""Where in the migrations an object of the schema was made.

It is looked for by its name, token by token, so a statement that a function or DO block puts together is not found. A
finding without a place is still told, by the object's name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from assay.proof.place import Place
from assay.schema.advice.model import Subject
from assay.sql.lexer import BLANK, Kind, tokenize
from assay.sql.names import folded
from assay.sql.splitting import Statement, split_statements

_MAKING = frozenset({"create", "alter", "grant"})
_BEFORE_A_COLUMN = frozenset({"(", ",", "column", "add", "exists", "constraint"})


@dataclass(frozen=True, slots=True)
class File:
    """A migration's file that is applied."""

    path: str
    """As reports show it."""
    sql: str


@dataclass(frozen=True, slots=True)
class _Mention:
    """A name in a statement."""

    offset: int
    """In the file, from 0."""
    schema: str
    """The name before it and a dot; empty where there is none."""
    defines: bool
    """It stands where CREATE TABLE and ALTER TABLE have the columns and constraints that they make."""


@dataclass(frozen=True, slots=True)
class Told:
    """A statement of a migration, with the names in it."""

    file: File
    statement: Statement
    mentions: dict[str, list[_Mention]]

    @property
    def start(self) -> int:
        """Where its first word is, in the file."""
        return self.statement.start + self.statement.lead

    def of(self, name: str, schema: str = "") -> _Mention | None:
        """A mention of a name, best one that defines something; with another schema before it, it is another's."""
        found = [each for each in self.mentions.get(name, ()) if not schema or each.schema in ("", schema)]
        return next((each for each in found if each.defines), found[0] if found else None)


def read_statements(files: Iterable[File]) -> list[Told]:
    """The statements that make or alter something, in the order of the migrations."""
    return [
        Told(file, statement, _mentions(statement))
        for file in files
        for statement in split_statements(file.sql)
        if statement.words[:1] and statement.words[0] in _MAKING
    ]


def _mentions(statement: Statement) -> dict[str, list[_Mention]]:
    found: dict[str, list[_Mention]] = defaultdict(list)
    text, depth, before = statement.text, 0, ["", ""]
    for token in tokenize(text):
        if token.kind in BLANK:
            continue
        word = text[token.start : token.end]
        depth += {"(": 1, ")": -1}.get(word, 0)
        if token.kind in (Kind.WORD, Kind.QUOTED):
            name = folded(word)
            schema = folded(before[0]) if before[1] == "." else ""
            defines = depth <= 1 and before[1].lower() in _BEFORE_A_COLUMN
            found[name].append(_Mention(statement.start + token.start, schema, defines))
        before = [before[1], word]
    return found


def locate(subject: Subject, statements: list[Told]) -> Place | None:
    """The place of what a finding is about; None where no statement of the migrations names it."""
    for told, offset in _candidates(subject, statements):
        text = told.file.sql
        line, column = text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
        return Place(told.file.path, line, column)
    return None


def _candidates(subject: Subject, statements: list[Told]) -> Iterator[tuple[Told, int]]:
    """What fits best first: a mention of its own name, then of its columns; for what has neither, its table's start."""
    about = [told for told in statements if told.of(subject.table, subject.schema)]
    if subject.names:
        yield from _with(statements if subject.verbs else about, subject.names)
    if subject.columns:
        # An index that a statement gives another name to is not the one.
        fitting = [told for told in about if _names_no_index(told)] if "index" in subject.verbs else about
        yield from _with(fitting, subject.columns)
    if not subject.names and not subject.columns:
        yield from ((told, told.start) for told in about if subject.verbs & set(told.statement.words[:6]))


def _names_no_index(told: Told) -> bool:
    words = [word for word in told.statement.words if word not in ("unique", "concurrently")]
    return words[:3] == ["create", "index", "on"]


def _with(statements: list[Told], names: tuple[str, ...]) -> Iterator[tuple[Told, int]]:
    for told in statements:
        found = [told.of(name) for name in names]
        if all(found) and found[0] is not None:
            yield told, told.start if told.statement.words[0] != "alter" and _is_single(told) else found[0].offset


def _is_single(told: Told) -> bool:
    """Whether a statement makes one thing, so that its beginning is the place; CREATE TABLE makes many."""
    return "table" not in told.statement.words[:4]
