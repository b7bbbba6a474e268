"""Lines 2, 7 and 8: the pool, health, and how the service stops."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import httpx
from backends.sentinel.app import create_app
from backends.sentinel.options import HERE, load
from backends.sentinel.tests.conftest import ISSUER, PUBLIC, options_for, serve, session

from assay.config import DatabaseUrl, read_dotenv

OPEN = """
    select count(*) from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
      and application_name <> 'assay testing'
"""


async def test_line_2_the_pool_has_2_to_10_connections(migrated: DatabaseUrl) -> None:
    app = create_app(options_for(migrated))
    async with app.router.lifespan_context(app):
        stats = app.state.pool.stats()
    assert (stats.min_connections, stats.max_connections) == (2, 10)


async def test_line_2_health_names_a_failing_database_within_its_timeout(migrated: DatabaseUrl) -> None:
    app = create_app(options_for(migrated, DB_MAX_CONNECTIONS=2, HEALTH_TIMEOUT=0.2))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://sentinel") as client,
        app.state.pool.acquire(),
        app.state.pool.acquire(),
        asyncio.timeout(5),
    ):
        answer = await client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["database"] == migrated.place
    assert "0.2 s" in answer.json()["error"]


async def test_line_7_no_connection_is_left_when_the_service_has_stopped(
    migrated: DatabaseUrl, catalog: asyncpg.Connection
) -> None:
    async with serve(options_for(migrated)) as client:
        await asyncio.gather(*(client.get("/me", headers=session(str(number))) for number in range(20)))
        assert await catalog.fetchval(OPEN) > 0
    assert await until_none_open(catalog)


async def until_none_open(catalog: asyncpg.Connection) -> bool:
    async with asyncio.timeout(10):
        while await catalog.fetchval(OPEN):  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0.02)
    return True


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@asynccontextmanager
async def running(url: DatabaseUrl) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The service by its documented command, in a process of its own, and its address."""
    port = free_port()
    environ = {
        **os.environ,
        "DATABASE_URL": url.reveal(),
        "PORT": str(port),
        "CLERK_JWT_KEY": PUBLIC.decode(),
        "CLERK_ISSUER": ISSUER,
        "RATE_BURST": "100000",
        "RATE_LIMIT": "100000",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backends.sentinel", cwd=HERE.parents[1], env=environ, stderr=asyncio.subprocess.PIPE
    )
    address = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):
            while True:
                try:
                    await client.get(f"{address}/health")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.05)
        yield process, address
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_line_7_requests_in_flight_finish_new_ones_are_refused_and_no_connection_is_left(
    migrated: DatabaseUrl, catalog: asyncpg.Connection
) -> None:
    async with running(migrated) as (process, address), httpx.AsyncClient(trust_env=False, timeout=60) as client:
        await client.get(f"{address}/me", headers=session())
        async with catalog.transaction():
            await catalog.execute("lock table projects in access exclusive mode")
            begun = [
                asyncio.create_task(client.post(f"{address}/projects", json={"name": "a"}, headers=session()))
                for _ in range(8)
            ]
            await until_waiting(catalog, 8)
            process.terminate()
            await until_refused(address)
            assert not any(task.done() for task in begun)
        answers = await asyncio.gather(*begun)
        assert [answer.status_code for answer in answers] == [201] * 8
        _, log = await process.communicate()
    assert b"Traceback" not in log
    assert await catalog.fetchval("select count(*) from projects") == 8
    assert await until_none_open(catalog)


async def until_waiting(catalog: asyncpg.Connection, count: int) -> None:
    waiting = "select count(*) from pg_locks where not granted and relation = 'projects'::regclass"
    async with asyncio.timeout(30):
        while await catalog.fetchval(waiting) < count:  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0.02)


async def until_refused(address: str) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                await client.get(f"{address}/health")
            except httpx.TransportError:
                return
            await asyncio.sleep(0.02)


async def test_line_7_under_load_what_was_done_was_answered(migrated: DatabaseUrl, catalog: asyncpg.Connection) -> None:
    """Twenty clients begin projects until they are refused; each project that exists was told to its client."""
    made: list[str] = []

    async def work(address: str) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=60, headers={"Connection": "close"}) as client:
            while True:
                try:
                    answer = await client.post(f"{address}/projects", json={"name": "a"}, headers=session())
                except httpx.TransportError:
                    return
                assert answer.status_code == 201, answer.text
                made.append(answer.json()["id"])

    async with running(migrated) as (process, address):
        workers = [asyncio.create_task(work(address)) for _ in range(20)]
        async with asyncio.timeout(60):
            while len(made) < 100:  # noqa: ASYNC110 - the clients have no event for it
                await asyncio.sleep(0.01)
        process.terminate()
        async with asyncio.timeout(60):
            await asyncio.gather(*workers)
            _, log = await process.communicate()
    assert b"Traceback" not in log
    kept = {str(row["id"]) for row in await catalog.fetch("select id from projects")}
    assert kept == set(made)
    assert len(made) >= 100


def test_line_8_the_example_of_env_names_every_option_with_its_default() -> None:
    example = read_dotenv(HERE / ".env.example")
    assert (example["PORT"], example["LOG_LEVEL"]) == ("3001", "info")
    assert load(example).service.settings.database_url is not None
    defaults = load({})
    assert replace(load(example).service, settings=defaults.service.settings) == defaults.service
