"""``assay migrate run`` killed at any moment, and run again, ends in the right schema.

The moments are exact: the test holds a lock that the command comes to wait for there.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.fixtures.migrating import run_again, start

from assay import migrate
from assay.config import DatabaseUrl
from assay.migrate.target import APPLICATION_NAME


def mark(moment: int) -> str:
    """A statement that waits while somebody holds the lock of that number, and leaves a row."""
    return f"insert into log select {moment} from (select pg_advisory_xact_lock({moment})) held;"


FILES = {
    "1_base.sql": """
        create table log (moment int);
        create table t (a int, b int);
        create index old on t (b);
        insert into t select i, i from generate_series(1, 100) i;
        create function wait() returns trigger language plpgsql as $$
        begin
            perform pg_advisory_xact_lock(4);
            return null;
        end $$;
        create table late (x int);
        create constraint trigger late after insert on late deferrable initially deferred
            for each row execute function wait();
    """,
    "2_transaction.sql": (
        f"{mark(1)} create table u (x int); {mark(2)} insert into late values (1); alter table u add y int; {mark(3)}"
    ),
    "3_steps.sql": f"""-- no-transaction
        {mark(5)}
        begin; create table v (x int); {mark(6)} commit;
        create unique index concurrently fresh on t (a);
        drop index concurrently old;
        vacuum t;
        {mark(7)}
    """,
    "4_last.sql": f"create view w as select * from v; {mark(8)}",
}

SCHEMA = """
select c.relkind::text || ' ' || c.relname || coalesce(' ' || pg_get_indexdef(i.indexrelid) || ' ' || i.indisvalid, '')
    || coalesce(' (' || (select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum)
        from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped) || ')', '')
from pg_class c left join pg_index i on i.indexrelid = c.oid
where c.relnamespace = 'public'::regnamespace order by 1
"""
RESULT = {
    "schema": SCHEMA,
    "log": "select moment from log order by moment",
    "ledger": "select version || ' ' || success || ' ' || checksum::text from _sqlx_migrations order by version",
    "rows": "select count(*) from t union all select count(*) from late",
    "locks": """
        select count(*) from pg_locks
        where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
    """,
}

MOMENTS = {
    "the first statement of a transaction": "select pg_advisory_xact_lock(1)",
    "the third statement of a transaction": "select pg_advisory_xact_lock(2)",
    "the last statement of a transaction": "select pg_advisory_xact_lock(3)",
    "the commit": "select pg_advisory_xact_lock(4)",
    "the first of several steps": "select pg_advisory_xact_lock(5)",
    "a transaction among steps": "select pg_advisory_xact_lock(6)",
    "an index that is built concurrently": "insert into t values (1000, 1000)",
    "an index that is dropped concurrently": "select count(*) from t where b = 7",
    "the last of several steps": "select pg_advisory_xact_lock(7)",
    "the last file": "select pg_advisory_xact_lock(8)",
}
"""What the test does in a transaction of its own, so that the command waits at the moment."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrations")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, list[Any]]]:
    """By server, what a run that nobody disturbs ends in."""
    return {}


@pytest.fixture
async def expected(
    database: DatabaseUrl, driver: Any, folder: Path, found: dict[str, dict[str, list[Any]]]
) -> dict[str, list[Any]]:
    """What a run that nobody disturbs ends in, found in a database of its own."""
    if str(database.host) not in found:
        url = database.with_database(f"{database.database}_whole")
        await driver.execute(f"create database {url.database}")
        await migrate.run(url, folder)
        whole = await asyncpg.connect(url.reveal())
        found[str(database.host)] = await result(whole)
        await whole.close()
        await driver.execute(f"drop database {url.database} with (force)")
    return found[str(database.host)]


@pytest.fixture
async def holder(database: DatabaseUrl) -> AsyncIterator[Any]:
    """A connection that can take what the command will want."""
    holder = await asyncpg.connect(database.reveal())
    yield holder
    await holder.close()


async def result(driver: Any) -> dict[str, list[Any]]:
    return {name: [tuple(row) for row in await driver.fetch(query)] for name, query in RESULT.items()}


async def stopped_at(
    moment: str, signal_number: int, url: DatabaseUrl, folder: Path, driver: Any, holder: Any
) -> tuple[int | None, str]:
    """Send the command a signal when it has come to a moment; gives its exit code and what it said."""
    if "concurrently" in moment:
        await migrate.run(url, folder, target_version=1)
    await holder.execute("begin")
    await holder.execute(MOMENTS[moment])
    process = await start(url, folder)
    blocked = "select exists(select from pg_stat_activity where $1 = any(pg_blocking_pids(pid)))"
    while not await driver.fetchval(blocked, holder.get_server_pid()):
        assert process.returncode is None, "the command came to its end without waiting"
        await asyncio.sleep(0.01)
    process.send_signal(signal_number)
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


@pytest.mark.parametrize("moment", MOMENTS)
async def test_killed_and_run_again_it_ends_in_the_right_schema(
    database: DatabaseUrl, driver: Any, holder: Any, folder: Path, expected: dict[str, list[Any]], moment: str
) -> None:
    code, _ = await stopped_at(moment, signal.SIGKILL, database, folder, driver, holder)
    assert code == -signal.SIGKILL
    await holder.execute("rollback")
    await run_again(database, folder)
    assert await result(driver) == expected


@pytest.mark.parametrize(
    ("moment", "signal_number"),
    [
        ("the last statement of a transaction", signal.SIGTERM),
        ("the commit", signal.SIGINT),
        ("a transaction among steps", signal.SIGINT),
        ("an index that is built concurrently", signal.SIGTERM),
    ],
)
async def test_asked_to_stop_it_lets_the_lock_go_and_can_be_run_again(
    database: DatabaseUrl,
    driver: Any,
    holder: Any,
    folder: Path,
    expected: dict[str, list[Any]],
    moment: str,
    signal_number: int,
) -> None:
    code, errors = await stopped_at(moment, signal_number, database, folder, driver, holder)
    assert (code, errors.strip()) == (130, "Stopped.")
    await holder.execute("rollback")
    others = "select count(*) from pg_stat_activity where datname = current_database() and application_name = $1"
    async with asyncio.timeout(10):
        while await driver.fetchval(others, APPLICATION_NAME):
            await asyncio.sleep(0.01)
    assert await driver.fetchval(RESULT["locks"]) == 0
    await run_again(database, folder)
    assert await result(driver) == expected


def test_the_expected_result_is_what_the_files_say() -> None:
    """The moments that are marked in the files are the ones that a test can stop at."""
    marked = {number for number in range(1, 9) if f"pg_advisory_xact_lock({number})" in "".join(FILES.values())}
    assert {f"select pg_advisory_xact_lock({number})" for number in marked} <= set(MOMENTS.values())


async def test_an_undisturbed_run_marks_every_moment_once(expected: dict[str, list[Any]]) -> None:
    assert [moment for (moment,) in expected["log"]] == [1, 2, 3, 5, 6, 7, 8]
    assert [row.split()[:2] for (row,) in expected["ledger"]] == [[str(version), "true"] for version in range(1, 5)]
    assert expected["rows"] == [(100,), (1,)]
    names = [row.split()[1] for (row,) in expected["schema"]]
    assert ("fresh" in names, "old" in names, "_assay_progress" in names) == (True, False, False)
