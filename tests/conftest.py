"""Real servers and fresh databases for every test that asks for one."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import hypothesis
import pytest
from tests.fixtures.homes import session_home

from assay.config import DatabaseUrl

pytest_plugins = [
    "tests.fixtures.surfaces",
    "tests.fixtures.bouncer",  # after the one that it imports
    "tests.fixtures.proof",
    "tests.fixtures.servers",
    "tests.fixtures.shared",
    "tests.fixtures.replication",  # after the one that it imports
]

hypothesis.settings.register_profile("assay", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("assay")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs the tests in the background keeps Ctrl-C from them, and from the commands that they stop with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

SYSTEM_15 = Path("/usr/lib/postgresql/15/bin/postgres")
CORPUS = Path(__file__).parents[2] / "shared" / "corpus"

VERSIONS = [
    pytest.param("18", id="pg18"),
    pytest.param(
        "15", id="pg15", marks=pytest.mark.skipif(not SYSTEM_15.exists(), reason="no PostgreSQL 15 on this machine")
    ),
]


@pytest.fixture(scope="session")
def assay_home() -> Iterator[Path]:
    """A state folder of this process's own, in memory where there is room; its servers are stopped at the end."""
    yield from session_home()


def start(version: str, request: pytest.FixtureRequest) -> DatabaseUrl:
    """The URL of the maintenance database of a running server, as its superuser."""
    given = os.environ.get(f"ASSAY_TEST_URL_{version}")
    if given:
        return DatabaseUrl.parse(given)
    from assay.server import Server

    home: Path = request.getfixturevalue("assay_home")
    return Server.locate(version, home=home).ensure_running()


@pytest.fixture(scope="session", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> DatabaseUrl:
    """Each server that Assay is tested on: the embedded 18, and the system's 15 where there is one."""
    return start(request.param, request)


@pytest.fixture(scope="session")
def server_18(request: pytest.FixtureRequest) -> DatabaseUrl:
    """The embedded server alone, for what does not differ between versions."""
    return start("18", request)


@pytest.fixture
async def database(server: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """A new empty database on each server."""
    async for url in fresh(server):
        yield url


@pytest.fixture
async def database_18(server_18: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """A new empty database on the embedded server."""
    async for url in fresh(server_18):
        yield url


async def fresh(server: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """Create a database, give its URL, drop it."""
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(server.reveal())
    try:
        await admin.execute(f'create database "{name}"')
        yield server.with_database(name)
        await admin.execute(f'drop database "{name}" with (force)')
    finally:
        await admin.close()


@pytest.fixture
async def driver(database: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A bare asyncpg connection to a new database, for looking at what Assay did."""
    connection = await asyncpg.connect(database.reveal())
    yield connection
    await connection.close()
