"""Sessions that tell observers of every statement."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter, time_ns
from typing import Any

import asyncpg

from assay.runtime.bouncing import BouncedSession
from assay.runtime.building import Builder
from assay.runtime.connecting import DriverConnection
from assay.runtime.observing import Call, Observer, operation, query_name
from assay.runtime.query import Query
from assay.runtime.session import Session

TOLD = frozenset({"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"})
"""What is told of the commands that no query of the application stands behind."""


class WatchedSession(Session):
    """A session that is watched; one that is not stays free of the cost."""

    def __init__(self, driver: DriverConnection, observers: Sequence[Observer]) -> None:
        super().__init__(driver)
        self._observers = observers

    async def fetch(
        self, query: Query, row: Any, values: tuple[object, ...]
    ) -> tuple[Builder, Sequence[asyncpg.Record]]:
        """Run a statement for its records, and tell of it."""
        async with self._told(query.statement.source, values):
            return await super().fetch(query, row, values)

    async def command(self, text: str, query: Query | None = None) -> str:
        """Run one or several statements by the simple protocol, and tell of them."""
        if query is None and operation(text) not in TOLD:
            return await super().command(text)
        async with self._told(query.statement.source if query else text):
            return await super().command(text, query)

    @asynccontextmanager
    async def using(self, query: Query | None = None) -> AsyncIterator[DriverConnection]:
        """The driver connection for one operation, which is told of when it is a query's."""
        if query is None:
            async with super().using() as driver:
                yield driver
            return
        async with self._told(query.statement.source), super().using(query) as driver:
            yield driver

    @asynccontextmanager
    async def _told(self, sql: str, arguments: Sequence[object] = ()) -> AsyncIterator[None]:
        name, started, clock = query_name(sql), time_ns(), perf_counter()
        failure: BaseException | None = None
        try:
            yield
        except BaseException as error:
            failure = error
            raise
        finally:
            call = Call(name, sql, started, perf_counter() - clock, failure, arguments)
            for observer in self._observers:
                observer.ran(call)


class WatchedBouncedSession(WatchedSession, BouncedSession):
    """The same behind PgBouncer."""
