"""AC-2 to AC-5: the migrations, and what the catalog says after them."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise

import asyncpg
import pytest
from backends.realitycam.tests.conftest import MIGRATIONS

COLUMNS = """
    select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
    from pg_attribute a
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""
# PostgreSQL 18 lists NOT NULL among the constraints too; the columns show it.
CONSTRAINTS = """
    select conname, pg_get_constraintdef(oid)
    from pg_constraint
    where conrelid = $1::text::regclass and contype <> 'n'
    order by conname
"""
INDEXES = "select indexname, indexdef from pg_indexes where tablename = $1 order by indexname"

UUID_KEY = ("id", "uuid", True, "gen_random_uuid()")
NOW = "now()"


async def rows(catalog: asyncpg.Connection, sql: str, table: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await catalog.fetch(sql, table)]


def index(name: str, table: str, how: str, *, unique: bool = False) -> tuple[str, str]:
    return name, f"CREATE {'UNIQUE ' if unique else ''}INDEX {name} ON public.{table} USING {how}"


def test_ac2_migrations_are_timestamped_sql_files_in_sequence() -> None:
    names = sorted(path.name for path in MIGRATIONS.iterdir())
    assert names == [
        "20251122000001_create_devices.sql",
        "20251122000002_create_captures.sql",
        "20251122000003_create_verification_logs.sql",
    ]
    versions = [re.match(r"\d{14}(?=_)", name) for name in names]
    moments = [datetime.strptime(version[0], "%Y%m%d%H%M%S") for version in versions if version]
    assert len(moments) == 3
    assert all(before < after for before, after in pairwise(moments))


async def test_ac3_devices_has_exactly_these_columns(catalog: asyncpg.Connection) -> None:
    assert await rows(catalog, COLUMNS, "devices") == [
        UUID_KEY,
        ("attestation_level", "text", True, "'unverified'::text"),
        ("attestation_key_id", "text", True, None),
        ("attestation_chain", "bytea", False, None),
        ("platform", "text", True, None),
        ("model", "text", True, None),
        ("has_lidar", "boolean", True, "false"),
        ("first_seen_at", "timestamp with time zone", True, NOW),
        ("last_seen_at", "timestamp with time zone", True, NOW),
    ]


async def test_ac3_devices_has_exactly_these_constraints(catalog: asyncpg.Connection) -> None:
    assert await rows(catalog, CONSTRAINTS, "devices") == [
        ("devices_attestation_key_id_key", "UNIQUE (attestation_key_id)"),
        ("devices_pkey", "PRIMARY KEY (id)"),
    ]


async def test_ac3_devices_has_exactly_these_indexes(catalog: asyncpg.Connection) -> None:
    assert await rows(catalog, INDEXES, "devices") == [
        index("devices_attestation_key_id_key", "devices", "btree (attestation_key_id)", unique=True),
        index("devices_pkey", "devices", "btree (id)", unique=True),
        index("idx_devices_attestation_key", "devices", "btree (attestation_key_id)"),
    ]


async def test_ac4_captures_has_exactly_these_columns(catalog: asyncpg.Connection) -> None:
    assert await rows(catalog, COLUMNS, "captures") == [
        UUID_KEY,
        ("device_id", "uuid", True, None),
        ("target_media_hash", "bytea", True, None),
        ("depth_map_key", "text", False, None),
        ("evidence", "jsonb", True, "'{}'::jsonb"),
        ("confidence_level", "text", True, "'low'::text"),
        ("status", "text", True, "'pending'::text"),
        ("captured_at", "timestamp with time zone", True, None),
        ("uploaded_at", "timestamp with time zone", True, NOW),
    ]


async def test_ac4_captures_has_exactly_these_constraints(catalog: asyncpg.Connection) -> None:
    assert await rows(catalog, CONSTRAINTS, "captures") == [
        ("captures_device_id_fkey", "FOREIGN KEY (device_id) REFERENCES devices(id)"),
        ("captures_pkey", "PRIMARY KEY (id)"),
        ("captures_target_media_hash_key", "UNIQUE (target_media_hash)"),
    ]


async def test_ac4_captures_has_exactly_these_indexes(catalog: asyncpg.Connection) -> None:
    assert await rows(catalog, INDEXES, "captures") == [
        index("captures_pkey", "captures", "btree (id)", unique=True),
        index("captures_target_media_hash_key", "captures", "btree (target_media_hash)", unique=True),
        index("idx_captures_device", "captures", "btree (device_id)"),
        index("idx_captures_hash", "captures", "hash (target_media_hash)"),
        index("idx_captures_status", "captures", "btree (status)"),
    ]


async def test_ac5_verification_logs_has_exactly_these_columns(catalog: asyncpg.Connection) -> None:
    assert await rows(catalog, COLUMNS, "verification_logs") == [
        UUID_KEY,
        ("capture_id", "uuid", False, None),
        ("action", "text", True, None),
        ("client_ip", "inet", False, None),
        ("user_agent", "text", False, None),
        ("created_at", "timestamp with time zone", True, NOW),
    ]


async def test_ac5_verification_logs_has_exactly_these_constraints(catalog: asyncpg.Connection) -> None:
    assert await rows(catalog, CONSTRAINTS, "verification_logs") == [
        ("verification_logs_capture_id_fkey", "FOREIGN KEY (capture_id) REFERENCES captures(id)"),
        ("verification_logs_pkey", "PRIMARY KEY (id)"),
    ]


async def test_ac5_verification_logs_has_exactly_these_indexes(catalog: asyncpg.Connection) -> None:
    assert await rows(catalog, INDEXES, "verification_logs") == [
        index("idx_verification_logs_capture", "verification_logs", "btree (capture_id)"),
        index("verification_logs_pkey", "verification_logs", "btree (id)", unique=True),
    ]


async def test_no_extension_beyond_the_server_s_own_is_installed(catalog: asyncpg.Connection) -> None:
    assert [row[0] for row in await catalog.fetch("select extname from pg_extension")] == ["plpgsql"]


async def test_ac9_a_capture_needs_a_device_that_exists(catalog: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="captures_device_id_fkey"):
        await catalog.execute(
            "insert into captures (device_id, target_media_hash, captured_at) values (gen_random_uuid(), '', now())"
        )


async def test_ac9_a_verification_of_a_capture_needs_one_that_exists(catalog: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="verification_logs_capture_id_fkey"):
        await catalog.execute("insert into verification_logs (capture_id, action) values (gen_random_uuid(), 'x')")


async def test_ac9_a_device_with_captures_stays(catalog: asyncpg.Connection) -> None:
    await catalog.execute(
        """
        with device as (
            insert into devices (attestation_key_id, platform, model) values ('k', 'ios', 'm') returning id
        )
        insert into captures (device_id, target_media_hash, captured_at) select id, 'x', now() from device
        """
    )
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="captures_device_id_fkey"):
        await catalog.execute("delete from devices")
