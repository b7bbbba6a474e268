"""One session on the server: a psycopg connection, and what has to be known before somebody else uses it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import psycopg
from psycopg.pq.abc import PGresult

from assay.errors import Error, UsageError
from assay.runtime.building import Builder
from assay.runtime.query import Query
from assay.runtime.session import RESET
from assay.runtime.sync.preparing import Preparing
from assay.runtime.sync.requests import Stale
from assay.sql.footprint import Footprint


class Owner(Protocol):
    """What a session of a pool goes back to."""

    def give_back(self, session: Session) -> None:
        """Take it back, whatever state it is in."""
        ...


class Session(Preparing):
    """A psycopg connection that belongs to a pool, or to nobody else.

    One thread at a time may use it; what would go wrong otherwise is refused.
    """

    __slots__ = ("__weakref__", "cursors", "expires_at", "idle_since", "lent_driver", "number", "owner", "savepoints")

    def __init__(self, driver: psycopg.Connection[Any], *, patience: float | None = None) -> None:
        super().__init__(driver, patience=patience)
        self.number = 0
        """Which it is of its pool's."""
        self.owner: Owner | None = None
        """The pool's reserve that it goes back to."""
        self.lent_driver = False
        """Whether the driver connection was given out."""
        self.savepoints = 0
        """How many savepoints there have been."""
        self.cursors = 0
        """How many cursors there have been."""
        self.idle_since = 0.0
        self.expires_at = float("inf")

    @property
    def is_unsettled(self) -> bool:
        """Whether something has to be done before somebody else uses it."""
        odd = self.interrupted or self.lent_driver or self.is_busy or not self.wire.is_idle
        return bool(self.footprint or odd)

    @property
    def is_closed(self) -> bool:
        """Whether the connection has ended; while it is idle, the server's goodbye is seen without asking it."""
        return self.driver.closed or (not self.is_busy and self.wire.is_broken)

    def fetch(self, query: Query, row: Any, values: tuple[object, ...]) -> tuple[Builder, Sequence[Any]]:
        """Run a statement for its records, and find the builder of its rows before it runs."""
        with self.using(query, values):
            prepared = self.prepared(query)
            builder = prepared.layout.builder(row)
            try:
                result = self.run(prepared, query, values)
            except Stale as error:
                prepared = self.prepare_again(query, error)
                builder, result = prepared.layout.builder(row), self.run(prepared, query, values)
            return builder, self.rows(result)

    def execute(self, query: Query, values: tuple[object, ...]) -> str:
        """Run a statement for its command tag; one without parameters may be several statements."""
        if query.is_empty:
            return ""
        if not values:
            return self.command(query.statement.text, query)
        with self.using(query, values):
            prepared = self.prepared(query)
            try:
                result = self.run(prepared, query, values)
            except Stale as error:
                result = self.run(self.prepare_again(query, error), query, values)
            return _tag(result)

    def command(self, text: str, query: Query | None = None, *, timeout: float | None = None) -> str:
        """Run one or several statements by the simple protocol, and return the last one's command tag.

        Raises TimeoutError after so many seconds, and cuts the connection.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self.using(query, text=text):
            data = self.sendable(text)
            results = self.ask(lambda: self.driver.pgconn.send_query(data), query or text, deadline=deadline)
            return _tag(results[-1]) if results else ""

    def prepare(self, queries: Iterable[Query]) -> None:
        """Prepare queries before they are run."""
        for query in queries:
            with self.using(None):
                if not query.is_empty:
                    self.prepared(query)

    def interrupt(self) -> None:
        """End the session under another thread, and have the server cancel what it is running."""
        if self.is_busy and not self.driver.closed:
            self._ended = True
            self.wire.end_from_outside()

    def break_off(self) -> None:
        """Break the connection, also under another thread, which finds that out by itself; the server is not asked."""
        if self._pid != os.getpid():
            return  # the socket is the parent's too
        if self.is_busy:
            self.wire.hang_up()
            return
        with self._lock:  # so that nobody closes it meanwhile, and its number in the system is another socket's
            if not self.driver.closed:
                self.wire.hang_up()

    def mend(self, *, always: bool, timeout: float) -> None:
        """Make the session as good as new, or raise: then it must be closed.

        Args:
            always: reset it even when nothing is known to have been left behind.
            timeout: seconds for each of its steps.
        """
        # What was done to a driver connection that was given out, such as handlers, cannot all be undone.
        if self.is_busy or self.lent_driver or self.footprint is Footprint.LASTING:
            raise UsageError("The session cannot be made as good as new")
        self.depth, self.interrupted, self.left_open = 0, False, []
        if self.in_transaction:
            self.command("rollback", timeout=timeout)
        if self.footprint or always:
            self.command(RESET, timeout=timeout)
        self.footprint = Footprint.NONE
        self.wire.patience = self._patience

    def is_alive(self, timeout: float) -> bool:
        """Whether the server answers within so many seconds; a connection on which it does not is cut."""
        try:
            self.command("select 1", timeout=timeout)
        except (Error, TimeoutError):
            return False
        return True

    def close(self) -> None:
        """End the session; whoever is using it just now gets ConnectionLost."""
        if self._pid != os.getpid():
            return  # the socket is the parent's too
        if self.is_busy:
            self.wire.hang_up()
            return
        with self._lock:
            self.wire.cut()

    def __del__(self) -> None:
        """End the session of somebody who was interrupted before it could be given back."""
        if not self.driver.closed:
            self.close()


def _tag(result: PGresult) -> str:
    return (result.command_status or b"").decode()
