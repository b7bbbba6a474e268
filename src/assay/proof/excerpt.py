"""What PostgreSQL says of a statement, and the line that it points at."""

from __future__ import annotations

import unicodedata

from assay.errors import DatabaseError

_WIDEST = 120


def server_words(error: DatabaseError) -> str:
    """The server's own message, without the place, detail and hint that the error's text ends in."""
    text = error.message
    if error.position is not None and " (line " in text:
        return text[: text.rindex(" (line ")]
    for part in (error.hint, error.detail):
        if part:
            text = text.removesuffix(f". {part.rstrip('.')}")
    return text


def excerpt(sql: str, offset: int) -> tuple[str, str]:
    """The line of a statement that a character is in, and below it a caret; a long line is cut on both sides."""
    start = sql.rfind("\n", 0, offset) + 1
    end = sql.find("\n", offset)
    line = sql[start : end if end >= 0 else len(sql)].expandtabs(1).rstrip("\r")
    column = offset - start
    first = max(0, min(column - _WIDEST // 2, len(line) - _WIDEST))
    shown = line[first : first + _WIDEST]
    return f"  {shown}", f"  {' ' * _width(shown[: column - first])}^"


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)
