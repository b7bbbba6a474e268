"""Databases kept as templates: built once from what a fingerprint stands for, then connected to or copied.

A template is built under another name and renamed when it is whole, so one that exists can be used. Who builds holds
an advisory lock on the fingerprint; the server lets go of it should the builder die, and the next one sweeps up.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec

from assay.config import DatabaseUrl
from assay.errors import ConnectionLost, DatabaseError, Error, InsufficientPrivilege, ServerError
from assay.server.databases import OBJECT_IN_USE, Maintenance, drop, maintenance, wait_for_sessions
from assay.sql.quoting import quote_identifier, quote_literal

TEMPLATE = "assay_template_"
BUILDING = "assay_building_"
LIMIT = 20
"""Templates kept on a server; of the others, those used longest ago are dropped."""

_WAIT_FOR_BUILDER = 600.0
_WAIT_FOR_CLIENTS = 30.0
_MARK_AGAIN = timedelta(seconds=10)
_DATABASES = """
select datname as name, shobj_description(oid, 'pg_database') as mark
from pg_database
where starts_with(datname, $1)
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """The comment on a template."""

    fingerprint: str
    created: datetime
    used: datetime
    """To within ten seconds: what was asked for just now must not be the one that makes room for the next."""


async def template_database(
    server_url: DatabaseUrl,
    fingerprint: str,
    build: Callable[[DatabaseUrl], Awaitable[None]],
    *,
    limit: int = LIMIT,
) -> str:
    """The name of the database that ``build`` fills, built only if the server does not have it yet.

    Many processes may ask for it at once; one builds, the others wait.

    Args:
        server_url: any database of the server.
        fingerprint: tells apart what is built: the same text, the same database.
        build: fills the empty database at the URL it is given, and leaves no connection to it behind.
        limit: how many templates the server keeps; older ones that nobody is connected to are dropped.

    Raises what ``build`` raises, and ServerError when another process is still building after ten minutes.
    """
    name = template_name(fingerprint)
    key = name.removeprefix(TEMPLATE)
    async with maintenance(server_url) as server:
        if await _is_kept(server, name, fingerprint):
            return name
        async with _building(server, key):
            if not await _is_kept(server, name, fingerprint):
                await _sweep(server, key)
                await _build(server, server_url, key, fingerprint, build)
                await _prune(server, limit)
    return name


def template_name(fingerprint: str) -> str:
    """The name of the template for a fingerprint, whether there is one or not."""
    return TEMPLATE + sha256(fingerprint.encode()).hexdigest()[:24]


async def clone_database(
    server_url: DatabaseUrl, template: str, name: str, *, strategy: str | None = None
) -> DatabaseUrl:
    """Create a database as a copy of a template, and return its URL.

    Args:
        server_url: any database of the server.
        template: the database to copy. It is waited for, half a minute, until nobody is connected to it.
        name: of the new one.
        strategy: ``file_copy`` or ``wal_log`` (manual, CREATE DATABASE); the server's default unless given.

    Raises DatabaseError when ``name`` exists, or clients stay connected to the template.
    """
    how = f" strategy {strategy}" if strategy in ("file_copy", "wal_log") else ""
    sql = f"create database {quote_identifier(name)} template {quote_identifier(template)}{how}"
    deadline = time.monotonic() + _WAIT_FOR_CLIENTS
    async with maintenance(server_url) as server:
        while True:
            await wait_for_sessions(server, template, seconds=deadline - time.monotonic())
            try:
                await server.execute(sql)
            except DatabaseError as error:
                if error.sqlstate != OBJECT_IN_USE or time.monotonic() > deadline:
                    raise
            else:
                return server_url.with_database(name)


@asynccontextmanager
async def _building(server: Maintenance, key: str) -> AsyncIterator[None]:
    lock = _lock(key)
    deadline = time.monotonic() + _WAIT_FOR_BUILDER
    pause = 0.01
    while not await server.value("select pg_try_advisory_lock($1)", lock):
        if time.monotonic() > deadline:
            raise ServerError(
                f"Another process has been building the database {TEMPLATE}{key} for more than "
                f"{_WAIT_FOR_BUILDER:g} seconds; end it, and the next one will start over"
            )
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.2)
    try:
        yield
    finally:
        with suppress(ConnectionLost):  # then it is let go of already
            await server.execute("select pg_advisory_unlock($1)", lock)


async def _build(
    server: Maintenance,
    server_url: DatabaseUrl,
    key: str,
    fingerprint: str,
    build: Callable[[DatabaseUrl], Awaitable[None]],
) -> None:
    name = f"{BUILDING}{key}_{secrets.token_hex(4)}"
    # template0 is the same on every server, and nobody can be connected to it.
    await server.execute(f"create database {quote_identifier(name)} template template0")
    try:
        await build(server_url.with_database(name))
        await wait_for_sessions(server, name, seconds=5.0)
        now = datetime.now(UTC)
        await _mark(server, name, Mark(fingerprint, now, now))
        await server.execute(f"alter database {quote_identifier(name)} rename to {quote_identifier(TEMPLATE + key)}")
    except BaseException:
        with suppress(Error):  # what went wrong first is what is to be told; the next builder sweeps up
            await drop(server, name, force=True)
        raise


async def _is_kept(server: Maintenance, name: str, fingerprint: str) -> bool:
    for row in await server.rows(_DATABASES, name):
        mark = _read(row["mark"])
        if row["name"] == name and mark is not None and mark.fingerprint == fingerprint:
            now = datetime.now(UTC)
            if now - mark.used > _MARK_AGAIN:
                with suppress(DatabaseError):  # it is another role's, or another process is at it just now
                    await _mark(server, name, Mark(fingerprint, mark.created, now))
            return True
    return False


async def _sweep(server: Maintenance, own: str) -> None:
    """Drop what builders left behind that are no more: nobody holds their lock."""
    for row in await server.rows(_DATABASES, BUILDING):
        key = row["name"].removeprefix(BUILDING).partition("_")[0]
        if key == own:
            await drop(server, row["name"], force=True)
        elif await server.value("select pg_try_advisory_lock($1)", _lock(key)):
            with suppress(InsufficientPrivilege):
                await drop(server, row["name"], force=True)
            await server.execute("select pg_advisory_unlock($1)", _lock(key))
    # One without our mark under a name of ours was made by nobody we know; its name is needed.
    await server.execute(f"drop database if exists {quote_identifier(TEMPLATE + own)}")


async def _prune(server: Maintenance, limit: int) -> None:
    marked = [(row["name"], _read(row["mark"])) for row in await server.rows(_DATABASES, TEMPLATE)]
    oldest_last = sorted(((mark.used, name) for name, mark in marked if mark is not None), reverse=True)
    for _, name in oldest_last[limit:]:
        with suppress(DatabaseError):  # in use after all, or another role's
            await drop(server, name)


async def _mark(server: Maintenance, name: str, mark: Mark) -> None:
    text = msgspec.json.encode(mark).decode()
    await server.execute(f"comment on database {quote_identifier(name)} is {quote_literal(text)}")


def _read(comment: str | None) -> Mark | None:
    try:
        return msgspec.json.decode(comment or "", type=Mark)
    except msgspec.DecodeError:
        return None


def _lock(key: str) -> int:
    """The advisory lock of a key: its first 60 bits, so that it is a positive ``bigint``."""
    return int(sha256(key.encode()).hexdigest()[:15], 16)
