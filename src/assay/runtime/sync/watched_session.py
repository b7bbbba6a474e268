"""Sessions that tell observers of every statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter, time_ns
from typing import Any

import psycopg

from assay.runtime.observing import Call, Observer, operation, query_name
from assay.runtime.query import Query
from assay.runtime.sync.bouncing import BouncedSession
from assay.runtime.sync.session import Session
from assay.runtime.watched_session import TOLD


class WatchedSession(Session):
    """A session that is watched; one that is not stays free of the cost."""

    def __init__(
        self, driver: psycopg.Connection[Any], observers: Sequence[Observer], *, patience: float | None = None
    ) -> None:
        super().__init__(driver, patience=patience)
        self._observers = observers

    @contextmanager
    def using(
        self, query: Query | None = None, values: Sequence[object] = (), text: str | None = None
    ) -> Iterator[None]:
        """One request at a time, which is told of."""
        sql = query.statement.source if query is not None else text or ""
        if query is None and operation(sql) not in TOLD:
            with super().using(query, values, text):
                yield
            return
        name, started, clock = query_name(sql, awaits=False), time_ns(), perf_counter()
        failure: BaseException | None = None
        try:
            with super().using(query, values, text):
                yield
        except BaseException as error:
            failure = error
            raise
        finally:
            call = Call(name, sql, started, perf_counter() - clock, failure, values)
            for observer in self._observers:
                observer.ran(call)


class WatchedBouncedSession(WatchedSession, BouncedSession):
    """The same behind PgBouncer."""
