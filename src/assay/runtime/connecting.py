"""Connections opened, and the driver's errors turned into Assay's.

Every other module that talks to a server goes through here, so that a wrong password reads the same from ``assay
migrate run``, from a pool and from a test.
"""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import replace
from socket import gaierror
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from assay.config import DatabaseUrl
from assay.errors import (
    ConfigurationError,
    ConnectionFailed,
    ConnectionLost,
    DecodeError,
    Error,
    ParameterError,
    QueryCanceled,
    UsageError,
)
from assay.runtime.reports import Report, cannot_connect, refused_connection, refused_statement

if TYPE_CHECKING:
    DriverConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    DriverConnection = asyncpg.Connection

DRIVER_ERRORS: tuple[type[Exception], ...] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""What the driver raises, for ``except DRIVER_ERRORS as error: raise translate(error) from error``."""

_OPENING_ERRORS: tuple[type[Exception], ...] = (*DRIVER_ERRORS, UnicodeError)


async def open_connection(
    url: DatabaseUrl,
    *,
    timeout: float | None = 10.0,  # noqa: ASYNC109 - the driver has its own, which also closes the socket
    named: DatabaseUrl | None = None,
    **options: Any,
) -> DriverConnection:
    """Open a driver connection.

    Args:
        url: the database; a ``connect_timeout`` in it (seconds, as in libpq) takes the place of ``timeout``.
        timeout: seconds until the server must have answered; None waits as long as the system does.
        named: the URL that errors speak of, if it is not ``url`` that the user gave.
        options: further arguments of ``asyncpg.connect``, such as ``server_settings``.

    Raises:
        ConnectionFailed: nothing answers there, or what answers does not speak TLS or is not accepting yet.
        AuthenticationFailed: wrong user or password.
        UndefinedDatabase: the server has no such database.
        ResourceError: the server has no connection to spare.
        ConfigurationError: the URL asks for something that cannot be done.
    """
    url, timeout = own_timeout(url, timeout)
    arguments: dict[str, Any] = {"timeout": timeout, **options}
    try:
        return await asyncpg.connect(url.reveal(), **arguments)
    except _OPENING_ERRORS as error:
        raise translate_connecting(error, named or url, timeout=timeout) from error


def translate(error: BaseException, *, statement: str | None = None) -> Error:
    """The Assay error for what the driver raised while a statement ran or a connection was in use.

    Args:
        error: any exception; one of Assay's own is returned as it is.
        statement: the SQL that was sent, for errors that do not carry it themselves.
    """
    if isinstance(error, Error):
        return error
    if isinstance(error, asyncpg.PostgresError) and not _from_driver(error):
        return _from_server(error, statement)
    return _from_client(error)


def translate_connecting(error: BaseException, url: DatabaseUrl, *, timeout: float | None = None) -> Error:
    """The Assay error for what the driver raised while a connection to ``url`` was being opened."""
    if isinstance(error, Error):
        return error
    if isinstance(error, asyncpg.PostgresError):
        return refused_connection(_report(error, None), url)
    if isinstance(error, (asyncpg.InterfaceError, UnicodeError)):
        return ConfigurationError(f"{cannot_connect(url)}: {first_line(error)}")
    return ConnectionFailed(f"{cannot_connect(url)}: {why_not(error, url, timeout)}")


def own_timeout(url: DatabaseUrl, timeout: float | None) -> tuple[DatabaseUrl, float | None]:
    """A URL without its ``connect_timeout``, and that timeout, or else the one given.

    Raises ConfigurationError when it is not a number of seconds.
    """
    given = dict(url.options).get("connect_timeout")
    if given is None:
        return url, timeout
    try:
        seconds = float(given)
    except ValueError:
        raise ConfigurationError(
            "connect_timeout in the database URL is not a number of seconds; write it as in connect_timeout=5"
        ) from None
    rest = tuple((name, value) for name, value in url.options if name != "connect_timeout")
    return replace(url, options=rest), seconds if seconds > 0 else None


# --- while a statement runs


def _from_driver(error: asyncpg.PostgresError) -> bool:
    """Whether the driver made up this error: it does so for broken connections and arguments it cannot encode."""
    return error.severity is None and isinstance(error, (asyncpg.PostgresConnectionError, asyncpg.DataError))


def _from_server(error: asyncpg.PostgresError, statement: str | None) -> Error:
    return refused_statement(_report(error, getattr(error, "query", None) or statement))


def _report(error: asyncpg.PostgresError, sent: str | None) -> Report:
    return Report(
        str(error.args[0]) if error.args else type(error).__name__,
        sqlstate=error.sqlstate,
        detail=error.detail,
        hint=error.hint,
        constraint=error.constraint_name,
        schema=error.schema_name,
        table=error.table_name,
        column=error.column_name,
        position=int(error.position) if error.position else None,
        sent=sent,
    )


def _from_client(error: BaseException) -> Error:
    match error:
        case TimeoutError():
            return QueryCanceled("The statement did not finish within its timeout, and was cancelled")
        case asyncpg.DataError() | asyncpg.UnsupportedClientFeatureError():
            return ParameterError(first_line(error))
        case asyncpg.OutdatedSchemaCacheError():
            return DecodeError(f"A type changed while the connection was open, open a new one: {first_line(error)}")
        case asyncpg.InterfaceError() if _closed(error):
            return ConnectionLost(f"The connection was closed: {first_line(error)}")
        case asyncpg.InterfaceError() if str(error).startswith("the server expects"):
            return ParameterError(first_line(error))
        case asyncpg.InterfaceError():
            return UsageError(first_line(error))
        case asyncpg.PostgresError() | asyncpg.InternalClientError() | OSError():
            return ConnectionLost(f"The connection broke while it was in use: {first_line(error)}")
        case _:
            return Error(f"{type(error).__name__}: {first_line(error)}")


# --- while a connection is opened


def why_not(error: BaseException, url: DatabaseUrl, timeout: float | None) -> str:
    """The reason in words; what an ``OSError`` says itself is often a number or an address once more."""
    match error:
        case TimeoutError() if timeout is not None:
            return (
                f"no answer within {timeout:g} seconds; are host and port right, and does a firewall let them through?"
            )
        case gaierror():
            return "the host name is not known; is it spelled right?"
        case ssl.SSLError():
            return f"TLS failed ({error.reason or first_line(error)}); check sslmode and the certificates"
        case FileNotFoundError() if (url.host or "").startswith("/"):
            return f"there is no server's socket in {url.host}; is the server running?"
        case ConnectionError() if "SSL" in str(error):
            return "the server does not speak TLS, which sslmode in the URL asks for"
        case asyncpg.TargetServerAttributeNotMatched():
            return "no host is of the kind that target_session_attrs in the URL asks for"
        case OSError():
            return f"{_system_words(error)}; is the server running, and are host and port right?"
        case _:
            return first_line(error)


def _system_words(error: OSError) -> str:
    # asyncio joins the errors of several addresses into one text without an errno.
    number = error.errno or next((int(found) for found in re.findall(r"\[Errno (\d+)\]", str(error))), None)
    return os.strerror(number).lower() if number and number > 0 else first_line(error)


def _closed(error: BaseException) -> bool:
    return "connection is closed" in str(error) or "released back" in str(error)


def first_line(error: BaseException) -> str:
    """What an exception says, without further lines; its class's name if it says nothing."""
    return str(error).partition("\n")[0] or type(error).__name__
