"""Places in a migration's file: line, column, and the line shown with a caret."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from assay.migrate.model import Script

_WIDEST = 120
"""So many characters of a line are shown; of a longer one, those around the place."""


@dataclass(frozen=True, slots=True)
class Place:
    """A character of a file."""

    path: Path
    line: int
    """From 1."""
    column: int
    """In characters, from 1."""
    text: str
    """The whole line, without its line break."""

    @classmethod
    def of(cls, script: Script, offset: int) -> Place:
        """The place of the character at an offset, from 0, in the file's text."""
        text = script.sql
        offset = min(max(offset, 0), len(text))
        begin = text.rfind("\n", 0, offset) + 1
        end = text.find("\n", offset)
        line = text[begin : end if end >= 0 else len(text)].removesuffix("\r")
        return cls(script.path, text.count("\n", 0, offset) + 1, offset - begin + 1, line)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"

    def excerpt(self) -> str:
        """The line with its number, and below it a caret under the place."""
        shown, column = _cropped(self.text, self.column - 1)
        margin = f"{self.line:>5} | "
        pointer = "".join(_blank(character) for character in shown[:column])
        return f"{margin}{shown}\n{' ' * (len(margin) - 2)}| {pointer}^"


def _cropped(line: str, column: int) -> tuple[str, int]:
    """A stretch of the line that has the column in it, and the column within that stretch."""
    begin = max(0, min(column - _WIDEST // 2, len(line) - _WIDEST))
    shown = line[begin : begin + _WIDEST]
    before, after = "..." if begin else "", "..." if begin + _WIDEST < len(line) else ""
    return before + shown + after, column - begin + len(before)


def _blank(character: str) -> str:
    """White space as wide as a character is on a terminal."""
    if character == "\t":
        return "\t"
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn"):
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "
