"""Lines 2 and 8, and the checks: Assay's commands on this backend, as an operator runs them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from backends.common.testing import copy_backend, run_assay
from backends.erc8004.ingest import add_batch
from backends.erc8004.options import HERE, load
from backends.erc8004.tests.conftest import BACKEND
from backends.erc8004.tests.making import batch_of, events
from backends.erc8004.tests.triggers_made import make_trigger

import assay
from assay.config import DatabaseUrl, read_dotenv

CONTENT = """
    select (select count(*) from events), (select count(*) from triggers), (select max(id) from events),
           (select last_block_number from checkpoints)
"""


@pytest.fixture
async def filled(pool: assay.Pool, migrated: DatabaseUrl) -> DatabaseUrl:
    """A database with events in two chunks, and a trigger."""
    await make_trigger(pool, ("field", "score", "<", "10"))
    await add_batch(pool, batch_of(events(8)))
    await add_batch(pool, batch_of(events(4, first=8, timestamp=1_737_331_200 + 10 * 86_400)))
    return migrated


@pytest.fixture
async def another(server: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """The URL of a database that is not there; it is dropped in the end."""
    url = server.with_database(f"test_{secrets.token_hex(6)}")
    yield url
    admin = await asyncpg.connect(server.reveal())
    await admin.execute(f'drop database if exists "{url.database}" with (force)')
    await admin.close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def done(*arguments: str | Path, **environ: str) -> str:
    """What a command that succeeds writes."""
    result = run_assay(BACKEND, *map(str, arguments), **environ)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


async def content(url: DatabaseUrl) -> tuple[Any, ...]:
    connection = await asyncpg.connect(url.reveal())
    try:
        row = await connection.fetchrow(CONTENT)
        assert row is not None
        return tuple(row)
    finally:
        await connection.close()


def back_up(url: DatabaseUrl, store: Path, *how: str) -> str:
    """Make a backup; its id."""
    made = json.loads(done("backup", "create", *how, "-D", url.reveal(), "-s", store, "--output-format", "json"))
    return str(made["id"])


async def test_line_8_a_backup_in_custom_format_is_restored(
    filled: DatabaseUrl, another: DatabaseUrl, store: Path
) -> None:
    backup = back_up(filled, store)
    done("backup", "restore", backup, "-D", another.reveal(), "-s", store)
    assert await content(another) == await content(filled)
    connection = await asyncpg.connect(another.reveal())
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await connection.execute("delete from events")
    await connection.close()


async def test_line_8_backups_of_the_schema_and_of_the_rows_alone_are_restored_one_after_the_other(
    filled: DatabaseUrl, another: DatabaseUrl, store: Path
) -> None:
    schema = back_up(filled, store, "--schema-only")
    rows = back_up(filled, store, "--data-only")
    done("backup", "restore", schema, "-D", another.reveal(), "-s", store)
    assert await content(another) == (0, 0, None, None)
    done("backup", "restore", rows, "--clean", "-D", another.reveal(), "-s", store)
    assert await content(another) == await content(filled)
    async with assay.Pool(another, min_connections=0) as pool:
        assert await add_batch(pool, batch_of(events(8))) == 0, "and it can be used: these are there"
        assert await add_batch(pool, batch_of(events(4, first=16))) == 4


async def test_line_8_a_command_reports_sizes_index_use_and_connections(filled: DatabaseUrl) -> None:
    text = done("stats", "-D", filled.reveal(), "--only", "tables", "--only", "indexes", "--only", "connections")
    assert re.search(r"events", text)
    report = json.loads(done("stats", "-D", filled.reveal(), "--output-format", "json"))
    assert {"database", "tables", "indexes", "connections"} <= set(report.get("sections", report))
    assert "trigger_actions" in json.dumps(report)


def test_line_2_the_command_finds_the_schema_file_current() -> None:
    done("schema", "dump", "--check")


def test_every_query_is_proven() -> None:
    text = done("check", "--strict")
    proved = re.search(r"Proved (\d+) of (\d+) queries", text)
    assert proved is not None, text
    assert proved[1] == proved[2]
    assert int(proved[1]) > 50


@pytest.mark.soak
def test_the_migrations_hurt_nobody() -> None:
    assert "0 findings, 0 warnings" in done("migrate", "lint", "--since", "0", "--assume-rows", "1000000")


def test_the_seeds_may_be_loaded_twice() -> None:
    done("seed", "--check")


def test_the_offline_cache_is_enough_to_prove_every_query(tmp_path: Path) -> None:
    copy = copy_backend(BACKEND, tmp_path)
    made = run_assay(copy, "prepare")
    assert made.returncode == 0, made.stderr
    nowhere = {"ASSAY_OFFLINE": "true", "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x", "PATH": "/nowhere"}
    checked = run_assay(copy, "check", **nowhere)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_example_of_env_names_every_option_with_its_default() -> None:
    example = read_dotenv(HERE / ".env.example")
    given, defaults = load(example), load({})
    assert given.service.settings.database_url is not None
    same = replace(given, seal=defaults.seal, session_key=defaults.session_key, service=defaults.service)
    assert same == defaults
    assert replace(given.service, settings=defaults.service.settings) == defaults.service


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACTION_TIMEOUT", "0"),
        ("RETENTION_DAYS", "for ever"),
        ("ALLOW_PRIVATE_TARGETS", "perhaps"),
        ("TOKEN_KEYS", "short"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(assay.ConfigurationError, match=name):
        load({name: value})
