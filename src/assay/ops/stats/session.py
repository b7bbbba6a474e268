"""A connection that only looks: read-only, with a limit on its own statements, and careful with locks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from assay.config import DatabaseUrl
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection, translate

APPLICATION = "assay stats"
TIMEOUT = 10.0
"""Seconds that a section may take."""
_LOCK_TIMEOUT = 0.5
"""Seconds; what waits for a lock on a table would stand in the very queue that it tells of."""


@dataclass(frozen=True, slots=True)
class Session:
    """What sections read through."""

    connection: DriverConnection
    version: str
    """Of the server: ``18.6``."""
    database: str
    limit: int
    """Rows that a section has at most."""
    timeout: float = TIMEOUT

    async def rows(self, sql: str, *arguments: Any) -> list[Mapping[str, Any]]:
        """The rows of a statement; names in it are looked up in pg_catalog."""
        return [dict(row) for row in await self.connection.fetch(sql, *arguments)]

    async def row(self, sql: str, *arguments: Any) -> Mapping[str, Any]:
        """The first row."""
        return (await self.rows(sql, *arguments))[0]

    async def extension(self, name: str) -> str | None:
        """The schema of an extension, quoted; None where the database does not have it."""
        found = await self.rows(
            "select quote_ident(n.nspname) as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace"
            " where e.extname = $1",
            name,
        )
        return found[0]["schema"] if found else None

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """A transaction for one section, after which the session is as it was."""
        async with self.connection.transaction(readonly=True):
            await self.connection.execute(
                "set local search_path to pg_catalog; set local jit to off; "
                f"set local statement_timeout to {round(self.timeout * 1000)}; "
                f"set local lock_timeout to {round(_LOCK_TIMEOUT * 1000)}"
            )
            yield


@asynccontextmanager
async def open_session(url: DatabaseUrl, limit: int, seconds: float = TIMEOUT) -> AsyncIterator[Session]:
    """Connect to a database.

    Args:
        url: the database.
        limit: rows that a section has at most.
        seconds: that a statement may take.

    Raises ConnectionFailed and the like.
    """
    # Without prepared statements of its own it works behind a transaction-pooling proxy too.
    connection = await open_connection(url, statement_cache_size=0, server_settings={"application_name": APPLICATION})
    try:
        name = await connection.fetchval("select pg_catalog.current_database()::pg_catalog.text")
        version = await connection.fetchval("select pg_catalog.current_setting('server_version')")
        yield Session(connection, version.split()[0], name, limit, seconds)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()
