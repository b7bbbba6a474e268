"""Beyond the criteria: the service as a whole, under a real web server and on a failing database."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from pathlib import Path

import asyncpg
import httpx
import pytest
from backends.common.testing import exhausted, under_uvicorn
from backends.realitycam.app import create_app
from backends.realitycam.options import HERE, load
from backends.realitycam.tests.conftest import options_for, serve
from backends.realitycam.tests.test_http import PHOTO, device_id, register, upload, verify

import assay
from assay.config import DatabaseUrl, read_dotenv
from assay.server import create_database, drop_database


async def test_a_photo_goes_through_registration_upload_and_verification_under_a_real_web_server(
    migrated: DatabaseUrl, catalog: asyncpg.Connection
) -> None:
    async with under_uvicorn(create_app(options_for(migrated))) as client:
        device = await device_id(client)
        assert (await upload(client, device, PHOTO * 100_000)).status_code == 201
        assert (await verify(client, PHOTO * 100_000)).json()["result"] == "matched"
        assert (await verify(client, PHOTO)).json()["result"] == "unknown"
        assert len((await client.get(f"/devices/{device}/captures")).json()["captures"]) == 1
    addresses = await catalog.fetch("select host(client_ip) from verification_logs")
    assert [row[0] for row in addresses] == ["127.0.0.1", "127.0.0.1"]


async def test_a_request_that_is_too_large_is_413_under_a_real_web_server(migrated: DatabaseUrl) -> None:
    async with under_uvicorn(create_app(options_for(migrated, MAX_BODY_BYTES=1000))) as client:
        assert (await verify(client, b"x" * 2000)).status_code == 413
        assert (await client.get("/health")).status_code == 200


async def test_starting_applies_the_migrations_and_stopping_closes_every_connection(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    async with serve(options_for(database)) as client:
        assert (await register(client)).status_code == 201
        assert await driver.fetchval("select count(*) from _sqlx_migrations where success") == 3
    async with asyncio.timeout(10):
        while await driver.fetchval(  # noqa: ASYNC110 - only the server knows
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        ):
            await asyncio.sleep(0.01)


async def test_two_services_that_start_at_once_share_the_migrations(database: DatabaseUrl) -> None:
    async with serve(options_for(database)) as one, serve(options_for(database)) as two:
        answers = await asyncio.gather(one.get("/health"), two.get("/health"))
    assert [answer.status_code for answer in answers] == [200, 200]


async def test_health_names_the_database(client: httpx.AsyncClient, migrated: DatabaseUrl) -> None:
    answer = await client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": migrated.place, "error": None}


async def test_health_names_a_database_that_is_gone(server: DatabaseUrl) -> None:
    """Its connections are cut and no new one can be made."""
    url = server.with_database(f"test_{secrets.token_hex(6)}")
    await create_database(url)
    async with serve(options_for(url)) as client:
        await drop_database(url, force=True)
        answer = await client.get("/health")
        assert answer.status_code == 503
        assert (answer.json()["status"], answer.json()["database"]) == ("failing", url.place)
        assert (await register(client)).status_code == 503


async def test_health_gives_up_within_its_timeout(migrated: DatabaseUrl) -> None:
    """Every connection is in use, and a request would wait for 30 seconds."""
    options = options_for(migrated, DB_MAX_CONNECTIONS=2, HEALTH_TIMEOUT=0.2)
    async with exhausted(create_app(options), 2) as client, asyncio.timeout(5):
        answer = await client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["database"] == migrated.place
    assert "0.2 s" in answer.json()["error"]


async def test_a_request_that_no_connection_is_free_for_is_503_with_a_retry_after(migrated: DatabaseUrl) -> None:
    options = options_for(migrated, DB_MAX_CONNECTIONS=2, DB_ACQUIRE_TIMEOUT=0.1)
    async with exhausted(create_app(options), 2) as client:
        answer = await register(client)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json() == {"detail": "The database is busy or cannot be reached; try again shortly"}


async def test_a_database_that_is_not_there_stops_the_start_without_its_password() -> None:
    options = options_for(DatabaseUrl.parse("postgresql://u:secret@127.0.0.1:1/nothing"), DB_STARTUP_TIMEOUT=0.2)
    with pytest.raises(assay.ConnectionFailed, match='database "nothing"') as caught:
        async with serve(options):
            pass
    assert "secret" not in str(caught.value)


async def test_without_a_database_url_the_embedded_server_is_used(assay_home: Path) -> None:
    async with serve(load({})) as client:
        answer = await client.get("/health")
    assert answer.json()["database"].startswith('database "realitycam" at /')


@pytest.mark.parametrize(
    ("name", "value"),
    [("MAX_BODY_BYTES", "0"), ("MAX_BODY_BYTES", "much"), ("HEALTH_TIMEOUT", "inf"), ("HEALTH_TIMEOUT", "nan")],
)
def test_an_option_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(assay.ConfigurationError, match=f"{name} is '{value}'"):
        load({name: value})


def test_the_example_of_env_names_every_option_with_its_default() -> None:

    example = read_dotenv(HERE / ".env.example")
    assert load(example).settings.database_url is not None
    defaults = load({})
    assert replace(load(example), settings=defaults.settings) == defaults
