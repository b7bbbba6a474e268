"""Statements prepared in one session: described once, run by name, and prepared anew when the schema has changed."""

from __future__ import annotations

from functools import partial
from typing import Any

import asyncpg
import psycopg
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from assay.errors import ParameterError
from assay.runtime import session as shared
from assay.runtime.query import Query
from assay.runtime.sync.requests import Requests, Stale
from assay.runtime.sync.statements import Described, Prepared
from assay.runtime.sync.types import QUERY, type_row


class Preparing(Requests):
    """A session, as far as statements are prepared in it and run."""

    __slots__ = ("_described",)

    def __init__(self, driver: psycopg.Connection[Any], *, patience: float | None = None) -> None:
        super().__init__(driver, patience=patience)
        self._described = 0
        """How many statements were prepared; what numbers their names."""

    def run(self, prepared: Prepared, query: Query, values: tuple[object, ...]) -> PGresult:
        """Run a prepared statement; only inside of ``using``."""
        statement = prepared.statement
        forms = statement.forms(prepared.encode(values) if prepared.encodes else values, query)
        return self.ask(lambda: statement.send(self.driver.pgconn, forms), query)[-1]

    def prepared(self, query: Query) -> Prepared:
        """The query prepared in this session; only inside of ``using``."""
        return self._prepared.get(query) or self._prepare(query)

    def forget(self, query: Query) -> None:
        """Prepare a query anew when it is needed next."""
        prepared = self._prepared.pop(query, None)
        if prepared is not None:
            self._forgotten.append(prepared.statement.name)

    def describe(self, query: Query, name: bytes) -> Described:
        """Prepare a query under a name, and learn what it takes and returns; only inside of ``using``."""
        pgconn, data = self.driver.pgconn, self.sendable(query.statement.text)
        sends = [partial(pgconn.send_prepare, name, data), partial(pgconn.send_describe_prepared, name)]
        results = self.wire.ask_all(sends)
        for refused in results:
            if refused.status == ExecStatus.FATAL_ERROR:
                raise self.refusal(refused, query)
        result = results[-1]
        taken = [result.param_type(index) for index in range(result.nparams)]
        given = [result.ftype(index) for index in range(result.nfields)]
        self._learn([*taken, *given])
        types, encoding = self._types, self._types.encoding
        columns = [types.codec(oid) for oid in given]
        names = [(result.fname(index) or b"").decode(encoding) for index in range(result.nfields)]
        attributes = tuple(asyncpg.Attribute(name, codec.type) for name, codec in zip(names, columns, strict=True))
        form = Format.BINARY if all(codec.decode for codec in columns) else Format.TEXT
        return Described(name, data, attributes, tuple(map(types.codec, taken)), tuple(taken), form)

    def _prepare(self, query: Query) -> Prepared:
        self._drop_forgotten()
        if len(self._prepared) >= shared.MAX_PREPARED:
            self._forgotten.append(self._prepared.pop(next(iter(self._prepared))).statement.name)
        prepared = Prepared(query, self._describe(query))
        self._prepared[query] = prepared
        return prepared

    def _describe(self, query: Query) -> Described:
        self._described += 1
        name = b"assay_%d" % self._described
        self._forgotten.append(name)
        described = self.describe(query, name)
        self._forgotten.remove(name)
        return described

    def _learn(self, oids: list[int]) -> None:
        """Ask the server about types that the session has not met."""
        while unknown := self._types.unknown(oids):
            query = QUERY.format(", ".join(map(str, sorted(unknown))))
            result = self.ask(partial(self.driver.pgconn.send_query, query.encode()), query)[-1]
            rows = [
                [_text(result.get_value(row, column), self._types.encoding) for column in range(result.nfields)]
                for row in range(result.ntuples)
            ]
            for row in map(type_row, rows):
                self._types.learn(row)
            if len(rows) < len(unknown):
                raise ParameterError(
                    f"The server does not know one of the types {sorted(unknown)} any more; "
                    "if it was dropped a moment ago, run the statement again"
                )

    def prepare_again(self, query: Query, error: Stale) -> Prepared:
        """After the schema changed; in a transaction, which has failed by it, it is too late."""
        self._forget_statements()
        if self.in_transaction:
            raise error.refusal
        return self._prepare(query)

    def _drop_forgotten(self) -> None:
        """Drop statements on the server, where that cannot harm a transaction of the user's."""
        if not self._forgotten or self.in_transaction:
            return
        names, self._forgotten = self._forgotten, []
        for name in names:
            # One that is not there any more is refused, which is as good.
            self.wire.ask(partial(self.driver.pgconn.send_query, b"deallocate " + name))


def _text(data: bytes | None, encoding: str) -> str | None:
    return None if data is None else data.decode(encoding)
