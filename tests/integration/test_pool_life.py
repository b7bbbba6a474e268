"""A pool is warmed up, resized, drained and closed while tasks use it, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from tests.fixtures.bouncer import Way, eventually, hold

import assay
from assay.config import DatabaseUrl

ASYNC_WAYS = pytest.mark.parametrize("every_way", ["direct", "pgbouncer"], indirect=True)
"""For tests of cancellation, and of the function that a task awaits in."""
PID = "select pg_backend_pid()"
ACTIVE = "select count(*) from pg_stat_activity where datname = current_database() and query ~ 'pg_slee' and pid <> pg_backend_pid() and state = 'active'"


@pytest.fixture
def way(every_way: Way) -> Way:
    """Each way, and both surfaces."""
    return every_way


async def test_warm_up_opens_connections_and_prepares_statements(surface: Any, database_18: DatabaseUrl) -> None:
    prepared = "select count(*) from pg_prepared_statements where statement = 'select 40 + $1'"
    async with surface.Pool(database_18, min_connections=1, max_connections=4) as pool:
        await pool.warm_up("select 40 + $1", "select 1 [[where $1 = 1]]", connections=3)
        assert (pool.stats().open, pool.stats().idle) == (3, 3)
        async with await hold(pool, 2):
            assert await pool.fetch_one(int, prepared) == 1
        await pool.warm_up()
        assert pool.stats().open == 4


async def test_warm_up_works_through_whatever_is_in_between(way: Way) -> None:
    async with way.pool(min_connections=0, max_connections=3) as pool:
        await pool.warm_up("select 40 + $1")
        assert (pool.stats().open, await pool.fetch_one(int, "select 40 + $1", 2)) == (3, 42)


async def test_warm_up_with_a_broken_statement_says_so_and_keeps_the_connections(way: Way) -> None:
    async with way.pool(min_connections=2) as pool:
        with pytest.raises(assay.StatementError, match="nothing"):
            await pool.warm_up("select nothing", connections=2)
        assert (pool.stats().in_use, await pool.fetch_one(int, "select 1")) == (0, 1)


@ASYNC_WAYS
async def test_warm_up_that_is_cancelled_leaves_the_pool_whole(way: Way) -> None:
    async with way.pool(min_connections=0, max_connections=5) as pool:
        task = asyncio.create_task(pool.warm_up("select 1"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: pool.stats().opening == 0)
        async with await hold(pool, 5):
            assert pool.stats().open == 5


async def test_more_connections_are_allowed_at_once(way: Way) -> None:
    async with way.pool(min_connections=1, max_connections=1) as pool, pool.acquire():
        waiting = asyncio.create_task(pool.fetch_one(int, "select 1"))
        await eventually(lambda: pool.stats().waiting == 1)
        pool.resize(max_connections=2)
        assert await asyncio.wait_for(waiting, 5) == 1
        assert pool.stats().max_connections == 2


async def test_fewer_connections_are_reached_as_they_come_back(way: Way) -> None:
    async with way.pool(min_connections=1, max_connections=5) as pool:
        async with await hold(pool, 3):
            async with await hold(pool, 2):
                pass
            assert pool.stats().open == 5
            pool.resize(max_connections=2)
            await eventually(lambda: pool.stats().open == 3)
        await eventually(lambda: pool.stats().open == 2)
        assert await asyncio.gather(*(pool.fetch_one(int, "select $1::int", n) for n in range(9))) == list(range(9))
        assert pool.stats().open == 2


async def test_higher_minimum_is_opened_at_once(way: Way) -> None:
    async with way.pool(min_connections=0, max_connections=5) as pool:
        pool.resize(min_connections=4)
        await eventually(lambda: pool.stats().idle == 4)


async def test_limits_that_cannot_be_used_change_nothing(way: Way) -> None:
    async with way.pool(min_connections=2, max_connections=4) as pool:
        with pytest.raises(
            assay.ConfigurationError, match="min_connections is 2; it must be from 0 to max_connections"
        ):
            pool.resize(max_connections=1)
        assert pool.stats().max_connections == 4


async def test_drain_replaces_free_connections_at_once_and_others_when_they_come_back(
    surface: Any, database_18: DatabaseUrl
) -> None:
    async with surface.Pool(database_18, min_connections=2, max_connections=2) as pool:
        async with pool.acquire() as held:
            before = {await held.fetch_one(int, PID), await pool.fetch_one(int, PID)}
            pool.drain()
            assert await pool.fetch_one(int, PID) not in before
            assert await held.fetch_one(int, PID) in before
        async with pool.acquire() as one, pool.acquire() as two:
            after = {await one.fetch_one(int, PID), await two.fetch_one(int, PID)}
        assert not before & after
        assert (pool.stats().opened, pool.stats().closed) == (4, 2)


async def test_drained_pool_sees_new_settings_of_the_role(surface: Any, database_18: DatabaseUrl) -> None:
    async with surface.Pool(database_18, min_connections=2) as pool:
        await pool.execute(
            "do $$ begin execute format('alter database %I set work_mem = ''7MB''', current_database()); end $$"
        )
        pool.drain()
        assert await pool.fetch_one(str, "show work_mem") == "7MB"


# --- closing


async def test_close_cancels_on_the_server_what_outlasts_its_timeout(way: Way, database_18: DatabaseUrl) -> None:
    async with await assay.connect(database_18) as outside:
        pool = await way.opened()
        work = asyncio.create_task(pool.execute("select pg_sleep(600)"))

        async def running(count: int) -> bool:
            return await outside.fetch_one(int, ACTIVE) == count

        await eventually(lambda: running(1))
        await pool.close(timeout=0.01)
        with pytest.raises(assay.ConnectionLost):
            await work
        await eventually(lambda: running(0))


async def test_close_rolls_back_a_transaction_that_outlasts_its_timeout(way: Way, database_18: DatabaseUrl) -> None:
    pool = await way.opened()
    await pool.execute("create table kept (a int)")
    entered = asyncio.Event()

    async def work() -> None:
        async with pool.transaction() as tx:
            await tx.execute("insert into kept values (1)")
            entered.set()
            await asyncio.sleep(600)

    task = asyncio.create_task(work())
    await entered.wait()
    await pool.close(timeout=0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with await assay.connect(database_18) as outside:
        await outside.execute("begin; lock table kept in access exclusive mode; commit")
        assert await outside.fetch_all(int, "select a from kept") == []


async def test_close_that_had_to_cut_is_logged(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    pool = await way.opened()
    stack = await hold(pool, 2)
    with caplog.at_level(logging.WARNING, "assay.pool"):
        await pool.close(timeout=0.01)
    assert "was closed with 2 connections in use after waiting 0.01 s" in caplog.text
    assert "leak_after lets a pool know where they were taken" in caplog.text
    await stack.aclose()


# --- leaks


async def forgetful(pool: assay.Pool) -> None:
    await pool.acquire().__aenter__()


@ASYNC_WAYS
async def test_connection_held_too_long_is_logged_once_with_the_place_where_it_was_taken(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    async with way.pool(leak_after=0.04, max_connections=3) as pool:
        with caplog.at_level(logging.WARNING, "assay.pool"):
            async with pool.transaction() as tx:
                await tx.execute("select 1")
                await asyncio.sleep(0.15)
            await pool.execute("select 1")
    (record,) = caplog.records
    text = record.getMessage()
    assert f"A connection of the pool for {way.url.place} has been in use for 0.0" in text
    here = "test_connection_held_too_long_is_logged_once_with_the_place_where_it_was_taken"
    assert f"it was taken at {__file__}:" in text
    assert f" in {here}, by the task " in text
    assert "1 of at most 3 are in use, and 0 tasks wait for one" in text


@ASYNC_WAYS
async def test_connection_that_is_never_given_back_is_named_when_the_pool_closes(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    pool = await way.opened(leak_after=60)
    await forgetful(pool)
    with caplog.at_level(logging.WARNING, "assay.pool"):
        await pool.close(timeout=0.01)
    assert (
        f"was closed with 1 connections in use after waiting 0.01 s for them, and they were cut; they were taken at {__file__}:"
        in caplog.text
    )
    assert "in forgetful, by the task" in caplog.text
