"""Databases as backups see them: a snapshot to read, and an empty one that is being filled."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from assay.config import DatabaseUrl
from assay.errors import BackupError, DatabaseError, Error, InsufficientPrivilege
from assay.ops.backup.manifest import Properties, SchemaSeal, seal_schema
from assay.ops.backup.together import to_its_end
from assay.ops.contents import table_names
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection, translate
from assay.server.databases import Maintenance, drop, maintenance, wait_for_sessions
from assay.sql.quoting import quote_identifier, quote_literal

FILLING = "assay_restoring_"
"""How the names of databases begin that are being filled; one that nobody fills any more is dropped by the next."""

_PATIENT = """
set statement_timeout to 0; set idle_in_transaction_session_timeout to 0;
select set_config('transaction_timeout', '0', false) from pg_settings where name = 'transaction_timeout'
"""
_TERMINATE = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1"
_LOCK_WAIT = 60.0
"""Seconds in which every table must have been free at once."""
_GOODBYE = 5.0
"""Seconds that a server has to answer when we go."""
_ABOUT = """
select pg_export_snapshot() as snapshot, current_setting('server_version') as version, clock_timestamp() as clock,
    current_database() as database, pg_encoding_to_char(encoding) as encoding, datcollate, datctype,
    coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') as provider,
    coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale,
    to_jsonb(d) ->> 'daticurules' as icu_rules,
    (select count(*) from pg_largeobject_metadata) as large_objects
from pg_database d where datname = current_database()
"""
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of a database that stays readable while the connection's transaction is open."""

    connection: DriverConnection
    id: str
    """By which pg_dump reads the same state."""
    version: str
    major: int
    clock: datetime
    """The server's."""
    database: str
    properties: Properties
    tables: tuple[str, ...]
    large_objects: int


@asynccontextmanager
async def snapshot(url: DatabaseUrl) -> AsyncIterator[Snapshot]:
    """A snapshot of a database, and locks that keep its tables from being dropped or emptied meanwhile.

    Raises ConnectionFailed and the like, InsufficientPrivilege for a table that the role may not read, and
    LockNotAvailable when a table is kept from readers for a minute.
    """
    connection = await open_connection(url)
    try:
        await connection.execute(_PATIENT)
        async with _locked(connection):
            (about,) = await connection.fetch(_ABOUT)
            major = connection.get_server_version().major
            tables = await table_names(connection)
            yield Snapshot(
                connection, about["snapshot"], about["version"].partition(" ")[0], major, about["clock"],
                about["database"], _properties(about), tables, about["large_objects"],
            )  # fmt: skip
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await _leave(connection)


async def _leave(connection: DriverConnection) -> None:
    """Close a connection, with which its transaction ends. A server that does not answer is not waited for."""
    with suppress(*DRIVER_ERRORS):  # a timeout is one of them
        async with asyncio.timeout(_GOODBYE):
            await connection.close()


@asynccontextmanager
async def _locked(connection: DriverConnection) -> AsyncIterator[None]:
    """A transaction that has not taken its snapshot yet and keeps all tables as they are; it ends with the connection.

    They are locked before it does: TRUNCATE shows through older snapshots (manual section 13.6). No lock is waited for
    while others are held: a migration that holds one table and wants another would end in a deadlock.
    """
    deadline = time.monotonic() + _LOCK_WAIT
    while True:
        names = await table_names(connection)
        transaction = connection.transaction(isolation="repeatable_read", readonly=True)
        await transaction.start()
        try:
            if names:
                await connection.execute(f"lock table only {', only '.join(names)} in access share mode nowait")
            break
        except (asyncpg.LockNotAvailableError, asyncpg.UndefinedTableError):
            await transaction.rollback()
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
    yield


def _properties(about: object) -> Properties:
    row: dict[str, str | None] = dict(about)  # type: ignore[call-overload]  # a Record is a mapping, which it does not say
    return Properties(
        str(row["encoding"]), str(row["datcollate"]), str(row["datctype"]), _PROVIDERS[str(row["provider"])],
        row["locale"], row["icu_rules"],
    )  # fmt: skip


async def schema_seal(connection: DriverConnection) -> SchemaSeal:
    """What the schema of a database is recognised by, in the connection's transaction, whose search path it changes.

    Names and the types of columns are taken; how expressions are written is not, for a restored view or default may be
    written in another way than the one it was restored from.
    """
    from assay.schema.inventory import read_objects  # while pg_dump is at work already

    inventory = await read_objects(connection)
    return seal_schema(
        (item.kind, f"{item.identity} {item.facets.get('type', '') if item.kind == 'column' else ''}".rstrip())
        for item in inventory.objects.values()
    )


# --- a database that is being filled


@asynccontextmanager
async def being_filled(server: DatabaseUrl, properties: Properties) -> AsyncIterator[DatabaseUrl]:
    """An empty database under a name that says that it is not finished; unless it was renamed, it is dropped again.

    What a killed run left is dropped first: nobody holds the lock that belongs to its name.

    Args:
        server: any database of the server.
        properties: what it is created with.

    Raises InsufficientPrivilege when the role may not create databases, and DatabaseError for properties that
    the server does not know.
    """
    key = secrets.token_hex(6)
    name = FILLING + key
    async with maintenance(server) as work:
        await _sweep(work)
        await work.value("select pg_advisory_lock($1)", _lock(key))
        try:
            await to_its_end(_make(work, name, properties))
            yield server.with_database(name)
        finally:
            await to_its_end(_drop(server, name))


async def _make(work: Maintenance, name: str, properties: Properties) -> None:
    try:
        await work.execute(_create(name, properties, await _major(work)))
    except DatabaseError as error:
        if isinstance(error, InsufficientPrivilege):
            error.args = (f"{error.message}; to restore and to verify takes a role with CREATEDB",)
        elif "locale" in error.message:
            error.args = (
                f"{error.message}; install {properties.locale or properties.collate} on the server's machine",
            )
        raise


async def put_in_place(filled: DatabaseUrl, name: str, *, replace: bool) -> None:
    """Give a filled database its name.

    Args:
        filled: what ``being_filled`` gave; nobody is connected to it.
        name: the name.
        replace: a database that has the name goes; the change from one to the other is one transaction.

    Raises BackupError when there is a database of that name and it is not to be replaced.
    """
    old = f"assay_replaced_{secrets.token_hex(6)}"
    async with maintenance(filled, besides=name) as work:
        there = await work.value("select 1 from pg_database where datname = $1", name)
        if there and not replace:
            raise BackupError(f'There is a database "{name}" now; drop it, or restore with --clean, which replaces it')
        rename = f"alter database {quote_identifier(filled.database or '')} rename to {quote_identifier(name)}"
        if not there:
            await work.execute(rename)
            return
        await _close(work, name)
        try:
            # Sent as one message, both are one transaction.
            await work.execute(f"alter database {quote_identifier(name)} rename to {quote_identifier(old)}; {rename}")
        except BaseException:
            await work.execute(f"alter database {quote_identifier(name)} with allow_connections true")
            raise
        await drop(work, old, force=True)


async def _close(work: Maintenance, name: str) -> None:
    """Let nobody into a database any more, and disconnect who is: a pool would be back at once."""
    await work.execute(f"alter database {quote_identifier(name)} with allow_connections false")
    await work.rows(_TERMINATE, name)
    await wait_for_sessions(work, name, seconds=5.0)


async def exists(url: DatabaseUrl) -> bool:
    """Whether the server has the database."""
    async with maintenance(url) as work:
        return bool(await work.value("select 1 from pg_database where datname = $1", url.database))


async def server_major(url: DatabaseUrl) -> int:
    """The server's major version, asked in its maintenance database."""
    async with maintenance(url) as work:
        return await _major(work)


async def _major(work: Maintenance) -> int:
    return int(await work.value("select current_setting('server_version_num')::int / 10000"))


async def _sweep(work: Maintenance) -> None:
    for row in await work.rows("select datname from pg_database where starts_with(datname, $1)", FILLING):
        lock = _lock(row["datname"].removeprefix(FILLING))
        if lock is not None and await work.value("select pg_try_advisory_lock($1)", lock):
            with suppress(DatabaseError):  # another role's
                await drop(work, row["datname"], force=True)
            await work.value("select pg_advisory_unlock($1)", lock)


async def _drop(server: DatabaseUrl, name: str) -> None:
    with suppress(Error):  # what went wrong first is what is to be told; the next run sweeps up
        async with maintenance(server) as work:
            await drop(work, name, force=True)


def _create(name: str, properties: Properties, major: int) -> str:
    parts = [f"create database {quote_identifier(name)} template template0"]
    parts.append(f"encoding {quote_literal(properties.encoding)} lc_collate {quote_literal(properties.collate)}")
    parts.append(f"lc_ctype {quote_literal(properties.ctype)}")
    if major >= 15:
        parts.append(f"locale_provider {properties.provider}")
    if properties.locale is not None:
        parts.append(
            f"{'icu' if properties.provider == 'icu' else 'builtin'}_locale {quote_literal(properties.locale)}"
        )
    if properties.icu_rules is not None:
        parts.append(f"icu_rules {quote_literal(properties.icu_rules)}")
    return " ".join(parts)


def _lock(key: str) -> int | None:
    """The advisory lock of a database that is being filled: its key as a number; None for a name of somebody else's."""
    try:
        return int(key, 16)
    except ValueError:
        return None
