"""The texts that can take the place of a choice, ``{order}``.

A text from a ``Literal`` is checked by type checkers and by ``assay check``, but at run time it is any string, which
might after all come from outside. So it can only be what names things and orders by them: names, with dots and commas
between them, numbers, and after each ``asc`` or ``desc`` and ``nulls first`` or ``nulls last``. Nothing that begins an
expression, a clause or a statement can be made of that, and where a function's name would stand it is refused. The
members of an enum are fixed when the class is made, so that no input becomes one: they can be any words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from assay.sql.lexer import Kind, tokenize

_NAME = r'(?:[^\W\d][\w$]*|"(?:[^"\0]|"")+")'
_SPACE = r"[ \t\n\r\f\v]"
"""What PostgreSQL takes for a space (scan.l); Python takes more."""
_ITEM = rf"(?:{_NAME}(?:\.{_NAME})*|\d+)(?:{_SPACE}+(?:asc|desc))?(?:{_SPACE}+nulls{_SPACE}+(?:first|last))?"
_NAMING = re.compile(rf"{_SPACE}*(?:{_ITEM}(?:{_SPACE}*,{_SPACE}*{_ITEM})*)?{_SPACE}*", re.IGNORECASE)
_PAIRS = {")": "(", "]": "["}


def fragment(value: object) -> str | None:
    """The text of a value for a choice: a string, or an enum's member that is one; None for anything else."""
    if isinstance(value, Enum):
        is_own = any(value is member for member in type(value))
        return str(value.value) if is_own and isinstance(value.value, str) else None
    return value if type(value) is str else None


def fault(text: str, *, fixed: bool, called: bool) -> str | None:
    """Why a text cannot take a choice's place, in words that follow "because"; None when it can.

    Args:
        fixed: whether it is an enum's member.
        called: whether a parenthesis follows the choice.
    """
    if fixed:
        return next(_faults(text), None)
    if called and text.strip():
        return "a function may be called by it, and only the members of an enum can name functions"
    if _NAMING.fullmatch(text) is None:
        return (
            f"{text!r} is more than names, numbers, asc, desc, nulls first and nulls last with commas between them; "
            "only the members of an enum can be other words"
        )
    return None


def _faults(text: str) -> Iterator[str]:
    """What would reach beyond a choice's place."""
    brackets: list[str] = []
    for token in tokenize(text):
        word = text[token.start : token.end]
        if not token.closed:
            yield f"{text!r} has a quote or a comment that does not end"
        elif token.kind is Kind.COMMENT:
            yield f"{text!r} has a comment in it"
        elif word in (";", "{", "}", "\0") or token.kind in (Kind.PARAMETER, Kind.COLON):
            yield f"{text!r} has {word} in it"
        elif word in ("(", "["):
            brackets.append(word)
        elif word in _PAIRS and (not brackets or brackets.pop() != _PAIRS[word]):
            yield f"{text!r} has a {word} that closes nothing"
    if brackets:
        yield f"{text!r} has a {brackets[-1]} that is not closed"
