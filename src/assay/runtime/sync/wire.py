"""Requests to the server through psycopg's wrapper of libpq, so that deadlines and Ctrl-C are heeded in every wait."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.pq import ExecStatus, PGnotify, PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGresult

CANCEL_TIMEOUT = 5.0
"""Seconds in which the server must have stopped a statement that was interrupted; then the connection is cut."""
ENDING_TIMEOUT = 2.0
"""Seconds that a server has to take the request to cancel what runs on a connection that is ended from outside."""

_SILENCE = (
    "the server has said nothing for {:g} s, longer than its statement_timeout lets any statement take: "
    "the network is gone, or the server hangs"
)

COPYING = frozenset({ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH})


class DeadlinePassed(TimeoutError):
    """The server did not answer before the deadline."""


class Wire:
    """A connection to the server, for one request at a time."""

    __slots__ = ("_driver", "_pgconn", "_poll", "_socket", "patience")

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self.patience: float | None = None
        """Seconds in which the server must have said something; None for any number."""
        self._driver = driver
        self._pgconn = driver.pgconn
        self._socket = self._pgconn.socket
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def ask(self, send: Callable[[], None], deadline: float | None = None) -> list[PGresult]:
        """Send a request and wait for its results.

        What interrupts the wait, such as Ctrl-C, cancels the request and passes on once the server has ended it.

        Args:
            send: calls one of libpq's ``send_`` functions.
            deadline: on the monotonic clock; then the connection is cut.

        Raises DeadlinePassed, and psycopg.OperationalError when the connection breaks.
        """
        try:
            send()
            return self._results(deadline)
        except DeadlinePassed:
            self.cut()
            raise
        except psycopg.Error:
            raise
        except BaseException:
            self._interrupt()
            raise

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        pgconn = self._pgconn
        return pgconn.transaction_status != TransactionStatus.ACTIVE and pgconn.pipeline_status == PipelineStatus.OFF

    @property
    def is_broken(self) -> bool:
        """Whether the connection has ended, as far as can be seen without asking the server; only between requests."""
        if self._driver.closed:
            return True
        try:
            while self._poll.poll(0):  # a last message may come before the end
                self._pgconn.consume_input()
        except psycopg.Error:
            return True
        return False

    def _results(self, deadline: float | None) -> list[PGresult]:
        pgconn = self._pgconn
        while pgconn.flush():
            self._wait(deadline, select.POLLIN | select.POLLOUT)
            pgconn.consume_input()
        found: list[PGresult] = []
        while True:
            while pgconn.is_busy():
                self._wait(deadline, select.POLLIN)
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:
                return found
            found.append(result)
            if result.status in COPYING:
                return found

    def _wait(self, deadline: float | None, events: int) -> None:
        if events != select.POLLIN:
            self._poll.modify(self._socket, events)
        try:
            left = self.patience if deadline is None else max(deadline - time.monotonic(), 0)
            if not self._poll.poll(None if left is None else left * 1000):
                raise DeadlinePassed if deadline is not None else psycopg.OperationalError(_SILENCE.format(left))
        finally:
            if events != select.POLLIN:
                self._poll.modify(self._socket, select.POLLIN)

    def _interrupt(self) -> None:
        """Have the server end what it is doing; cut the connection if that does not work out."""
        try:
            if self._pgconn.transaction_status == TransactionStatus.ACTIVE:
                self._driver.cancel_safe(timeout=CANCEL_TIMEOUT)
                self._results(time.monotonic() + CANCEL_TIMEOUT)
        except Exception:
            self.cut()
        except BaseException:
            self.cut()
            raise

    def notifications(self) -> list[PGnotify]:
        """The notifications that have come, also when the connection has broken since; only between requests."""
        with suppress(psycopg.Error):
            while self._poll.poll(0):
                self._pgconn.consume_input()
        return [*iter(self._pgconn.notifies, None)]

    def ask_all(self, sends: Sequence[Callable[[], None]]) -> list[PGresult]:
        """Send requests one after the other without waiting in between; the result of each.

        They are one transaction where none is open. After the first that failed, the others are not executed; an
        error that comes after all of them, when that transaction is committed, is one result more.
        """
        try:
            self._pgconn.enter_pipeline_mode()
            found: list[PGresult] = []
            self._send_all(sends, found)
            self._pgconn.pipeline_sync()
            self._finish_pipeline(found, None)
            self._pgconn.exit_pipeline_mode()
            return found
        except psycopg.Error:
            raise
        except BaseException:
            self._abort_pipeline()
            raise

    def _send_all(self, sends: Sequence[Callable[[], None]], found: list[PGresult]) -> None:
        for number, send in enumerate(sends, 1):
            send()
            # The server stops reading when nobody reads its answers, so neither side may only write.
            while number % 100 == 0 and self._pgconn.flush():
                self._wait(None, select.POLLIN | select.POLLOUT)
                self._pgconn.consume_input()
                self._collect(found)

    def _finish_pipeline(self, found: list[PGresult], deadline: float | None) -> None:
        while self._pgconn.flush():
            self._wait(deadline, select.POLLIN | select.POLLOUT)
            self._pgconn.consume_input()
            self._collect(found)
        while not self._collect(found):
            self._wait(deadline, select.POLLIN)
            self._pgconn.consume_input()

    def _collect(self, found: list[PGresult]) -> bool:
        """Take the results that are there; whether the end of the pipeline is among them."""
        nothing = 0
        while not self._pgconn.is_busy() and nothing < 2:
            result = self._pgconn.get_result()
            if result is None:
                nothing += 1  # the end of one request; twice, and there is no more
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return True
            else:
                nothing = 0
                found.append(result)
        return False

    def _abort_pipeline(self) -> None:
        """See to it that what was sent takes no effect."""
        pgconn, deadline = self._pgconn, time.monotonic() + CANCEL_TIMEOUT
        try:
            self.cancel()
            pgconn.send_query_params(b"interrupted", None)  # no statement, so that nothing before it is committed
            pgconn.pipeline_sync()
            self._finish_pipeline([], deadline)
            pgconn.exit_pipeline_mode()
        except Exception:
            self.cut()
        except BaseException:
            self.cut()
            raise

    def copy(self, send: Callable[[], None], pieces: Iterable[bytes]) -> PGresult:
        """Send a COPY FROM STDIN and its data; the last result.

        What interrupts it, and what taking the data raises, ends the COPY without effect.
        """
        results = self.ask(send)
        if results[-1].status != ExecStatus.COPY_IN:
            return results[-1]
        try:
            for piece in pieces:
                self._put(lambda data=piece: self._pgconn.put_copy_data(data))  # type: ignore[misc]  # bound at once
            self._put(self._pgconn.put_copy_end)
            return self._results(None)[-1]
        except psycopg.Error:
            raise
        except BaseException:
            self.leave_copy()
            raise

    def _put(self, put: Callable[[], int]) -> None:
        while not put():
            self._wait(None, select.POLLIN | select.POLLOUT)
            self._pgconn.consume_input()
        while self._pgconn.flush():
            self._wait(None, select.POLLIN | select.POLLOUT)
            self._pgconn.consume_input()

    def cancel(self) -> None:
        """Ask the server to cancel the request under way; whether that came in time shows in its result."""
        with suppress(psycopg.Error):
            self._driver.cancel_safe(timeout=CANCEL_TIMEOUT)

    def leave_copy(self) -> None:
        """End a COPY that nobody sends data for or takes data from."""
        pgconn, deadline = self._pgconn, time.monotonic() + CANCEL_TIMEOUT
        with suppress(psycopg.Error):
            pgconn.put_copy_end(b"nobody sends data")
        self.cancel()
        while pgconn.transaction_status == TransactionStatus.ACTIVE:
            with suppress(psycopg.Error):
                while pgconn.get_copy_data(0)[0] > 0:
                    pass
            self._results(deadline)

    def cut(self) -> None:
        """End the connection; only for the thread that uses it."""
        self._socket = -1  # its number may be another socket's at once, which a thread that hangs up must not break
        self._pgconn.finish()

    def end_from_outside(self) -> None:
        """Break the connection under the thread that uses it, and have the server end what it is doing."""
        # PgBouncer knows only clients that are connected still. An older libpq waits for as long as the network does.
        if psycopg.capabilities.has_cancel_safe():
            with suppress(psycopg.Error, OSError):
                self._driver.cancel_safe(timeout=ENDING_TIMEOUT)
        self.hang_up()

    def hang_up(self) -> None:
        """Break the connection under the thread that uses it, which finds that out by itself."""
        with suppress(OSError), socket.socket(fileno=os.dup(self._socket)) as line:
            line.shutdown(socket.SHUT_RDWR)
