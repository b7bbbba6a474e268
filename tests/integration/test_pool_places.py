"""A pool is used where it was opened: not in a forked child, not in another event loop, and under uvloop as well."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import uvloop

import assay
from assay.config import DatabaseUrl

FORK = """
import asyncio, os, sys
import assay

URL = sys.argv[1]


async def tell(what, attempt):
    try:
        print(what, await attempt, flush=True)
    except assay.Error as error:
        print(what, type(error).__name__, error, flush=True)


async def child(pool, held, own):
    await tell("pool:", pool.fetch_one(int, "select 1"))
    await tell("held:", held.fetch_one(int, "select 1"))
    await tell("own:", own.fetch_one(int, "select 1"))
    async with assay.Pool(URL, min_connections=1) as fresh:
        await tell("fresh:", fresh.fetch_one(int, "select 7"))
    await pool.close()


async def parent():
    async with assay.Pool(URL, min_connections=3) as pool, await assay.connect(URL) as own:
        async with pool.acquire() as held, pool.transaction() as tx:
            await tx.execute("create table half (a int)")
            pid = os.fork()
            if pid == 0:
                asyncio.events._set_running_loop(None)
                asyncio.run(child(pool, held, own))
                sys.stdout.flush()
                os._exit(0)
            os.waitpid(pid, 0)
            numbers = await asyncio.gather(*(pool.fetch_one(int, "select $1::int", n) for n in range(20)))
            await tell("parent held:", held.fetch_one(int, "select 8"))
            await tell("parent own:", own.fetch_one(int, "select 9"))
            await tell("parent tx:", tx.fetch_one(int, "select count(*) from half"))
        print("parent pool:", numbers == list(range(20)), pool.stats().closed, flush=True)


asyncio.run(parent())
"""


def test_forked_child_is_told_to_open_its_own_and_does_not_disturb_its_parent(
    database_18: DatabaseUrl, tmp_path: Path
) -> None:
    script = tmp_path / "forking.py"
    script.write_text(FORK)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), database_18.reveal()], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert lines["pool"].startswith(f"PoolClosed The pool for {database_18.place} belongs to the process that this one")
    assert lines["pool"].endswith("open a pool after the fork, in each process")
    shared = "UsageError This connection was opened in the process "
    assert lines["held"].startswith(shared)
    assert lines["own"].startswith(shared)
    assert lines["fresh"] == "7"
    assert (lines["parent held"], lines["parent own"], lines["parent tx"]) == ("8", "9", "0")
    assert lines["parent pool"] == "True 0"


async def test_another_event_loop_is_told_to_open_its_own(database_18: DatabaseUrl) -> None:
    failures: list[BaseException] = []

    async def use(pool: assay.Pool) -> None:
        for attempt in (pool.fetch_one(int, "select 1"), pool.execute("select 1"), pool.close()):
            with pytest.raises(assay.UsageError) as caught:
                await attempt
            failures.append(caught.value)
        for change in (pool.drain, pool.resize):
            with pytest.raises(assay.UsageError):
                change()
        with pytest.raises(assay.UsageError):
            async with pool.transaction():
                pass

    async with assay.Pool(database_18) as pool:
        await asyncio.to_thread(lambda: asyncio.run(use(pool)))
        with pytest.raises(assay.UsageError, match="is another than the running one"):
            await asyncio.to_thread(pool.drain)
        assert await pool.fetch_one(int, "select 1") == 1
    assert len(failures) == 3
    for failure in failures:
        assert (
            f"The pool for {database_18.place} was opened in an event loop that is another than the running one"
            in str(failure)
        )


async def test_connection_is_not_used_from_another_event_loop(database_18: DatabaseUrl) -> None:
    async def use(connection: assay.Connection) -> None:
        for attempt in (connection.fetch_one(int, "select 1"), connection.execute("select 1")):
            with pytest.raises(assay.UsageError, match="was opened in another event loop, and works in no other"):
                await attempt
        with pytest.raises(assay.UsageError, match="in another event loop"):
            async with connection.transaction():
                pass

    async with await assay.connect(database_18) as own, assay.Pool(database_18) as pool, pool.acquire() as held:
        for connection in (own, held):
            await asyncio.to_thread(lambda connection=connection: asyncio.run(use(connection)))
            assert await connection.fetch_one(int, "select 1") == 1


def test_pool_that_outlived_its_event_loop_says_so(database_18: DatabaseUrl) -> None:
    """In a process of its own, since what the first loop leaves open is warned of when it is collected."""
    code = """
import asyncio, sys, warnings
import assay

warnings.simplefilter("ignore")
pool = asyncio.run(assay.Pool.open(sys.argv[1]))
try:
    asyncio.run(pool.fetch_one(int, "select 1"))
except assay.UsageError as error:
    print(error)
"""
    run = [sys.executable, "-c", code, database_18.reveal()]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True)
    assert "was opened in an event loop that is closed since" in done.stdout
    assert "open a pool in the loop that uses it, such as one in each thread or test" in done.stdout


def test_each_thread_may_have_a_pool_of_its_own(database_18: DatabaseUrl) -> None:
    results: list[list[int]] = []

    async def work() -> None:
        async with assay.Pool(database_18, max_connections=2) as pool:
            results.append(await asyncio.gather(*(pool.fetch_one(int, "select $1::int", n) for n in range(10))))

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [list(range(10))] * 3


# --- uvloop


def test_pool_works_under_uvloop(database_18: DatabaseUrl) -> None:
    async def work() -> None:
        assert "uvloop" in type(asyncio.get_running_loop()).__module__
        async with assay.Pool(database_18, max_connections=3, slow_query=60, leak_after=60) as pool:
            await pool.execute("create table thing (id int primary key)")
            results = await asyncio.gather(*(pool.fetch_one(int, "select $1::int", n) for n in range(50)))
            assert results == list(range(50))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05), pool.transaction() as tx:
                    await tx.execute("insert into thing values (1)")
                    await tx.execute("select pg_sleep(60)")
            assert await pool.fetch_all(int, "select id from thing") == []
            sleeping = asyncio.create_task(pool.execute("select pg_sleep(60)"))
            await asyncio.sleep(0.05)
            await pool.close(timeout=0.01)
            with pytest.raises(assay.ConnectionLost):
                await sleeping
        assert (pool.stats().open, pool.stats().in_use) == (0, 0)

    uvloop.run(work())


def test_queries_are_named_by_their_function_under_uvloop(
    database_18: DatabaseUrl, caplog: pytest.LogCaptureFixture
) -> None:
    async def slow(db: assay.Executor) -> None:
        await db.execute("select pg_sleep(0.02)")

    async def work() -> None:
        async with assay.Pool(database_18, slow_query=0.01) as pool:
            await slow(pool)
            await asyncio.create_task(pool.execute("select pg_sleep(0.02)"))

    uvloop.run(work())
    test = f"{__name__}.test_queries_are_named_by_their_function_under_uvloop"
    assert [vars(record)["query_name"] for record in caplog.records] == [f"{test}.slow", "SELECT"]
