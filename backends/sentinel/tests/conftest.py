"""Sentinel on real servers: a migrated database, a pool, somebody who has signed in."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import jwt
import pytest
from backends.common.testing import visited
from backends.sentinel.app import create_app
from backends.sentinel.options import Options, load
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.conftest import assay_home, database, database_18, driver, fresh, server, server_18  # noqa: F401

from assay.config import DatabaseUrl, Settings, load_settings

BACKEND = Path(__file__).parents[1]
MIGRATIONS = BACKEND / "migrations"
ISSUER = "https://clerk.example"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
SIMULATION: dict[str, Any] = {
    "sender": "0x1",
    "module_address": "0xcafe",
    "module_name": "coin",
    "function_name": "transfer",
    "args": ["0x2", 100],
    "type_args": ["0x1::aptos_coin::AptosCoin"],
    "result": {"vm_status": "Executed successfully", "events": []},
    "success": True,
    "gas_used": 542,
}
RUN: dict[str, Any] = {
    "module_name": "coin",
    "move_code": "module 0xcafe::coin {}",
    "status": "passed",
    "duration_ms": 1200,
    "result": {"verified": 3},
}


@pytest.fixture
def assay_settings(server: DatabaseUrl) -> Settings:  # noqa: F811
    """Sentinel's settings, on each server."""
    return replace(load_settings(BACKEND, {}), database_url=server)


@pytest.fixture
def migrated(assay_database_url: DatabaseUrl) -> DatabaseUrl:
    """A database with Sentinel's migrations."""
    return assay_database_url


@pytest.fixture
async def catalog(migrated: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A bare driver connection to a migrated database, for looking at what is really there."""
    connection = await asyncpg.connect(migrated.reveal())
    yield connection
    await connection.close()


def options_for(url: DatabaseUrl, **environ: object) -> Options:
    """The options of a service on this database that trusts ``KEY``, with more variables."""
    usual = {"RATE_LIMIT": 100_000, "RATE_BURST": 100_000, "CLERK_JWT_KEY": PUBLIC.decode(), "CLERK_ISSUER": ISSUER}
    return load({"DATABASE_URL": url.reveal(), **{name: str(value) for name, value in {**usual, **environ}.items()}})


def serve(options: Options, **how: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A client of the service, which is started before and stopped after."""
    return visited(create_app(options), **how)


def session(who: str = "ada", /, **claims: Any) -> dict[str, str]:
    """The header of somebody whom Clerk vouches for."""
    now = int(time.time())
    usual = {"sub": f"user_{who}", "email": f"{who}@example.com", "iss": ISSUER, "iat": now, "exp": now + 60}
    token = jwt.encode({**usual, **claims}, KEY, algorithm="RS256")
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def visitor(migrated: DatabaseUrl) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running service; nobody has signed in."""
    async with serve(options_for(migrated)) as running:
        yield running


@pytest.fixture
async def client(visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a running service, as Ada."""
    visitor.headers.update(session("ada"))
    return visitor


async def made(client: httpx.AsyncClient, path: str, body: dict[str, Any], **how: Any) -> dict[str, Any]:
    """What was made by a POST."""
    answer = await client.post(path, json=body, **how)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def project(client: httpx.AsyncClient, name: str = "Coins", **how: Any) -> str:
    """The number of a new project."""
    return str((await made(client, "/projects", {"name": name}, **how))["id"])
