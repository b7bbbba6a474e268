"""RealityCam on real servers: its folder, a migrated database, a pool, a client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from backends.common.database import find_database, open_pool
from backends.common.options import Service
from backends.common.testing import visited
from backends.realitycam.app import create_app
from backends.realitycam.options import load
from tests.conftest import assay_home, database, database_18, driver, fresh, server, server_18  # noqa: F401

import assay
from assay.config import DatabaseUrl, Settings, load_settings

BACKEND = Path(__file__).parents[1]
MIGRATIONS = BACKEND / "migrations"


@pytest.fixture
def assay_settings(server: DatabaseUrl) -> Settings:  # noqa: F811
    """RealityCam's settings, on each server."""
    return replace(load_settings(BACKEND, {}), database_url=server)


@pytest.fixture
def migrated(assay_database_url: DatabaseUrl) -> DatabaseUrl:
    """A database with RealityCam's three migrations."""
    return assay_database_url


@pytest.fixture
async def catalog(migrated: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A bare driver connection to a migrated database, for looking at what is really there."""
    connection = await asyncpg.connect(migrated.reveal())
    yield connection
    await connection.close()


def options_for(url: DatabaseUrl, **environ: object) -> Service:
    """The options of a service on this database, with more variables."""
    return load({"DATABASE_URL": url.reveal(), **{name: str(value) for name, value in environ.items()}})


@asynccontextmanager
async def pool_for(options: Service) -> AsyncIterator[assay.Pool]:
    """The pool that a service with these options opens."""
    async with open_pool(await find_database(options), options) as opened:
        yield opened


@pytest.fixture
async def pool(migrated: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    """The service's pool."""
    async with pool_for(options_for(migrated)) as opened:
        yield opened


def serve(options: Service, **how: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A client of the service, which is started before and stopped after."""
    return visited(create_app(options), **how)


@pytest.fixture
async def client(migrated: DatabaseUrl) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running service."""
    async with serve(options_for(migrated)) as running:
        yield running
