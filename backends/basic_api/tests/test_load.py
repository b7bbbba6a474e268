"""Line 6: under load."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import httpx
from backends.basic_api.app import create_app
from backends.basic_api.tests.conftest import options_for, serve
from backends.common.testing import exhausted

from assay.config import DatabaseUrl

OPEN = """
    select count(*) from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
      and application_name <> 'assay testing'
"""


async def test_line_6_200_requests_at_once_over_a_pool_of_10_all_answer_and_leak_nothing(
    migrated: DatabaseUrl, catalog: asyncpg.Connection
) -> None:
    async with serve(options_for(migrated, DB_MAX_CONNECTIONS=10)) as client:
        answers = await asyncio.gather(*(busy(client, number) for number in range(200)))
        assert [answer.status_code for answer in answers] == [201 if n % 2 else 200 for n in range(200)]
        assert await catalog.fetchval(OPEN) <= 10
        metrics = (await client.get("/metrics")).json()
    assert (metrics["in_use"], metrics["waiting"], metrics["timeouts"]) == (0, 0, 0)
    assert metrics["acquired"] >= 200
    assert metrics["waited"] > 0
    assert metrics["wait_seconds"] > 0


async def busy(client: httpx.AsyncClient, number: int) -> httpx.Response:
    if number % 2:
        return await client.post("/users", json={"name": "Somebody", "email": f"{number}@example.com"})
    return await client.get("/users")


async def test_line_6_an_exhausted_pool_answers_503_within_its_acquire_timeout(migrated: DatabaseUrl) -> None:
    options = options_for(migrated, DB_MAX_CONNECTIONS=2, DB_ACQUIRE_TIMEOUT=0.2)
    async with exhausted(create_app(options), 2) as client:
        began = time.monotonic()
        answer = await client.get("/users")
        seconds = time.monotonic() - began
        metrics = (await client.get("/metrics")).json()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert 0.2 <= seconds < 5
    assert (metrics["timeouts"], metrics["in_use"]) == (1, 2)
    assert metrics["wait_seconds"] >= 0.2
