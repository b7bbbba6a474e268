"""The advisory lock that lets one migrator at a time work on a database.

It is SQLx's: ``pg_advisory_lock(0x3d32ad9e * crc32(database name))`` (``sqlx-postgres/src/migrate.rs``), so that an
application that migrates itself with SQLx and Assay wait for each other. (The sqlx command line takes no lock.)
It is asked for again and again rather than waited for on the server, because a waiting statement holds a snapshot, and
CREATE INDEX CONCURRENTLY in the process that has the lock would wait for that snapshot to go: a deadlock.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from assay.errors import MigrationError
from assay.migrate.model import Event, Moment, Progress
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection

_FACTOR = 0x3D32AD9E
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5
_WORTH_TELLING = 1.0
"""Seconds of waiting after which the holder is named."""

_TRY = "select pg_try_advisory_lock($1)"
_UNLOCK = "select pg_advisory_unlock($1)"
_HOLDER = """
select l.pid, a.usename::text as role, a.application_name as application, host(a.client_addr) as address
from pg_locks l left join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
  and l.database = (select oid from pg_database where datname = current_database())
  and l.classid = ($1::bigint >> 32)::oid and l.objid = ($1::bigint & 4294967295)::oid
limit 1
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds the lock."""

    pid: int
    role: str | None
    application: str | None
    address: str | None

    def __str__(self) -> str:
        name = f'"{self.application}"' if self.application else "without an application name"
        where = f" from {self.address}" if self.address else ""
        return f"server process {self.pid} ({name}, user {self.role or 'unknown'}{where})"


def lock_key(database: str) -> int:
    """The number of the lock for a database's name."""
    return _FACTOR * zlib.crc32(database.encode())


@asynccontextmanager
async def migration_lock(
    connection: DriverConnection,
    wait: float = 60.0,
    progress: Progress | None = None,
) -> AsyncIterator[None]:
    """Hold the lock for a block; it is let go on every way out.

    Args:
        connection: the connection whose session holds it.
        wait: seconds to wait for another process to let it go.
        progress: told who holds it, when waiting takes over a second.

    Raises:
        MigrationError: another process still holds it after ``wait`` seconds; it is named.
    """
    lock = _Lock(connection, await connection.fetchval("select current_database()"))
    try:
        await lock.acquire(wait, progress)
        yield
    finally:
        await lock.release()


@dataclass(slots=True)
class _Lock:
    connection: DriverConnection
    database: str
    held: bool = False
    """Whether the session may hold it: also while the answer to a request is still to come."""

    @property
    def key(self) -> int:
        return lock_key(self.database)

    async def acquire(self, wait: float, progress: Progress | None) -> None:
        clock = asyncio.get_running_loop().time
        start, pause, told = clock(), _FIRST_PAUSE, False
        while not await self._try():
            waited = clock() - start
            if waited >= wait:
                raise MigrationError(_still_held(self.database, await find_holder(self.connection, self.key), wait))
            if waited >= _WORTH_TELLING and not told and progress is not None:
                holder = await find_holder(self.connection, self.key)
                progress(Event(Moment.WAITING, text=f"Waiting for {holder or 'another process'} to finish migrating"))
                told = True
            await asyncio.sleep(min(pause, wait - waited))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _try(self) -> bool:
        self.held = True
        self.held = bool(await self.connection.fetchval(_TRY, self.key))
        return self.held

    async def release(self) -> None:
        if not self.held or self.connection.is_closed():
            return
        try:
            await self.connection.fetchval(_UNLOCK, self.key)
        except BaseException as error:
            self.connection.terminate()  # the server lets go of it with the session
            if not isinstance(error, DRIVER_ERRORS):
                raise


async def find_holder(connection: DriverConnection, key: int) -> Holder | None:
    """Who holds the lock now; None when nobody does."""
    record = await connection.fetchrow(_HOLDER, key)
    return Holder(**dict(record)) if record else None


def _still_held(database: str, holder: Holder | None, wait: float) -> str:
    ending = f"; if it hangs, end it with: select pg_terminate_backend({holder.pid})" if holder else "; try again"
    return (
        f'Another process is migrating database "{database}" and did not finish within {wait:g} seconds: '
        f"{holder or 'it is gone now'}{ending}"
    )
