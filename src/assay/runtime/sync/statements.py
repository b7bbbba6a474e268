"""A statement as a session has prepared it, and the forms in which its arguments are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from psycopg.pq import Format
from psycopg.pq.abc import PGconn

from assay.runtime.query import Fitted, Query
from assay.runtime.redacting import unfit_argument
from assay.runtime.sync.codecs.codec import Codec


@dataclass(frozen=True, slots=True)
class Described:
    """A statement prepared in one session, as the server described it."""

    name: bytes
    """Empty for one that is not kept."""
    text: bytes
    attributes: tuple[asyncpg.Attribute, ...]
    parameters: tuple[Codec, ...]
    oids: tuple[int, ...]
    """The types of the parameters as the server has them, domains included."""
    format: Format
    """Text where a column has no binary form: libpq asks for all columns alike."""

    @property
    def formats(self) -> list[Format]:
        """Of the parameters."""
        return [Format.BINARY if codec.sends_binary else Format.TEXT for codec in self.parameters]

    def send(self, pgconn: PGconn, forms: Sequence[bytes | None]) -> None:
        """Ask for it to be run."""
        if self.name:
            pgconn.send_query_prepared(self.name, forms, self.formats, self.format)
        else:
            pgconn.send_query_params(self.text, forms, self.oids, self.formats, self.format)

    def forms(self, values: Sequence[object], query: Query, row: int | None = None) -> list[bytes | None]:
        """The arguments as they are sent; ``row`` is the row of many, from 1, that they are.

        Raises ParameterError for one that its type has no form for.
        """
        return [
            None if value is None else _form(codec, value, query.statement.shown(index), row)
            for index, (codec, value) in enumerate(zip(self.parameters, values, strict=True))
        ]


def _form(codec: Codec, value: object, shown: str, row: int | None) -> bytes:
    try:
        return codec.form(value)
    except Exception as error:
        reason = str(error)
    # Raised here, the error has nothing behind it that has the value in it.
    raise unfit_argument(shown, codec.type.name, reason, row)


class Prepared(Fitted):
    """A query prepared in one session."""

    __slots__ = ("statement",)

    def __init__(self, query: Query, statement: Described) -> None:
        super().__init__(query, statement.attributes, [codec.type for codec in statement.parameters])
        self.statement = statement
