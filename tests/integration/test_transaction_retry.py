"""Blocks run again when the server could not put them in an order, and only then; timeouts hold for one block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fixtures.surfaces import only_async

import assay
from assay.config import DatabaseUrl
from assay.runtime import attempts as attempts_module

CONFLICT = "do $$ begin raise exception 'conflict' using errcode = '40001'; end $$"
SETTINGS = (
    "select array[current_setting('statement_timeout'), current_setting('lock_timeout'),"
    " current_setting('idle_in_transaction_session_timeout')]"
)


@pytest.fixture
async def pool(surface: Any, cleared_18: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[assay.Pool]:
    monkeypatch.setattr(attempts_module, "RETRY_DELAYS", (0.001, 0.01))
    async with surface.Pool(cleared_18, min_connections=1, max_connections=4, acquire_timeout=5) as pool:
        await pool.execute(
            "create table account (id int primary key, balance int not null);"
            "insert into account values (1, 100), (2, 100);"
            "create table twin (id int primary key, other int references twin deferrable initially deferred)"
        )
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


async def test_block_without_conflict_runs_once(db: Any) -> None:
    numbers = []
    async for attempt in db.transaction(retry=3):
        async with attempt as tx:
            numbers.append(attempt.number)
            await tx.execute("update account set balance = 1")
    assert numbers == [1]
    assert await db.fetch_all(int, "select balance from account") == [1, 1]


async def test_block_runs_again_after_a_conflict(db: Any) -> None:
    numbers = []
    async for attempt in db.transaction(retry=3):
        async with attempt as tx:
            numbers.append(attempt.number)
            await tx.execute("update account set balance = balance + 1 where id = 1")
            if attempt.number < 3:
                await tx.execute(CONFLICT)
    assert numbers == [1, 2, 3]
    assert await db.fetch_one(int, "select balance from account where id = 1") == 101


async def test_last_conflict_passes_on(db: Any) -> None:
    numbers = []
    with pytest.raises(assay.SerializationFailure, match="conflict"):
        async for attempt in db.transaction(retry=2):
            async with attempt as tx:
                numbers.append(attempt.number)
                await tx.execute(CONFLICT)
    assert numbers == [1, 2, 3]
    assert await db.fetch_one(int, "select 1") == 1


async def test_other_error_passes_on_at_once(db: Any) -> None:
    numbers = []
    with pytest.raises(assay.DataError):
        async for attempt in db.transaction(retry=2):
            async with attempt as tx:
                numbers.append(attempt.number)
                await tx.execute("select 1 / 0")
    assert numbers == [1]


async def test_conflict_of_commit_is_run_again(pool: assay.Pool) -> None:
    """Write skew: both read both accounts, and each empties one; the second COMMIT or update is refused."""

    async def withdraw(number: int, ready: asyncio.Barrier) -> int:
        tries = 0
        async for attempt in pool.transaction(isolation="serializable", retry=5):
            async with attempt as tx:
                tries += 1
                total = await tx.fetch_one(int, "select sum(balance) from account")
                if attempt.number == 1:
                    await ready.wait()
                if total >= 200:
                    await tx.execute("update account set balance = balance - 100 where id = $1", number)
        return tries

    ready = asyncio.Barrier(2)
    tries = await asyncio.gather(withdraw(1, ready), withdraw(2, ready))
    assert sorted(tries) == [1, 2]
    assert await pool.fetch_one(int, "select sum(balance) from account") == 100


async def test_deadlock_is_run_again(pool: assay.Pool) -> None:
    async def move(first: int, second: int, ready: asyncio.Barrier) -> None:
        async for attempt in pool.transaction(retry=3):
            async with attempt as tx:
                await tx.execute("set local deadlock_timeout = '50ms'")
                await tx.execute("update account set balance = balance - 1 where id = $1", first)
                if attempt.number == 1:
                    await ready.wait()
                await tx.execute("update account set balance = balance + 1 where id = $1", second)

    ready = asyncio.Barrier(2)
    await asyncio.gather(move(1, 2, ready), move(2, 1, ready))
    assert await pool.fetch_all(int, "select balance from account") == [100, 100]


@only_async
async def test_commit_whose_outcome_is_not_known_is_not_run_again(
    surface: Any, pool: assay.Pool, cleared_18: DatabaseUrl
) -> None:
    """The connection is cut while COMMIT checks a constraint."""
    await pool.execute(
        "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return null; end $$;"
        "create constraint trigger slow after insert on twin deferrable initially deferred"
        " for each row execute function slow()"
    )
    tries = []

    async def add() -> None:
        async for attempt in pool.transaction(retry=3):
            async with attempt as tx:
                tries.append(await tx.fetch_one(int, "select pg_backend_pid()"))
                await tx.execute("insert into twin values (1)")

    task = asyncio.create_task(add())
    async with await surface.connect(cleared_18) as other:
        while not await other.fetch_all(
            int, "select pid from pg_stat_activity where wait_event = 'PgSleep' and query = 'commit'"
        ):
            await asyncio.sleep(0.02)
        await other.execute("select pg_terminate_backend($1)", tries[0])
    with pytest.raises(assay.Error) as caught:
        await task
    assert isinstance(caught.value, (assay.ConnectionLost, assay.OperatorIntervention))
    assert len(tries) == 1


@only_async
async def test_no_connection_is_held_between_attempts(pool: assay.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    def pause(_: int) -> float:
        held.append(pool.stats().in_use)
        return 0.0

    monkeypatch.setattr(attempts_module, "pause", pause)
    async for attempt in pool.transaction(retry=1):
        async with attempt as tx:
            if attempt.number == 1:
                await tx.execute(CONFLICT)
    assert held == [0]


@only_async
async def test_cancellation_is_not_an_attempt(pool: assay.Pool) -> None:
    tries = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            async for attempt in pool.transaction(retry=5):
                async with attempt as tx:
                    tries.append(1)
                    await tx.execute("select pg_sleep(60)")
    assert len(tries) == 1


async def test_block_left_early_is_committed_and_the_last(pool: assay.Pool) -> None:
    async for attempt in pool.transaction(retry=5):
        async with attempt as tx:
            await tx.execute("update account set balance = 7")
            break
    assert await pool.fetch_all(int, "select balance from account") == [7, 7]


@only_async
async def test_block_that_runs_again_needs_its_loop(pool: assay.Pool) -> None:
    wrong: Any = pool.transaction(retry=2)
    with pytest.raises(assay.UsageError, match="needs a loop around it: `async for attempt in"):
        async with wrong:
            pass
    with pytest.raises(assay.UsageError, match="inside of that `async with attempt as tx:`"):
        async for _ in pool.transaction(retry=2):
            pass
    with pytest.raises(assay.UsageError, match="retry is -1; it takes how many times"):
        pool.transaction(retry=-1)


async def test_savepoint_is_not_run_again_alone(pool: assay.Pool) -> None:
    async with pool.transaction() as tx:
        with pytest.raises(assay.UsageError, match="retry are the outermost's"):
            async for attempt in tx.transaction(retry=2):
                async with attempt:
                    pass


def test_pauses_grow_are_spread_and_have_a_limit() -> None:
    for failures, longest in [(1, 0.01), (2, 0.02), (3, 0.04), (20, 1.0), (5000, 1.0)]:
        pauses = [attempts_module.pause(failures) for _ in range(200)]
        assert 0 <= min(pauses) < longest / 4
        assert longest * 3 / 4 < max(pauses) <= longest


# --- timeouts


async def test_timeouts_are_set_for_the_block_alone(db: Any) -> None:
    before = await db.fetch_one(list[str], SETTINGS)
    async with db.transaction(statement_timeout=2.5, lock_timeout=0.0001, idle_timeout=60) as tx:
        assert await tx.fetch_one(list[str], SETTINGS) == ["2500ms", "1ms", "1min"]
    async with db.transaction(statement_timeout=0) as tx:
        assert await tx.fetch_one(list[str], SETTINGS) == ["0", *before[1:]]
    assert await db.fetch_one(list[str], SETTINGS) == before


async def test_savepoint_gives_the_timeouts_back(db: Any) -> None:
    async with db.transaction(statement_timeout=5) as tx:
        async with tx.transaction(statement_timeout=1, lock_timeout=2) as inner:
            async with inner.transaction(statement_timeout=3) as innermost:
                assert await innermost.fetch_one(list[str], SETTINGS) == ["3s", "2s", "0"]
            assert await inner.fetch_one(list[str], SETTINGS) == ["1s", "2s", "0"]
        assert await tx.fetch_one(list[str], SETTINGS) == ["5s", "0", "0"]
        with pytest.raises(ZeroDivisionError):
            async with tx.transaction(statement_timeout=1):
                _ = 1 / 0
        assert await tx.fetch_one(list[str], SETTINGS) == ["5s", "0", "0"]


async def test_statement_that_takes_too_long_is_cancelled(db: Any) -> None:
    with pytest.raises(assay.QueryCanceled, match="statement timeout"):
        async with db.transaction(statement_timeout=0.05) as tx:
            await tx.execute("select pg_sleep(60)")
    assert await db.fetch_one(int, "select 1") == 1


async def test_lock_that_is_waited_for_too_long_is_told(db: Any, pool: assay.Pool) -> None:
    async with pool.transaction() as holder:
        await holder.execute("lock table account")
        with pytest.raises(assay.LockNotAvailable, match="lock timeout"):
            async with db.transaction(lock_timeout=0.05) as tx:
                await tx.execute("update account set balance = 0")


async def test_idle_transaction_is_ended_by_the_server(pool: assay.Pool) -> None:
    with pytest.raises(assay.Error) as caught:
        async with pool.transaction(idle_timeout=0.05) as tx:
            await asyncio.sleep(0.5)
            await tx.execute("select 1")
    assert isinstance(caught.value, (assay.ConnectionLost, assay.TransactionError))
    assert await pool.fetch_one(int, "select 1") == 1


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), True, "5s", 1e9])
def test_what_is_no_timeout_is_refused(wrong: Any) -> None:
    pool = assay.Pool("postgresql://nobody@localhost/none")
    with pytest.raises(assay.UsageError, match=r"lock_timeout is .*; it takes seconds, such as"):
        pool.transaction(lock_timeout=wrong)
