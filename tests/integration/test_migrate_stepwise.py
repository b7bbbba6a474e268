"""Files that cannot run in one transaction are taken up again where they stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from assay import migrate
from assay.config import DatabaseUrl
from assay.errors import Error, MigrationError
from assay.migrate import State

OPT_OUT = "-- no-transaction\n"
BASE = "create table t (a int, b int); insert into t values (1, 1), (1, 2);"
PARTITIONED = "create table p (a int) partition by list (a); create table q partition of p for values in (1);"
INDEXES = """
select coalesce(array_agg(relname::text || case when indisvalid then '' else ' invalid' end order by relname), '{}')
from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = 't'::regclass
"""


def write(folder: Path, **files: str) -> Path:
    for path in folder.glob("*.sql"):
        path.unlink()
    for name, text in {"v1_base": BASE, **files}.items():
        (folder / f"{name.removeprefix('v')}.sql".replace("__", ".")).write_text(text, encoding="utf-8")
    return folder


async def refusal(target: Any, folder: Path) -> str:
    with pytest.raises(Error) as caught:
        await migrate.run(target, folder)
    return str(caught.value)


async def leftovers(driver: Any) -> Any:
    return await driver.fetchval("select to_regclass('_assay_progress')")


async def states(target: Any, folder: Path) -> list[State]:
    return [status.state for status in await migrate.info(target, folder)]


@asynccontextmanager
async def another(url: DatabaseUrl, sql: str) -> AsyncIterator[Any]:
    """A second connection inside a transaction in which a statement has run."""
    connection = await asyncpg.connect(url.reveal())
    try:
        async with connection.transaction():
            await connection.execute(sql)
            yield connection
    finally:
        await connection.close()


async def until(driver: Any, condition: str) -> None:
    while not await driver.fetchval(f"select exists(select from {condition})"):
        await asyncio.sleep(0.01)


async def stop_at(url: DatabaseUrl, driver: Any, folder: Path, statement: str) -> None:
    """Run the migrations, and end their session when it is waiting inside a statement."""
    task = asyncio.create_task(migrate.run(url, folder))
    waiting = (
        f"pg_stat_activity where query like '%{statement}%' and wait_event_type = 'Lock' and pid <> pg_backend_pid()"
    )
    await until(driver, waiting)
    await driver.execute(f"select pg_terminate_backend(pid) from {waiting}")
    with pytest.raises(Error):
        await task
    await until(
        driver, "(select 1 where not exists(select from pg_stat_activity where application_name = 'assay migrate')) x"
    )


async def test_concurrent_indexes_in_one_file(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    file = OPT_OUT + "create index concurrently x on t (a);\ncreate index concurrently on t (b);\nvacuum t;"
    report = await migrate.run(database, write(tmp_path, v2_x=file))
    assert [step.resumed_at for step in report.steps] == [None, None]
    assert await driver.fetchval(INDEXES) == ["t_b_idx", "x"]
    assert await states(database, tmp_path) == [State.INSTALLED] * 2
    assert await leftovers(driver) is None


async def test_a_failing_statement_is_named_and_the_run_goes_on_there(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    done = OPT_OUT + "insert into t values (7, 7);\n"
    text = await refusal(database, write(tmp_path, v2_x=done + "create unique index concurrently u on t (a);"))
    assert f"{tmp_path}/2_x.sql:3:1: could not create unique index" in text
    assert "statement 2 of 2" in text
    assert "1 of its 2 statements has taken effect; correct the file from statement 2 on" in text
    assert await driver.fetchval(INDEXES) == []
    assert await states(database, tmp_path) == [State.INSTALLED, State.UNFINISHED]
    report = await migrate.run(database, write(tmp_path, v2_x=done + "create unique index concurrently u on t (b);"))
    assert [(step.version, step.resumed_at) for step in report.steps] == [(2, 2)]
    assert await driver.fetchval(INDEXES) == ["u"]
    assert await driver.fetchval("select count(*) from t where a = 7") == 1
    assert await states(database, tmp_path) == [State.INSTALLED] * 2
    assert await leftovers(driver) is None


async def test_a_file_whose_first_statement_fails_leaves_nothing(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    text = await refusal(database, write(tmp_path, v2_x=OPT_OUT + "create index concurrently on t (oops); select 1;"))
    assert text.endswith("Nothing of this file has taken effect.")
    assert await states(database, tmp_path) == [State.INSTALLED, State.PENDING]
    assert await leftovers(driver) is None


async def test_statements_that_took_effect_must_stay_as_they_are(database: DatabaseUrl, tmp_path: Path) -> None:
    await refusal(database, write(tmp_path, v2_x=OPT_OUT + "create table u ();\nselect oops;"))
    text = await refusal(database, write(tmp_path, v2_x=OPT_OUT + "create table v ();\nselect 1;"))
    assert "its first statement has taken effect in this database, and the file does not begin with the same" in text
    text = await refusal(database, write(tmp_path, v2_x="create table u ();\nselect 1;"))
    assert "was begun statement by statement, and stopped halfway" in text
    comments = OPT_OUT + "-- now with a comment\ncreate table\n  u () ;\nselect 1;"
    assert (await migrate.run(database, write(tmp_path, v2_x=comments))).steps[0].resumed_at == 2


async def test_an_interrupted_index_is_built_again(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    folder = write(tmp_path, v2_x=OPT_OUT + "create index concurrently x on t (a);\ncreate table after ();")
    await migrate.run(database, folder, target_version=1)
    async with another(database, "insert into t values (3, 3)"):
        await stop_at(database, driver, folder, "create index concurrently")
    assert await driver.fetchval(INDEXES) == ["x invalid"]
    report = await migrate.run(database, folder)
    assert report.notices == ("Dropped the invalid index x, left over from an attempt that did not finish",)
    assert await driver.fetchval(INDEXES) == ["x"]
    assert await driver.fetchval("select to_regclass('after') is not null")


async def test_an_interrupted_index_without_a_name_is_not_built_twice(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    base = BASE + "create index on t (a);"
    folder = write(tmp_path, v1_base=base, v2_x=OPT_OUT + "create index concurrently on t (a);")
    await migrate.run(database, folder, target_version=1)
    async with another(database, "insert into t values (3, 3)"):
        await stop_at(database, driver, folder, "create index concurrently")
    assert await driver.fetchval(INDEXES) == ["t_a_idx", "t_a_idx1 invalid"]
    await migrate.run(database, folder)
    assert await driver.fetchval(INDEXES) == ["t_a_idx", "t_a_idx1"]


async def pretend_killed(driver: Any, running: str, before: tuple[int, ...] = ()) -> None:
    """Put the note back to how it is while a file's first statement is running."""
    note = "update _assay_progress set done = 0, digest = $1, running = $2, before = $3"
    await driver.execute(note, bytes(32), running, before)


@pytest.mark.parametrize(
    ("sql", "prepare"),
    [
        ("create index concurrently x on t (a)", ""),
        ("create index concurrently on t (a)", ""),
        ("drop index concurrently old", "create index old on t (b);"),
        ("alter table p detach partition q concurrently", PARTITIONED),
    ],
)
async def test_a_statement_that_finished_while_the_process_died_is_not_run_again(
    database: DatabaseUrl, driver: Any, tmp_path: Path, sql: str, prepare: str
) -> None:
    folder = write(tmp_path, v1_base=BASE + prepare, v2_x=f"{OPT_OUT}{sql};\nselect oops;")
    await refusal(database, folder)
    await pretend_killed(driver, sql + ";", () if sql.startswith("create") else (1,))
    write(folder, v1_base=BASE + prepare, v2_x=f"{OPT_OUT}{sql};\nselect 1;")
    assert (await migrate.run(database, folder)).steps[0].resumed_at == 2
    assert len(await driver.fetchval(INDEXES)) == (1 if sql.startswith("create") else 0)


async def test_a_statement_that_finished_and_was_edited_since_is_refused(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    sql = "create index concurrently x on t (a);"
    await refusal(database, write(tmp_path, v2_x=f"{OPT_OUT}{sql}\nselect oops;"))
    await pretend_killed(driver, sql)
    text = await refusal(database, write(tmp_path, v2_x=f"{OPT_OUT}create index concurrently x on t (b);"))
    assert "statement 1 took effect in the run that stopped, and is another one now; put it back as it was" in text
    assert "create index concurrently x on t (a)" in text


async def test_a_database_that_was_created_while_the_process_died_is_accepted(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    name = f"{database.database}_more"
    folder = write(tmp_path, v2_x=f"{OPT_OUT}create database {name};\nselect oops;")
    try:
        await refusal(database, folder)
        await pretend_killed(driver, f"create database {name};")
        write(folder, v2_x=f"{OPT_OUT}create database {name};\nselect 1;")
        assert (await migrate.run(database, folder)).steps[0].resumed_at == 1
    finally:
        await driver.execute(f"drop database if exists {name}")


async def test_an_invalid_index_of_an_earlier_attempt_is_dropped_first(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    await migrate.run(database, write(tmp_path))
    with pytest.raises(asyncpg.UniqueViolationError):
        await driver.execute('create unique index concurrently "X y" on t (a)')
    assert await driver.fetchval(INDEXES) == ["X y invalid"]
    folder = write(tmp_path, v2_x=OPT_OUT + 'create index concurrently if not exists "X y" on public . t (a);')
    assert 'Dropped the invalid index "X y"' in (await migrate.run(database, folder)).notices[0]
    assert await driver.fetchval(INDEXES) == ["X y"]


async def test_an_index_of_that_name_that_somebody_made_is_an_error(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    folder = write(
        tmp_path, v1_base=BASE + "create index x on t (b);", v2_x=OPT_OUT + "create index concurrently x on t (a);"
    )
    for _ in range(2):
        assert 'relation "x" already exists' in await refusal(database, folder)


async def test_an_interrupted_detach_is_finalized(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    folder = write(tmp_path, v1_base=PARTITIONED, v2_x=OPT_OUT + "alter table p detach partition q concurrently;")
    await migrate.run(database, folder, target_version=1)
    async with another(database, "select * from p"):
        await stop_at(database, driver, folder, "detach partition")
    assert await driver.fetchval("select inhdetachpending from pg_inherits where inhrelid = 'q'::regclass")
    await migrate.run(database, folder)
    assert await driver.fetchval("select count(*) from pg_inherits where inhrelid = 'q'::regclass") == 0


async def test_a_detach_that_ran_out_of_time_is_finalized_by_the_next_run(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    file = OPT_OUT + "set lock_timeout = '50ms';\nalter table p detach partition q concurrently;"
    folder = write(tmp_path, v1_base=PARTITIONED, v2_x=file)
    await migrate.run(database, folder, target_version=1)
    async with another(database, "select * from p"):
        assert "1 of its 2 statements has taken effect" in await refusal(driver, folder)
    assert await driver.fetchval("show lock_timeout") == "0"
    assert await driver.fetchval("select inhdetachpending from pg_inherits where inhrelid = 'q'::regclass")
    await migrate.run(driver, folder)
    assert await driver.fetchval("select count(*) from pg_inherits where inhrelid = 'q'::regclass") == 0


async def test_what_an_interrupted_reindex_leaves_is_dropped(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    folder = write(tmp_path, v1_base=BASE + "create index x on t (a);", v2_x=OPT_OUT + "reindex table concurrently t;")
    await migrate.run(database, folder, target_version=1)
    async with another(database, "insert into t values (3, 3)"):
        await stop_at(database, driver, folder, "reindex table")
    assert await driver.fetchval(INDEXES) == ["x", "x_ccnew invalid"]
    await migrate.run(database, folder)
    assert await driver.fetchval(INDEXES) == ["x"]


async def test_begin_and_commit_in_the_file_keep_their_meaning(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    start = OPT_OUT + "create table a ();\nbegin;\ncreate table b ();\n"
    text = await refusal(database, write(tmp_path, v2_x=start + "create table b ();\ncommit;"))
    assert "1 of its 5 statements has taken effect; correct the file from statement 2 on" in text
    assert await driver.fetchval("select to_regclass('b')") is None
    folder = write(tmp_path, v2_x=start + "commit;\nbegin;\ncreate table c ();\nrollback;\nvacuum t;")
    assert (await migrate.run(database, folder)).steps[0].resumed_at == 2
    assert await driver.fetchval("select (to_regclass('b') is not null, to_regclass('c') is null)") == (True, True)


async def test_a_file_that_ends_its_transaction_early_is_run_as_sqlx_runs_it(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    sql = "create table a ();\nrollback;\ncreate table b ();\nbegin;\ncreate table c ();\n"
    report = await migrate.run(database, write(tmp_path, v2_x=sql))
    assert report.notices == (
        f"{tmp_path}/2_x.sql:2:1: the transaction of the file ends here, so it is run statement by statement",
    )
    found = "select array[to_regclass('a') is null, to_regclass('b') is not null, to_regclass('c') is not null]"
    assert await driver.fetchval(found) == [True, True, True]
    assert await states(database, tmp_path) == [State.INSTALLED] * 2


async def test_settings_of_skipped_statements_hold_when_going_on(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    start = OPT_OUT + "create schema app;\nset search_path = app;\nselect set_config('work_mem', '7MB', false);\n"
    await refusal(database, write(tmp_path, v2_x=start + "select oops;"))
    end = "create table here as select current_setting('work_mem') as memory;"
    assert (await migrate.run(database, write(tmp_path, v2_x=start + end))).steps[0].resumed_at == 4
    assert await driver.fetchval("select memory from app.here") == "7MB"


async def test_a_down_file_goes_on_where_it_stopped(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    files = {"v2_x__up": "create index x on t (a); create index y on t (b);"}
    start = OPT_OUT + "drop index concurrently x;\n"
    folder = write(tmp_path, **files, v2_x__down=start + "drop index concurrently z;")
    await migrate.run(database, folder)
    with pytest.raises(MigrationError, match="1 of its 2 statements has taken effect"):
        await migrate.revert(database, folder)
    assert "finish that first with assay migrate revert" in await refusal(database, folder)
    write(folder, **files, v2_x__down=start + "drop index concurrently y;")
    assert (await migrate.revert(database, folder)).steps[0].resumed_at == 2
    assert await driver.fetchval(INDEXES) == []
    assert await states(database, folder) == [State.INSTALLED, State.PENDING]


async def test_a_down_file_whose_first_statement_fails_leaves_the_migration_applied(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    folder = write(tmp_path, v2_x__up="select 1;", v2_x__down=OPT_OUT + "drop index concurrently z;")
    await migrate.run(database, folder)
    with pytest.raises(MigrationError, match="Nothing of this file has taken effect"):
        await migrate.revert(database, folder)
    assert await states(database, folder) == [State.INSTALLED] * 2
    assert await leftovers(driver) is None


async def test_deleting_the_row_by_hand_starts_the_file_again(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    """What SQLx advises for a migration that is partially applied."""
    folder = write(tmp_path, v2_x=OPT_OUT + "create table if not exists u ();\nselect oops;")
    await refusal(database, folder)
    await driver.execute("delete from _sqlx_migrations where version = 2")
    write(folder, v2_x=OPT_OUT + "create table if not exists u ();\nselect 1;")
    assert (await migrate.run(database, folder)).steps[0].resumed_at is None
    assert await leftovers(driver) is None


async def test_setting_success_by_hand_settles_the_file(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    folder = write(tmp_path, v2_x=OPT_OUT + "create table u ();\nselect oops;")
    await refusal(database, folder)
    await driver.execute("update _sqlx_migrations set success = true where version = 2")
    assert (await migrate.run(database, folder)).steps == ()
    assert await leftovers(driver) is None
