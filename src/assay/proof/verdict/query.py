"""A query of the project: a call with a constant statement."""

from __future__ import annotations

from dataclasses import dataclass

from assay.proof.discover.model import Call, Place, Sql
from assay.sql.lexer import Kind, tokenize
from assay.sql.placeholders import Statement


@dataclass(frozen=True, slots=True)
class Query:
    """A call, the text of its statement, and the form in which the server gets it."""

    call: Call
    sql: Sql
    statement: Statement

    @property
    def place(self) -> Place:
        """Where the call begins."""
        return self.call.place

    def sent_place(self, position: int) -> Place:
        """Where a character of the statement as sent stands in the code; ``position`` is from 1, as in errors."""
        return self.sql.place(self.statement.source_offset(position - 1) + 1)

    def placeholder_place(self, index: int) -> Place:
        """Where the first placeholder of a parameter stands in the code; ``index`` is from 0."""
        wanted = f"${index + 1}"
        for token in tokenize(self.statement.text):
            if token.kind is Kind.PARAMETER and self.statement.text[token.start : token.end] == wanted:
                return self.sent_place(token.start + 1)
        return self.place

    def parameter_name(self, index: int) -> str:
        """``:name`` or ``$1``, as the code writes it."""
        names = self.statement.names
        return f":{names[index]}" if names else f"${index + 1}"
