"""What can be migrated: a URL, a pool or a connection; whichever it is, one connection does all the work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias, runtime_checkable

import asyncpg

from assay.config import DatabaseUrl
from assay.errors import MigrationError, UsageError
from assay.migrate.liveness import notice_death
from assay.migrate.proxy import Opening, refuse_other_process, refuse_transaction_pooling
from assay.runtime.connecting import DriverConnection, open_connection
from assay.sql.quoting import quote_literal

APPLICATION_NAME = "assay migrate"
"""What pg_stat_activity shows for the connections opened here."""

_SETTINGS = """
select 'session_authorization' as name, session_user::text as value
union all select 'role', current_setting('role')
union all select name, setting from pg_settings where source = 'session'
"""

_CLOSE_TIMEOUT = 5.0
"""Seconds to say goodbye to the server; after that the socket is closed, which ends the session too."""


@runtime_checkable
class HandsOutConnections(Protocol):
    """A pool, ``assay.Pool`` or ``asyncpg.Pool``."""

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """A context manager whose value is a driver connection, or has one as ``driver``."""
        ...


@runtime_checkable
class HasDriver(Protocol):
    """A connection around a driver connection, such as ``assay.Connection``."""

    @property
    def driver(self) -> Any:
        """The driver connection."""


Target: TypeAlias = str | DatabaseUrl | DriverConnection | HandsOutConnections | HasDriver
"""What is migrated; a ``str`` is a ``postgresql://`` URL."""


@dataclass(frozen=True, slots=True)
class Session:
    """The connection of a run."""

    connection: DriverConnection
    behind: int | None = None
    """The server process behind a proxy; None when there is no proxy."""

    async def check_process(self) -> None:
        """Raise MigrationError when a proxy has given the session another server process, without the lock."""
        if self.behind is not None:
            await refuse_other_process(self.connection, self.behind)

    settings: tuple[tuple[str, str], ...] = ()
    """What was set in the session when ``remember_settings`` was asked, by name."""

    async def remember_settings(self) -> Session:
        """The same session, knowing what is set in it now: by the caller, on a connection that it lent."""
        records = await self.connection.fetch(_SETTINGS)
        return replace(self, settings=tuple((record["name"], record["value"]) for record in records))

    async def restore_settings(self) -> None:
        """Undo what a file set in the session, so that each finds the same whatever ran before it."""
        statements = ["reset session authorization", "reset all"]
        for name, value in self.settings:
            statements.append(f"select set_config({quote_literal(name)}, {quote_literal(value)}, false)")
        await self.connection.execute("; ".join(statements))


@asynccontextmanager
async def session(target: Target) -> AsyncIterator[Session]:
    """One connection for a whole run.

    Raises:
        UsageError: the target is nothing that can be migrated, or its connection is inside a transaction.
        MigrationError: the connection goes through a proxy that gives every transaction another server connection.
        ConnectionFailed, AuthenticationFailed, UndefinedDatabase: no connection could be made.
    """
    match target:
        case str():
            opening = _opened(DatabaseUrl.parse(target))
        case DatabaseUrl():
            opening = _opened(target)
        case asyncpg.Connection():
            opening = _borrowed(target)
        case HandsOutConnections():
            opening = _acquired(target)
        case HasDriver():
            opening = _borrowed(target.driver)
        case _:
            raise UsageError(
                f"A {type(target).__name__} cannot be migrated; give a pool, a connection or a postgresql:// URL"
            )
    async with opening as current:
        yield current


@asynccontextmanager
async def _opened(url: DatabaseUrl) -> AsyncIterator[Session]:
    _refuse_declared_proxy(url)
    async with _connected(url) as connection:
        behind = await refuse_transaction_pooling(connection, lambda: _connected(url))
        await notice_death(connection, url)
        yield Session(connection, behind)


@asynccontextmanager
async def _acquired(pool: HandsOutConnections) -> AsyncIterator[Session]:
    async with _lent(pool) as connection, _borrowed(connection, lambda: _lent(pool)) as current:
        yield current


@asynccontextmanager
async def _borrowed(connection: DriverConnection, another: Opening | None = None) -> AsyncIterator[Session]:
    if connection.is_in_transaction():
        raise UsageError(
            "The connection to migrate is inside a transaction; each migration has its own, so give one that is not"
        )
    yield Session(connection, await refuse_transaction_pooling(connection, another))


@asynccontextmanager
async def _connected(url: DatabaseUrl) -> AsyncIterator[DriverConnection]:
    name = dict(url.options).get("application_name", APPLICATION_NAME)
    connection = await open_connection(url, server_settings={"application_name": name})
    try:
        yield connection
    finally:
        await connection.close(timeout=_CLOSE_TIMEOUT)


@asynccontextmanager
async def _lent(pool: HandsOutConnections) -> AsyncIterator[DriverConnection]:
    async with pool.acquire() as held:
        yield getattr(held, "driver", held)


def _refuse_declared_proxy(url: DatabaseUrl) -> None:
    if dict(url.options).get("pgbouncer", "").lower() in ("true", "1", "yes", "on"):
        raise MigrationError(
            f"The URL of {url.place} says pgbouncer=true; the migration lock and the session it needs do not survive "
            "transaction pooling, so connect to the server itself"
        )
