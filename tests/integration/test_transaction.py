"""A block commits at its end and rolls back when anything else ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fixtures.surfaces import only_async

import assay
from assay.config import DatabaseUrl
from assay.runtime.executor import Isolation


@pytest.fixture
async def pool(surface: Any, database_18: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    async with surface.Pool(database_18, min_connections=1, max_connections=3) as pool:
        await pool.execute(
            "create table entry (id int primary key, twin int unique references entry deferrable initially deferred)"
        )
        yield pool


@pytest.fixture(params=["pool", "connection"])
async def source(
    request: pytest.FixtureRequest, surface: Any, pool: assay.Pool, database_18: DatabaseUrl
) -> AsyncIterator[Any]:
    """What transactions are begun on; looked at through ``pool``."""
    if request.param == "pool":
        yield pool
        return
    async with await surface.connect(database_18) as connection:
        yield connection


async def entries(db: assay.Executor) -> list[int]:
    return await db.fetch_all(int, "select id from entry order by id")


async def add(db: assay.Executor, number: int) -> None:
    await db.execute("insert into entry values ($1)", number)


class Stop(Exception):
    pass


async def test_block_is_committed_at_its_end(source: Any, pool: assay.Pool) -> None:
    async with source.transaction() as tx:
        await add(tx, 1)
        assert await entries(pool) == []
    assert await entries(pool) == [1]


async def test_exception_rolls_back_and_passes_on(source: Any, pool: assay.Pool) -> None:
    with pytest.raises(Stop):
        async with source.transaction() as tx:
            await add(tx, 1)
            raise Stop
    assert await entries(pool) == []
    async with source.transaction() as tx:
        await add(tx, 2)
    assert await entries(pool) == [2]


@only_async
async def test_cancellation_in_a_statement_rolls_back(source: Any, pool: assay.Pool) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), source.transaction() as tx:
            await add(tx, 1)
            await tx.execute("select pg_sleep(60)")
    assert await entries(source) == []
    await add(source, 1)


@only_async
async def test_cancellation_between_statements_rolls_back(source: Any, pool: assay.Pool) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), source.transaction() as tx:
            await add(tx, 1)
            await asyncio.sleep(60)
    assert await entries(source) == []


@only_async
async def test_second_cancellation_during_the_rollback_commits_nothing(source: Any, pool: assay.Pool) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with source.transaction() as tx:
            await add(tx, 1)
            begun.set()
            await tx.execute("select pg_sleep(60)")

    task = asyncio.create_task(work())
    await begun.wait()
    await asyncio.sleep(0.05)
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()
    assert await entries(pool) == []
    await add(pool, 1)


async def test_commit_that_fails_is_raised_and_nothing_stays(source: Any, pool: assay.Pool) -> None:
    with pytest.raises(assay.ForeignKeyViolation):
        async with source.transaction() as tx:
            await tx.execute("insert into entry values (1, 7)")
    assert await entries(pool) == []
    await add(source, 1)


async def test_block_that_went_on_after_an_error_is_not_taken_for_committed(source: Any, pool: assay.Pool) -> None:
    with pytest.raises(assay.TransactionError, match="rolled back instead of committed"):
        async with source.transaction() as tx:
            await add(tx, 1)
            with pytest.raises(assay.UniqueViolation):
                await add(tx, 1)
    assert await entries(pool) == []


async def test_transaction_cannot_be_used_outside_of_its_block(source: Any) -> None:
    tx = source.transaction()
    with pytest.raises(assay.UsageError, match="has not begun"):
        await entries(tx)
    async with tx:
        pass
    with pytest.raises(assay.UsageError, match="has ended"):
        await entries(tx)
    with pytest.raises(assay.UsageError, match="begun once"):
        await tx.__aenter__()


async def test_savepoint_is_kept_with_the_whole(source: Any, pool: assay.Pool) -> None:
    async with source.transaction() as tx:
        await add(tx, 1)
        async with tx.transaction() as inner:
            await add(inner, 2)
            async with inner.transaction() as innermost:
                await add(innermost, 3)
        assert await entries(pool) == []
    assert await entries(pool) == [1, 2, 3]


async def test_savepoint_rolls_back_alone(source: Any, pool: assay.Pool) -> None:
    async with source.transaction() as tx:
        await add(tx, 1)
        with pytest.raises(assay.UniqueViolation):
            async with tx.transaction() as inner:
                await add(inner, 2)
                await add(inner, 2)
        with pytest.raises(assay.UsageError, match="has ended"):
            await entries(inner)
        async with tx.transaction() as inner:
            await add(inner, 3)
    assert await entries(pool) == [1, 3]


async def test_savepoint_that_went_on_after_an_error_is_rolled_back_alone(source: Any, pool: assay.Pool) -> None:
    async with source.transaction() as tx:
        await add(tx, 1)
        with pytest.raises(assay.TransactionError, match="aborted"):
            async with tx.transaction() as inner:
                with pytest.raises(assay.UniqueViolation):
                    await add(inner, 1)
        await add(tx, 2)
    assert await entries(pool) == [1, 2]


@only_async
async def test_cancelled_savepoint_rolls_back_alone(source: Any, pool: assay.Pool) -> None:
    async with source.transaction() as tx:
        await add(tx, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), tx.transaction() as inner:
                await add(inner, 2)
                await inner.execute("select pg_sleep(60)")
        await add(tx, 3)
    assert await entries(pool) == [1, 3]


async def test_transaction_on_a_connection_that_has_one_is_a_savepoint(
    surface: Any, database_18: DatabaseUrl, pool: assay.Pool
) -> None:
    async with await surface.connect(database_18) as connection, connection.transaction():
        await add(connection, 1)
        with pytest.raises(Stop):
            async with connection.transaction():
                await add(connection, 2)
                raise Stop
        assert await entries(connection) == [1]
    assert await entries(pool) == [1]


async def test_block_inside_a_transaction_begun_by_hand_is_a_savepoint(
    surface: Any, database_18: DatabaseUrl, pool: assay.Pool
) -> None:
    async with await surface.connect(database_18) as connection:
        await connection.execute("begin")
        async with connection.transaction() as tx:
            await add(tx, 1)
        assert await entries(pool) == []
        await connection.execute("commit")
    assert await entries(pool) == [1]


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
async def test_isolation_is_the_one_asked_for(source: Any, isolation: Isolation) -> None:
    async with source.transaction(isolation=isolation) as tx:
        assert await tx.fetch_one(str, "show transaction_isolation") == isolation


async def test_read_only_transaction_cannot_write(source: Any, pool: assay.Pool) -> None:
    with pytest.raises(assay.ReadOnlyTransaction):
        async with source.transaction(readonly=True) as tx:
            await add(tx, 1)


async def test_deferrable_is_passed_on(source: Any) -> None:
    async with source.transaction(isolation="serializable", readonly=True, deferrable=True) as tx:
        assert await tx.fetch_one(str, "show transaction_deferrable") == "on"


async def test_savepoint_cannot_have_a_mode(source: Any) -> None:
    async with source.transaction() as tx:
        with pytest.raises(assay.UsageError, match="are the outermost's"):
            async with tx.transaction(readonly=True):
                pass
        assert await entries(tx) == []


async def test_unknown_isolation_is_refused(source: Any) -> None:
    with pytest.raises(assay.UsageError, match="no isolation 'snapshot'; it takes 'read committed', 'repeatable read'"):
        source.transaction(isolation="snapshot")


async def test_write_skew_is_a_serialization_failure(pool: assay.Pool) -> None:
    await pool.execute("insert into entry values (1), (2)")
    async with pool.transaction(isolation="serializable") as first:
        await entries(first)
        async with pool.transaction(isolation="serializable") as second:
            await entries(second)
            await second.execute("delete from entry where id = 1")
        with pytest.raises(assay.SerializationFailure):
            async with first.transaction() as inner:
                await inner.execute("delete from entry where id = 2")
    assert await entries(pool) == [2]


async def test_connection_lost_in_a_block_is_told_and_nothing_stays(source: Any, pool: assay.Pool) -> None:
    with pytest.raises(Stop):
        async with source.transaction() as tx:
            await add(tx, 1)
            pid = await tx.fetch_one(int, "select pg_backend_pid()")
            await pool.fetch_one(bool, "select pg_terminate_backend($1, 5000)", pid)
            with pytest.raises((assay.ConnectionLost, assay.OperatorIntervention)):
                await add(tx, 2)
            raise Stop
    assert await entries(pool) == []


@only_async
async def test_savepoint_whose_rollback_was_cut_short_dooms_the_whole(source: Any, pool: assay.Pool) -> None:
    async def work() -> None:
        async with source.transaction() as tx:
            await add(tx, 1)
            try:
                async with tx.transaction() as inner:
                    await add(inner, 2)
                    begun.set()
                    await inner.execute("select pg_sleep(60)")
            except asyncio.CancelledError:
                with pytest.raises(Stop):
                    async with tx.transaction() as sibling:
                        await add(sibling, 3)
                        raise Stop from None
                await add(tx, 4)

    begun = asyncio.Event()
    task = asyncio.create_task(work())
    await begun.wait()
    await asyncio.sleep(0.05)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(assay.TransactionError):
        await task
    assert await entries(pool) == []
    await add(source, 1)


async def test_statement_left_running_by_a_block_does_not_reach_the_next(pool: assay.Pool) -> None:
    with pytest.raises(Stop):
        async with pool.transaction() as tx:
            await add(tx, 1)
            running = asyncio.create_task(tx.execute("select pg_sleep(1)"))
            await asyncio.sleep(0.05)
            raise Stop
    assert await entries(pool) == []
    assert pool.stats().in_use == 0
    with pytest.raises(assay.ConnectionLost):
        await running
