"""The database of RealityCam: found, migrated, pooled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

import assay
from assay.config import DatabaseUrl
from assay.server import for_settings

from .options import Options


async def find_database(options: Options) -> DatabaseUrl:
    """The database of DATABASE_URL, or else one on the embedded server, which is started and made if need be.

    Raises:
        assay.ServerError: the embedded server cannot be started.
    """
    return await asyncio.to_thread(for_settings, options.settings)


@asynccontextmanager
async def open_pool(url: DatabaseUrl, options: Options) -> AsyncIterator[assay.Pool]:
    """A pool on the database, after the migrations that were pending are applied.

    Raises:
        assay.ConnectionFailed: the database cannot be reached.
        assay.MigrationError: a migration cannot be applied.
    """
    async with assay.Pool(url, **asdict(options.pool)) as pool:
        await assay.migrate.run(pool, options.settings.migrations)
        yield pool
