"""Line 1: the twelve migrations go up, down one by one, and up again."""

from __future__ import annotations

import re

import asyncpg
import pytest
from backends.erc8004.tests.conftest import MIGRATIONS

import assay
from assay.config import DatabaseUrl
from assay.migrate import State
from assay.schema.dump import dump_schema, written_out

NAMES = [
    "enable_extensions",
    "create_helper_functions",
    "create_users_table",
    "create_triggers_table",
    "create_trigger_conditions_table",
    "create_trigger_actions_table",
    "create_trigger_state_table",
    "create_events_table",
    "convert_events_to_hypertable",
    "create_checkpoints_table",
    "create_action_results_table",
    "create_agent_mcp_tokens_table",
]
VERSIONS = [20250123000000 + number for number in range(1, 13)]
CONVERSION = VERSIONS[8]

EVENT = """
    insert into events (chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type,
                        timestamp, created_at)
    values (1, 10, '0xb10c', '0xabc', $1, 'identity', 'Registered', $2, to_timestamp($2::bigint))
    returning id
"""
JANUARY_23 = 1_737_590_400


async def text(url: DatabaseUrl) -> str:
    return (await dump_schema(url)).text


def test_line_1_the_files_have_exactly_these_names() -> None:
    expected = {
        f"{version}_{name}.{way}.sql" for version, name in zip(VERSIONS, NAMES, strict=True) for way in ("up", "down")
    }
    assert {path.name for path in MIGRATIONS.iterdir()} == expected


async def test_line_1_all_are_applied_and_shown_reverted_one_by_one_to_nothing_and_applied_again(
    database: DatabaseUrl,
) -> None:
    before = await text(database)
    await assay.migrate.run(database, MIGRATIONS)
    assert {one.state for one in await assay.migrate.info(database, MIGRATIONS)} == {State.INSTALLED}
    whole = await text(database)
    for _ in VERSIONS:
        assert len((await assay.migrate.revert(database, MIGRATIONS)).steps) == 1
    assert {one.state for one in await assay.migrate.info(database, MIGRATIONS)} == {State.PENDING}
    assert await text(database) == before
    await assay.migrate.run(database, MIGRATIONS)
    assert await text(database) == whole


async def test_line_1_each_down_file_leads_back_to_the_schema_before(database_18: DatabaseUrl) -> None:
    dumps = [await written_out(database_18)]
    for version in VERSIONS:
        await assay.migrate.run(database_18, MIGRATIONS, target_version=version)
        dumps.append(await written_out(database_18))
    # Migration 1 leaves no trace on a server that offers neither extension.
    assert len(set(dumps)) >= len(VERSIONS)
    for before in reversed(dumps[:-1]):
        await assay.migrate.revert(database_18, MIGRATIONS)
        assert await written_out(database_18) == before


async def test_line_1_pgcrypto_is_enabled_where_it_is_offered_and_dropped_again(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    offered = await driver.fetchval("select count(*) from pg_available_extensions where name = 'pgcrypto'")
    await assay.migrate.run(database, MIGRATIONS, target_version=VERSIONS[0])
    assert await driver.fetchval("select count(*) from pg_extension where extname = 'pgcrypto'") == offered
    await assay.migrate.revert(database, MIGRATIONS)
    assert await driver.fetchval("select count(*) from pg_extension where extname = 'pgcrypto'") == 0


async def test_line_1_an_extension_that_was_there_before_stays(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    if not await driver.fetchval("select count(*) from pg_available_extensions where name = 'pgcrypto'"):
        pytest.skip("this server does not offer pgcrypto")
    await driver.execute("create extension pgcrypto")
    await assay.migrate.run(database, MIGRATIONS)
    await assay.migrate.revert(database, MIGRATIONS, target_version=0)
    assert await driver.fetchval("select count(*) from pg_extension where extname = 'pgcrypto'") == 1


async def test_reverting_the_conversion_keeps_the_events_and_their_ids(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    await assay.migrate.run(database, MIGRATIONS)
    await driver.execute("select ensure_event_chunks('2025-01-01', '2025-03-01')")
    ids = [await driver.fetchval(EVENT, index, JANUARY_23 + index * 864_000) for index in range(3)]
    await assay.migrate.revert(database, MIGRATIONS, target_version=VERSIONS[7])
    assert [row[0] for row in await driver.fetch("select id from events order by log_index")] == ids
    assert await driver.fetchval(EVENT, 9, JANUARY_23) == ids[-1] + 1, "the sequence goes on"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await driver.execute("delete from events")


async def test_line_9_the_conversion_refuses_a_table_with_rows_and_says_what_to_do(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    await assay.migrate.run(database, MIGRATIONS, target_version=VERSIONS[7])
    await driver.fetchval(EVENT, 1, JANUARY_23)
    with pytest.raises(assay.MigrationError, match="events holds rows") as caught:
        await assay.migrate.run(database, MIGRATIONS)
    assert re.search(r"Save the rows .* empty the table .* load the rows again", str(caught.value))
    assert await driver.fetchval("select count(*) from events") == 1
    assert await driver.fetchval("select max(version) from _sqlx_migrations") == VERSIONS[7]


async def test_line_9_what_the_refusal_says_to_do_works(database: DatabaseUrl, driver: asyncpg.Connection) -> None:
    await assay.migrate.run(database, MIGRATIONS, target_version=VERSIONS[7])
    event = await driver.fetchval(EVENT, 1, JANUARY_23)
    saved = [tuple(row) for row in await driver.fetch("select * from events")]
    await driver.execute(
        "alter table events disable trigger user; truncate events; alter table events enable trigger user"
    )
    await assay.migrate.run(database, MIGRATIONS)
    await driver.execute("select ensure_event_chunks($1, $1)", saved[0][-1])
    await driver.copy_records_to_table("events", records=saved)
    assert await driver.fetchval("select id from events") == event


async def test_line_9_timescaledb_that_is_asked_for_and_not_available_is_explained(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    if await driver.fetchval("select count(*) from pg_available_extensions where name = 'timescaledb'"):
        pytest.skip("this server offers TimescaleDB")
    await set_partitions(driver, database, "timescaledb")
    with pytest.raises(assay.MigrationError, match="TimescaleDB is not available on this server") as caught:
        await assay.migrate.run(database, MIGRATIONS)
    assert "Install TimescaleDB on the server, or unset erc8004.partitions" in str(caught.value)


async def test_line_9_a_choice_of_partitions_that_does_not_exist_is_named(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    await set_partitions(driver, database, "weekly")
    with pytest.raises(assay.MigrationError, match="'weekly'; it takes native or timescaledb"):
        await assay.migrate.run(database, MIGRATIONS)


async def test_line_9_a_role_that_may_not_create_the_extension_is_told_who_may(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    if not await driver.fetchval("select count(*) from pg_available_extensions where name = 'pgcrypto'"):
        pytest.skip("this server offers no extension that the migration would create")
    role = f"{database.database}_role"
    await driver.execute(f'create role "{role}"; grant all on schema public to "{role}"')
    try:
        await driver.execute(f'grant "{role}" to current_user; set role "{role}"')
        path = next(MIGRATIONS.glob("*_enable_extensions.up.sql"))
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"{role} may not create the extension") as caught:
            await driver.execute(path.read_text())
        assert "Let a superuser run CREATE EXTENSION" in str(caught.value.hint)
    finally:
        await driver.execute(f'reset role; drop owned by "{role}"; drop role "{role}"')


async def set_partitions(driver: asyncpg.Connection, url: DatabaseUrl, choice: str) -> None:
    await driver.execute(f"alter database \"{url.database}\" set erc8004.partitions = '{choice}'")
