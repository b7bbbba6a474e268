"""Where the server offers TimescaleDB: events is a hypertable, and the same functions keep its chunks.

Everything else is tested on whatever the server has; these are about TimescaleDB itself. Name a server that has it in
ASSAY_TEST_URL_18 or ASSAY_TEST_URL_15.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from backends.erc8004.ingest import add_batch
from backends.erc8004.queries import events as stored
from backends.erc8004.tests.conftest import MIGRATIONS
from backends.erc8004.tests.making import batch_of, event, events
from backends.erc8004.tests.test_migrations import VERSIONS, set_partitions

import assay
from assay.config import DatabaseUrl

OFFERED = """
    select exists (select from pg_available_extensions where name = 'timescaledb')
           and current_setting('timescaledb.disable_load', true) is not null
"""
DAY = 86_400


@pytest.fixture
async def offered(driver: asyncpg.Connection) -> asyncpg.Connection:
    """A connection to an empty database of a server that offers TimescaleDB."""
    if not await driver.fetchval(OFFERED):
        pytest.skip("this server does not offer TimescaleDB")
    return driver


async def test_events_is_a_hypertable_of_seven_days(offered: asyncpg.Connection, database: DatabaseUrl) -> None:
    await assay.migrate.run(database, MIGRATIONS)
    row = await offered.fetchrow(
        """
        select column_name, time_interval from timescaledb_information.dimensions
        where hypertable_name = 'events'
        """
    )
    assert row is not None
    assert tuple(row) == ("created_at", timedelta(days=7))


async def test_chunks_come_by_themselves_and_old_ones_are_dropped_by_a_policy(
    offered: asyncpg.Connection, database: DatabaseUrl
) -> None:
    await assay.migrate.run(database, MIGRATIONS)
    now = int(datetime.now(UTC).timestamp())
    async with assay.Pool(database, min_connections=0) as pool:
        for days in (60, 30, 1):
            await add_batch(pool, batch_of([event(days, timestamp=now - days * DAY)]))
        assert await offered.fetchval("select count(*) from show_chunks('events')") == 3
        assert await stored.drop_chunks(pool, timedelta(days=45)) == 1
        assert await stored.drop_chunks(pool, timedelta(days=45)) == 0
    policies = await offered.fetch(
        "select config ->> 'drop_after' from timescaledb_information.jobs where proc_name = 'policy_retention'"
    )
    assert [row[0] for row in policies] == ["45 days"]


async def test_the_conversion_is_reverted_with_the_events(offered: asyncpg.Connection, database: DatabaseUrl) -> None:
    await assay.migrate.run(database, MIGRATIONS)
    async with assay.Pool(database, min_connections=0) as pool:
        await add_batch(pool, batch_of(events(8)))
    await assay.migrate.revert(database, MIGRATIONS, target_version=VERSIONS[7])
    assert await offered.fetchval("select count(*) from events") == 8
    assert await offered.fetchval("select count(*) from timescaledb_information.hypertables") == 0


async def test_a_setting_keeps_native_partitions_where_timescaledb_is_offered(
    offered: asyncpg.Connection, database: DatabaseUrl
) -> None:
    await set_partitions(offered, database, "native")
    await assay.migrate.run(database, MIGRATIONS)
    assert await offered.fetchval("select event_chunks_are_native()")
    assert await offered.fetchval("select count(*) from pg_extension where extname = 'timescaledb'") == 0
