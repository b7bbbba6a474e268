"""Databases of a server, created and dropped: on the embedded one and on any other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from assay.config import DatabaseUrl
from assay.errors import DatabaseError, InsufficientPrivilege, UndefinedDatabase, UsageError
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection, translate
from assay.sql.quoting import quote_identifier

_MAINTENANCE = ("postgres", "template1")
_ALREADY_THERE = (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError)
"""The second is what the slower of two that create the same database at once is told."""

_SESSIONS = "select count(*) from pg_stat_activity where datname = $1 and backend_type <> 'autovacuum worker'"
_TERMINATE = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()"


@asynccontextmanager
async def maintenance(url: DatabaseUrl) -> AsyncIterator[DriverConnection]:
    """A connection to another database of the same server, from which the one in the URL can be created or dropped.

    The driver's errors inside the block become Assay's. Raises what ``open_connection`` does.
    """
    connection = await _connect(url)
    try:
        yield connection
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()


async def database_exists(url: DatabaseUrl) -> bool:
    """Whether the server has the database that the URL names."""
    async with maintenance(url) as connection:
        return bool(await connection.fetchval("select 1 from pg_database where datname = $1", _name(url)))


async def create_database(url: DatabaseUrl) -> bool:
    """Create the database that the URL names, unless it is there; whether it was created.

    Raises InsufficientPrivilege when the role may not, UsageError for a name that no database can have.
    """
    async with maintenance(url) as connection:
        try:
            await connection.execute(f"create database {quote_identifier(_name(url))}")
        except _ALREADY_THERE:
            return False
    return True


async def drop_database(url: DatabaseUrl, *, force: bool = False) -> bool:
    """Drop the database that the URL names, if it is there; whether it was.

    Args:
        url: the database.
        force: disconnect its clients first.

    Raises what ``drop`` does.
    """
    async with maintenance(url) as connection:
        name = _name(url)
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            return False
        await drop(connection, name, force=force)
    return True


async def drop(connection: DriverConnection, name: str, *, force: bool = False) -> None:
    """Drop a database over a connection to another one; no error if it is gone already.

    A session that is just ending makes the server wait in steps of 100 ms, so it is waited for here.

    Raises DatabaseError, saying how many, when others are connected to it and it is not forced.
    """
    if force:
        await connection.execute(_TERMINATE, name)
    if not await wait_for_sessions(connection, name, seconds=2.0 if force else 0.3) and not force:
        count = await connection.fetchval(_SESSIONS, name)
        raise DatabaseError(
            f'The database "{name}" is in use by {count} other session{"" if count == 1 else "s"}; '
            "end them, or drop it with force",
            sqlstate="55006",
        )
    await connection.execute(f"drop database if exists {quote_identifier(name)}{' with (force)' if force else ''}")


async def wait_for_sessions(connection: DriverConnection, name: str, *, seconds: float) -> bool:
    """Wait until nobody is connected to a database, at most so long; whether that is so."""
    deadline = time.monotonic() + seconds
    while await connection.fetchval(_SESSIONS, name):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.002)
    return True


async def _connect(url: DatabaseUrl) -> DriverConnection:
    for database in _MAINTENANCE:
        if database != url.database:
            try:
                return await open_connection(url.with_database(database), named=url)
            except (UndefinedDatabase, InsufficientPrivilege):
                continue  # some hosts keep one or the other to themselves
    return await open_connection(url)


def _name(url: DatabaseUrl) -> str:
    if not url.database:
        raise UsageError("The database URL names no database; give it as postgresql://user@host:port/database")
    return url.database
