"""A query of the project: a call with a constant statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.proof.discover.model import Call, Place, Sql
from assay.proof.discover.source import Source
from assay.proof.excerpt import word_end
from assay.sql.lexer import Kind, tokenize
from assay.sql.placeholders import Statement
from assay.sql.styles import shown, shown_name
from assay.sql.templates import Template


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters of a line of code."""

    source: Source
    offset: int
    """Of the first, in the source's text."""
    size: int
    """How many; at least 1."""

    @property
    def place(self) -> Place:
        """Where the first one stands."""
        return self.source.place_at(self.offset)


@dataclass(frozen=True, slots=True)
class Query:
    """A call, the text of its statement, and the form in which the server gets it."""

    call: Call
    sql: Sql
    statement: Statement
    omittable: frozenset[str] = frozenset()
    """The parameters, as :meth:`parameter_name` gives them, that are not there when their argument is OMIT."""

    @property
    def place(self) -> Place:
        """Where the call begins."""
        return self.call.place

    @property
    def first_word(self) -> Stretch:
        """The first word of the statement, where it stands in the code."""
        start = len(self.sql.text) - len(self.sql.text.lstrip())
        return self._stretch(start, word_end(self.sql.text, start))

    def sent_word(self, position: int) -> Stretch:
        """Where the word stands in the code that begins at a position, from 1, of the statement as sent."""
        end = word_end(self.statement.text, position - 1)
        return self._stretch(self.statement.source_offset(position - 1), self.statement.source_offset(end))

    def _stretch(self, start: int, end: int) -> Stretch:
        """Characters of the statement in the code, as far as they stand one after the other on a line."""
        source, offset = self._located(start)
        other, last = self._located(max(start, end - 1))
        joined = other is source and offset <= last and "\n" not in source.text[offset:last]
        return Stretch(source, offset, last + 1 - offset if joined else 1)

    def _located(self, index: int) -> tuple[Source, int]:
        """The source, and the offset in it, of a character of the statement; beyond the end, of the last one."""
        for run in self.sql.runs:
            if index < len(run.text):
                return run.source, run.offset + index
            index -= len(run.text)
        last = self.sql.runs[-1]
        return last.source, last.offset + max(0, len(last.text) - 1)

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
        """``:name``, ``$1`` or ``%s no. 1``, as the code writes it."""
        return shown(self.call.style, self.statement, index)

    def placeholders(self, names: Iterable[str]) -> str:
        """Placeholders with names, as the code writes them."""
        return ", ".join(shown_name(self.call.style, name) for name in names)


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A call whose statement has clauses or choices, so that it stands for several queries."""

    call: Call
    sql: Sql
    template: Template
