"""One session on the server: a psycopg connection, and what has to be known before somebody else uses it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, Protocol

import asyncpg
import psycopg
from psycopg.pq import DiagnosticField, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from assay.errors import ConnectionLost, DecodeError, Error, ParameterError, UsageError
from assay.runtime import session as shared
from assay.runtime.building import Builder
from assay.runtime.connecting import first_line
from assay.runtime.query import Query
from assay.runtime.redacting import redacted
from assay.runtime.reports import refused_statement
from assay.runtime.session import RESET
from assay.runtime.sync.codecs.containers import TypeChanged
from assay.runtime.sync.connecting import broken, report
from assay.runtime.sync.patience import SETTING
from assay.runtime.sync.statements import Described, Prepared
from assay.runtime.sync.types import QUERY, Types, type_row
from assay.runtime.sync.wire import COPYING, DeadlinePassed, Wire
from assay.sql.footprint import Footprint

OF_ANOTHER_PROCESS = (
    "This connection was opened in the process {}, and this is a forked child of it, which must not share its socket; "
    "open a connection or a pool after the fork, in each process"
)
_PLAN_INVALID = "cached statement plan is invalid due to a database schema or configuration change"
_IN_TRANSACTION = frozenset({TransactionStatus.INTRANS, TransactionStatus.INERROR, TransactionStatus.ACTIVE})


class Owner(Protocol):
    """What a session of a pool goes back to."""

    def give_back(self, session: Session) -> None:
        """Take it back, whatever state it is in."""
        ...


class Session:
    """A psycopg connection that belongs to a pool, or to nobody else.

    One thread at a time may use it; what would go wrong otherwise is refused.
    """

    __slots__ = (
        *("__weakref__", "number", "owner"),
        *(
            "_described",
            "_ended",
            "_forgotten",
            "_lock",
            "_patience",
            "_pid",
            "_prepared",
            "_types",
            "cursors",
            "driver",
            "wire",
        ),
        *("depth", "expires_at", "footprint", "idle_since", "interrupted", "left_open", "lent_driver", "savepoints"),
    )

    def __init__(self, driver: psycopg.Connection[Any], *, patience: float | None = None) -> None:
        self._pid = os.getpid()
        self.driver = driver
        self.number = 0
        """Which it is of its pool's."""
        self.owner: Owner | None = None
        """The pool's reserve that it goes back to."""
        self.interrupted = False
        """Whether a statement was left before its result was there."""
        self.footprint = Footprint.NONE
        """What statements left behind so far."""
        self.lent_driver = False
        """Whether the driver connection was given out."""
        self.depth = 0
        """How many transaction blocks are open."""
        self.savepoints = 0
        """How many savepoints there have been."""
        self.cursors = 0
        """How many cursors there have been."""
        self.left_open: list[str] = []
        """Names of cursors that nobody fetches from any more, in a transaction that goes on."""
        self.idle_since = 0.0
        self.expires_at = float("inf")
        self._lock = threading.Lock()
        """Held while a request is under way."""
        self._ended = False
        """Whether another thread has ended the session while a request was under way."""
        self.wire = Wire(driver)
        self.wire.patience = self._patience = patience
        self._types = Types(driver)
        self._prepared: dict[Query, Prepared] = {}
        self._described = 0
        """How many statements were prepared; what numbers their names."""
        self._forgotten: list[bytes] = []
        """Names of statements to drop on the server."""

    @property
    def is_unsettled(self) -> bool:
        """Whether something has to be done before somebody else uses it."""
        odd = self.interrupted or self.lent_driver or self.is_busy or not self.wire.is_idle
        return bool(self.footprint or odd)

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way."""
        return self._lock.locked()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, failed ones included."""
        return self.driver.pgconn.transaction_status in _IN_TRANSACTION

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
            except _Stale as error:
                prepared = self._prepare_again(query, error)
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
            except _Stale as error:
                result = self.run(self._prepare_again(query, error), query, values)
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

    # --- requests

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
            return _Stale(refused_statement(replace(said, message=_PLAN_INVALID)))
        if row is not None:
            said = replace(said, message=f"{said.message}, in row {row}")
        if said.position is not None:
            said = replace(said, position=said.position - offset)
        return refused_statement(said if isinstance(about, str) else said.as_written(about.statement))

    def run(self, prepared: Prepared, query: Query, values: tuple[object, ...]) -> PGresult:
        """Run a prepared statement; only inside of ``using``."""
        statement = prepared.statement
        forms = statement.forms(prepared.encode(values) if prepared.encodes else values, query)
        return self.ask(lambda: statement.send(self.driver.pgconn, forms), query)[-1]

    def rows(self, result: PGresult) -> Sequence[tuple[Any, ...]]:
        """The rows of a result whose statement this session has described."""
        return self._types.rows(result)

    def forget(self, query: Query) -> None:
        """Prepare a query anew when it is needed next."""
        prepared = self._prepared.pop(query, None)
        if prepared is not None:
            self._forgotten.append(prepared.statement.name)

    def prepared(self, query: Query) -> Prepared:
        """The query prepared in this session; only inside of ``using``."""
        return self._prepared.get(query) or self._prepare(query)

    # --- preparing

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
                raise ParameterError(f"The server does not know one of the types {sorted(unknown)} any more")

    def _prepare_again(self, query: Query, error: _Stale) -> Prepared:
        """After the schema changed; in a transaction, which has failed by it, it is too late."""
        self._forget_statements()
        if self.in_transaction:
            raise error.refusal
        return self._prepare(query)

    def _forget_statements(self) -> None:
        self._forgotten += [prepared.statement.name for prepared in self._prepared.values()]
        self._prepared.clear()

    def _forget_types(self) -> None:
        self._forget_statements()
        self._types = Types(self.driver)

    def _drop_forgotten(self) -> None:
        """Drop statements on the server, where that cannot harm a transaction of the user's."""
        if not self._forgotten or self.in_transaction:
            return
        names, self._forgotten = self._forgotten, []
        for name in names:
            # One that is not there any more is refused, which is as good.
            self.wire.ask(partial(self.driver.pgconn.send_query, b"deallocate " + name))

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
            case _Stale():
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


class _Stale(Exception):
    """A prepared statement is not the server's any more."""

    def __init__(self, refusal: Error) -> None:
        self.refusal = refusal


def _is_stale(result: PGresult, sqlstate: str) -> bool:
    if sqlstate == "0A000":
        return result.error_field(DiagnosticField.SOURCE_FUNCTION) == b"RevalidateCachedQuery"
    return sqlstate == "26000"


def _tag(result: PGresult) -> str:
    return (result.command_status or b"").decode()


def _text(data: bytes | None, encoding: str) -> str | None:
    return None if data is None else data.decode(encoding)
