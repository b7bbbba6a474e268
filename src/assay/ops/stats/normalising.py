"""The text of a statement in a form in which the code's and pg_stat_statements' are the same.

pg_stat_statements keeps the text of the first execution, with comments and white space, and with ``$n`` in the place of
every constant (manual section F.32). From PostgreSQL 18 a list of constants is written ``$1 /*, ... */``. Whether
``-1`` is one constant or an operator and one, and whether ``true`` and ``null`` are constants, versions differ in. So
everything that may be a constant becomes ``?``, a sign before it and lists of it are left out, and names without
quotes are in lower case. Two statements that differ in constants alone are one, as they are for the server.
"""

from __future__ import annotations

from assay.sql.lexer import BLANK, Kind, tokenize

_CONSTANT = frozenset({Kind.STRING, Kind.NUMBER, Kind.PARAMETER})
_WORDS = frozenset({"true", "false", "null"})
"""Constants that are words."""


def normalised(sql: str) -> str:
    """The statement's normal form; equal for texts that may be the same statement to the server."""
    words: list[str] = []
    for token in tokenize(sql):
        if token.kind in BLANK:
            continue
        word = sql[token.start : token.end]
        if token.kind is Kind.WORD:
            word = word.lower()
        elif token.kind is Kind.QUOTED and word[1:-1] == word[1:-1].lower() and word[1:-1].isidentifier():
            word = word[1:-1]
        if token.kind in _CONSTANT or word in _WORDS:
            _add_constant(words)
        else:
            words.append(word)
    while words[-1:] == [";"]:
        words.pop()
    return " ".join(words)


def _add_constant(words: list[str]) -> None:
    if words[-1:] in (["-"], ["+"]):
        words.pop()
    if words[-2:] == ["?", ","]:
        words.pop()
    elif words[-1:] != ["?"]:
        words.append("?")
