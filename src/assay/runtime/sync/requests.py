"""Requests of one session to the server, one at a time, and what they fail with as users see it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from assay.errors import ConnectionLost, DecodeError, Error, UsageError
from assay.runtime import session as shared
from assay.runtime.connecting import first_line
from assay.runtime.query import Query
from assay.runtime.redacting import redacted
from assay.runtime.reports import refused_statement
from assay.runtime.sync.codecs.containers import TypeChanged
from assay.runtime.sync.connecting import broken, report
from assay.runtime.sync.patience import SETTING
from assay.runtime.sync.statements import Prepared
from assay.runtime.sync.types import Types
from assay.runtime.sync.wire import COPYING, DeadlinePassed, Wire
from assay.sql.footprint import Footprint

OF_ANOTHER_PROCESS = (
    "This connection was opened in the process {}, and this is a forked child of it, which must not share its socket; "
    "open a connection or a pool after the fork, in each process"
)
_PLAN_INVALID = "cached statement plan is invalid due to a database schema or configuration change"
_IN_TRANSACTION = frozenset({TransactionStatus.INTRANS, TransactionStatus.INERROR, TransactionStatus.ACTIVE})


class Requests:
    """A psycopg connection, and what is known of it between requests."""

    __slots__ = (
        *("_ended", "_forgotten", "_lock", "_patience", "_pid", "_prepared", "_types", "driver", "wire"),
        *("depth", "footprint", "interrupted", "left_open"),
    )

    def __init__(self, driver: psycopg.Connection[Any], *, patience: float | None = None) -> None:
        self._pid = os.getpid()
        self.driver = driver
        self.interrupted = False
        """Whether a statement was left before its result was there."""
        self.footprint = Footprint.NONE
        """What statements left behind so far."""
        self.depth = 0
        """How many transaction blocks are open."""
        self.left_open: list[str] = []
        """Names of cursors that nobody fetches from any more, in a transaction that goes on."""
        self._lock = threading.Lock()
        """Held while a request is under way."""
        self._ended = False
        """Whether another thread has ended the session while a request was under way."""
        self.wire = Wire(driver)
        self.wire.patience = self._patience = patience
        self._types = Types(driver)
        self._prepared: dict[Query, Prepared] = {}
        self._forgotten: list[bytes] = []
        """Names of statements to drop on the server."""

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way."""
        return self._lock.locked()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, failed ones included."""
        return self.driver.pgconn.transaction_status in _IN_TRANSACTION

    @contextmanager
    def using(
        self, query: Query | None = None, values: Sequence[object] = (), text: str | None = None
    ) -> Iterator[None]:
        """One request at a time, and errors as users see them.

        Args:
            query: what is asked, if it is a query of the application's.
            values: its arguments.
            text: a command of Assay's own, if it is that.
        """
        if self._pid != os.getpid():
            raise UsageError(OF_ANOTHER_PROCESS.format(self._pid))
        if self._lock.locked():
            raise UsageError(
                "This connection is running another statement, and it runs one at a time; "
                "let each thread acquire its own connection"
            )
        with self._lock:  # which, unlike acquire(), no exception of a signal handler can leave locked
            try:
                if query is not None and query.footprint:
                    self.footprint = max(self.footprint, query.footprint)
                if self.wire.patience is not None and query is not None and SETTING in query.statement.text:
                    self.wire.patience = None
                self._settle()
                yield
            except BaseException as error:
                self._failed(error)

    def _settle(self) -> None:
        """Roll back what was interrupted, unless a block will; take up settings that were changed."""
        if self.driver.closed:
            raise ConnectionLost("The connection was closed, by the server or because it did not answer")
        if not self.wire.is_idle:  # a signal handler's exception came at the worst moment
            self.wire.cut()
            raise ConnectionLost("The connection was closed, since a request on it had been interrupted")
        if self.interrupted:
            self.interrupted = False
            if not self.depth and self.in_transaction:
                self.ask(lambda: self.driver.pgconn.send_query(b"rollback"), "rollback")
            self._close_cursors()
        if not self._types.are_current:
            self._forget_types()

    def _close_cursors(self) -> None:
        """Close the cursors that nobody fetches from any more, as far as they are there still."""
        names, self.left_open = self.left_open, []
        if not names or self.driver.pgconn.transaction_status != TransactionStatus.INTRANS:
            return
        listed = ", ".join(f"'{name}'" for name in names)
        sql = f"select name from pg_catalog.pg_cursors where name in ({listed})"  # noqa: S608 - names of our own
        found = self.ask(lambda: self.driver.pgconn.send_query(sql.encode()), sql)[-1]
        closing = b"".join(b"close %s;" % (found.get_value(row, 0) or b"") for row in range(found.ntuples))
        if closing:
            self.ask(lambda: self.driver.pgconn.send_query(closing), closing.decode())

    def ask(
        self, send: Callable[[], None], about: Query | str, *, deadline: float | None = None, offset: int = 0
    ) -> list[PGresult]:
        """The results of a request; the first refusal among them is raised. Only inside of ``using``.

        Args:
            send: sends it.
            about: the statement that errors speak of.
            deadline: on the monotonic clock; then the connection is cut.
            offset: characters that were sent before the statement.
        """
        results = self.wire.ask(send, deadline)
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise self.refusal(result, about, offset=offset)
        if results and results[-1].status in COPYING:
            self.wire.leave_copy()
            raise UsageError("COPY needs somebody to send or take its data; use copy_in or copy_out")
        return results

    def refusal(self, result: PGresult, about: Query | str, *, offset: int = 0, row: int | None = None) -> Exception:
        """The error for a result that is one; ``row`` is the row of many, from 1, that it is about."""
        text = about if isinstance(about, str) else about.statement.text
        said = redacted(report(result, text, self._types.encoding))
        if result.error_field(DiagnosticField.SEVERITY_NONLOCALIZED) in (b"FATAL", b"PANIC"):
            return broken(said.message)
        if _is_stale(result, said.sqlstate):
            return Stale(refused_statement(replace(said, message=_PLAN_INVALID)))
        if row is not None:
            said = replace(said, message=f"{said.message}, in row {row}")
        if said.position is not None:
            said = replace(said, position=said.position - offset)
        return refused_statement(said if isinstance(about, str) else said.as_written(about.statement))

    def rows(self, result: PGresult) -> Sequence[tuple[Any, ...]]:
        """The rows of a result whose statement this session has described."""
        return self._types.rows(result)

    def sendable(self, text: str) -> bytes:
        """A statement in the client encoding. Raises UsageError when it has a NUL character."""
        if "\0" in text:
            raise UsageError("The statement has a NUL character, which the server cannot take")
        return text.encode(self._types.encoding)

    def _failed(self, error: BaseException) -> NoReturn:
        """Raise the error that users see."""
        if self._ended:
            raise broken("it was closed while the statement ran") from error
        match error:
            case Stale():
                raise error.refusal from None
            case Error() | DeadlinePassed():
                raise error
            case psycopg.Error() | OSError():
                self.wire.cut()
                raise broken(first_line(error)) from error
            case TypeChanged():
                self._forget_types()
                raise DecodeError(f"A type changed while the connection was open, open a new one: {error}") from error
            case ValueError() | OverflowError():
                raise shared.beyond_python(error) from error
        self.interrupted = True
        raise error

    def _forget_statements(self) -> None:
        self._forgotten += [prepared.statement.name for prepared in self._prepared.values()]
        self._prepared.clear()

    def _forget_types(self) -> None:
        self._forget_statements()
        self._types = Types(self.driver)


class Stale(Exception):
    """A prepared statement is not the server's any more."""

    def __init__(self, refusal: Error) -> None:
        self.refusal = refusal


def _is_stale(result: PGresult, sqlstate: str) -> bool:
    if sqlstate == "0A000":
        return result.error_field(DiagnosticField.SOURCE_FUNCTION) == b"RevalidateCachedQuery"
    return sqlstate == "26000"
