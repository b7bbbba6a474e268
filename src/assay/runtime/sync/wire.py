"""Requests to the server through psycopg's wrapper of libpq, so that deadlines and Ctrl-C are heeded in every wait."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

CANCEL_TIMEOUT = 5.0
"""Seconds in which the server must have stopped a statement that was interrupted; then the connection is cut."""

COPYING = frozenset({ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH})


class DeadlinePassed(TimeoutError):
    """The server did not answer before the deadline."""


class Wire:
    """A connection to the server, for one request at a time."""

    __slots__ = ("_driver", "_pgconn", "_poll", "_socket")

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
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
        send()
        try:
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
            left = None if deadline is None else max(deadline - time.monotonic(), 0) * 1000
            if not self._poll.poll(left):
                raise DeadlinePassed
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
        self._pgconn.finish()

    def hang_up(self) -> None:
        """Break the connection under the thread that uses it, which finds that out by itself."""
        with socket.socket(fileno=os.dup(self._socket)) as line:
            line.shutdown(socket.SHUT_RDWR)
