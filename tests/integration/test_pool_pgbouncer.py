"""Through PgBouncer in transaction mode nothing relies on a session, and what would is refused with the reason."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.fixtures.bouncer import Way, bounced, hold
from tests.fixtures.surfaces import only_async

import assay
from assay.config import DatabaseUrl


@pytest.fixture
def through(bouncer: DatabaseUrl, database_18: DatabaseUrl) -> Way:
    return bounced(bouncer, database_18)


@pytest.fixture
async def small(surface: Any, bouncer: DatabaseUrl, server_18: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    """On the server's own database, for what leaves nothing there."""
    way = replace(bounced(bouncer, server_18), surface=surface)
    async with way.pool(min_connections=0, max_connections=2) as pool:
        yield pool


@pytest.fixture
async def pool(surface: Any, through: Way) -> AsyncIterator[assay.Pool]:
    """More connections than PgBouncer has, which is 8."""
    async with replace(through, surface=surface).pool(min_connections=0, max_connections=20) as pool:
        yield pool


REFUSED = {
    "set search_path = nowhere": "SET needs a session that is kept",
    "select 1; set role pg_monitor": "write SET LOCAL inside of a transaction",
    "reset all": "RESET needs",
    "select set_config('search_path', 'x', false)": "give set_config true as its third argument",
    "listen news": "open a connection that goes past PgBouncer with assay.connect",
    "unlisten *": "UNLISTEN needs",
    "select pg_advisory_lock(1)": "session advisory lock needs .* take pg_advisory_xact_lock",
    "select pg_try_advisory_lock_shared($1)": "session advisory lock needs",
    "prepare p as select 1": "PREPARE needs",
    "discard all": "DISCARD needs",
    "create temp table t (a int)": "add ON COMMIT DROP",
    "select 1 as a into temporary t": "INTO needs",
    "begin; declare c cursor with hold for select 1; commit": "leave out WITH HOLD",
}


@pytest.mark.parametrize("sql", REFUSED)
async def test_what_needs_a_session_is_refused_with_the_way_out(small: assay.Pool, sql: str) -> None:
    arguments = (1,) if "$1" in sql else ()
    with pytest.raises(assay.UsageError, match=REFUSED[sql]):
        await small.execute(cast("Any", sql), *arguments)
    with pytest.raises(
        assay.UsageError, match="with PgBouncer in transaction mode each transaction may run in another"
    ):
        async with small.transaction() as tx:
            await tx.execute(cast("Any", sql), *arguments)


async def test_features_that_need_a_session_are_refused_with_the_reason(small: assay.Pool) -> None:
    with pytest.raises(assay.UsageError, match="LISTEN needs a session that is kept"):
        small.listen("news")
    with pytest.raises(assay.UsageError, match="session advisory lock needs a session that is kept"):
        async with small.advisory_lock(1):
            pass
    await small.notify("news", "which is sent like any statement")


async def test_what_ends_with_its_transaction_is_not_refused(pool: assay.Pool) -> None:
    async with pool.transaction() as tx:
        await tx.execute("set local work_mem = '1MB'")
        await tx.execute("set constraints all deferred")
        await tx.execute("select set_config('my.x', '1', true)")
        await tx.execute("select pg_advisory_xact_lock(1)")
        await tx.execute("create temp table t (a int) on commit drop")
        await tx.execute("declare c cursor for select 1")
    await pool.execute("create table kept (a int)")
    assert pool.stats().mended == 0


async def test_many_tasks_share_few_sessions_and_get_their_own_results(pool: assay.Pool) -> None:
    async def work(number: int) -> None:
        for turn in range(5):
            sql = cast("Any", f"select $1::int, {number % 7}, '{turn}'")
            assert await pool.fetch_one(tuple[int, int, str], sql, number) == (number, number % 7, str(turn))

    await asyncio.gather(*(work(number) for number in range(100)))
    sessions = "select count(*) from pg_stat_activity where datname = current_database()"
    assert 1 < await pool.fetch_one(int, sessions) <= 8


async def test_statement_that_is_prepared_and_not_run_keeps_no_session_from_others(pool: assay.Pool) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(9):
            connection = await stack.enter_async_context(pool.acquire())
            async with asyncio.timeout(5):
                with pytest.raises(assay.RowClassError):
                    await connection.fetch_one(int, "select 1, 2")
                with pytest.raises(assay.ParameterError):
                    await connection.fetch_one(int, "select $1::int", "one")


async def test_streams_batches_and_copies_go_through(pool: assay.Pool) -> None:
    await pool.execute("create table thing (a int primary key, b text)")
    rows = [(number, str(number)) for number in range(50)]

    async def work(first: int) -> list[int]:
        some = [(first * 100 + number, text) for number, text in rows]
        assert await pool.execute_many("insert into thing values ($1, $2)", some) == 50
        assert await pool.copy_in("thing", [(-number, text) for number, text in some]) == 50
        found = pool.stream(
            int, "select a from thing where a between $1 and $2 order by a", first * 100, first * 100 + 99, batch=7
        )
        return [number async for number in found]

    found = await asyncio.gather(*(work(first) for first in range(1, 13)))
    assert found == [[first * 100 + number for number in range(50)] for first in range(1, 13)]


async def test_batch_or_copy_that_fails_keeps_no_session_from_others(pool: assay.Pool) -> None:
    await pool.execute("create table thing (a int primary key)")
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(9):
            connection = await stack.enter_async_context(pool.acquire())
            async with asyncio.timeout(5):
                with pytest.raises(assay.ParameterError):
                    await connection.execute_many("insert into thing values ($1)", [("one",)])
                with pytest.raises(assay.ParameterError):
                    await connection.copy_in("thing", [("one",)])
                with pytest.raises(assay.RowClassError):
                    _ = [row async for row in connection.stream(int, "select 1, 2")]
    assert await pool.fetch_all(int, "select a from thing") == []


async def test_rows_are_right_after_a_column_changed_its_type(pool: assay.Pool) -> None:
    await pool.execute("create table thing (a int)")
    await pool.execute("insert into thing values (1)")
    assert await pool.fetch_one(tuple[int], "select * from thing") == (1,)
    await pool.execute("alter table thing alter a type text using 'one'")
    assert await pool.fetch_one(tuple[str], "select * from thing") == ("one",)


async def test_types_are_looked_up_without_a_trace_in_any_session(pool: assay.Pool) -> None:
    await pool.execute("create type mood as enum ('happy', 'sad')")
    await pool.execute("create table person (mood mood, moods mood[])")
    moods = await asyncio.gather(*(pool.fetch_one(str, "select $1::mood", "sad") for _ in range(30)))
    assert moods == ["sad"] * 30
    jit = await asyncio.gather(
        *(pool.fetch_one(str, "select current_setting('jit') from pg_sleep(0.01)") for _ in moods)
    )
    assert len({*jit}) == 1


async def test_connection_that_was_cut_in_a_transaction_is_replaced(pool: assay.Pool, database_18: DatabaseUrl) -> None:
    async with await assay.connect(database_18) as outside:
        with pytest.raises((assay.ConnectionLost, assay.OperatorIntervention, assay.ConnectionFailed)):
            async with pool.transaction() as tx:
                pid = await tx.fetch_one(int, "select pg_backend_pid()")
                await outside.fetch_one(bool, "select pg_terminate_backend($1, 5000)", pid)
                await tx.execute("select 1")
    assert await pool.fetch_one(int, "select 1") == 1


@only_async
async def test_driver_that_was_given_out_is_not_given_to_others(small: assay.Pool) -> None:
    async with small.acquire() as connection:
        driver = connection.driver
    await asyncio.sleep(0)
    async with await hold(small, 2):
        assert driver.is_closed()


async def test_url_may_say_that_pgbouncer_is_there(through: Way) -> None:
    async with assay.Pool(f"{through.url.reveal()}&pgbouncer=true") as pool:
        assert await pool.fetch_one(int, "select 1") == 1
        with pytest.raises(assay.UsageError, match="RESET needs"):
            await pool.execute("reset all")


async def test_setting_that_pgbouncer_does_not_keep_is_refused_before_it_is_asked() -> None:
    through = Way(DatabaseUrl.parse("postgresql://nowhere.invalid/app"), {"pgbouncer": True})
    with pytest.raises(assay.ConfigurationError, match="server_settings has 'statement_timeout', which PgBouncer"):
        await through.opened(server_settings={"statement_timeout": "5s"})


async def test_reset_always_cannot_be_kept() -> None:
    with pytest.raises(assay.ConfigurationError, match="cannot be kept with pgbouncer=True"):
        assay.Pool("postgresql://nowhere.invalid/app", pgbouncer=True, reset="always")
