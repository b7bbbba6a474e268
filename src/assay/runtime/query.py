"""A statement as the runtime remembers it, in the process and in each session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from assay.errors import ParameterError
from assay.runtime.building import Builder, make_builder
from assay.runtime.converting import Converter, encoder
from assay.runtime.matching import Column
from assay.sql.arguments import arrange
from assay.sql.footprint import footprint
from assay.sql.lexer import BLANK, tokenize
from assay.sql.placeholders import Statement

NO_ROWS: Any = object()
"""In place of a row class, for a statement whose rows nobody wants."""


class Layout:
    """The columns that a statement returns, with the builders made for them."""

    __slots__ = ("_builders", "columns")

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self.columns = columns
        self._builders: dict[Any, Builder] = {NO_ROWS: list}

    def builder(self, row: Any) -> Builder:
        """The builder of a row class. Raises RowClassError when it does not fit the columns."""
        try:
            return self._builders[row]
        except KeyError:
            builder = self._builders[row] = make_builder(row, self.columns)
            return builder
        except TypeError:  # Annotated[...] with something unhashable
            return make_builder(row, self.columns)


class Query:
    """A statement, and what is known of it in this process."""

    __slots__ = ("_layouts", "footprint", "is_empty", "statement", "taken_as_they_are")

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        sql = statement.text
        self.footprint = footprint(sql)
        self.is_empty = all(token.kind in BLANK or sql[token.start] == ";" for token in tokenize(sql))
        """Whether it says nothing at all."""
        self.taken_as_they_are = -1 if statement.names else statement.positional_count
        """How many arguments by position need no arranging; -1 when all do."""
        self._layouts: dict[tuple[tuple[str, int], ...], Layout] = {}

    def bind(self, args: tuple[object, ...], named: dict[str, object]) -> tuple[Query, tuple[object, ...]]:
        """What to run, and the arguments in the order of its parameters.

        Raises ParameterError when they do not fit.
        """
        if not named and len(args) == self.taken_as_they_are:
            return self, args
        return self, arrange(self.statement, args, named)

    def layout(self, attributes: Sequence[asyncpg.Attribute]) -> Layout:
        """The layout of these columns, the same for every session."""
        key = tuple((attribute.name, attribute.type.oid) for attribute in attributes)
        known = self._layouts.get(key)
        if known is None:
            columns = (Column(index, *attribute) for index, attribute in enumerate(attributes))
            known = self._layouts[key] = Layout(tuple(columns))
        return known


class Fitted:
    """A query as a session knows it: its columns, and what its arguments need before a driver takes them."""

    __slots__ = ("_encoders", "_shown", "encodes", "layout")

    def __init__(
        self, query: Query, attributes: Sequence[asyncpg.Attribute], parameters: Sequence[asyncpg.Type]
    ) -> None:
        self.layout = query.layout(attributes)
        self._encoders = [encoder(parameter) for parameter in parameters]
        self._shown = query.statement.shown
        self.encodes = any(self._encoders)
        """Whether any argument has to be encoded before the driver takes it."""

    def encode(self, values: tuple[object, ...]) -> list[object]:
        """The arguments in the form that the driver takes. Raises ParameterError for one that JSON cannot hold."""
        return [
            value if encode is None or value is None else self._encoded(encode, value, index)
            for index, (encode, value) in enumerate(zip(self._encoders, values, strict=True))
        ]

    def _encoded(self, encode: Converter, value: object, index: int) -> object:
        try:
            return encode(value)
        except (NotImplementedError, OverflowError, RecursionError, TypeError, ValueError) as error:
            shown = self._shown(index)
            raise ParameterError(f"The argument for {shown} cannot be encoded as JSON: {error}") from error


class Prepared(Fitted):
    """A query prepared in one session."""

    __slots__ = ("statement",)

    def __init__(self, query: Query, statement: PreparedStatement[asyncpg.Record]) -> None:
        super().__init__(query, statement.get_attributes(), statement.get_parameters())
        self.statement = statement
