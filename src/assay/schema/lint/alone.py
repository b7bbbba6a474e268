"""The locks of a statement that cannot share a transaction, so that they are gone when it has ended.

Another session holds SHARE UPDATE EXCLUSIVE on every table meanwhile, for which CREATE INDEX CONCURRENTLY, VACUUM and
all that is stronger wait: the server's list of locks then shows what the statement wants. Then the other lets go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from assay.config import DatabaseUrl
from assay.runtime.connecting import DriverConnection, open_connection
from assay.schema.lint.look import Look, locks_of
from assay.schema.lint.model import Mode

_PAUSE = 0.005
"""Seconds between two looks."""
_WAITS = "select exists (select from pg_catalog.pg_locks where pid = $1 and not granted)"


async def run_alone(
    url: DatabaseUrl, connection: DriverConnection, text: str, base: Look
) -> frozenset[tuple[int, Mode]]:
    """Run a statement, and tell the locks on relations that it took.

    Raises what the driver raises when the server refuses it.
    """
    watcher = await open_connection(url)
    try:
        await watcher.execute("begin")
        tables = await _existing(connection, base)
        if tables:
            await watcher.execute(f"lock table only {', only '.join(tables)} in share update exclusive mode")
        return await _watched(watcher, connection, text)
    finally:
        await watcher.close()


async def _watched(watcher: DriverConnection, connection: DriverConnection, text: str) -> frozenset[tuple[int, Mode]]:
    process = connection.get_server_pid()
    work = asyncio.ensure_future(connection.execute(text))
    seen: frozenset[tuple[int, Mode]] = frozenset()
    holding = True
    try:
        while not work.done():
            await asyncio.wait([work], timeout=_PAUSE)
            waits = await watcher.fetchval(_WAITS, process)
            seen |= await locks_of(watcher, process)
            if holding and waits:
                await watcher.execute("rollback")
                holding = False
        await work
    finally:
        work.cancel()
    return seen


async def _existing(connection: DriverConnection, base: Look) -> Sequence[str]:
    """The tables of the base as they are called now."""
    records = await connection.fetch(
        "select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as name "
        "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
        "where c.relkind in ('r', 'p') and c.oid = any($1::pg_catalog.oid[])",
        list(base.relations),
    )
    return [record["name"] for record in records]
