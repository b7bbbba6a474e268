"""A script of SQL cut into its statements.

The rules are PostgreSQL's lexical ones (manual section 4.1; src/backend/parser/scan.l), and for where a statement ends
those of psql (src/fe_utils/psqlscan.l): a semicolon ends a statement unless it stands inside a literal, a quoted name,
a comment, parentheses (``CREATE RULE ... DO (a; b)``) or the ``BEGIN ATOMIC ... END`` body of a function.

Scripts can be long, so this does not read token by token as ``assay.sql.lexer`` does: it passes over whole stretches
that cannot end a statement, and knows servers whose standard_conforming_strings is off. A test sees to it that the two
agree on what is a literal and what a comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise

_HEAD = 12
"""So many words of a statement are kept; what a statement is shows within them."""

_IDENTIFIER = r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*"
_TAG = r"(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)?"
_TOKEN = re.compile(
    rf"""
    (?P<space>(?:[ \t\n\r\f\v]+|--[^\n\r]*)+)
    |(?P<comment>/\*)
    |(?P<escaped>[eE]')
    |(?P<string>')
    |(?P<quoted>"[^"]*"?)
    |(?P<dollar>\${_TAG}\$)
    |(?P<word>{_IDENTIFIER})
    |(?P<mark>[;()\\])
    |(?P<other>[^ \t\n\r\f\v\-/'"$;()\\A-Za-z_\u0080-\U0010ffff]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DULL = rf"""[^\-/'"$;()\\A-Za-z_\u0080-\U0010ffff]+|-(?!-)|/(?!\*)|(?>{_IDENTIFIER})(?!')|"[^"]*\""""
_STRETCH = re.compile(f"(?:{_DULL}|'[^']*')+")
"""What cannot hold the end of a statement; literals are in it."""
_ESCAPED_STRETCH = re.compile(f"(?:{_DULL})+")
"""The same, where a backslash escapes in every literal."""

_COMMENT_EDGE = re.compile(r"/\*|\*/")
_PLAIN_STRING = re.compile(r"[^']*(?:'|\Z)")
_ESCAPE_STRING = re.compile(r"(?:[^'\\]+|\\.)*+(?:'|\\?\Z)", re.DOTALL)
_CONTINUED = re.compile(r"(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*'")
"""White space with a line break, and another quote: the literal goes on (manual section 4.1.2.1)."""

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
    at = 0
    while at < len(statement):
        kind, end = _next_token(statement, at, escapes=False)
        part = " " if kind in ("space", "comment") else statement[at:end]
        if part != " " or parts[-1:] != [" "]:
            parts.append(part)
        at = end
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
        while self.at < len(self.script):
            begin = self.at
            kind, self.at = _next_token(self.script, begin, escapes=self.escapes)
            if kind not in ("space", "comment"):
                self._token(kind, self.script[begin : self.at], begin)
        self._close()
        return tuple(self.statements)

    def _token(self, kind: str, text: str, begin: int) -> None:
        if text == ";":
            self._semicolon()
            return
        if self.first < 0:
            self.first = begin
        if kind == "word":
            text = text.lower()
            self._word(text)
        elif kind == "mark":
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
            self.words.append(word)
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
        elif self.obstacle is None:
            self.obstacle = (Obstacle.BACKSLASH, begin)

    def _semicolon(self) -> None:
        if self.parentheses or self.body:
            self.previous = ";"
        elif self.first >= 0:
            self._cut(self.at)

    def _cut(self, end: int) -> None:
        """End the current statement before ``end``."""
        if self.obstacle is None and _copies_over_the_wire(self.words):
            self.obstacle = (Obstacle.COPY, self.first)
        obstacle, place = self.obstacle or (None, self.start)
        text = self.script[self.start : end]
        self.statements.append(
            Statement(text, self.start, self.first - self.start, tuple(self.words), obstacle, place - self.start)
        )
        if self.words[:1] == ["set"]:
            self.escapes = _escapes_after(text, self.escapes)
        self.start, self.first, self.parentheses, self.body = end, -1, 0, 0
        self.words, self.previous, self.obstacle = [], "", None

    def _close(self) -> None:
        """End the script: what is left is the last statement, or belongs to the one before."""
        end = len(self.script)
        if self.first >= 0:
            self._cut(end)
        elif self.statements and self.start < end:
            last = self.statements[-1]
            self.statements[-1] = replace(last, text=last.text + self.script[self.start :])


def _next_token(script: str, at: int, *, escapes: bool) -> tuple[str, int]:
    """The kind of the token at ``at``, as _TOKEN names it, and where it ends."""
    match = _TOKEN.match(script, at)
    assert match is not None  # noqa: S101 - the last alternative takes any character
    kind, end = match.lastgroup or "", match.end()
    match kind:
        case "comment":
            end = _comment_end(script, end)
        case "string" | "escaped":
            end = _literal_end(script, end, escapes=escapes or kind == "escaped")
        case "dollar":
            end = _dollar_end(script, end, match[0])
        case _:
            pass
    return kind, end


def _comment_end(script: str, at: int) -> int:
    """Where the block comment whose opening ends at ``at`` is closed; they nest."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(script, at)
        if edge is None:
            return len(script)
        depth += 1 if edge[0] == "/*" else -1
        at = edge.end()
    return at


def _literal_end(script: str, at: int, *, escapes: bool) -> int:
    """Where the literal whose opening quote ends at ``at`` is closed.

    A doubled quote reads as two literals, which comes to the same. A literal with escapes that goes on after a line
    break keeps its escapes there, so both parts are taken together.
    """
    pattern = _ESCAPE_STRING if escapes else _PLAIN_STRING
    while True:
        closed = pattern.match(script, at)
        at = closed.end() if closed else len(script)
        if not escapes:
            return at
        again = _CONTINUED.match(script, at)
        if again is not None:
            at = again.end()
        elif script.startswith("'", at):
            at += 1
        else:
            return at


def _dollar_end(script: str, at: int, tag: str) -> int:
    end = script.find(tag, at)
    return len(script) if end < 0 else end + len(tag)


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
