"""Names of tables as a statement would have them: ``device``, ``audit.event``, ``"Odd name"``."""

from __future__ import annotations

from dataclasses import dataclass

from assay.errors import UsageError
from assay.sql.lexer import BLANK, Kind, Token, tokenize
from assay.sql.quoting import quote_identifier


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's name, as the catalog has it."""

    schema: str | None
    """None for a table that the search path finds."""
    name: str

    def __str__(self) -> str:
        return ".".join(quote_identifier(part) for part in (self.schema, self.name) if part is not None)


def table_name(text: str) -> TableName:
    """Read a name by the rules of SQL (manual section 4.1.1): in lower case unless it is in double quotes.

    Raises UsageError for anything that is not one name, or a schema and a name with a dot between them.
    """
    tokens = [token for token in tokenize(text) if token.kind not in BLANK]
    parts = [_part(text, token) for token in tokens[::2]]
    dots = [text[token.start : token.end] for token in tokens[1::2]]
    if None in parts or any(dot != "." for dot in dots) or len(tokens) not in (1, 3):
        raise UsageError(
            f"{text!r} is not the name of a table; write it as in SQL: name, schema.name, "
            'or with double quotes where it has other characters than letters, digits and _: schema."Name"'
        )
    names = [part for part in parts if part is not None]
    made = TableName(names[0] if len(names) == 2 else None, names[-1])
    str(made)  # which refuses what no object can be called
    return made


def folded(word: str) -> str:
    """The name that an identifier means: what is within its double quotes, or else the word in lower case.

    Letters beyond ASCII stay as they are, as on a server whose encoding is UTF-8 (downcase_identifier(), scansup.c).
    """
    if word.startswith('"'):
        return word[1:-1].replace('""', '"')
    return word.lower() if word.isascii() else "".join(one.lower() if one.isascii() else one for one in word)


def _part(text: str, token: Token) -> str | None:
    word = text[token.start : token.end]
    is_name = token.kind is Kind.WORD or (token.kind is Kind.QUOTED and token.closed and word.startswith('"'))
    return folded(word) if is_name else None
