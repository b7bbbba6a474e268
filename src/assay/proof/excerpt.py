"""What PostgreSQL says of a statement, and the line that it points at."""

from __future__ import annotations

import unicodedata
from itertools import dropwhile

from assay.errors import DatabaseError
from assay.sql.lexer import Kind, tokenize

_WIDEST = 120
_NAMES = (Kind.WORD, Kind.QUOTED)


def server_words(error: DatabaseError) -> str:
    """The server's own message, without the place, detail and hint that the error's text ends in."""
    text = error.message
    if error.position is not None and " (line " in text:
        return text[: text.rindex(" (line ")]
    for part in (error.hint, error.detail):
        if part:
            text = text.removesuffix(f". {part.rstrip('.')}")
    return text


def excerpt(text: str, offset: int, size: int = 1) -> tuple[str, str]:
    """The line of a text that a character is in, and below it what underlines it and ``size - 1`` that follow.

    A long line is cut on both sides; what is underlined ends with the line.
    """
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line = text[start : end if end >= 0 else len(text)].expandtabs(1).rstrip("\r")
    column = offset - start
    first = max(0, min(column - _WIDEST // 2, len(line) - _WIDEST))
    shown = line[first : first + _WIDEST]
    before, under = shown[: column - first], shown[column - first : column - first + size]
    return f"  {shown}", f"  {' ' * _width(before)}{'^' * max(1, _width(under))}"


def code_excerpt(text: str, offset: int, size: int = 1) -> tuple[str, str]:
    """The same for a line of code, without its indentation."""
    start = text.rfind("\n", 0, offset) + 1
    indentation = len(text[start:offset]) - len(text[start:offset].lstrip())
    end = text.find("\n", offset)
    return excerpt(text[start + indentation : end if end >= 0 else len(text)], offset - start - indentation, size)


def word_end(sql: str, offset: int) -> int:
    """Where the token ends that a character of a statement belongs to, or the dotted name; both from 0."""
    tokens = dropwhile(lambda token: token.end <= offset, tokenize(sql))
    first = next(tokens, None)
    if first is None:
        return len(sql)
    end = first.end
    if first.kind in _NAMES:
        for dot, name in zip(tokens, tokens, strict=False):
            if sql[dot.start : dot.end] != "." or name.kind not in _NAMES:
                break
            end = name.end
    return end


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)
