"""The placeholders of other libraries, rewritten to ``$1`` for the server.

Each library reads a statement with a pattern of its own that knows neither literals nor comments. So the patterns here
find what the libraries find, and the lexer then says where it stands: in a literal, no value is ever put.

Tried on psycopg 3.3, psycopg2 2.9 and SQLAlchemy 2.1, and described in
https://www.psycopg.org/psycopg3/docs/basic/params.html, https://www.psycopg.org/docs/usage.html and
https://docs.sqlalchemy.org/en/20/core/sqlelement.html#sqlalchemy.sql.expression.text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from assay.sql import placeholders
from assay.sql.lexer import BLANK, Kind, Token, tokenize
from assay.sql.placeholders import Edit, Statement


class Style(Enum):
    """How a library writes placeholders."""

    ASSAY = "assay"
    """``$1``, or ``:name``."""
    NUMBERED = "numbered"
    """``$1`` alone: asyncpg, and every driver that is given no parameters."""
    FORMAT = "format"
    """``%s`` or ``%(name)s``, and ``%%`` for a percent sign: psycopg."""
    WRITTEN = "written"
    """The same in psycopg2, which writes the values into the statement."""
    COLON = "colon"
    r"""``:name``, and ``\:`` for a colon: SQLAlchemy's ``text()``."""


class Misplaced(Exception):
    """What looks like a placeholder, but is not one for the library, or not for the server."""

    def __init__(self, message: str, offset: int, fix: str, *, certain: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        """In the user's text, in characters from 0."""
        self.fix = fix
        self.certain = certain
        """Whether it is wrong; otherwise it only cannot be proven."""


@lru_cache(maxsize=4096)
def parse(sql: str, style: Style, expanding: frozenset[str] = frozenset()) -> Statement:
    """Read the placeholders of a statement in a style.

    In the styles of other libraries the result's ``source`` is the statement as sent, since the same characters may
    mean two things in two styles, and answers are kept by it; offsets in it still lead to the user's text.

    Args:
        expanding: names of parameters that a list in parentheses takes the place of.

    Raises ParameterError for ``$1`` and ``:name`` in one statement, Misplaced for what the library stumbles over.
    """
    match style:
        case Style.ASSAY:
            return placeholders.parse(sql)
        case Style.NUMBERED:
            numbers = (int(sql[t.start + 1 : t.end]) for t in tokenize(sql) if t.kind is Kind.PARAMETER)
            return Statement(sql, sql, positional_count=max(numbers, default=0))
        case Style.FORMAT | Style.WRITTEN:
            return _rewritten(sql, _format(_Text(sql), style))
        case Style.COLON:
            return _rewritten(sql, _colon(_Text(sql), expanding))


def shown(style: Style, statement: Statement, index: int) -> str:
    """A parameter as the user writes it; ``index`` is from 0."""
    if style not in _FORMATS:
        return statement.shown(index)
    return shown_name(style, statement.names[index]) if statement.names else f"%s no. {index + 1}"


def shown_name(style: Style, name: str) -> str:
    """A placeholder with a name, as the user writes it."""
    return f"%({name})s" if style in _FORMATS else f":{name}"


_FORMATS = (Style.FORMAT, Style.WRITTEN)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the text that something else takes the place of: a parameter, or what an escape stands for."""

    start: int
    end: int
    parameter: str | None = None
    """Its name, or for one by position its number; None for an escape."""
    around: tuple[str, str] = ("", "")
    """What is written before and after the parameter; for an escape, the first is all."""


class _Text:
    """A text and its tokens."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = [token for token in tokenize(sql) if token.kind is not Kind.WHITESPACE]
        self._starts = [token.start for token in self.tokens]

    def at(self, offset: int) -> Kind:
        """The kind of the token that a character belongs to."""
        index = bisect_right(self._starts, offset) - 1
        token = self.tokens[index] if index >= 0 else None
        return token.kind if token is not None and offset < token.end else Kind.WHITESPACE

    def words_before(self, offset: int) -> Iterator[Token]:
        """The tokens that end before a character, nearest first, without comments."""
        for index in range(bisect_right(self._starts, offset) - 1, -1, -1):
            token = self.tokens[index]
            if token.end <= offset and token.kind not in BLANK:
                yield token

    def word(self, token: Token) -> str:
        """What a token says, in lower case."""
        return self.sql[token.start : token.end].lower()

    @property
    def first_word(self) -> str:
        """The first word of the statement, behind parentheses."""
        return next((self.word(token) for token in self.tokens if token.kind is Kind.WORD), "")


def _rewritten(sql: str, pieces: Iterable[_Piece]) -> Statement:
    numbers: dict[str, int] = {}
    texts: list[str] = []
    edits: list[Edit] = []
    size = done = 0
    named = False
    for piece in pieces:
        text = piece.around[0]
        if piece.parameter is not None:
            named = named or not piece.parameter.isdecimal()
            text = f"${numbers.setdefault(piece.parameter, len(numbers) + 1)}".join(piece.around)
        size += piece.start - done
        texts += sql[done : piece.start], text
        edits.append(Edit(size, size + len(text), piece.start, piece.end))
        size, done = size + len(text), piece.end
    text = "".join((*texts, sql[done:]))
    names = tuple(name.removeprefix(":") for name in numbers) if named else ()
    return Statement(text, text, names, 0 if named else len(numbers), tuple(edits))


_PERCENT = re.compile(r"%(?:%|\((?P<name>[^)]*)\)(?P<kind>.?)|(?P<bare>.?))", re.DOTALL)
_KINDS = {Style.FORMAT: "sbt", Style.WRITTEN: "s"}
_KNOWN = {Style.FORMAT: "%s, %b and %t", Style.WRITTEN: "%s"}
_WITH_PARAMETERS = frozenset(
    {"select", "insert", "update", "delete", "merge", "values", "with", "table", "explain", "declare"}
)
"""How the statements begin that a server takes parameters in (and EXPLAIN of them, which psycopg2 writes out)."""


def _format(text: _Text, style: Style) -> Iterator[_Piece]:
    count = 0
    named: bool | None = None
    for found in _PERCENT.finditer(text.sql):
        if found[0] == "%%":
            yield _Piece(*found.span(), around=("%", ""))
            continue
        name = found["name"]
        kind = found["bare"] if name is None else found["kind"]
        if not kind or kind not in _KINDS[style]:
            raise _no_placeholder(found, style)
        if named not in (None, name is not None):
            raise Misplaced(
                "the statement has placeholders of both kinds, %s and %(name)s", found.start(), "use one kind"
            )
        named = name is not None
        place = text.at(found.start())
        if place is Kind.COMMENT and name is not None:
            continue
        count += 1
        parameter = str(count) if name is None else f":{name}"
        yield _placed(text, found, style, place, parameter)


def _no_placeholder(found: re.Match[str], style: Style) -> Misplaced:
    return Misplaced(
        f'"{found[0].strip()}" is no placeholder: the driver knows {_KNOWN[style]}',
        found.start(),
        "write %% for a percent sign in a statement that is given parameters",
    )


def _placed(text: _Text, found: re.Match[str], style: Style, place: Kind, parameter: str) -> _Piece:
    if place is Kind.COMMENT:
        raise Misplaced(
            f"the placeholder {found[0]} stands in a comment, and the driver still takes a value for it",
            found.start(),
            "take it out, or write %%",
        )
    if place in (Kind.STRING, Kind.QUOTED):
        raise Misplaced(
            f"the placeholder {found[0]} stands inside quotes, where the server puts no value",
            found.start(),
            "put the value together in SQL, as in 'a' || %s, or write %% for a percent sign",
            certain=style is Style.FORMAT,
        )
    if style is Style.FORMAT:
        return _Piece(*found.span(), parameter)
    return _written(text, found, parameter)


_TYPES = frozenset({"interval", "date", "time", "timestamp", "timestamptz"})


def _written(text: _Text, found: re.Match[str], parameter: str) -> _Piece:
    """A placeholder whose value becomes part of the statement: a tuple in parentheses, a literal after its type."""
    before = list(zip(text.words_before(found.start()), range(2), strict=False))
    words = [text.word(token) for token, _ in before]
    if text.first_word not in _WITH_PARAMETERS or words[:1] == ["values"] or words == ["in", ")"]:
        raise Misplaced(
            "the driver writes the value into the statement where the server takes no parameter",
            found.start(),
            "where it matters, write one placeholder for each value",
            certain=False,
        )
    if words[:1] == ["in"]:
        return _Piece(*found.span(), parameter, ("(", ")"))
    if words and words[0] in _TYPES:
        return _Piece(before[0][0].start, found.end(), parameter, ("cast(", f" as {words[0]})"))
    return _Piece(*found.span(), parameter)


_COLON = re.compile(r"\\:|(?<![:\w\\]):(?P<name>\w+)(?![:\w$])")


def _colon(text: _Text, expanding: Collection[str]) -> Iterator[_Piece]:
    for found in _COLON.finditer(text.sql):
        name = found["name"]
        if name is None:
            yield _Piece(*found.span(), around=(":", ""))
            continue
        place = text.at(found.start())
        if place is Kind.COMMENT:
            continue
        if place in (Kind.STRING, Kind.QUOTED):
            raise Misplaced(
                f"{found[0]} stands inside quotes, and SQLAlchemy takes it for a parameter all the same",
                found.start(),
                rf"write \{found[0]}",
            )
        before = next(text.words_before(found.start()), None)
        is_list = name in expanding or (before is not None and text.word(before) == "in")
        yield _Piece(*found.span(), f":{name}", ("(", ")") if is_list else ("", ""))
