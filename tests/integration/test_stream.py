"""Rows come in batches from a cursor, and the connection is free again however the loop ends."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.fixtures.surfaces import only_async

import assay
from assay import sync
from assay.config import DatabaseUrl

NUMBERS = "select number from generate_series(1, $1::int) number"
FAILING = "select 10 / (6 - number) from generate_series(1, 9) number"


@dataclass(frozen=True, slots=True)
class Reading:
    number: int
    double: int


@pytest.fixture
async def pool(surface: Any, cleared: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    async with surface.Pool(cleared, min_connections=1, max_connections=1, acquire_timeout=5) as pool:
        await pool.execute("create table seen (number int)")
        yield pool


@pytest.fixture(params=["pool", "connection", "transaction"])
async def db(request: pytest.FixtureRequest, surface: Any, cleared_18: DatabaseUrl) -> AsyncIterator[Any]:
    async with surface.Pool(cleared_18, min_connections=1, max_connections=1, acquire_timeout=5) as pool:
        match request.param:
            case "pool":
                yield pool
            case "connection":
                async with await surface.connect(cleared_18) as connection:
                    yield connection
            case "transaction":
                async with pool.transaction() as tx:
                    yield tx


async def seen(pool: assay.Pool) -> list[int]:
    return await pool.fetch_all(int, "select number from seen order by number")


async def is_whole(pool: assay.Pool) -> bool:
    """Whether the pool's only connection is free, works, and is in no transaction."""
    backend = "select count(*) from pg_stat_activity where pid = pg_backend_pid() and backend_xid is null"
    return await pool.fetch_one(int, backend) == 1 and pool.stats().in_use == 0


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 20, 25])
async def test_every_row_comes_once_and_in_order(db: assay.Executor, rows: int) -> None:
    assert [number async for number in db.stream(int, NUMBERS, rows, batch=10)] == [*range(1, rows + 1)]
    assert await db.fetch_one(int, "select 1") == 1


async def test_rows_are_of_the_class(db: assay.Executor) -> None:
    sql = "select number, number * 2 as double from generate_series(1, :count) number"
    assert [row async for row in db.stream(Reading, sql, count=2)] == [Reading(1, 2), Reading(2, 4)]


async def test_loops_are_told_from_each_other(db: assay.Executor) -> None:
    async with db.stream(int, NUMBERS, 4, batch=1) as outer:
        pairs = [(a, [b async for b in db.stream(int, NUMBERS, a, batch=1)]) async for a in outer] if is_own(db) else []
    assert pairs == ([(a, [*range(1, a + 1)]) for a in range(1, 5)] if is_own(db) else [])


def is_own(db: assay.Executor) -> bool:
    """Whether several cursors can be open at once; a pool of one connection has none left for the inner one."""
    return not isinstance(getattr(db, "inner", db), (assay.Pool, sync.Pool))


async def test_connection_is_back_before_the_last_batch_is_handed_out(pool: assay.Pool) -> None:
    in_use = [pool.stats().in_use async for _ in pool.stream(int, NUMBERS, 25, batch=10)]
    assert in_use == [1] * 20 + [0] * 5


async def test_loop_left_early_gives_the_connection_back(pool: assay.Pool) -> None:
    async for number in pool.stream(int, NUMBERS, 100, batch=10):
        if number == 3:
            break
    assert await is_whole(pool)


async def test_block_left_early_gives_the_connection_back_at_once(pool: assay.Pool) -> None:
    async with pool.stream(int, NUMBERS, 100, batch=10) as numbers:
        async for number in numbers:
            if number == 3:
                break
    assert pool.stats().in_use == pool.stats().mending == 0
    with pytest.raises(StopAsyncIteration):
        await anext(numbers)


async def test_exception_in_the_loop_gives_the_connection_back(pool: assay.Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async for number in pool.stream(int, NUMBERS, 100, batch=10):
            _ = 1 / (number - 15)
    assert await is_whole(pool)


async def test_exception_in_the_block_gives_the_connection_back(pool: assay.Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with pool.stream(int, NUMBERS, 100, batch=10) as numbers:
            _ = 1 / (await anext(numbers) - 1)
    assert await is_whole(pool)


async def test_error_of_the_server_midway_passes_on_after_what_came_before(pool: assay.Pool) -> None:
    got = []
    with pytest.raises(assay.DataError, match="division by zero"):
        async for number in pool.stream(int, FAILING, batch=2):
            got.append(number)  # noqa: PERF401 - what came before the error counts
    assert got == [2, 2, 3, 5]
    assert await is_whole(pool)


async def test_stream_that_nobody_refers_to_gives_the_connection_back(pool: assay.Pool) -> None:
    numbers = pool.stream(int, NUMBERS, 100, batch=10)
    assert await anext(numbers) == 1
    circle: list[object] = [numbers]
    circle.append(circle)
    del numbers, circle
    gc.collect()
    assert await is_whole(pool)


@only_async
async def test_stream_collected_in_another_thread_gives_the_connection_back(pool: assay.Pool) -> None:
    held = [pool.stream(int, NUMBERS, 100, batch=10)]
    await anext(held[0])
    await asyncio.to_thread(held.clear)
    assert await is_whole(pool)


async def test_stream_that_outlives_its_loop_is_no_error(cleared_18: DatabaseUrl) -> None:
    held: list[Any] = []

    async def leave_open() -> None:
        async with assay.Pool(cleared_18, min_connections=1, max_connections=1) as pool:
            held.append(pool.stream(int, NUMBERS, 100, batch=10))
            await anext(held[0])
            held.append(pool)
            await pool.close(timeout=0)

    await asyncio.to_thread(asyncio.run, leave_open())
    held.clear()
    gc.collect()


async def test_stream_closed_by_hand_gives_the_connection_back(pool: assay.Pool) -> None:
    numbers = pool.stream(int, NUMBERS, 100, batch=10)
    assert await anext(numbers) == 1
    await numbers.aclose()
    await numbers.aclose()
    assert pool.stats().in_use == 0
    with pytest.raises(StopAsyncIteration):
        await anext(numbers)


@only_async
async def test_cancellation_in_a_batch_gives_the_connection_back(pool: assay.Pool) -> None:
    slow = "select number from generate_series(1, 9) number where number < 4 or pg_sleep(60) is null"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            async for _ in pool.stream(int, slow, batch=2):
                pass
    assert await is_whole(pool)


@only_async
async def test_cancellation_in_the_loop_gives_the_connection_back(pool: assay.Pool) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            async for _ in pool.stream(int, NUMBERS, 100, batch=10):
                await asyncio.sleep(60)
    assert await is_whole(pool)


async def test_stream_left_early_leaves_its_transaction_going(pool: assay.Pool) -> None:
    async with pool.transaction() as tx:
        async for number in tx.stream(int, NUMBERS, 100, batch=10):
            await tx.execute("insert into seen values ($1)", number)
            if number == 12:
                break
        assert await tx.fetch_one(int, "select count(*) from pg_cursors where name <> ''") == 0
        await tx.execute("alter table seen add column more int")
    assert await pool.fetch_one(int, "select count(*) from seen") == 12


async def test_cursor_of_a_savepoint_that_was_rolled_back_does_no_harm(pool: assay.Pool) -> None:
    async with pool.transaction() as tx:
        with pytest.raises(ZeroDivisionError):
            async with tx.transaction() as inner:
                numbers = inner.stream(int, NUMBERS, 100, batch=10)
                _ = 1 / (await anext(numbers) - 1)
        del numbers
        await tx.execute("insert into seen values (1)")
    assert await pool.fetch_one(int, "select count(*) from seen") == 1


async def test_stream_ends_with_its_transaction(pool: assay.Pool) -> None:
    async with pool.transaction() as tx:
        numbers = tx.stream(int, NUMBERS, 100, batch=10)
        first = [await anext(numbers) for _ in range(10)]
    assert first == [*range(1, 11)]
    with pytest.raises(assay.UsageError, match="The transaction has ended"):
        await anext(numbers)


async def test_stream_ends_with_its_connection(pool: assay.Pool) -> None:
    async with pool.acquire() as connection:
        numbers = connection.stream(int, NUMBERS, 100, batch=1)
        assert await anext(numbers) == 1
    with pytest.raises(assay.UsageError, match="its connection went back to the pool"):
        await anext(numbers)
    assert await is_whole(pool)


async def test_connection_is_not_left_in_the_streams_transaction(pool: assay.Pool) -> None:
    async with pool.acquire() as connection:
        async for number in connection.stream(int, NUMBERS, 100, batch=10):
            if number == 3:
                break
        assert await connection.execute("insert into seen values (1)") == 1
    assert await pool.fetch_one(int, "select count(*) from seen") == 1


async def test_stream_in_a_transaction_may_write(pool: assay.Pool) -> None:
    await pool.execute("insert into seen select generate_series(1, 3)")
    async with pool.transaction() as tx:
        assert [number async for number in tx.stream(int, "delete from seen returning number", batch=2)] == [1, 2, 3]


WRITES = [
    "insert into seen select generate_series(1, 7) returning number",
    "with made as (insert into seen select generate_series(1, 7) returning number) select number from made",
    "with wanted as (select generate_series(1, 7) as n) insert into seen select n from wanted returning number",
]


@pytest.mark.parametrize("sql", WRITES)
async def test_stream_on_a_pool_may_write(pool: assay.Pool, sql: Any) -> None:
    assert [number async for number in pool.stream(int, sql, batch=3)] == [*range(1, 8)]
    assert await seen(pool) == [*range(1, 8)]
    assert pool.stats().in_use == 0


@pytest.mark.parametrize("locking", ["for update", "for no key update", "for share", "FOR KEY SHARE"])
async def test_stream_on_a_pool_may_lock_rows(pool: assay.Pool, cleared: DatabaseUrl, locking: str) -> None:
    await pool.execute("insert into seen select generate_series(1, 5)")
    sql: Any = f"select number from seen {locking}"
    async with await assay.connect(cleared) as other, pool.stream(int, sql, batch=5) as numbers:
        assert [await anext(numbers) for _ in range(5)] == [1, 2, 3, 4, 5]
        assert not await other.fetch_all(int, "select number from seen for update skip locked")


async def test_block_around_a_stream_that_is_left_early_commits_all_that_was_written(pool: assay.Pool) -> None:
    async with pool.stream(int, WRITES[0], batch=2) as numbers:
        async for number in numbers:
            if number == 3:
                break
    assert await seen(pool) == [*range(1, 8)]


async def test_stream_that_fails_writes_nothing(pool: assay.Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with pool.stream(int, WRITES[0], batch=2) as numbers:
            async for _ in numbers:
                raise ZeroDivisionError
    assert await seen(pool) == []


async def test_loop_that_is_left_early_writes_nothing(pool: assay.Pool) -> None:
    async for number in pool.stream(int, WRITES[0], batch=2):
        if number == 3:
            break
    gc.collect()
    assert await seen(pool) == []


async def test_stream_of_a_function_that_writes_is_told_where_it_could(pool: assay.Pool) -> None:
    await pool.execute(
        "create function note() returns int language sql as 'insert into seen values (1) returning number'"
    )
    with pytest.raises(assay.ReadOnlyTransaction, match=r"so open it inside of a transaction\(\) block"):
        await anext(pool.stream(int, "select note()"))


async def test_stream_waits_for_a_connection_only_so_long(cleared_18: DatabaseUrl) -> None:
    async with assay.Pool(cleared_18, min_connections=1, max_connections=1, acquire_timeout=0.1) as pool:
        async with pool.stream(int, NUMBERS, 100, batch=10) as numbers:
            with pytest.raises(assay.PoolTimeout):
                await anext(pool.stream(int, NUMBERS, 1))
            assert len([number async for number in numbers]) == 100
        assert pool.stats().in_use == 0


async def test_wrong_statement_or_argument_is_told_as_elsewhere(pool: assay.Pool) -> None:
    with pytest.raises(assay.ParameterError, match=r"takes 1 parameter \(\$1\), 2 given"):
        pool.stream(int, NUMBERS, 1, 2)
    with pytest.raises(assay.UsageError, match="batch is 0; it takes the number of rows"):
        pool.stream(int, NUMBERS, 1, batch=0)
    with pytest.raises(assay.RowClassError, match="the statement returns 2 columns"):
        await anext(pool.stream(int, "select 1, 2"))
    with pytest.raises(assay.StatementError):
        await anext(pool.stream(int, "select missing"))
    assert await is_whole(pool)


@only_async
async def test_changed_schema_is_noticed_between_streams(pool: assay.Pool) -> None:
    await pool.execute("insert into seen values (1)")
    for change in ("alter table seen alter number type bigint", "deallocate all", "alter table seen add more int"):
        sql = "select * from seen"
        assert [row[0] async for row in pool.stream(tuple[int | None, ...], sql)] == [1]
        await pool.execute(change)
    assert [row async for row in pool.stream(tuple[int | None, ...], "select * from seen")] == [(1, None)]


async def test_lost_connection_is_told(pool: assay.Pool, cleared: DatabaseUrl) -> None:
    numbers = pool.stream(int, NUMBERS, 100, batch=10)
    await anext(numbers)
    async with await assay.connect(cleared) as other:
        sql = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> $1"
        await other.execute(sql, await other.fetch_one(int, "select pg_backend_pid()"))
        with pytest.raises(assay.ConnectionLost):
            async for _ in numbers:
                pass
    assert await is_whole(pool)
