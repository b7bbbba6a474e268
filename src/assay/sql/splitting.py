"""A script of SQL cut into its statements.

The rules are PostgreSQL's lexical ones (manual section 4.1; src/backend/parser/scan.l), and for where a statement ends
those of psql (src/fe_utils/psqlscan.l): a semicolon ends a statement unless it stands inside a literal, a quoted name,
a comment, parentheses (``CREATE RULE ... DO (a; b)``) or the ``BEGIN ATOMIC ... END`` body of a function.

Scripts can be long, so not all of them is read token by token: once it is known what a statement is, whole stretches
of it that cannot hold its end are passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from sys import intern

from assay.sql.lexer import BLANK, IDENTIFIER, Kind, token_at, tokenize

_HEAD = 12
"""So many words of a statement are kept; what a statement is shows within them."""

_DULL = rf"""[\x00-!#%&*-,.0-:<-@\[\]\^`{{-\x7f]+|-(?!-)|/(?!\*)|{IDENTIFIER}(?!')|"[^"]*\""""
_STRETCH = re.compile(f"(?:{_DULL}|'[^']*')++")
"""What cannot hold the end of a statement; literals are in it."""
_ESCAPED_STRETCH = re.compile(f"(?:{_DULL})++")
"""The same, where a backslash escapes in every literal."""

_WHITESPACE, _COMMENT, _WORD, _SYMBOL = Kind.WHITESPACE, Kind.COMMENT, Kind.WORD, Kind.SYMBOL
"""Looked up once, since an enum looks its members up slowly."""
_ROUTINE = frozenset({"function", "procedure"})


class Obstacle(StrEnum):
    """What only psql understands, so that a script with it cannot be sent to a server."""

    BACKSLASH = "backslash"
    """A backslash outside of literals: a command of psql, such as ``\\connect``."""
    COPY = "copy"
    """COPY FROM STDIN, whose rows follow in the script, or COPY TO STDOUT."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a script.

    The texts of all statements of a script, one after the other, are the script.
    """

    text: str
    """The statement with its semicolon and the white space and comments before it; the last also has those after it."""
    start: int
    """Where ``text`` begins in the script, in characters from 0."""
    lead: int
    """How many characters of ``text`` come before the statement's first word."""
    words: tuple[str, ...]
    """Its first keywords and unquoted names outside of parentheses, in lower case; at most twelve."""
    obstacle: Obstacle | None = None
    """Why it cannot be sent to a server, if so; the split of what follows it means nothing."""
    obstacle_at: int = 0
    """Where in ``text`` the obstacle is, in characters from 0."""
    ended: bool = False
    """Whether a semicolon ends it, so that more can follow in the same message."""


def split_statements(script: str, *, standard_conforming_strings: bool = True) -> tuple[Statement, ...]:
    """The statements of a script, in order; none when it has only white space, comments and semicolons.

    A literal, comment or parenthesis that is never closed takes in the rest of the script: the server then says so.

    Args:
        script: SQL text, as a file holds it.
        standard_conforming_strings: the server's setting of that name at the start of the script; when it is off, a
            backslash escapes in every literal, not only in ``E'...'``.
    """
    return _Splitter(script, escapes=not standard_conforming_strings).split()


def plain_text(statement: str) -> str:
    """A statement without comments and its semicolon, and with one space for white space outside of literals."""
    parts: list[str] = []
    for token in tokenize(statement):
        part = " " if token.kind in BLANK else statement[token.start : token.end]
        if part != " " or parts[-1:] != [" "]:
            parts.append(part)
    return "".join(parts).strip("; ")


@dataclass(slots=True)
class _Splitter:
    script: str
    escapes: bool
    """Whether a backslash escapes in ``'...'``."""
    statements: list[Statement] = field(default_factory=list)
    at: int = 0
    """Where the next token begins."""
    start: int = 0
    """Where the current statement's text begins."""
    first: int = -1
    """Where its first word is, -1 before there is one."""
    parentheses: int = 0
    words: list[str] = field(default_factory=list)
    previous: str = ""
    """The token before, white space and comments left out; of a word, its lower case."""
    body: int = 0
    """How many END are missing to close a BEGIN ATOMIC body; 0 outside of one."""
    obstacle: tuple[Obstacle, int] | None = None

    def split(self) -> tuple[Statement, ...]:
        script, end = self.script, len(self.script)
        while self.at < end:
            kind, begin, self.at, _ = token_at(script, self.at, self.escapes)
            if kind is not _WHITESPACE and kind is not _COMMENT:
                self._token(kind, script[begin : self.at], begin)
        self._close()
        return tuple(self.statements)

    def _token(self, kind: Kind, text: str, begin: int) -> None:
        if text == ";":
            self._semicolon()
            return
        if self.first < 0:
            self.first = begin
        if kind is _WORD:
            text = text.lower()
            self._word(text)
        elif kind is _SYMBOL:
            self._mark(text, begin)
        self.previous = text
        self._skip_dull()

    def _skip_dull(self) -> None:
        """Pass over what holds no end of a statement; words are looked at until the statement is known."""
        known = len(self.words) == _HEAD and not (self.words[0] == "create" and _ROUTINE.intersection(self.words[:4]))
        if known or self.parentheses:
            match = (_ESCAPED_STRETCH if self.escapes else _STRETCH).match(self.script, self.at)
            self.at = match.end() if match else self.at

    def _word(self, word: str) -> None:
        if self.parentheses:
            return
        if len(self.words) < _HEAD:
            self.words.append(intern(word))  # scripts say the same words again and again
        # After AS and a dot, any keyword is only a name.
        if self.previous in ("as", "."):
            return
        if self.body:
            self.body += {"case": 1, "end": -1}.get(word, 0)
        elif word == "atomic" and self.previous == "begin" and _creates_routine(self.words):
            self.body = 1

    def _mark(self, mark: str, begin: int) -> None:
        if mark == "(":
            self.parentheses += 1
        elif mark == ")":
            self.parentheses = max(0, self.parentheses - 1)
        elif mark == "\\" and self.obstacle is None:
            self.obstacle = (Obstacle.BACKSLASH, begin)

    def _semicolon(self) -> None:
        if self.parentheses or self.body:
            self.previous = ";"
        elif self.first >= 0:
            self._cut(self.at, ended=True)

    def _cut(self, end: int, *, ended: bool) -> None:
        """End the current statement before ``end``."""
        if self.obstacle is None and _copies_over_the_wire(self.words):
            self.obstacle = (Obstacle.COPY, self.first)
        obstacle, place = self.obstacle or (None, self.start)
        text = self.script[self.start : end]
        self.statements.append(
            Statement(text, self.start, self.first - self.start, tuple(self.words), obstacle, place - self.start, ended)
        )
        if self.words[:1] == ["set"]:
            self.escapes = _escapes_after(text, self.escapes)
        self.start, self.first, self.parentheses, self.body = end, -1, 0, 0
        self.words, self.previous, self.obstacle = [], "", None

    def _close(self) -> None:
        """End the script: what is left is the last statement, or belongs to the one before."""
        end = len(self.script)
        if self.first >= 0:
            self._cut(end, ended=False)
        elif self.statements and self.start < end:
            last = self.statements[-1]
            self.statements[-1] = replace(last, text=last.text + self.script[self.start :])


def _creates_routine(words: list[str]) -> bool:
    if words[1:3] == ["or", "replace"]:
        return words[0] == "create" and words[3] in _ROUTINE
    return words[0] == "create" and words[1] in _ROUTINE


def _copies_over_the_wire(words: list[str]) -> bool:
    pairs = pairwise(words)
    return words[:1] == ["copy"] and any(pair in (("from", "stdin"), ("to", "stdout")) for pair in pairs)


_CONFORMING = re.compile(r"\bstandard_conforming_strings\b\"?\s*(?:=|\bto\b)\s*'?(\w+)", re.IGNORECASE)


def _escapes_after(text: str, before: bool) -> bool:
    """Whether plain literals have escapes after a SET statement."""
    setting = _CONFORMING.search(text)
    if setting is None:
        return before
    return setting[1].lower() in ("off", "false", "no", "0")
