"""Lines 1 and 2: migrations and pool when the service starts."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import asyncpg
import pytest
from backends.basic_api.options import HERE, load
from backends.basic_api.tests.conftest import options_for, serve

import assay
from assay.config import DatabaseUrl, read_dotenv

REPOSITORY = HERE.parents[1]
SERVICE = """
    import asyncio, sys
    from backends.basic_api.app import create_app
    from backends.basic_api.options import load

    async def main() -> None:
        app = create_app(load({"DATABASE_URL": sys.argv[1], "DB_MIN_CONNECTIONS": "1"}))
        async with app.router.lifespan_context(app):
            print(await app.state.pool.fetch_one(int, "select count(*) from users"))

    asyncio.run(main())
"""


def start(url: DatabaseUrl) -> subprocess.Popen[str]:
    """A process that starts the service, says how many users there are, and stops it."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVICE), url.reveal()],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def test_line_1_ten_processes_that_start_at_once_apply_each_migration_once(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    processes = [start(database) for _ in range(10)]
    told = [process.communicate(timeout=120) for process in processes]
    assert told == [("0\n", "")] * 10
    ledger = await driver.fetch("select version, success from _sqlx_migrations order by version")
    assert [tuple(row) for row in ledger] == [(20250201000001, True), (20250201000002, True)]


async def test_line_2_a_database_that_is_down_is_named_without_its_password() -> None:
    options = options_for(DatabaseUrl.parse("postgresql://u:secret@127.0.0.1:1/nothing"), DB_STARTUP_TIMEOUT=0.3)
    with pytest.raises(assay.ConnectionFailed, match=r'database "nothing" at 127\.0\.0\.1:1') as caught:
        async with serve(options):
            pass
    assert "secret" not in str(caught.value)


async def test_line_2_starting_waits_for_a_database_that_comes_up_later(
    migrated: DatabaseUrl, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its address is free at first, and then leads to the server."""
    folder = tmp_path / "run"
    later = DatabaseUrl(migrated.user, migrated.password, str(folder), None, migrated.database)
    starting = asyncio.create_task(health(later))
    async with asyncio.timeout(20):
        while "trying again" not in caplog.text:  # noqa: ASYNC110 - the log has no event for it
            await asyncio.sleep(0.01)
    assert not starting.done()
    host, port = migrated.host or "", migrated.port or 5432
    folder.symlink_to(host) if host.startswith("/") else pytest.skip(f"the server is not on a Unix socket: {port}")
    assert await starting == 200


async def health(url: DatabaseUrl) -> int:
    async with serve(options_for(url, DB_STARTUP_TIMEOUT=30)) as client:
        return (await client.get("/health")).status_code


async def test_line_2_a_wrong_database_is_told_at_once(server: DatabaseUrl) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(assay.UndefinedDatabase, match="no_such_database"):
            async with serve(options_for(server.with_database("no_such_database"), DB_STARTUP_TIMEOUT=60)):
                pass


async def test_line_2_the_pool_has_the_size_and_the_timeouts_of_the_environment(migrated: DatabaseUrl) -> None:
    options = options_for(migrated, DB_MIN_CONNECTIONS=1, DB_MAX_CONNECTIONS=3, DB_ACQUIRE_TIMEOUT=7, DB_IDLE_TIMEOUT=9)
    assert (options.pool.acquire_timeout, options.pool.idle_timeout) == (7, 9)
    async with assay.Pool(migrated, min_connections=1) as pool:
        assert (await pool.fetch_one(int, "select 1")) == 1
    async with serve(options) as client:
        assert (await client.get("/metrics")).json()["open"] in (1, 2)


def test_line_7_the_example_of_env_names_every_option_with_its_default() -> None:
    from dataclasses import replace

    example = read_dotenv(HERE / ".env.example")
    assert load(example).settings.database_url is not None
    defaults = load({})
    assert replace(load(example), settings=defaults.settings) == defaults


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


async def test_the_documented_command_serves_and_stops_on_sigterm(migrated: DatabaseUrl) -> None:
    import os

    import httpx

    port = free_port()
    environ = {**os.environ, "DATABASE_URL": migrated.reveal(), "PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backends.basic_api", cwd=REPOSITORY, env=environ, stderr=asyncio.subprocess.PIPE
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client, asyncio.timeout(60):
        while True:
            try:
                answer = await client.get("/health")
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
        assert answer.status_code == 200
        process.terminate()
        _, log = await process.communicate()
    assert process.returncode in (0, -15)
    assert b'"route":"/health","status":200' in log
    assert b"Traceback" not in log
