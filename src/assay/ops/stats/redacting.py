"""The texts of other sessions' statements without the values in them.

What stands in a statement may be a password or somebody's name. So every literal and number is taken out, comments too;
names, key words and ``$1`` stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from assay.sql.lexer import Kind, tokenize

HIDDEN = "<insufficient privilege>"
"""What the server says in place of a text that the role may not see (pg_stat_activity, pg_stat_statements)."""
_KEPT = 2000
"""Characters of a text that are looked at; what follows would not be shown."""


def redacted(text: str | None) -> str | None:
    """A statement on one line, with ``'...'`` for literals and ``0`` for numbers; None for one that is hidden."""
    if text is None or text == HIDDEN:
        return None
    return " ".join("".join(_parts(text[:_KEPT])).split())


def _parts(text: str) -> Iterator[str]:
    for token in tokenize(text):
        part = text[token.start : token.end]
        if token.kind is Kind.STRING:
            yield "'...'"
            if "\\" in part or not token.closed:
                # A backslash may have escaped the quote, so what follows may be inside of the literal still.
                yield " ..."
                return
        elif token.kind is Kind.NUMBER:
            yield "0"
        elif token.kind is Kind.COMMENT:
            yield " "
        elif token.kind is Kind.QUOTED and not token.closed:
            yield '"..."'
        else:
            yield part
