"""AC-6: the pool's limits, each reached."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import pytest
from backends.realitycam.tests.conftest import options_for, pool_for

import assay
from assay.config import DatabaseUrl

OPEN = """
    select count(*) from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
      and application_name <> 'assay testing'
"""


async def open_connections(catalog: asyncpg.Connection) -> int:
    count: int = await catalog.fetchval(OPEN)
    return count


async def until_open(catalog: asyncpg.Connection, wanted: int) -> None:
    """Wait until the server counts so many connections; ten seconds are plenty."""
    async with asyncio.timeout(10):
        while await open_connections(catalog) != wanted:  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0.02)


async def hold(stack: AsyncExitStack, pool: assay.Pool, count: int) -> None:
    for _ in range(count):
        await stack.enter_async_context(pool.acquire())


async def test_ac6_the_defaults_are_2_to_10_connections_30_s_to_acquire_and_10_min_idle(migrated: DatabaseUrl) -> None:
    options = options_for(migrated)
    async with pool_for(options) as pool:
        stats = pool.stats()
    assert (stats.min_connections, stats.max_connections) == (2, 10)
    limits = options.pool
    assert (limits.min_connections, limits.max_connections) == (2, 10)
    assert (limits.acquire_timeout, limits.idle_timeout) == (30.0, 600.0)


async def test_ac6_at_most_10_connections_and_the_11th_waits(
    migrated: DatabaseUrl, catalog: asyncpg.Connection
) -> None:
    async with pool_for(options_for(migrated)) as pool, AsyncExitStack() as stack:
        await hold(stack, pool, 10)
        eleventh = asyncio.create_task(pool.fetch_one(int, "select 11"))
        done, _ = await asyncio.wait([eleventh], timeout=0.3)
        assert not done
        assert await open_connections(catalog) == 10
        await stack.aclose()
        assert await eleventh == 11


async def test_ac6_db_max_connections_sets_the_most(migrated: DatabaseUrl, catalog: asyncpg.Connection) -> None:
    options = options_for(migrated, DB_MAX_CONNECTIONS=3, DB_ACQUIRE_TIMEOUT=0.1)
    async with pool_for(options) as pool, AsyncExitStack() as stack:
        await hold(stack, pool, 3)
        with pytest.raises(assay.PoolTimeout):
            await pool.fetch_one(int, "select 4")
        assert await open_connections(catalog) == 3


async def test_ac6_2_connections_are_open_from_the_start(migrated: DatabaseUrl, catalog: asyncpg.Connection) -> None:
    async with pool_for(options_for(migrated)):
        await until_open(catalog, 2)


async def test_ac6_db_min_connections_sets_the_least(migrated: DatabaseUrl, catalog: asyncpg.Connection) -> None:
    async with pool_for(options_for(migrated, DB_MIN_CONNECTIONS=4)):
        await until_open(catalog, 4)


async def test_ac6_who_waits_longer_than_the_acquire_timeout_is_told(migrated: DatabaseUrl) -> None:
    options = options_for(migrated, DB_MAX_CONNECTIONS=2, DB_ACQUIRE_TIMEOUT=0.2)
    async with pool_for(options) as pool, AsyncExitStack() as stack:
        await hold(stack, pool, 2)
        started = asyncio.get_running_loop().time()
        with pytest.raises(assay.PoolTimeout):
            await pool.fetch_one(int, "select 3")
        assert asyncio.get_running_loop().time() - started >= 0.2


async def test_ac6_idle_connections_above_the_least_are_closed(
    migrated: DatabaseUrl, catalog: asyncpg.Connection
) -> None:
    async with pool_for(options_for(migrated, DB_IDLE_TIMEOUT=0.3)) as pool:
        async with AsyncExitStack() as stack:
            await hold(stack, pool, 6)
            assert await open_connections(catalog) == 6
        await until_open(catalog, 2)
        assert await pool.fetch_one(int, "select 1") == 1


async def test_ac6_closing_leaves_no_connection(migrated: DatabaseUrl, catalog: asyncpg.Connection) -> None:
    async with pool_for(options_for(migrated)):
        pass
    await until_open(catalog, 0)


@pytest.mark.parametrize(
    ("name", "value"), [("DB_MAX_CONNECTIONS", "many"), ("DB_MIN_CONNECTIONS", "11"), ("DB_ACQUIRE_TIMEOUT", "0")]
)
async def test_a_limit_that_cannot_be_used_stops_the_start(migrated: DatabaseUrl, name: str, value: str) -> None:
    with pytest.raises(assay.ConfigurationError, match=name.removeprefix("DB_").lower() + "|" + name):
        async with pool_for(options_for(migrated, **{name: value})):
            pass
