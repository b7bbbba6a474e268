"""psycopg connections opened, and what libpq says turned into Assay's errors."""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo, ConnStatus, DiagnosticField, PGconn, PollingStatus, abc
from psycopg.pq.abc import PGresult

from assay.config import DatabaseUrl
from assay.errors import ConfigurationError, ConnectionFailed, ConnectionLost, Error
from assay.runtime.connecting import first_line, own_timeout, why_not
from assay.runtime.reports import Report, cannot_connect, refused_connection

_SOCKETS = ("/run/postgresql", "/var/run/postgresql", "/var/pgsql_socket", "/private/tmp", "/tmp")  # noqa: S108 - where servers put them
"""Where the async surface looks for a server when the URL names no host."""


def open_connection(
    url: DatabaseUrl, *, timeout: float | None = 10.0, server_settings: Mapping[str, str] | None = None
) -> psycopg.Connection[Any]:
    """Open a psycopg connection in autocommit, whose cursors take ``$1``, ``$2``, ...

    Args:
        url: the database; a ``connect_timeout`` in it (seconds) takes the place of ``timeout``.
        timeout: seconds until the server must have answered; None waits as long as the system does.
        server_settings: settings of the session.

    Raises what :func:`assay.runtime.connecting.open_connection` raises.
    """
    url, timeout = own_timeout(url, timeout)
    try:
        pgconn = _opened(make_conninfo(**_arguments(url, server_settings or {})).encode(), timeout)
    except (psycopg.Error, UnicodeError, OSError) as error:
        raise refused(error, url, timeout) from error
    driver: psycopg.Connection[Any] = psycopg.Connection(pgconn)
    driver.autocommit = True
    driver.cursor_factory = psycopg.RawCursor
    driver.prepare_threshold = None
    return driver


def _opened(conninfo: bytes, timeout: float | None) -> abc.PGconn:
    """An open connection of libpq's. Raises TimeoutError, and psycopg.OperationalError with what libpq says."""
    deadline = None if timeout is None else time.monotonic() + timeout
    pgconn = PGconn.connect_start(conninfo)
    try:
        while True:
            state = pgconn.connect_poll()
            if state == PollingStatus.OK:
                pgconn.nonblocking = 1
                return pgconn
            if state == PollingStatus.FAILED or pgconn.status == ConnStatus.BAD:
                raise psycopg.OperationalError(pgconn.get_error_message())
            _wait(pgconn.socket, state, deadline)
    except BaseException:
        pgconn.finish()
        raise


def _wait(socket: int, state: int, deadline: float | None) -> None:
    poll = select.poll()
    poll.register(socket, select.POLLIN if state == PollingStatus.READING else select.POLLOUT)
    left = None if deadline is None else max(deadline - time.monotonic(), 0) * 1000
    if not poll.poll(left):
        raise TimeoutError


def _arguments(url: DatabaseUrl, settings: Mapping[str, str]) -> dict[str, Any]:
    """libpq's keywords for a URL; what it does not know is a setting of the session, as the async surface has it."""
    given = dict(url.options)
    known = {name: value for name, value in given.items() if name in _KEYWORDS}
    session = {name: value for name, value in given.items() if name not in _KEYWORDS} | dict(settings)
    known |= {name: session.pop(name) for name in [*session] if name == "application_name"}
    options = [known.pop("options", ""), *(f"-c {name}={_escaped(value)}" for name, value in session.items())]
    place = {"host": url.host or _default_host(), "port": url.port, "user": url.user, "password": url.password}
    chosen = {**known, **place, "dbname": url.database, "options": " ".join(filter(None, options))}
    return {name: value for name, value in chosen.items() if value} | {"client_encoding": "UTF8"}


_KEYWORDS = frozenset(option.keyword.decode() for option in Conninfo.get_defaults())


def _default_host() -> str | None:
    if os.environ.get("PGHOST") or os.environ.get("PGSERVICE"):
        return None
    port = os.environ.get("PGPORT", "5432")
    return next((folder for folder in _SOCKETS if os.path.exists(f"{folder}/.s.PGSQL.{port}")), "localhost")  # noqa: PTH110 - a socket


def _escaped(value: str) -> str:
    return re.sub(r"([\\\s])", r"\\\1", str(value))


# --- what libpq says


def report(result: PGresult, sent: str | None, encoding: str = "utf-8") -> Report:
    """What the server said of an error."""

    def field(code: DiagnosticField) -> str | None:
        data = result.error_field(code)
        return data.decode(encoding, "replace") if data else None

    position = field(DiagnosticField.STATEMENT_POSITION)
    return Report(
        field(DiagnosticField.MESSAGE_PRIMARY) or result.get_error_message(encoding),
        sqlstate=field(DiagnosticField.SQLSTATE) or "",
        detail=field(DiagnosticField.MESSAGE_DETAIL),
        hint=field(DiagnosticField.MESSAGE_HINT),
        constraint=field(DiagnosticField.CONSTRAINT_NAME),
        schema=field(DiagnosticField.SCHEMA_NAME),
        table=field(DiagnosticField.TABLE_NAME),
        column=field(DiagnosticField.COLUMN_NAME),
        position=int(position) if position else None,
        sent=sent,
    )


def broken(why: str) -> ConnectionLost:
    """The error for a connection that broke."""
    return ConnectionLost(f"The connection broke while it was in use: {why}")


def refused(error: Exception, url: DatabaseUrl, timeout: float | None) -> Error:
    """The Assay error for a connection that could not be opened.

    libpq keeps the SQLSTATE of a refusal to itself, so that it is found by the server's English words.
    """
    text = first_line(error)
    said = re.search(r"FATAL:\s*(.*)", str(error))
    if said or "no password supplied" in text:
        message = said[1] if said else "no password supplied"
        sqlstate = next((code for words, code in _WORDS if re.search(words, message)), "")
        return refused_connection(Report(message, sqlstate), url)
    if isinstance(error, (psycopg.ProgrammingError, UnicodeError)) or re.search("invalid .* value", text):
        return ConfigurationError(f"{cannot_connect(url)}: {text}")
    why = next((words for found, words in _REASONS if re.search(found, str(error))), None)
    if isinstance(error, TimeoutError):
        why = why_not(error, url, timeout)
    elif "No such file" in str(error):
        why = f"there is no server's socket in {url.host}; is the server running?"
    return ConnectionFailed(f"{cannot_connect(url)}: {why or text}")


_WORDS = (
    ("password authentication failed|no password supplied", "28P01"),
    ("no pg_hba.conf entry|authentication failed|role .* does not exist|not permitted to log in", "28000"),
    ("database .* does not exist", "3D000"),
    ("starting up|shutting down|recovery mode|not yet accepting connections", "57P03"),
    ("too many (clients|connections)|remaining connection slots", "53300"),
    ("not currently accepting connections", "55000"),
    ("permission denied", "42501"),
    ("unrecognized configuration parameter", "42704"),
    ("invalid value for parameter", "22023"),
)
"""Words of refusals in src/backend of the server, and their codes."""

_REASONS = (
    (
        "could not translate host name|failed to resolve host|Name or service not known|No address associated",
        "the host name is not known; is it spelled right?",
    ),
    ("server does not support SSL", "the server does not speak TLS, which sslmode in the URL asks for"),
    ("Connection refused", "connection refused; is the server running, and are host and port right?"),
    (
        "session is (not )?read-only|server is (not )?in hot standby",
        "no host is of the kind that target_session_attrs in the URL asks for",
    ),
)
