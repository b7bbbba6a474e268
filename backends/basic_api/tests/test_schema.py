"""Line 5, tables and indexes; line 8, PostgreSQL 14 and later; the schema file."""

from __future__ import annotations

from pathlib import Path

import asyncpg
from backends.basic_api.tests.conftest import BACKEND, MIGRATIONS

import assay
from assay.config import DatabaseUrl
from assay.schema.dump import dump_schema

COLUMNS = """
    select column_name, data_type, character_maximum_length, is_nullable, column_default
    from information_schema.columns where table_name = 'users' order by ordinal_position
"""
INDEXES = "select indexname, indexdef from pg_indexes where tablename = 'users' order by 1"


async def test_line_5_the_table_has_exactly_the_columns_of_the_page(catalog: asyncpg.Connection) -> None:
    assert [tuple(row) for row in await catalog.fetch(COLUMNS)] == [
        ("id", "integer", None, "NO", "nextval('users_id_seq'::regclass)"),
        ("name", "character varying", 255, "NO", None),
        ("email", "character varying", 255, "NO", None),
        ("created_at", "timestamp with time zone", None, "NO", "now()"),
        ("updated_at", "timestamp with time zone", None, "NO", "now()"),
    ]


async def test_line_5_the_indexes_are_those_of_the_page(catalog: asyncpg.Connection) -> None:
    assert {row["indexname"]: row["indexdef"].partition(" ON public.")[2] for row in await catalog.fetch(INDEXES)} == {
        "idx_users_created_at": "users USING btree (created_at)",
        "idx_users_email": "users USING btree (email)",
        "users_email_key": "users USING btree (email)",
        "users_pkey": "users USING btree (id)",
    }


async def test_line_5_the_trigger_is_there(catalog: asyncpg.Connection) -> None:
    names = await catalog.fetch("select tgname from pg_trigger where tgrelid = 'users'::regclass and not tgisinternal")
    assert [row["tgname"] for row in names] == ["users_set_updated_at"]


async def test_the_migrations_revert_to_an_empty_database(database: DatabaseUrl) -> None:
    before = (await dump_schema(database)).text
    await assay.migrate.run(database, MIGRATIONS)
    await assay.migrate.revert(database, MIGRATIONS, target_version=0)
    assert (await dump_schema(database)).text == before


async def test_the_schema_file_is_what_the_migrations_build(database_18: DatabaseUrl, assay_home: Path) -> None:
    await assay.migrate.run(database_18, MIGRATIONS)
    found = await dump_schema(database_18)
    assert (BACKEND / "schema.sql").read_text() == found.text, "write it anew with assay schema dump"
