"""The words of a SQL text: one lexer for everything in Assay that reads SQL.

It follows the server's own scanner (src/backend/parser/scan.l; manual section 4.1), by default with
standard_conforming_strings on, as it has been since PostgreSQL 9.1. It never fails: what the server would refuse comes
out as tokens too, and the server says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a token is."""

    WHITESPACE = "whitespace"
    COMMENT = "comment"
    """``-- to the end of the line``, without the line's end, or ``/* nested /* block */ */``."""
    STRING = "string"
    """Every literal in quotes: ``''``, ``E''``, ``U&''``, ``B''``, ``X''``, ``N''``, ``$$ $$`` and ``$tag$ $tag$``."""
    QUOTED = "quoted"
    """An identifier in double quotes, also ``U&""``."""
    WORD = "word"
    """A key word or an identifier without quotes."""
    NUMBER = "number"
    PARAMETER = "parameter"
    """``$1``."""
    OPERATOR = "operator"
    """One operator, however many characters it has; none contains a colon."""
    CAST = "cast"
    """``::``."""
    ASSIGN = "assign"
    """``:=``, which names an argument of a function call."""
    COLON = "colon"
    """``:`` alone."""
    SYMBOL = "symbol"
    """Any other character: ``( ) [ ] { } , ; .`` and what SQL has no use for."""


class Token(NamedTuple):
    """A piece of a text: the characters from ``start`` up to, not including, ``end``."""

    kind: Kind
    start: int
    end: int
    closed: bool = True
    """False for a literal, an identifier or a comment that the text ends in the middle of."""


BLANK = frozenset({Kind.WHITESPACE, Kind.COMMENT})
"""The kinds that separate others and mean nothing."""

IDENTIFIER = r"[^\x00-@\[-\^`\x7b-\x7f][^\x00-\x23\x25-/:-@\[-\^`\x7b-\x7f]*+"
"""The pattern of a name without quotes: letters, digits, ``_``, ``$`` and all that is not ASCII.

Said by what is not in it, because ``re`` takes milliseconds to compile a set that goes up to U+10FFFF.
"""

_E_BODY = r"'(?:[^'\\]++|''|\\.)*+'"
_PATTERN = rf"""
      (?P<whitespace>[ \t\n\r\f\v]++)
    | (?P<word>(?![eEbBxXnN]'|[uU]&['"]){IDENTIFIER})
    | (?P<symbol>[()\[\]{{}},;])
    | (?P<comment>--[^\n\r]*+)
    | (?P<block>/\*)
    | (?P<escape>%(escape)s{_E_BODY}
        # Literals with only blanks and a line's end between them are one, and go on in the same way.
        (?:(?:[ \t\f\v]++|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]++|--[^\n\r]*+[\n\r])*+{_E_BODY})*+)
    | (?P<string>%(string)s'(?:[^']++|'')*+')
    | (?P<quoted>(?:[uU]&)?"(?:[^"]++|"")*+")
    | (?P<open>(?:[eEbBxXnN]|[uU]&)?'|(?:[uU]&)?")
    | (?P<dollar>\$(?:[^\x00-@\[-\^`\x7b-\x7f][^\x00-/:-@\[-\^`\x7b-\x7f]*+)?\$)
    | (?P<parameter>\$[0-9]++)
    | (?P<number>0[xX](?:_?[0-9A-Fa-f])++ | 0[oO](?:_?[0-7])++ | 0[bB](?:_?[01])++
        | (?:[0-9](?:_?[0-9])*+(?:\.(?!\.)(?:[0-9](?:_?[0-9])*+)?)? | \.[0-9](?:_?[0-9])*+)
          (?:[eE][+-]?[0-9](?:_?[0-9])*+)?)
    | (?P<cast>::) | (?P<assign>:=) | (?P<colon>:)
    | (?P<operator>(?:(?!--|/\*)[-~!@\#^&|`?+*/%%<>=])++)
    | (?P<other>.)
    """
"""With the prefixes of literals left open; what is frequent comes first."""


def _compiled(escape: str, string: str) -> re.Pattern[str]:
    return re.compile(_PATTERN % {"escape": escape, "string": string}, re.VERBOSE | re.DOTALL)


_CONFORMING = _compiled(escape="[eE]", string="(?:[bBxXnN]|[uU]&)?")
_ESCAPING = _compiled(escape="[eEnN]?", string="(?:[bBxX]|[uU]&)")
_KINDS: dict[str | None, Kind] = {
    **{kind.value: kind for kind in Kind if kind is not Kind.OPERATOR},
    "escape": Kind.STRING,
    "other": Kind.SYMBOL,
}
"""Of the groups that are a whole token."""
_token = tuple.__new__
"""Makes a token in half the time that its class takes."""
_BLOCK_EDGE = re.compile(r"/\*|\*/")


def tokenize(text: str, start: int = 0) -> Iterator[Token]:
    """Every token from ``start`` on, in order and without gaps: joined, they are the text again."""
    while start < len(text):
        token = token_at(text, start)
        yield token
        start = token.end


def token_at(text: str, start: int, escapes: bool = False) -> Token:
    """The token that begins at ``start``, which is not the end.

    With ``escapes``, a backslash escapes in every literal, as it does when standard_conforming_strings is off.
    """
    match = (_ESCAPING if escapes else _CONFORMING).match(text, start)
    assert match is not None  # noqa: S101 - the last alternative takes any character
    kind = _KINDS.get(match.lastgroup)
    if kind is None:
        return _FINISHERS[match.lastgroup or ""](text, match)
    return _token(Token, (kind, start, match.end(), True))


def _open(text: str, match: re.Match[str]) -> Token:
    return Token(Kind.QUOTED if match[0][-1] == '"' else Kind.STRING, match.start(), len(text), closed=False)


def _block_comment(text: str, match: re.Match[str]) -> Token:
    depth = 1
    for edge in _BLOCK_EDGE.finditer(text, match.end()):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return Token(Kind.COMMENT, match.start(), edge.end())
    return Token(Kind.COMMENT, match.start(), len(text), closed=False)


def _dollar_string(text: str, match: re.Match[str]) -> Token:
    closing = text.find(match[0], match.end())
    if closing < 0:
        return Token(Kind.STRING, match.start(), len(text), closed=False)
    return Token(Kind.STRING, match.start(), closing + len(match[0]))


def _operator(text: str, match: re.Match[str]) -> Token:
    """An operator ends in ``+`` or ``-`` only if one of ``~ ! @ # ^ & | ` ? %`` is in it (manual section 4.1.3)."""
    operator = match[0]
    if len(operator) > 1 and operator[-1] in "+-" and not re.search(r"[~!@#^&|`?%]", operator):
        operator = operator.rstrip("+-") or operator[0]
    return Token(Kind.OPERATOR, match.start(), match.start() + len(operator))


_FINISHERS: dict[str, Callable[[str, re.Match[str]], Token]] = {
    "open": _open,
    "block": _block_comment,
    "dollar": _dollar_string,
    "operator": _operator,
}
