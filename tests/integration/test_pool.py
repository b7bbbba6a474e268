"""A pool keeps to its limits, serves in order, replaces what is dead, and hands on clean sessions only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, cast

import pytest
from tests.fixtures.bouncer import Way, eventually, hold
from tests.fixtures.surfaces import only_async

import assay
from assay.config import DatabaseUrl

PID = "select pg_backend_pid()"
ASYNC_WAYS = pytest.mark.parametrize("every_way", ["direct", "pgbouncer"], indirect=True)
"""For tests of cancellation."""
CLIENTS = (
    "select count(*) from pg_stat_activity "
    "where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
)


@pytest.fixture
def way(every_way: Way) -> Way:
    """Each way, and both surfaces."""
    return every_way


@pytest.fixture
async def outside(database_18: DatabaseUrl) -> AsyncIterator[assay.Connection]:
    """A connection that is no pool's, for looking at the server and killing sessions."""
    async with await assay.connect(database_18) as connection:
        yield connection


@contextlib.contextmanager
def stopped(database: DatabaseUrl, pid: int) -> Iterator[None]:
    """Let a server process do nothing for a while."""
    if not (database.host or "").startswith("/"):
        pytest.skip("the server's processes are not on this machine")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


# --- limits


async def test_minimum_is_open_from_the_start(way: Way, outside: assay.Connection) -> None:
    async with way.pool(min_connections=3) as pool:
        assert (pool.stats().open, pool.stats().idle) == (3, 3)
        if way.is_straight:
            assert await outside.fetch_one(int, CLIENTS) == 3
    if way.is_straight:
        await eventually(lambda: clients_are(outside, 0))


async def clients_are(outside: assay.Connection, count: int) -> bool:
    return await outside.fetch_one(int, CLIENTS) == count


async def test_maximum_is_never_passed(way: Way, outside: assay.Connection) -> None:
    async with way.pool(min_connections=0, max_connections=3) as pool:
        await asyncio.gather(*(pool.execute("select pg_sleep(0.02)") for _ in range(30)))
        assert pool.stats().opened == 3
        assert await outside.fetch_one(int, CLIENTS) == 3


async def test_waiting_longer_than_the_acquire_timeout_fails_with_numbers(way: Way) -> None:
    async with way.pool(max_connections=2, acquire_timeout=0.05) as pool, await hold(pool, 2):
        with pytest.raises(assay.PoolTimeout) as caught:
            await pool.fetch_one(int, "select 1")
        assert str(caught.value).startswith(f"No connection to {way.url.place} was free after 0.05")
        assert f"2 of at most 2 are in use, 0 being opened, 0 other {way.who} wait; hold connections for" in str(
            caught.value
        )
        assert (pool.stats().timeouts, pool.stats().waited, pool.stats().waiting) == (1, 1, 0)
        assert pool.stats().wait_seconds >= 0.05


async def test_acquire_may_have_a_timeout_of_its_own(way: Way) -> None:
    async with way.pool(max_connections=2) as pool, await hold(pool, 2):
        with pytest.raises(assay.PoolTimeout):
            async with pool.acquire(timeout=0.01):
                pass


async def test_idle_connections_above_the_minimum_are_closed(way: Way) -> None:
    async with way.pool(min_connections=1, max_connections=4, idle_timeout=0.2) as pool:
        async with await hold(pool, 4):
            assert pool.stats().open == 4
        await eventually(lambda: pool.stats().open == 1)
        assert await pool.fetch_one(int, "select 1") == 1


async def test_connections_are_replaced_when_they_are_old(surface: Any, database_18: DatabaseUrl) -> None:
    async with surface.Pool(database_18, min_connections=1, max_connections=1, max_lifetime=0.1) as pool:
        first = await pool.fetch_one(int, PID)
        await asyncio.sleep(0.11)
        assert await pool.fetch_one(int, PID) != first
        await eventually(lambda: pool.stats().opened > 3)


async def test_old_connection_in_use_is_replaced_when_it_comes_back(surface: Any, database_18: DatabaseUrl) -> None:
    async with surface.Pool(database_18, min_connections=1, max_connections=1, max_lifetime=0.1) as pool:
        async with pool.acquire() as connection:
            first = await connection.fetch_one(int, PID)
            await asyncio.sleep(0.15)
            assert await connection.fetch_one(int, PID) == first
        assert await pool.fetch_one(int, PID) != first


# --- order


async def test_connection_used_last_is_lent_first(surface: Any, database_18: DatabaseUrl) -> None:
    async with surface.Pool(database_18, min_connections=5) as pool:
        pids = {await pool.fetch_one(int, PID) for _ in range(10)}
        assert len(pids) == 1


async def test_tasks_are_served_in_the_order_they_came(way: Way) -> None:
    served: list[int] = []

    async def work(pool: assay.Pool, number: int) -> None:
        async with pool.acquire() as connection:
            served.append(number)
            await connection.execute("select 1")

    async with way.pool(min_connections=1, max_connections=1) as pool:
        async with pool.acquire():
            tasks = []
            for number in range(20):
                tasks.append(asyncio.create_task(work(pool, number)))
                await eventually(lambda: pool.stats().waiting == len(tasks))
            if way.can_cancel:
                tasks[3].cancel()
        late = asyncio.create_task(work(pool, 20))
        await asyncio.gather(*tasks, late, return_exceptions=True)
    assert served == [number for number in range(21) if number != 3 or not way.can_cancel]


# --- what died


async def test_connection_that_the_server_closed_is_replaced(way: Way, outside: assay.Connection) -> None:
    async with way.pool(min_connections=2) as pool:
        await outside.fetch_all(
            bool,
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()",
        )
        await asyncio.sleep(0.01)
        assert await pool.fetch_one(int, "select 1") == 1
        await eventually(lambda: pool.stats().open == 2)


async def test_connection_that_dies_in_use_is_replaced(
    surface: Any, database_18: DatabaseUrl, outside: assay.Connection
) -> None:
    async with surface.Pool(database_18, min_connections=1, max_connections=1) as pool:
        async with pool.acquire() as connection:
            pid = await connection.fetch_one(int, PID)
            await outside.fetch_one(bool, "select pg_terminate_backend($1, 5000)", pid)
            with pytest.raises((assay.ConnectionLost, assay.OperatorIntervention)):
                await connection.execute("select 1")
        assert await pool.fetch_one(int, "select 1") == 1


async def test_connection_idle_for_long_is_asked_before_it_is_lent(
    surface: Any, database_18: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.runtime.reserve.LIVENESS_AFTER", 0.0)
    monkeypatch.setattr("assay.runtime.reserve.LIVENESS_TIMEOUT", 0.1)
    async with surface.Pool(database_18, min_connections=1, max_connections=2) as pool:
        assert await pool.fetch_one(int, PID) == await pool.fetch_one(int, PID)
        mute = await pool.fetch_one(int, PID)
        with stopped(database_18, mute):
            assert await pool.fetch_one(int, PID) != mute


async def allow_connections(database: DatabaseUrl, *, allow: bool) -> None:
    async with await assay.connect(database.with_database("postgres")) as admin:
        await admin.execute(cast("Any", f'alter database "{database.database}" allow_connections {allow}'))


async def test_pool_survives_when_no_more_connections_can_be_opened(surface: Any, database_18: DatabaseUrl) -> None:
    async with surface.Pool(database_18, min_connections=1, max_connections=5, acquire_timeout=5) as pool:
        await allow_connections(database_18, allow=False)
        assert await asyncio.gather(*(pool.fetch_one(int, "select $1::int", n) for n in range(20))) == list(range(20))
        assert pool.stats().opened == 1
        async with pool.acquire():
            with pytest.raises(assay.PoolTimeout, match="the last attempt to open one failed: Cannot connect"):
                async with pool.acquire(timeout=0.1):
                    pass
        await allow_connections(database_18, allow=True)
        async with await hold(pool, 3):
            pass


async def test_when_no_connection_is_left_and_none_can_be_opened_tasks_are_told_why(
    surface: Any, database_18: DatabaseUrl, outside: assay.Connection
) -> None:
    async with surface.Pool(database_18, min_connections=1) as pool:
        pid = await pool.fetch_one(int, PID)
        await allow_connections(database_18, allow=False)
        await outside.fetch_one(bool, "select pg_terminate_backend($1, 5000)", pid)
        await asyncio.sleep(0.01)
        failures = await asyncio.gather(*(pool.execute("select 1") for _ in range(5)), return_exceptions=True)
        assert all("Cannot connect to" in str(failure) for failure in failures)
        assert len({id(failure) for failure in failures}) == 5
        await allow_connections(database_18, allow=True)
        assert await pool.fetch_one(int, "select 1") == 1


# --- clean sessions


STATEFUL = {
    "setting": ("set search_path = nowhere", "select current_setting('search_path') = 'nowhere'"),
    "function": (
        "select set_config('search_path', 'nowhere', false)",
        "select current_setting('search_path') = 'nowhere'",
    ),
    "role": ("set role pg_monitor", "select current_user = 'pg_monitor'"),
    "listener": ("listen something", "select count(*) > 0 from pg_listening_channels()"),
    "lock": (
        "select pg_advisory_lock(1)",
        "select count(*) > 0 from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
    ),
    "temporary table": ("create temp table left_over (a int)", "select to_regclass('left_over') is not null"),
    "select into": ("select 1 as a into temp left_over", "select to_regclass('left_over') is not null"),
    "prepared": ("prepare left_over as select 1", "select count(*) > 0 from pg_prepared_statements where from_sql"),
    "cursor": (
        "begin; declare c cursor with hold for select 1; commit",
        "select count(*) > 0 from pg_cursors where name = 'c'",
    ),
    "open transaction": ("begin; select pg_current_xact_id()", "select pg_current_xact_id_if_assigned() is not null"),
}


@pytest.mark.parametrize("case", STATEFUL)
@pytest.mark.parametrize("through", ["pool", "acquire", "driver"])
async def test_state_does_not_reach_the_next_user(
    surface: Any, database_18: DatabaseUrl, case: str, through: str
) -> None:
    leave, is_left = cast("Any", STATEFUL[case])
    async with surface.Pool(database_18, min_connections=1, max_connections=1) as pool:
        match through:
            case "pool":
                await pool.execute(leave)
            case "acquire":
                async with pool.acquire() as connection:
                    await connection.execute(leave)
                    assert await connection.fetch_one(bool, is_left)
            case "driver":
                async with pool.acquire() as connection:
                    done = connection.driver.execute(leave)
                    _ = await done if isinstance(done, Awaitable) else done
        assert not await pool.fetch_one(bool, is_left)
        assert pool.stats().mended == 1


async def test_session_that_nothing_was_left_in_is_not_reset(way: Way) -> None:
    async with way.pool(min_connections=1, max_connections=1) as pool:
        await pool.execute("select set_config('search_path', 'x', true)")
        async with pool.transaction() as tx:
            await tx.execute("set local work_mem = '1MB'")
            await tx.execute("select pg_advisory_xact_lock(1)")
        with pytest.raises(assay.StatementError):
            await pool.execute("select missing")
        assert pool.stats().mended == 0


async def test_reset_always_undoes_what_functions_do_behind_ones_back(surface: Any, database_18: DatabaseUrl) -> None:
    async with surface.Pool(database_18, min_connections=1, max_connections=1, reset="always") as pool:
        await pool.execute(
            "create function sly() returns void language sql as $$ select set_config('my.x', 'left', false) $$"
        )
        await pool.execute("select sly()")
        assert await pool.fetch_one(str | None, "select nullif(current_setting('my.x', true), '')") is None


async def test_reset_keeps_statements_prepared(surface: Any, database_18: DatabaseUrl) -> None:
    async with surface.Pool(database_18, min_connections=1, max_connections=1) as pool:
        count = "select count(*) from pg_prepared_statements where statement like 'select 40%'"
        assert await pool.fetch_one(int, "select 40 + $1", 2) == 42
        await pool.execute("set work_mem = '1MB'")
        assert await pool.fetch_one(int, count) == 1
        assert await pool.fetch_one(int, "select 40 + $1", 2) == 42
        assert await pool.fetch_one(int, count) == 1


@only_async
async def test_driver_is_given_out_and_its_listeners_are_taken_off(surface: Any, database_18: DatabaseUrl) -> None:
    heard: list[Any] = []
    async with surface.Pool(database_18, min_connections=1, max_connections=1) as pool:
        async with pool.acquire() as connection:
            assert await connection.driver.fetchval("select 1") == 1
            await connection.driver.add_listener("news", lambda *event: heard.append(event))
        await pool.execute("notify news")
        await pool.execute("select 1")
    assert heard == []


async def test_connection_cannot_be_used_after_it_went_back(way: Way) -> None:
    async with way.pool() as pool:
        lease = pool.acquire()
        async with lease as connection:
            with pytest.raises(assay.UsageError, match="entered already"):
                await lease.__aenter__()
            with pytest.raises(assay.UsageError, match="is its pool's"):
                await connection.close()
        with pytest.raises(assay.UsageError, match="went back to its pool"):
            await connection.fetch_one(int, "select 1")


# --- its life


async def test_pool_must_be_opened_and_is_opened_once(way: Way) -> None:
    pool = way.pool()
    with pytest.raises(assay.PoolClosed, match=r"is not open yet; use it inside of `(async )?with`"):
        await pool.fetch_one(int, "select 1")
    assert repr(pool) == f"<Pool for {way.url.place}, not open>"
    async with pool:
        assert repr(pool) == f"<Pool for {way.url.place}, 0 of 10 connections in use>"
        with pytest.raises(assay.PoolClosed, match="opened once"):
            await pool.__aenter__()
        assert await pool.fetch_one(int, "select 1") == 1
    with pytest.raises(assay.PoolClosed, match="is closed"):
        await pool.fetch_one(int, "select 1")


async def test_pool_that_was_never_opened_can_be_closed(way: Way) -> None:
    await way.pool().close()


async def test_open_gives_an_open_pool(way: Way) -> None:
    pool = await way.opened(min_connections=1, server_settings={"application_name": "proof"})
    try:
        assert await pool.fetch_one(str, "show application_name") == "proof"
    finally:
        await pool.close()


async def test_close_waits_for_what_is_in_use(way: Way) -> None:
    pool = await way.opened(max_connections=2)
    work = asyncio.create_task(pool.fetch_one(int, "select 1 from pg_sleep(0.2)"))
    await asyncio.sleep(0.05)
    await asyncio.gather(pool.close(), pool.close())
    assert await work == 1
    assert pool.stats().open == 0


async def test_close_cuts_what_is_in_use_after_its_timeout(way: Way) -> None:
    pool = await way.opened()
    work = asyncio.create_task(pool.fetch_one(int, "select 1 from pg_sleep(1)"))
    await asyncio.sleep(0.05)
    await pool.close(timeout=0.05)
    with pytest.raises(assay.ConnectionLost):
        await work
    assert pool.stats().open == 0


async def test_close_tells_those_who_wait(way: Way) -> None:
    pool = await way.opened(min_connections=1, max_connections=1)
    async with pool.acquire():
        waiting = asyncio.create_task(pool.fetch_one(int, "select 1"))
        await eventually(lambda: pool.stats().waiting == 1)
        closing = asyncio.create_task(pool.close())
        with pytest.raises(assay.PoolClosed, match=r"closed while this (task|thread) waited"):
            await waiting
    await closing


@ASYNC_WAYS
async def test_close_that_is_cancelled_leaves_no_connection(way: Way, outside: assay.Connection) -> None:
    pool = await way.opened()
    work = asyncio.create_task(pool.execute("select pg_sleep(0.5)"))
    await asyncio.sleep(0.05)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await pool.close()
    with pytest.raises(assay.ConnectionLost):
        await work
    if way.is_straight:
        await eventually(lambda: clients_are(outside, 0))


async def test_pool_that_cannot_connect_says_where(surface: Any, database_18: DatabaseUrl) -> None:
    with pytest.raises(assay.UndefinedDatabase, match='Cannot connect to database "missing"'):
        async with surface.Pool(database_18.with_database("missing")):
            pass
    nowhere = DatabaseUrl("me", "secret", "127.0.0.1", 1, "app")
    with pytest.raises(assay.ConnectionFailed, match=r'database "app" at 127\.0\.0\.1:1') as caught:
        await surface.Pool.open(nowhere, min_connections=5)
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(surface.Pool(nowhere))


@only_async
async def test_opening_that_is_cancelled_leaves_nothing(surface: Any) -> None:
    """On a server that accepts and says nothing; what is left open would be a ResourceWarning, which fails the test."""
    hung_up = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()
        hung_up.set()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as mute:
        url = DatabaseUrl("me", None, "127.0.0.1", mute.sockets[0].getsockname()[1], "app")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await surface.Pool.open(url)
        await asyncio.wait_for(hung_up.wait(), 5)
        with pytest.raises(assay.ConnectionFailed, match=r"no answer within 0\.1 seconds"):
            await surface.Pool.open(url, connect_timeout=0.1)


async def test_check_passes_when_the_server_answers(way: Way) -> None:
    async with way.pool() as pool:
        await pool.check()


async def test_check_names_the_place_when_the_server_does_not_answer(
    surface: Any, database_18: DatabaseUrl, outside: assay.Connection
) -> None:
    async with surface.Pool(database_18, min_connections=1, max_connections=1) as pool:
        async with pool.acquire():
            with pytest.raises(assay.PoolTimeout, match="1 of 1 connections in use") as caught:
                await pool.check(timeout=0.05)
        assert database_18.place in str(caught.value)
        with stopped(database_18, await pool.fetch_one(int, PID)), pytest.raises(assay.Error) as caught_error:
            await pool.check(timeout=0.1)
        assert database_18.place in str(caught_error.value)
        await pool.check()


async def test_closed_pool_fails_its_check_with_the_place(way: Way) -> None:
    pool = await way.opened()
    await pool.close()
    with pytest.raises(assay.PoolClosed) as caught:
        await pool.check()
    assert way.url.place in str(caught.value)


async def test_stats_add_up(way: Way) -> None:
    async with way.pool(min_connections=2, max_connections=4) as pool:
        await asyncio.gather(*(pool.execute("select pg_sleep(0.01)") for _ in range(20)))
        async with pool.acquire():
            stats = pool.stats()
            assert (stats.acquired, stats.in_use, stats.opened - stats.closed) == (21, 1, stats.open)
            assert stats.open == stats.idle + stats.in_use + stats.mending == 4
            assert stats.waited >= 16
            assert (stats.min_connections, stats.max_connections, stats.timeouts) == (2, 4, 0)
