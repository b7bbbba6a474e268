"""Basic API on real servers: a database of its own role, a pool, a client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from backends.basic_api.app import create_app
from backends.basic_api.options import load
from backends.basic_api.testing import settings_for_tests
from backends.common.options import Service
from backends.common.testing import visited
from tests.conftest import assay_home, database, database_18, driver, fresh, server, server_18  # noqa: F401

from assay.config import DatabaseUrl, Settings

BACKEND = Path(__file__).parents[1]
MIGRATIONS = BACKEND / "migrations"


@pytest.fixture
def assay_settings(server: DatabaseUrl) -> Settings:  # noqa: F811
    """Basic API's settings, on each server, as the role of ``.env.test``."""
    with ThreadPoolExecutor(1) as thread:  # a test's event loop may be running in this one
        return thread.submit(settings_for_tests, server=server).result()


@pytest.fixture
def migrated(assay_database_url: DatabaseUrl) -> DatabaseUrl:
    """A database with Basic API's migrations."""
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


def serve(options: Service, **how: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A client of the service, which is started before and stopped after."""
    return visited(create_app(options), **how)


@pytest.fixture
async def client(migrated: DatabaseUrl) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running service."""
    async with serve(options_for(migrated, RATE_LIMIT=100_000, RATE_BURST=100_000)) as running:
        yield running


async def add(client: httpx.AsyncClient, email: str, name: str = "Somebody") -> dict[str, Any]:
    """Somebody who was added."""
    answer = await client.post("/users", json={"name": name, "email": email})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found
