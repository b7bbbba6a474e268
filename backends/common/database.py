"""A service's database: found, migrated, pooled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from time import monotonic
from typing import TypeVar

import assay
from assay.config import DatabaseUrl
from assay.server import for_settings

from .options import Service

_log = logging.getLogger("backends.database")
_T = TypeVar("_T")
_NOT_YET = (assay.ConnectionFailed, assay.OperatorIntervention)
"""What a server says, or does not say, that is not up yet."""


async def find_database(service: Service) -> DatabaseUrl:
    """The database of DATABASE_URL, or else one on the embedded server, which is started and made if need be.

    Raises:
        assay.ServerError: the embedded server cannot be started.
    """
    return await asyncio.to_thread(for_settings, service.settings)


async def patiently(attempt: Callable[[], Awaitable[_T]], patience: float) -> _T:
    """What an attempt gives, which is made again, with growing pauses, while the database does not answer yet.

    Args:
        attempt: what is tried.
        patience: seconds after which the last failure is raised.

    Raises what an attempt raises; a wrong password or a database that is not there at once.
    """
    deadline, pause = monotonic() + patience, 0.05
    while True:
        try:
            return await attempt()
        except _NOT_YET as error:
            if monotonic() + pause > deadline:
                raise
            _log.warning("%s; trying again in %.2g s", error, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, 2.0)


@asynccontextmanager
async def open_pool(url: DatabaseUrl, service: Service) -> AsyncIterator[assay.Pool]:
    """A pool on the database, after the migrations that were pending are applied.

    A database that does not answer is waited for, as long as ``service.startup_timeout`` says.

    Raises:
        assay.ConnectionFailed: the database cannot be reached; the message names host, port and database.
        assay.MigrationError: a migration cannot be applied.
    """
    pool = await patiently(lambda: assay.Pool.open(url, **asdict(service.pool)), service.startup_timeout)
    try:
        await assay.migrate.run(pool, service.settings.migrations)
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def service_pool(service: Service) -> AsyncIterator[assay.Pool]:
    """The pool of a service that starts: its database found, migrated and pooled."""
    async with open_pool(await find_database(service), service) as pool:
        yield pool
