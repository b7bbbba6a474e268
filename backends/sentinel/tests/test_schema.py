"""Lines 1, 4 and 6: tables, the CHECK of status, and what a delete takes along."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import asyncpg
import pytest
from backends.common.testing import run_assay
from backends.sentinel.models import Status
from backends.sentinel.tests.conftest import BACKEND, MIGRATIONS

import assay
from assay.config import DatabaseUrl
from assay.schema.dump import dump_schema

COLUMNS = """
    select table_name || '.' || column_name as name,
           data_type || coalesce('(' || character_maximum_length || ')', '')
           || case is_nullable when 'NO' then ' not null' else '' end
           || coalesce(' default ' || column_default, '') as type
    from information_schema.columns where table_schema = 'public' and table_name <> '_sqlx_migrations'
    order by table_name, ordinal_position
"""
UUID_KEY = "uuid not null default gen_random_uuid()"
NOW = "timestamp without time zone default now()"
GIVEN = {
    "api_keys": {
        "id": UUID_KEY, "user_id": "uuid", "name": "character varying(255) not null",
        "key_hash": "character varying(255) not null", "key_prefix": "character varying(10) not null",
        "last_used_at": "timestamp without time zone", "created_at": NOW, "expires_at": "timestamp without time zone",
    },
    "projects": {
        "id": UUID_KEY, "user_id": "uuid", "name": "character varying(255) not null", "description": "text",
        "network": "character varying(50) default 'testnet'::character varying", "created_at": NOW, "updated_at": NOW,
    },
    "prover_runs": {
        "id": UUID_KEY, "project_id": "uuid", "user_id": "uuid", "module_name": "character varying(255) not null",
        "move_code": "text not null", "status": "character varying(50) not null", "duration_ms": "bigint",
        "result": "jsonb not null", "created_at": NOW,
    },
    "simulations": {
        "id": UUID_KEY, "project_id": "uuid", "user_id": "uuid", "sender": "character varying(66) not null",
        "module_address": "character varying(66) not null", "module_name": "character varying(255) not null",
        "function_name": "character varying(255) not null", "args": "jsonb", "type_args": "jsonb",
        "result": "jsonb not null", "success": "boolean not null", "gas_used": "bigint",
        "network": "character varying(50) not null", "created_at": NOW,
    },
    "users": {
        "id": UUID_KEY, "clerk_id": "character varying(255) not null", "email": "character varying(255) not null",
        "name": "character varying(255)", "created_at": NOW, "updated_at": NOW,
    },
}  # fmt: skip


async def test_line_1_the_initial_migration_has_the_columns_of_the_page(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    await assay.migrate.run(database, MIGRATIONS, target_version=20250301000001)
    found = {row["name"]: row["type"] for row in await driver.fetch(COLUMNS)}
    assert found == {f"{table}.{name}": type_ for table, columns in GIVEN.items() for name, type_ in columns.items()}


async def test_line_1_the_migrations_run_from_empty_and_revert_to_empty(database: DatabaseUrl) -> None:
    before = (await dump_schema(database)).text
    await assay.migrate.run(database, MIGRATIONS)
    built = (await dump_schema(database)).text
    await assay.migrate.revert(database, MIGRATIONS, target_version=0)
    assert (await dump_schema(database)).text == before
    await assay.migrate.run(database, MIGRATIONS)
    assert (await dump_schema(database)).text == built


async def test_line_1_times_that_were_stored_before_the_second_migration_stay_what_they_were(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    await assay.migrate.run(database, MIGRATIONS, target_version=20250301000001)
    await driver.execute("insert into users (clerk_id, email, created_at) values ('a', 'b', '2025-07-01 12:00')")
    await driver.execute(f"alter database \"{database.database}\" set timezone = 'Asia/Tokyo'")
    await assay.migrate.run(database, MIGRATIONS)
    assert str(await driver.fetchval("select created_at at time zone 'UTC' from users")) == "2025-07-01 12:00:00"


async def test_line_4_the_check_lists_what_the_literal_lists(catalog: asyncpg.Connection) -> None:
    definition = await catalog.fetchval(
        "select pg_get_constraintdef(oid) from pg_constraint where conname like '%status%'"
    )
    assert [word for word in definition.split("'") if word in get_args(Status)] == list(get_args(Status))
    with pytest.raises(asyncpg.CheckViolationError):
        await catalog.execute(
            "insert into prover_runs (module_name, move_code, status, result, project_id) "
            "values ('a', 'b', 'maybe', '{}', gen_random_uuid())"
        )


@pytest.fixture
async def family(catalog: asyncpg.Connection) -> asyncpg.Connection:
    """Two users with a project, a simulation, a run and a key each; Grace also simulated in Ada's project."""
    await catalog.execute("""
        insert into users (clerk_id, email) values ('ada', 'a'), ('grace', 'g');
        insert into projects (user_id, name) select id, clerk_id from users;
        insert into api_keys (user_id, name, key_hash, key_prefix) select id, 'key', clerk_id, 'sk' from users;
        insert into simulations
            (project_id, user_id, sender, module_address, module_name, function_name, result, success, network)
        select id, user_id, '0x1', '0x2', 'm', 'f', '{}', true, 'testnet' from projects;
        insert into prover_runs (project_id, user_id, module_name, move_code, status, result)
        select id, user_id, 'm', 'code', 'passed', '{}' from projects;
    """)
    return catalog


async def counts(catalog: asyncpg.Connection) -> tuple[int, ...]:
    row = await catalog.fetchrow("""
        select (select count(*) from users), (select count(*) from projects), (select count(*) from simulations),
               (select count(*) from prover_runs), (select count(*) from api_keys)
    """)
    return tuple(row or ())


async def test_line_6_a_project_takes_its_simulations_and_runs_along_and_nothing_else(
    family: asyncpg.Connection,
) -> None:
    await family.execute("delete from projects where name = 'ada'")
    assert await counts(family) == (2, 1, 1, 1, 2)


async def test_line_6_a_user_takes_their_projects_and_keys_along_and_nothing_else(family: asyncpg.Connection) -> None:
    await family.execute("delete from users where clerk_id = 'ada'")
    assert await counts(family) == (1, 1, 1, 1, 1)


async def test_line_6_a_user_with_work_in_the_project_of_somebody_else_stays(family: asyncpg.Connection) -> None:
    await family.execute("""
        update simulations set user_id = (select id from users where clerk_id = 'grace')
        where project_id = (select id from projects where name = 'ada')
    """)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await family.execute("delete from users where clerk_id = 'grace'")
    assert await counts(family) == (2, 2, 2, 2, 2)


def test_every_query_is_proven(server: DatabaseUrl) -> None:
    done = run_assay(BACKEND, "check", "--database-url", server.reveal())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Proved 24 of 24 queries against PostgreSQL")


@pytest.mark.parametrize("command", [("migrate", "lint"), ("schema", "lint")])
def test_both_lints_are_clean(server: DatabaseUrl, command: tuple[str, str]) -> None:
    done = run_assay(BACKEND, *command, "--server", server.reveal())
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


async def test_the_schema_file_is_what_the_migrations_build(database_18: DatabaseUrl, assay_home: Path) -> None:
    await assay.migrate.run(database_18, MIGRATIONS)
    found = await dump_schema(database_18)
    assert (BACKEND / "schema.sql").read_text() == found.text, "write it anew with assay schema dump"


def test_line_8_no_file_is_over_300_lines() -> None:
    files = [path for path in BACKEND.rglob("*") if path.suffix in {".py", ".sql", ".md"} and path.name != "schema.sql"]
    assert {path.name: lines for path in files if (lines := path.read_text().count("\n")) > 300} == {}
