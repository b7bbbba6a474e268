"""String literals as they stand in the source: which character of the value comes from which character of the code.

Python's tree gives the value of a literal and where it begins, but not where in it an escape, a line continuation or
a second literal joined to the first moves the characters. The lexical rules are those of the Python reference,
section 2.4 (https://docs.python.org/3/reference/lexical_analysis.html#literals).
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache

from assay.proof.discover.model import Run, Sql
from assay.proof.discover.source import Source

_START = re.compile(r"([A-Za-z]*)(\"\"\"|'''|\"|')")
_BETWEEN = re.compile(r"(?:\s|\\\n|#[^\n]*)*")
_ESCAPE = re.compile(r"\\(?:\n|[0-7]{1,3}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|N\{[^}]*\}|[abfnrtv\\'\"])")
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Characters of the value that stand in the code one after the other; an escape sequence is one of its own."""

    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Hole:
    """A ``{...}`` of an f-string."""

    offset: int


class Unexpected(Exception):
    """The text is not what the scanner expects of string literals."""


def literal(node: ast.expr, source: Source) -> Sql:
    """The value of a string literal; of one in a form not known here, all of it is placed at its beginning."""
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    pieces = [piece for piece in pieces_of(node, source) if isinstance(piece, Chunk)]
    if not text or "".join(piece.text for piece in pieces) != text:
        return all_at(text, source, source.span(node)[0])
    return Sql(tuple(Run(piece.text, source, piece.offset) for piece in pieces))


def pieces_of(node: ast.expr, source: Source) -> list[Chunk | Hole]:
    """The pieces of a literal; none when it is of a form not known here."""
    try:
        return scan(source.text, *source.span(node))
    except (Unexpected, UnicodeError, ValueError):
        return []


def all_at(text: str, source: Source, offset: int) -> Sql:
    """A string with no better place for its characters than one."""
    return Sql(tuple(Run(character, source, offset) for character in text) or (Run("", source, offset),))


def scan(code: str, start: int, end: int) -> list[Chunk | Hole]:
    """Take apart the string literals, joined by nothing but space and comments, in ``code[start:end]``.

    Raises Unexpected when there is something else between them.
    """
    pieces: list[Chunk | Hole] = []
    at = start
    while at < end:
        opening = _START.match(code, at)
        if opening is None:
            raise Unexpected
        at = _body(code, opening, pieces)
        at = _gap(code, at)
    return pieces


def _gap(code: str, at: int) -> int:
    found = _BETWEEN.match(code, at)
    return found.end() if found else at


@cache
def _plain(quote: str, escapes: bool, holes: bool) -> re.Pattern[str]:
    """What stands for itself up to the next character that may not."""
    stops = re.escape(quote[0]) + (r"\\" if escapes else "") + ("{}" if holes else "")
    return re.compile(f"[^{stops}]+")


def _body(code: str, opening: re.Match[str], pieces: list[Chunk | Hole]) -> int:
    """Scan one literal, adding to ``pieces``; returns where it ends."""
    prefix, quote = opening[1].lower(), opening[2]
    raw, holes = "r" in prefix, "f" in prefix or "t" in prefix
    plain = _plain(quote, not raw, holes)
    at = opening.end()
    while not code.startswith(quote, at):
        run = plain.match(code, at)
        if run is not None:
            pieces.append(Chunk(run[0], at))
            at = run.end()
        elif at >= len(code):
            raise Unexpected
        elif code[at] == "\\" and not raw:
            at = _escape(code, at, pieces)
        elif holes and code[at] in "{}" and not code.startswith(code[at] * 2, at):
            pieces.append(Hole(at))
            at = _after_hole(code, at + 1)
        else:
            pieces.append(Chunk(code[at], at))
            at += 2 if holes and code[at] in "{}" else 1
        if raw and code.startswith(quote[0], at) and _ends_escaped(pieces):
            pieces.append(Chunk(code[at], at))
            at += 1
    return at + len(quote)


def _ends_escaped(pieces: list[Chunk | Hole]) -> bool:
    """Whether a backslash at the end of raw text keeps the quote after it from closing the literal."""
    last = pieces[-1] if pieces else None
    return isinstance(last, Chunk) and (len(last.text) - len(last.text.rstrip("\\"))) % 2 == 1


def _escape(code: str, at: int, pieces: list[Chunk | Hole]) -> int:
    found = _ESCAPE.match(code, at)
    if found is None:
        pieces.append(Chunk("\\", at))
        return at + 1
    pieces.append(Chunk(_decoded(found[0][1:]), at))
    return found.end()


def _decoded(escape: str) -> str:
    if escape == "\n":
        return ""
    if escape[0] in "01234567":
        return chr(int(escape, 8))
    if escape[0] in "xuU":
        return chr(int(escape[1:], 16))
    if escape[0] == "N":
        return f"\\{escape}".encode().decode("unicode_escape")
    return _SIMPLE.get(escape, escape)


def _after_hole(code: str, at: int) -> int:
    """Where the replacement field that was opened before ``at`` ends."""
    depth = 0
    while at < len(code):
        character = code[at]
        if character == "}" and depth == 0:
            return at + 1
        if character == ":" and depth == 0:
            return _after_format(code, at + 1)
        literal = _START.match(code, at) if character in "\"'" else None
        if literal is not None:
            at = _body(code, literal, [])
            continue
        depth += _BRACKETS.get(character, 0)
        at += 1
    raise Unexpected


def _after_format(code: str, at: int) -> int:
    """Where a format specification, which may hold further fields, ends together with its field."""
    while at < len(code):
        if code[at] == "}":
            return at + 1
        at = _after_hole(code, at + 1) if code[at] == "{" else at + 1
    raise Unexpected
