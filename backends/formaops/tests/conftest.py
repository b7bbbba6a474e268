"""FormaOps on real servers: a migrated database, a pool, somebody who has signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from backends.common.testing import visited
from backends.formaops.app import create_app
from backends.formaops.models import UserPlan, Variable
from backends.formaops.options import Options, load
from backends.formaops.queries import prompts, users
from tests.conftest import assay_home, database, database_18, driver, fresh, server, server_18  # noqa: F401

import assay
from assay.config import DatabaseUrl, Settings, load_settings

BACKEND = Path(__file__).parents[1]
MIGRATIONS = BACKEND / "migrations"
PROMPT: dict[str, Any] = {
    "name": "Reviewer",
    "description": "Reads code",
    "template": "Review this {{language}} code: {{code}}",
    "variables": [
        {"name": "language", "required": False, "default": "typescript", "options": ["typescript", "python"]},
        {"name": "code"},
    ],
    "tags": ["code"],
}


@pytest.fixture
def assay_settings(server: DatabaseUrl) -> Settings:  # noqa: F811
    """FormaOps's settings, on each server."""
    return replace(load_settings(BACKEND, {}), database_url=server)


@pytest.fixture
def migrated(assay_database_url: DatabaseUrl) -> DatabaseUrl:
    """A database with FormaOps's migrations."""
    return assay_database_url


@pytest.fixture
async def catalog(migrated: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A bare driver connection to a migrated database, for looking at what is really there."""
    connection = await asyncpg.connect(migrated.reveal())
    yield connection
    await connection.close()


def options_for(url: DatabaseUrl, **environ: object) -> Options:
    """The options of a service on this database, with more variables."""
    usual = {"RATE_LIMIT": 100_000, "RATE_BURST": 100_000, "POLL_SECONDS": 0.05}
    return load({"DATABASE_URL": url.reveal(), **{name: str(value) for name, value in {**usual, **environ}.items()}})


@pytest.fixture
async def pool(migrated: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    """A pool on a migrated database."""
    async with assay.Pool(migrated) as opened:
        yield opened


def serve(options: Options, **how: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A client of the service, which is started before and stopped after."""
    return visited(create_app(options), **how)


async def sign_up(client: httpx.AsyncClient, who: str = "ada") -> dict[str, str]:
    """The header of somebody new."""
    answer = await client.post("/users", json={"email": f"{who}@example.com"})
    assert answer.status_code == 201, answer.text
    return {"X-API-Key": answer.json()["key"]}


@pytest.fixture
async def client(migrated: DatabaseUrl) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running service, as Ada."""
    async with serve(options_for(migrated)) as running:
        running.headers.update(await sign_up(running))
        yield running


async def made(client: httpx.AsyncClient, path: str, body: dict[str, Any], **how: Any) -> dict[str, Any]:
    """What was made by a POST."""
    answer = await client.post(path, json=body, **how)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def make_prompt(client: httpx.AsyncClient, **change: Any) -> str:
    """The path of a new prompt."""
    return f"/prompts/{(await made(client, '/prompts', {**PROMPT, **change}))['id']}"


@pytest.fixture
async def prompt_id(pool: assay.Pool) -> UUID:
    """A prompt of somebody's, for executions; its user is the only one."""
    user = await users.add(pool, email="ada@example.com", name="Ada", plan=UserPlan.FREE)
    added = await prompts.add(
        pool,
        user_id=user.id,
        name="Echo",
        description=None,
        template="Say {{word}}",
        variables=[Variable("word")],
        tags=[],
    )
    return added.id
