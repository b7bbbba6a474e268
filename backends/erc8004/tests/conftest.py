"""erc8004 on real servers: its folder, a migrated database, a pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from argon2 import PasswordHasher
from backends.common.testing import visited
from backends.erc8004 import signing_in
from backends.erc8004.app import create_app
from backends.erc8004.options import Options, load
from tests.conftest import assay_home, database, database_18, driver, fresh, server, server_18  # noqa: F401
from tests.fixtures.servers import home  # noqa: F401

import assay
from assay.config import DatabaseUrl, Settings, load_settings

BACKEND = Path(__file__).parents[1]
MIGRATIONS = BACKEND / "migrations"


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of passwords that take no time: the real ones take two hundred times as long, on purpose."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(signing_in, "_hasher", hasher)
    monkeypatch.setattr(signing_in, "_NOBODY", hasher.hash(""))


@pytest.fixture
def assay_settings(server: DatabaseUrl) -> Settings:  # noqa: F811
    """The backend's settings, on each server."""
    return replace(load_settings(BACKEND, {}), database_url=server)


@pytest.fixture
def migrated(assay_database_url: DatabaseUrl) -> DatabaseUrl:
    """A database with the twelve migrations."""
    return assay_database_url


@pytest.fixture
async def catalog(migrated: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A bare driver connection to a migrated database, for looking at what is really there."""
    connection = await asyncpg.connect(migrated.reveal())
    yield connection
    await connection.close()


@pytest.fixture
async def pool(migrated: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    """A pool on a migrated database."""
    async with assay.Pool(migrated, min_connections=0, max_connections=10) as opened:
        yield opened


OPERATOR = {"Authorization": "Bearer operator-secret"}
KEY = "ZXJjODAwNCBkZXZlbG9wbWVudCBrZXksIG5vIG1vcmU="
"""The development key of ``.env.example``."""


def options_for(url: DatabaseUrl, **environ: object) -> Options:
    """The options of a service on this database, with more variables."""
    base = {"DATABASE_URL": url.reveal(), "OPERATOR_TOKEN": "operator-secret", "TOKEN_KEYS": KEY}
    return load({**base, "RETENTION_DAYS": "36500", **{name: str(value) for name, value in environ.items()}})


def serve(options: Options, **how: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A client of the service, which is started before and stopped after."""
    return visited(create_app(options), **how)


@pytest.fixture
async def client(migrated: DatabaseUrl) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running service."""
    async with serve(options_for(migrated)) as running:
        yield running
