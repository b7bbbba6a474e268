"""Placeholders: ``$1`` by position, or ``:name`` rewritten to ``$1`` for the server.

What is a placeholder:

- ``$1``, ``$2``, ...: parameters by position, as the server has them.
- ``:name``, a colon with a name directly after it. The same name is one parameter wherever it stands.
- Nothing inside a literal, a quoted identifier, a comment or a dollar-quoted body; not ``::type`` and not ``:=``.
- Inside a subscript, ``a[...]``, a colon may divide the bounds of a slice instead. It does after a complete operand,
  ``a[1:n]``, ``a[i:j]``; and directly after the bracket, ``a[:n]``, unless another colon divides the bounds there:
  ``a[:i : n]`` has the placeholder ``:i``. After an operator or a dividing colon it is a placeholder: ``a[1 + :n]``,
  ``a[1 : :n]``. In parentheses, ``a[(:n)]``, and in a constructor, ``array[:a, :b]``, it always is.

A statement has placeholders of one kind only.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from assay.errors import ParameterError
from assay.sql.lexer import BLANK, Kind, Token, tokenize


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of the user's text and what takes its place; offsets in characters from 0, ends not included."""

    start: int
    end: int
    source_start: int
    source_end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as it is sent."""

    text: str
    """What the server gets: ``$1``, ``$2``, ... only."""
    source: str
    """What the user wrote."""
    names: tuple[str, ...] = ()
    """The names of ``:name`` placeholders; the first is ``$1``."""
    positional_count: int = 0
    """The highest ``$n`` that the user wrote; 0 when placeholders have names."""
    edits: tuple[Edit, ...] = field(default=(), repr=False)
    """Where ``text`` differs from ``source``, in order."""
    numbers: tuple[int, ...] = ()
    """For each parameter the user's ``$n``, where those were numbered anew because a clause is left out."""

    @property
    def parameter_count(self) -> int:
        """How many parameters it takes."""
        return len(self.names) or self.positional_count

    def shown(self, index: int) -> str:
        """A parameter as the user writes it, ``:name`` or ``$1``; ``index`` is from 0."""
        if self.names:
            return f":{self.names[index]}"
        return f"${self.numbers[index] if self.numbers else index + 1}"

    def source_offset(self, offset: int) -> int:
        """Where a character of ``text`` is in ``source``; one inside ``$1`` is at its placeholder's colon.

        Both offsets are from 0; the end of ``text`` is at the end of ``source``.
        """
        index = bisect_right(self.edits, offset, key=_start) - 1
        if index < 0:
            return offset
        edit = self.edits[index]
        return edit.source_start if offset < edit.end else edit.source_end + offset - edit.end


@lru_cache(maxsize=4096)
def parse(sql: str) -> Statement:
    """Read the placeholders of a statement.

    Raises ParameterError when it has both kinds.
    """
    tokens = [token for token in tokenize(sql) if token.kind not in BLANK]
    named = named_placeholders(sql, tokens)
    positional = [token for token in tokens if token.kind is Kind.PARAMETER]
    if not named:
        return Statement(sql, sql, positional_count=max((number(sql, token) for token in positional), default=0))
    if positional:
        raise mixed(sql, positional[0], named[0])
    return _rewrite(sql, named)


def _start(edit: Edit) -> int:
    return edit.start


def number(sql: str, parameter: Token) -> int:
    """The number of ``$1``; of one that is too large for the server, only its beginning."""
    return int(sql[parameter.start + 1 : parameter.end][:10])


def mixed(sql: str, positional: Token, named: Token) -> ParameterError:
    """The error for placeholders of both kinds."""
    dollar, name = sql[positional.start : positional.end], sql[named.start : named.end]
    line = sql.count("\n", 0, max(positional.start, named.start)) + 1
    return ParameterError(
        f"The statement has placeholders of both kinds, {dollar} and {name} (line {line}); use $1, $2 or names alone"
    )


def _rewrite(sql: str, named: list[Token]) -> Statement:
    numbers: dict[str, int] = {}
    pieces: list[str] = []
    edits: list[Edit] = []
    size = done = 0
    for token in named:
        name = normal(sql[token.start + 1 : token.end])
        parameter = f"${numbers.setdefault(name, len(numbers) + 1)}"
        pieces += sql[done : token.start], parameter
        size += token.start - done + len(parameter)
        edits.append(Edit(size - len(parameter), size, token.start, token.end))
        done = token.end
    pieces.append(sql[done:])
    return Statement("".join(pieces), sql, names=tuple(numbers), edits=tuple(edits))


def normal(name: str) -> str:
    """The form in which Python itself keeps a keyword argument's name."""
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


@dataclass(slots=True)
class _Bracket:
    """An open bracket, while what is inside it is read."""

    slices: bool = False
    """Whether a colon may divide the bounds of a slice here: it is a subscript."""
    constructor: bool = False
    """Whether it is ``array[``, or one of the lists inside it."""
    first: Token | None = None
    """The placeholder directly after the bracket, if it turns out to be one."""


def named_placeholders(sql: str, tokens: list[Token]) -> list[Token]:
    """The ``:name`` placeholders, each as one token, in order, among tokens without blanks."""
    return sorted(_named(sql, tokens), key=lambda token: token.start)


def _named(sql: str, tokens: list[Token]) -> Iterator[Token]:
    """The same, each when it is certain to be one."""
    brackets = [_Bracket()]
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index else None
        match sql[token.start : token.end]:
            case "(":
                brackets.append(_Bracket())
            case "[":
                brackets.append(_opened(sql, before, brackets[-1]))
            case ")" | "]" if len(brackets) > 1:
                brackets.pop()
            case ":":
                yield from _colon(sql, before, _placeholder(sql, tokens, index), brackets[-1])


def _opened(sql: str, before: Token | None, outer: _Bracket) -> _Bracket:
    word = sql[before.start : before.end] if before else ""
    constructor = word.lower() == "array" or (outer.constructor and word in ("[", ","))
    return _Bracket(slices=not constructor, constructor=constructor)


def _placeholder(sql: str, tokens: list[Token], index: int) -> Token | None:
    """The colon at ``index`` with a name directly after it, or None."""
    if index + 1 == len(tokens):
        return None
    colon, word = tokens[index], tokens[index + 1]
    adjacent = word.kind is Kind.WORD and word.start == colon.end
    named = adjacent and sql[word.start : word.end].isidentifier()
    return Token(Kind.PARAMETER, colon.start, word.end) if named else None


def _colon(sql: str, before: Token | None, placeholder: Token | None, bracket: _Bracket) -> Iterator[Token]:
    """The placeholders that a colon decides about: itself, or the one that waited at the start of a subscript."""
    if not bracket.slices:
        yield from (placeholder,) if placeholder else ()
    elif placeholder is None or _ends_operand(sql, before):
        yield from (bracket.first,) if bracket.first else ()
        bracket.first = None
    elif before is not None and sql[before.start : before.end] == "[":
        bracket.first = placeholder
    else:
        yield placeholder


_OPERANDS = frozenset({Kind.STRING, Kind.QUOTED, Kind.NUMBER, Kind.PARAMETER})
_EXPECTING = re.compile(
    "all|and|any|between|case|distinct|else|escape|from|ilike|in|is|like|not|or|some|symmetric|then|to|when|zone",
    re.IGNORECASE,
)
"""Key words after which an expression goes on."""


def _ends_operand(sql: str, token: Token | None) -> bool:
    if token is None:
        return False
    text = sql[token.start : token.end]
    if token.kind is Kind.WORD:
        return _EXPECTING.fullmatch(text) is None
    return token.kind in _OPERANDS or text in (")", "]")
