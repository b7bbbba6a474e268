"""RealityCam on real servers: its folder, a migrated database, a pool, a client."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from backends.realitycam.app import create_app
from backends.realitycam.database import find_database, open_pool
from backends.realitycam.options import Options, load
from tests.conftest import assay_home, database, database_18, driver, fresh, server, server_18  # noqa: F401

import assay
from assay.config import DatabaseUrl
from assay.server import create_database, drop_database

BACKEND = Path(__file__).parents[1]
MIGRATIONS = BACKEND / "migrations"


@pytest.fixture
async def migrated(database: DatabaseUrl) -> DatabaseUrl:  # noqa: F811
    """A database with RealityCam's three migrations."""
    await assay.migrate.run(database, MIGRATIONS)
    return database


@pytest.fixture(scope="session")
def shared(server: DatabaseUrl) -> Iterator[DatabaseUrl]:  # noqa: F811
    """A migrated database on each server for all tests that leave nothing in it that others would mind."""
    url = server.with_database(f"test_{secrets.token_hex(6)}")
    # In a thread, because the tests' own event loop is not to be touched.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _create(url)).result()
        yield url
        thread.submit(asyncio.run, drop_database(url, force=True)).result()


async def _create(url: DatabaseUrl) -> None:
    await create_database(url)
    await assay.migrate.run(url, MIGRATIONS)


@pytest.fixture
async def catalog(migrated: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A bare driver connection to a migrated database, for looking at what is really there."""
    connection = await asyncpg.connect(migrated.reveal())
    yield connection
    await connection.close()


def options_for(url: DatabaseUrl, **environ: object) -> Options:
    """The options of a service on this database, with more variables."""
    return load({"DATABASE_URL": url.reveal(), **{name: str(value) for name, value in environ.items()}})


@asynccontextmanager
async def pool_for(options: Options) -> AsyncIterator[assay.Pool]:
    """The pool that a service with these options opens."""
    async with open_pool(await find_database(options), options) as opened:
        yield opened


@pytest.fixture
async def pool(migrated: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    """The service's pool."""
    async with pool_for(options_for(migrated)) as opened:
        yield opened


@asynccontextmanager
async def serve(options: Options, **transport_options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service, which is started before and stopped after."""
    app = create_app(options)
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 50000), **transport_options)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://realitycam") as client,
    ):
        yield client


@pytest.fixture
async def visitor(shared: DatabaseUrl) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service on the shared database."""
    async with serve(options_for(shared)) as running:
        yield running


@pytest.fixture
async def client(migrated: DatabaseUrl) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running service."""
    async with serve(options_for(migrated)) as running:
        yield running
