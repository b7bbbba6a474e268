"""A service's database: found, migrated, pooled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

import assay
from assay.config import DatabaseUrl
from assay.server import for_settings

from .options import Service


async def find_database(service: Service) -> DatabaseUrl:
    """The database of DATABASE_URL, or else one on the embedded server, which is started and made if need be.

    Raises:
        assay.ServerError: the embedded server cannot be started.
    """
    return await asyncio.to_thread(for_settings, service.settings)


@asynccontextmanager
async def open_pool(url: DatabaseUrl, service: Service) -> AsyncIterator[assay.Pool]:
    """A pool on the database, after the migrations that were pending are applied.

    Raises:
        assay.ConnectionFailed: the database cannot be reached.
        assay.MigrationError: a migration cannot be applied.
    """
    async with assay.Pool(url, **asdict(service.pool)) as pool:
        await assay.migrate.run(pool, service.settings.migrations)
        yield pool


@asynccontextmanager
async def service_pool(service: Service) -> AsyncIterator[assay.Pool]:
    """The pool of a service that starts: its database found, migrated and pooled."""
    async with open_pool(await find_database(service), service) as pool:
        yield pool
