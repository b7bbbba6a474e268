"""The test database: its role and its server, as ``.env.test`` and the environment name them.

Assay's fixtures do the rest: a database for each test that is migrated and dropped, whatever became of the test, and a
transaction around each test that is rolled back. In a project's ``conftest.py``::

    @pytest.fixture
    def assay_settings() -> Settings:
        return settings_for_tests()
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace

import asyncpg

import assay
from assay.config import DatabaseUrl, Settings, load_settings, read_dotenv
from assay.server import Server
from assay.sql.quoting import quote_identifier, quote_literal

from .options import HERE


def settings_for_tests(environ: Mapping[str, str] = os.environ, server: DatabaseUrl | None = None) -> Settings:
    """The settings under which Assay's fixtures make their databases: as the role of TEST_DB_USER.

    Args:
        environ: goes before ``.env.test``.
        server: a superuser's URL of a server to use in place of the one that TEST_DB_HOST names.

    Raises:
        assay.ConfigurationError: TEST_DB_USER or TEST_DB_PASSWORD is missing.
    """
    values = {**read_dotenv(HERE / ".env.test"), **environ}
    user, password = (_needed(values, name) for name in ("TEST_DB_USER", "TEST_DB_PASSWORD"))
    if host := values.get("TEST_DB_HOST"):
        url = DatabaseUrl(user, password, host, int(values.get("TEST_DB_PORT") or 5432), "postgres")
    else:
        url = _as_role(server or Server.locate("18").ensure_running(), user, password)
    return replace(load_settings(HERE, {}), database_url=url)


def _needed(values: Mapping[str, str], name: str) -> str:
    if not values.get(name):
        raise assay.ConfigurationError(
            f"{name} is not set; backends/basic_api/.env.test names the test database's role"
        )
    return values[name]


def _as_role(server: DatabaseUrl, user: str, password: str) -> DatabaseUrl:
    """The server as a role that may create databases and nothing else, which is made if need be."""
    asyncio.run(_make_role(server, user, password))
    return replace(server, user=user, password=password)


async def _make_role(server: DatabaseUrl, user: str, password: str) -> None:
    role = f"create role {quote_identifier(user)} login createdb password {quote_literal(password)}"
    connection = await asyncpg.connect(server.reveal())
    try:
        if not await connection.fetchval("select exists (select from pg_roles where rolname = $1)", user):
            await connection.execute(role)
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        pass  # another test process made it at the same time
    finally:
        await connection.close()
