"""One migrator at a time, under SQLx's lock, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from assay import migrate
from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate import Event, Moment
from assay.migrate.lock import lock_key

HELD = "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1_a.sql").write_text("create table a ();")
    return tmp_path


async def take(driver: Any, url: DatabaseUrl) -> None:
    """Take the lock as SQLx does."""
    await driver.execute("set application_name = 'somebody else'")
    await driver.execute("select pg_advisory_lock($1)", lock_key(str(url.database)))


async def test_a_lock_that_is_not_let_go_is_reported_with_its_holder(
    database: DatabaseUrl, driver: Any, folder: Path
) -> None:
    await take(driver, database)
    with pytest.raises(MigrationError) as caught:
        await migrate.run(database, folder, lock_timeout=0.2)
    pid = driver.get_server_pid()
    assert "did not finish within 0.2 seconds" in str(caught.value)
    assert f'server process {pid} ("somebody else", user postgres)' in str(caught.value)
    assert f"select pg_terminate_backend({pid})" in str(caught.value)


async def test_a_run_waits_for_the_lock_and_says_for_whom(database: DatabaseUrl, driver: Any, folder: Path) -> None:
    await take(driver, database)
    waiting = asyncio.Event()
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        waiting.set()

    task = asyncio.create_task(migrate.run(database, folder, progress=tell))
    await waiting.wait()
    assert events[0].moment is Moment.WAITING
    assert f"server process {driver.get_server_pid()}" in events[0].text
    await driver.execute("select pg_advisory_unlock_all()")
    assert len((await task).steps) == 1


async def test_the_lock_is_held_while_a_migration_runs_and_let_go_after_it(
    database: DatabaseUrl, driver: Any, folder: Path
) -> None:
    (folder / "2_seen.sql").write_text(f"create table seen as {HELD};")
    await migrate.run(driver, folder)
    assert await driver.fetchval("select count from seen") == 1
    assert await driver.fetchval(HELD) == 0


async def test_the_lock_is_let_go_after_a_failure(database: DatabaseUrl, driver: Any, folder: Path) -> None:
    (folder / "2_bad.sql").write_text("select oops;")
    with pytest.raises(MigrationError):
        await migrate.run(driver, folder)
    assert await driver.fetchval(HELD) == 0


async def test_waiting_can_be_cancelled(database: DatabaseUrl, driver: Any, folder: Path) -> None:
    await take(driver, database)
    other = await asyncpg.connect(database.reveal())
    task = asyncio.create_task(migrate.run(other, folder))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await driver.execute("select pg_advisory_unlock_all()")
    assert await driver.fetchval(HELD) == 0
    assert len((await migrate.run(other, folder)).steps) == 1
    await other.close()


async def test_another_database_has_another_lock(database: DatabaseUrl, driver: Any, folder: Path) -> None:
    await driver.execute("select pg_advisory_lock($1)", lock_key("another"))
    assert len((await migrate.run(database, folder, lock_timeout=0)).steps) == 1


async def test_a_migrator_that_waits_does_not_hold_up_a_concurrent_index(
    database: DatabaseUrl, driver: Any, folder: Path
) -> None:
    """A statement that waits for the lock on the server would be waited for by the index: a deadlock."""
    (folder / "2_b.sql").write_text("-- no-transaction\nselect pg_sleep(0.3);\ncreate index concurrently on t (a);")
    (folder / "1_a.sql").write_text("create table t (a int);")
    runs = [migrate.run(database, folder) for _ in range(3)]
    assert sorted(len(report.steps) for report in await asyncio.gather(*runs)) == [0, 0, 2]


async def test_a_migrator_that_takes_no_lock_is_noticed(database: DatabaseUrl, driver: Any, folder: Path) -> None:
    """``sqlx migrate run`` takes none; the ledger's key lets one of the two through."""
    (folder / "2_b.sql").write_text("create table b ();")
    await migrate.run(database, folder, target_version=1)
    async with driver.transaction():
        await driver.execute(
            "insert into _sqlx_migrations select 2, 'b', now(), true, checksum, -1 from _sqlx_migrations"
        )
        task = asyncio.create_task(migrate.run(database, folder))
        watcher = await asyncpg.connect(database.reveal())
        blocked = "select exists(select from pg_stat_activity where $1 = any(pg_blocking_pids(pid)))"
        while not await watcher.fetchval(blocked, driver.get_server_pid()):
            await asyncio.sleep(0.01)
        await watcher.close()
    with pytest.raises(MigrationError, match="version 2 was applied at the same time by a migrator that takes no lock"):
        await task
    assert await driver.fetchval("select to_regclass('b')") is None


async def test_ten_processes_apply_each_migration_once_and_all_succeed(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for version in range(1, 6):
        (folder / f"{version}_step.sql").write_text(f"create table step_{version} (); select pg_sleep(0.02);")
    (folder / "6_index.sql").write_text(
        "-- no-transaction\ncreate table t (a int);\ncreate index concurrently on t (a);\ninsert into t values (1);"
    )
    program = textwrap.dedent("""
        import asyncio, sys, assay.migrate
        report = asyncio.run(assay.migrate.run(sys.argv[1], sys.argv[2]))
        print(" ".join(str(step.version) for step in report.steps))
    """)
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, database.reveal(), str(folder)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(10)
    ]
    outputs = [await process.communicate() for process in processes]
    assert [(process.returncode, error) for process, (_, error) in zip(processes, outputs, strict=True)] == [
        (0, b"")
    ] * 10
    applied = sorted(int(version) for output, _ in outputs for version in output.split())
    assert applied == [1, 2, 3, 4, 5, 6]
    assert await driver.fetchval("select count(*) from _sqlx_migrations where success") == 6
    assert await driver.fetchval("select count(*) from t") == 1
    assert await driver.fetchval(HELD) == 0
