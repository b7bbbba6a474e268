"""Line 4: the test utilities themselves."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from backends.basic_api.options import HERE
from backends.basic_api.testing import settings_for_tests

import assay
from assay.config import DatabaseUrl, Settings

TESTS = """
import pytest
from assay.config import DatabaseUrl
from backends.basic_api.testing import settings_for_tests

@pytest.fixture
def assay_settings():
    return settings_for_tests(server=DatabaseUrl.parse({server!r}))

async def test_rolls_back(assay_db):
    await assay_db.execute("insert into users (name, email) values ('a', 'a@b.c')")

async def test_sees_nothing_of_it(assay_db):
    assert await assay_db.fetch_one(int, "select count(*) from users") == 0

async def test_commits(assay_pool):
    await assay_pool.execute("insert into users (name, email) values ('a', 'a@b.c')")

async def test_fails_half_way(assay_pool):
    await assay_pool.execute("insert into users (name, email) values ('a', 'a@b.c')")
    await assay_pool.execute("create table left_over (id int)")
    assert False

async def test_sees_nothing_of_that_either(assay_pool):
    assert await assay_pool.fetch_one(int, "select count(*) from users") == 0
"""


async def test_line_4_tests_leave_no_database_behind_whatever_became_of_them(
    server: DatabaseUrl, driver: asyncpg.Connection, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "test_it.py").write_text(TESTS.format(server=server.reveal()))
    (folder / "pyproject.toml").write_text(f'[tool.assay]\nmigrations = "{HERE / "migrations"}"\n')
    with (folder / "pyproject.toml").open("a") as file:
        file.write('[tool.assay.testing]\nkeep-failed = 0\n[tool.pytest.ini_options]\nasyncio_mode = "auto"\n')
    before = await names(driver)
    done = await asyncio.to_thread(run_tests, folder)
    assert "4 passed" in done.stdout, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    assert {name for name in await names(driver) - before if name.startswith("assay_test")} == set()


def run_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def names(driver: asyncpg.Connection) -> set[str]:
    return {row["datname"] for row in await driver.fetch("select datname from pg_database")}


async def test_line_4_the_test_database_is_the_role_s_of_env_test(
    assay_settings: Settings, assay_pool: assay.Pool
) -> None:
    assert assay_settings.database_url is not None
    assert assay_settings.database_url.user == "basic_api_test"
    assert await assay_pool.fetch_one(str, "select current_user::text") == "basic_api_test"
    assert not await assay_pool.fetch_one(bool, "select rolsuper from pg_roles where rolname = current_user")


@pytest.mark.parametrize("name", ["TEST_DB_USER", "TEST_DB_PASSWORD"])
def test_line_4_a_variable_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(assay.ConfigurationError, match=f"^{name} is not set"):
        settings_for_tests({name: ""})


def test_line_4_test_db_host_names_another_server() -> None:
    settings = settings_for_tests({"TEST_DB_HOST": "db.example", "TEST_DB_PORT": "6543", "TEST_DB_PASSWORD": "s3cret"})
    assert settings.database_url is not None
    assert settings.database_url.reveal() == "postgresql://basic_api_test:s3cret@db.example:6543/postgres"
    assert "s3cret" not in repr(settings)
