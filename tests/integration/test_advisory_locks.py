"""A lock is held by one block at a time, and released whatever ends the block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fixtures.surfaces import only_async

import assay
from assay import sync
from assay.config import DatabaseUrl
from assay.runtime.advisory import lock_of

HELD = (
    "select count(*) from pg_locks where locktype = 'advisory'"
    " and database = (select oid from pg_database where datname = current_database())"
)


@pytest.fixture
async def pool(surface: Any, cleared_18: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    async with surface.Pool(cleared_18, min_connections=1, max_connections=3, acquire_timeout=5) as pool:
        yield pool


@pytest.fixture(params=["pool", "connection"])
async def db(
    request: pytest.FixtureRequest, surface: Any, pool: assay.Pool, cleared_18: DatabaseUrl
) -> AsyncIterator[Any]:
    if request.param == "pool":
        yield pool
        return
    async with await surface.connect(cleared_18) as connection:
        yield connection


async def held(pool: assay.Pool) -> int:
    return await pool.fetch_one(int, HELD)


@pytest.mark.parametrize("key", [0, -(2**63), 2**63 - 1, (1, -(2**31)), "nightly", "Ünïcode\n'"])
async def test_lock_is_held_for_the_block(db: Any, pool: assay.Pool, key: Any) -> None:
    async with db.advisory_lock(key) as connection:
        assert await held(pool) == 1
        assert await connection.fetch_one(int, HELD + " and pid = pg_backend_pid()") == 1
        async with pool.try_advisory_lock(key) as other:
            assert other is None
        async with db.advisory_lock("another") if db is not pool else connection.advisory_lock("another"):
            assert await held(pool) == 2
    assert await held(pool) == 0
    async with pool.try_advisory_lock(key) as other:
        assert isinstance(getattr(other, "inner", other), (assay.Connection, sync.Connection))
    assert await held(pool) == 0


async def test_lock_is_waited_for(pool: assay.Pool) -> None:
    order: list[str] = []

    async def second() -> None:
        async with pool.advisory_lock("one"):
            order.append("second")

    async with pool.advisory_lock("one"):
        task = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        order.append("first")
    await task
    assert order == ["first", "second"]


async def test_shared_locks_are_held_together(pool: assay.Pool) -> None:
    async with pool.advisory_lock("one", shared=True), pool.try_advisory_lock("one", shared=True) as second:
        assert second is not None
        async with pool.try_advisory_lock("one") as third:
            assert third is None
    assert await held(pool) == 0


async def test_lock_that_is_not_free_in_time_is_told(db: Any, pool: assay.Pool) -> None:
    async with pool.advisory_lock("one"):
        with pytest.raises(assay.LockNotAvailable, match=r"lock 'one' was not free within 0\.1 s"):
            async with db.advisory_lock("one", timeout=0.1):
                pytest.fail("two blocks hold the lock")
        assert await db.fetch_one(int, "select 1") == 1
    async with db.advisory_lock("one", timeout=1):
        assert await held(pool) == 1


async def test_exception_releases_the_lock(db: Any, pool: assay.Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.advisory_lock("one"):
            _ = 1 / 0
    assert await held(pool) == 0


@only_async
async def test_cancellation_in_the_block_releases_the_lock(db: Any, pool: assay.Pool) -> None:
    for sleeping in ("server", "client"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), db.advisory_lock("one") as connection:
                if sleeping == "server":
                    await connection.execute("select pg_sleep(60)")
                await asyncio.sleep(60)
        assert await held(pool) == 0
    assert await db.fetch_one(int, "select 1") == 1


@only_async
async def test_cancellation_while_waiting_takes_no_lock(db: Any, pool: assay.Pool) -> None:
    async with pool.advisory_lock("one"):
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05), db.advisory_lock("one"):
                    pytest.fail("two blocks hold the lock")
        assert await held(pool) == 1
    assert await held(pool) == 0
    assert await db.fetch_one(int, "select 1") == 1


async def test_failed_transaction_left_open_does_not_keep_the_lock(pool: assay.Pool) -> None:
    with pytest.raises(assay.DataError):
        async with pool.advisory_lock("one") as connection:
            await connection.execute("begin")
            await connection.execute("select 1 / 0")
    async with pool.advisory_lock("one", timeout=5):
        pass


@only_async
async def test_lost_connection_ends_the_block(db: Any, pool: assay.Pool) -> None:
    async with pool.acquire() as other:
        with pytest.raises(assay.ConnectionLost, match="held the advisory lock 'one' was lost while its block ran"):
            async with asyncio.timeout(20), db.advisory_lock("one") as connection:
                await other.execute(
                    "select pg_terminate_backend($1)", await connection.fetch_one(int, "select pg_backend_pid()")
                )
                await asyncio.sleep(60)
    async with pool.advisory_lock("one", timeout=5):
        pass


@only_async
async def test_exception_of_the_block_is_not_hidden_by_a_lost_connection(pool: assay.Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with pool.advisory_lock("one") as connection:
            connection.driver.terminate()
            _ = 1 / 0
    with pytest.raises(assay.ConnectionLost, match="held the advisory lock 'one' was lost"):
        async with pool.advisory_lock("one") as connection:
            connection.driver.terminate()


@only_async
async def test_timeout_of_the_caller_stays_a_timeout(pool: assay.Pool) -> None:
    with pytest.raises(TimeoutError):
        async with pool.advisory_lock("one"), asyncio.timeout(0.05):
            await asyncio.sleep(60)


async def test_lock_inside_of_a_transaction_is_refused(pool: assay.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        with pytest.raises(assay.UsageError, match="take it before the transaction begins"):
            async with connection.advisory_lock("one"):
                pass


async def test_clean_release_leaves_nothing_to_mend(pool: assay.Pool) -> None:
    before = pool.stats().mended
    async with pool.advisory_lock("one"):
        pass
    async with pool.try_advisory_lock("one"):
        pass
    assert pool.stats().mended == before


async def test_hash_of_a_text_can_be_had_in_sql(pool: assay.Pool) -> None:
    sql = "select ('x' || left(encode(sha256(convert_to($1, 'UTF8')), 'hex'), 16))::bit(64)::bigint"
    for text in ("nightly", "Ünïcode", "a" * 1000):
        assert (await pool.fetch_one(int, sql, text),) == lock_of(text).numbers
    assert lock_of("nightly").numbers == (3043134503785307926,)


@pytest.mark.parametrize("key", ["", True, 2**63, (1, 2, 3), (1, 2**31), None, 1.5, b"a"])
def test_what_is_no_key_is_refused(key: Any) -> None:
    with pytest.raises(assay.UsageError, match="is no key of an advisory lock; it takes a text, an integer of 64 bits"):
        lock_of(key)
