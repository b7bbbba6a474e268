"""Enums, tables, constraints and indexes, by the names of the page."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg
import pytest
from backends.common.testing import copy_backend, replace_once, run_assay
from backends.formaops import models
from backends.formaops.tests.conftest import BACKEND, MIGRATIONS

import assay
from assay.config import DatabaseUrl
from assay.schema.dump import dump_schema

ENUMS = {
    "user_plan": models.UserPlan,
    "prompt_status": models.PromptStatus,
    "execution_status": models.ExecutionStatus,
    "validation_status": models.ValidationStatus,
    "priority": models.Priority,
    "validation_type": models.ValidationType,
    "log_level": models.LogLevel,
}
INDEXES = {
    "idx_prompts_user_status": "prompts USING btree (user_id, status)",
    "idx_prompts_status_published": "prompts USING btree (status, published_at DESC) "
    "WHERE (status = 'PUBLISHED'::prompt_status)",
    "idx_executions_user_created": "executions USING btree (user_id, created_at DESC)",
    "idx_executions_status_created": "executions USING btree (status, created_at DESC)",
    "idx_executions_prompt_created": "executions USING btree (prompt_id, created_at DESC)",
    "idx_execution_logs_execution_time": 'execution_logs USING btree (execution_id, "timestamp" DESC)',
    "idx_executions_user_status": "executions USING btree (user_id, status) "
    "WHERE (status = ANY (ARRAY['RUNNING'::execution_status, 'FAILED'::execution_status]))",
    "idx_api_keys_hash": "api_keys USING btree (key_hash) WHERE is_active",
}
WANTED = {
    "prompts": ["user_id, status", "created_at", "status, published_at"],
    "prompt_versions": ["prompt_id, version", "prompt_id, created_at"],
    "executions": [
        "user_id, status", "created_at", "prompt_id, created_at", "status, created_at", "user_id, created_at"
    ],
    "validations": ["prompt_id, is_active"],
    "execution_logs": ["execution_id, timestamp", "level, timestamp"],
    "api_keys": ["user_id, is_active", "key_hash"],
}  # fmt: skip


@pytest.mark.parametrize("name", ENUMS)
async def test_an_enum_has_the_members_of_its_class(catalog: asyncpg.Connection, name: str) -> None:
    rows = await catalog.fetch(
        "select enumlabel from pg_enum where enumtypid = $1::regtype order by enumsortorder", name
    )
    assert [row[0] for row in rows] == [member.value for member in ENUMS[name]]


def test_a_member_that_only_python_knows_is_a_finding(server: DatabaseUrl, tmp_path: Path) -> None:
    backend = copy_backend(BACKEND, tmp_path)
    replace_once(
        backend / "models.py", '    CRITICAL = "CRITICAL"\n', '    CRITICAL = "CRITICAL"\n    URGENT = "URGENT"\n'
    )
    done = run_assay(backend, "check", "--database-url", server.reveal())
    assert done.returncode == 1
    assert "URGENT" in done.stdout


async def test_the_performance_indexes_have_the_names_of_the_page(catalog: asyncpg.Connection) -> None:
    rows = await catalog.fetch("select indexname, indexdef from pg_indexes where indexname = any($1)", list(INDEXES))
    assert {row["indexname"]: row["indexdef"].partition(" ON public.")[2] for row in rows} == INDEXES


@pytest.mark.parametrize("table", WANTED)
async def test_every_list_of_columns_of_the_page_has_an_index(catalog: asyncpg.Connection, table: str) -> None:
    rows = await catalog.fetch("select indexdef from pg_indexes where tablename = $1", table)
    found = {re.sub(r' DESC|"', "", row[0].partition(" USING btree (")[2].partition(")")[0]) for row in rows}
    assert set(WANTED[table]) <= found


def test_no_index_is_redundant_and_both_lints_are_clean(server: DatabaseUrl) -> None:
    for command in (("schema", "lint"), ("migrate", "lint")):
        done = run_assay(BACKEND, *command, "--server", server.reveal())
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_every_query_is_proven(server: DatabaseUrl) -> None:
    done = run_assay(BACKEND, "check", "--database-url", server.reveal())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Proved 35 of 35 queries against PostgreSQL")


async def test_deleting_a_prompt_takes_its_versions_and_validations_along(
    assay_db: assay.Connection,
) -> None:
    await assay_db.execute("insert into users (email) values ('a')")
    await assay_db.execute("insert into prompts (name, template, user_id) select 'p', 't', id from users")
    await assay_db.execute(
        "insert into prompt_versions (version, template, variables, prompt_id) select 1, 't', '[]', id from prompts"
    )
    await assay_db.execute(
        "insert into validations (name, type, config, prompt_id) select 'v', 'REGEX', '{}', id from prompts"
    )
    await assay_db.execute("delete from users where true")
    assert await assay_db.fetch_one(int, "select count(*) from prompt_versions, validations") == 0


async def test_the_migrations_revert_to_an_empty_database(database: DatabaseUrl) -> None:
    before = (await dump_schema(database)).text
    await assay.migrate.run(database, MIGRATIONS)
    await assay.migrate.revert(database, MIGRATIONS, target_version=0)
    assert (await dump_schema(database)).text == before


async def test_the_schema_file_is_what_the_migrations_build(database_18: DatabaseUrl, assay_home: Path) -> None:
    await assay.migrate.run(database_18, MIGRATIONS)
    found = await dump_schema(database_18)
    assert (BACKEND / "schema.sql").read_text() == found.text, "write it anew with assay schema dump"
