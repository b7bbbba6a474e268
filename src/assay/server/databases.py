"""Databases of a server, created and dropped: on the embedded one and on any other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from assay.config import DatabaseUrl
from assay.errors import DatabaseError, InsufficientPrivilege, UndefinedDatabase, UsageError
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection, translate
from assay.sql.quoting import quote_identifier
from assay.wording import counted

_MAINTENANCE = ("postgres", "template1")
_ALREADY_THERE = ("42P04", "23505")
"""SQLSTATE duplicate_database, and unique_violation: what the slower of two that create the same one is told."""
OBJECT_IN_USE = "55006"

_EXISTS = "select 1 from pg_database where datname = $1"
_SESSIONS = "select count(*) from pg_stat_activity where datname = $1 and backend_type <> 'autovacuum worker'"
_TERMINATE = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()"


class Maintenance:
    """A connection for work on databases, not in them. What fails on it raises Assay's errors."""

    def __init__(self, connection: DriverConnection) -> None:
        self._connection = connection

    @property
    def is_closed(self) -> bool:
        """Whether the connection was closed, or is known to be lost."""
        return self._connection.is_closed()

    async def execute(self, sql: str, *args: object) -> None:
        """Run a statement."""
        await self._do(self._connection.execute, sql, *args)

    async def value(self, sql: str, *args: object) -> Any:
        """The first column of the first row; None when there is none."""
        return await self._do(self._connection.fetchval, sql, *args)

    async def rows(self, sql: str, *args: object) -> list[asyncpg.Record]:
        """All rows."""
        rows: list[asyncpg.Record] = await self._do(self._connection.fetch, sql, *args)
        return rows

    async def _do(self, method: Callable[..., Awaitable[Any]], sql: str, *args: object) -> Any:
        try:
            return await method(sql, *args)
        except DRIVER_ERRORS as error:
            raise translate(error, statement=sql) from error


@asynccontextmanager
async def maintenance(url: DatabaseUrl, *, besides: str | None = None) -> AsyncIterator[Maintenance]:
    """A connection to the server's database for such work, ``postgres``, or else ``template1``.

    Args:
        url: any database of the server.
        besides: a database that must not be connected to, because it is to be dropped.

    Raises what ``open_connection`` does; errors speak of the database in the URL.
    """
    connection = await _connect(url, besides)
    try:
        yield Maintenance(connection)
    finally:
        await connection.close()


async def database_exists(url: DatabaseUrl) -> bool:
    """Whether the server has the database that the URL names."""
    async with maintenance(url) as server:
        return bool(await server.value(_EXISTS, _name(url)))


async def create_database(url: DatabaseUrl) -> bool:
    """Create the database that the URL names, unless it is there; whether it was created.

    Raises InsufficientPrivilege when the role may not, UsageError for a name that no database can have.
    """
    create = f"create database {quote_identifier(_name(url))}"
    async with maintenance(url) as server:
        # Asked first: who may not create databases may still find it there.
        if await server.value(_EXISTS, _name(url)):
            return False
        try:
            await server.execute(create)
        except DatabaseError as error:
            if error.sqlstate not in _ALREADY_THERE:
                raise
            return False
    return True


async def drop_database(url: DatabaseUrl, *, force: bool = False) -> bool:
    """Drop the database that the URL names, if it is there; whether it was.

    Args:
        url: the database.
        force: disconnect its clients first.

    Raises what ``drop`` does.
    """
    name = _name(url)
    async with maintenance(url, besides=name) as server:
        if not await server.value(_EXISTS, name):
            return False
        await drop(server, name, force=force)
    return True


async def drop(server: Maintenance, name: str, *, force: bool = False) -> None:
    """Drop a database; no error if it is gone already.

    A session that is just ending makes the server wait in steps of 100 ms, so it is waited for here.

    Raises DatabaseError, saying how many, when others are connected to it and it is not forced.
    """
    if force:
        await server.execute(_TERMINATE, name)
    if not await wait_for_sessions(server, name, seconds=2.0 if force else 0.3) and not force:
        count = await server.value(_SESSIONS, name)
        raise DatabaseError(
            f'The database "{name}" is in use by {counted(count, "other session")}; end them, or drop it with force',
            sqlstate=OBJECT_IN_USE,
        )
    await server.execute(f"drop database if exists {quote_identifier(name)}{' with (force)' if force else ''}")


async def wait_for_sessions(server: Maintenance, name: str, *, seconds: float) -> bool:
    """Wait until nobody is connected to a database, at most so long; whether that is so."""
    deadline = time.monotonic() + seconds
    while await server.value(_SESSIONS, name):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.002)
    return True


async def _connect(url: DatabaseUrl, besides: str | None) -> DriverConnection:
    for database in _MAINTENANCE:
        if database != besides:
            try:
                return await open_connection(url.with_database(database), named=url)
            except (UndefinedDatabase, InsufficientPrivilege):
                continue  # some hosts keep one or the other to themselves
    return await open_connection(url)


def _name(url: DatabaseUrl) -> str:
    if not url.database:
        raise UsageError("The database URL names no database; give it as postgresql://user@host:port/database")
    return url.database
