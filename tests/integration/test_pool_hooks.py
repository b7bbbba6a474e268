"""Hooks see every connection at the moments that they are for, and decide whether it is kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.fixtures.bouncer import Way, eventually, hold

import assay
from assay.config import DatabaseUrl

ASYNC_WAYS = pytest.mark.parametrize("every_way", ["direct", "pgbouncer"], indirect=True)
"""For a hook that is cancelled, as a thread cannot be."""
SETTING = "select current_setting('my.tenant', true)"


@pytest.fixture
def way(every_way: Way) -> Way:
    """Each way, and both surfaces."""
    return every_way


class Told:
    """A hook that counts, and refuses the connection at one of the times."""

    def __init__(self, refuse: int = 0) -> None:
        self.connections: list[assay.Connection] = []
        self.refuse = refuse

    async def __call__(self, connection: assay.Connection) -> bool:
        assert await connection.fetch_one(int, "select 1") == 1
        self.connections.append(connection)
        return self.times != self.refuse

    @property
    def times(self) -> int:
        return len(self.connections)


async def set_tenant(connection: assay.Connection) -> None:
    await connection.execute("select set_config('my.tenant', 'acme', false)")


async def test_after_connect_is_called_once_for_each_connection(way: Way) -> None:
    hook: Any = Told()
    async with way.pool(min_connections=1, max_connections=3, after_connect=hook) as pool:
        assert hook.times == 1
        async with await hold(pool, 3):
            assert hook.times == 3
        await pool.execute("select 1")
        assert hook.times == 3
        with pytest.raises(assay.UsageError, match="went back to its pool"):
            await hook.connections[0].execute("select 1")


@pytest.mark.parametrize("reset", ["auto", "always"])
async def test_what_after_connect_sets_outlives_a_reset(surface: Any, database_18: DatabaseUrl, reset: Any) -> None:
    async with surface.Pool(
        database_18, max_connections=1, min_connections=1, reset=reset, after_connect=set_tenant
    ) as pool:
        assert await pool.fetch_one(str, SETTING) == "acme"
        await pool.execute("select set_config('my.tenant', 'other', false)")
        assert await pool.fetch_one(str, SETTING) == "acme"
        assert pool.stats().opened == 1


async def test_what_after_connect_sets_is_not_taken_for_something_left_behind(
    surface: Any, database_18: DatabaseUrl
) -> None:
    async with surface.Pool(database_18, after_connect=set_tenant) as pool:
        await pool.execute("select 1")
        assert pool.stats().mended == 0


async def test_after_connect_that_fails_is_told_and_leaves_no_connection(
    surface: Any, database_18: DatabaseUrl
) -> None:
    async def refuse(connection: assay.Connection) -> None:
        raise ValueError("no tenant")

    with pytest.raises(assay.PoolError, match=r"The pool's hook after_connect failed.*: ValueError: no tenant"):
        await surface.Pool.open(database_18, after_connect=refuse)
    async with await assay.connect(database_18) as outside:
        others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"

        async def gone() -> bool:
            return await outside.fetch_one(int, others) == 0

        await eventually(gone)


async def test_after_connect_that_begins_to_fail_is_told_to_those_who_wait(way: Way) -> None:
    fails = False

    async def sometimes(connection: assay.Connection) -> None:
        if fails:
            raise ValueError("not any more")

    async with way.pool(min_connections=0, max_connections=2, after_connect=sometimes) as pool:
        pool.drain()
        fails = True
        with pytest.raises(assay.PoolError, match="not any more"):
            await pool.fetch_one(int, "select 1")
        fails = False
        assert await pool.fetch_one(int, "select 1") == 1


async def test_before_acquire_sees_every_connection_and_may_refuse_it(way: Way) -> None:
    hook = Told(refuse=3)
    async with way.pool(min_connections=1, max_connections=2, before_acquire=hook) as pool:
        await pool.execute("select 1")
        async with pool.transaction():
            pass
        assert (hook.times, pool.stats().opened) == (2, 1)
        assert await pool.fetch_one(int, "select 1") == 1
        assert (hook.times, pool.stats().closed) == (4, 1)


@ASYNC_WAYS
async def test_before_acquire_that_hangs_ends_with_the_acquire_timeout(way: Way) -> None:
    async def hang(connection: assay.Connection) -> None:
        await asyncio.sleep(60)

    async with way.pool(max_connections=2, acquire_timeout=0.05, before_acquire=hang) as pool:
        with pytest.raises(assay.PoolTimeout):
            await pool.execute("select 1")
        assert (pool.stats().in_use, pool.stats().timeouts) == (0, 1)


async def test_after_release_sees_a_clean_connection_and_may_close_it(way: Way) -> None:
    found: list[str] = []

    async def look(connection: assay.Connection) -> bool:
        state = "select coalesce(pg_current_xact_id_if_assigned()::text, 'none')"
        found.append(await connection.fetch_one(str, state))
        return len(found) != 2

    async with way.pool(min_connections=0, max_connections=1, after_release=look) as pool:
        async with pool.acquire() as connection:
            await connection.execute("begin; select pg_current_xact_id()")
        await pool.execute("select 1")
        await pool.execute("select 1")
        await eventually(lambda: len(found) == 3 and not pool.stats().mending)
        assert found == ["none"] * 3
        assert (pool.stats().opened, pool.stats().closed) == (2, 1)


async def test_what_after_release_leaves_does_not_reach_the_next_user(surface: Any, database_18: DatabaseUrl) -> None:
    async with surface.Pool(database_18, min_connections=1, max_connections=1, after_release=set_tenant) as pool:
        await pool.execute("select 1")
        assert await pool.fetch_one(str | None, "select nullif(current_setting('my.tenant', true), '')") is None


@pytest.mark.parametrize("hook", ["before_acquire", "after_release", "after_connect"])
async def test_hook_that_leaves_a_transaction_open_loses_the_connection(way: Way, hook: str) -> None:
    calls = 0

    async def begin(connection: assay.Connection) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            await connection.execute("begin")

    pool = way.pool(min_connections=0, max_connections=1, **{hook: begin})
    if hook == "after_release":
        async with pool:
            await pool.execute("select 1")
            assert await pool.fetch_one(int, "select 1") == 1
            assert pool.stats().closed == 1
        return
    with pytest.raises(assay.PoolError, match=rf"The pool's hook {hook} failed.*left a transaction open"):
        async with pool:
            await pool.execute("select 1")
    assert pool.stats().open == 0
