"""Migrations are applied and reverted with their rows in the ledger, each whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import assay
from assay import migrate
from assay.config import DatabaseUrl
from assay.errors import MigrationError, UsageError
from assay.migrate import Event, Moment, State


def write(folder: Path, files: dict[str, str]) -> Path:
    for path in folder.glob("*.sql"):
        path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


async def tables(driver: Any) -> list[str]:
    """The tables that are there, without the ledger."""
    return [
        record["name"]
        for record in await driver.fetch(
            "select relname::text as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace "
            "and relname <> '_sqlx_migrations' order by relname"
        )
    ]


async def ledger(driver: Any) -> list[tuple[int, bool]]:
    return [
        (record["version"], record["success"])
        for record in await driver.fetch("select version, success from _sqlx_migrations order by version")
    ]


async def refusal(target: Any, folder: Path, **options: Any) -> str:
    with pytest.raises(MigrationError) as caught:
        await migrate.run(target, folder, **options)
    return str(caught.value)


SLEEPERS = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
LOCKS = """
select count(*) from pg_locks
where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
"""

THREE = {
    "1_one.sql": "create table one ();\n",
    "2_two.up.sql": "create table two ();\n",
    "2_two.down.sql": "drop table two;\n",
    "3_three.up.sql": "create table three ();\n",
    "3_three.down.sql": "drop table three;\n",
}


async def test_pending_migrations_are_applied_once(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    folder = write(tmp_path, THREE)
    report = await migrate.run(database, folder)
    assert [(step.version, step.description) for step in report.steps] == [(1, "one"), (2, "two"), (3, "three")]
    assert await tables(driver) == ["one", "three", "two"]
    assert (await migrate.run(database, folder)).steps == ()


async def test_the_ledger_row_says_what_was_applied(database_18: DatabaseUrl, tmp_path: Path) -> None:
    folder = write(tmp_path, {"0007_create_it.sql": "create table it ();\r\n"})
    report = await migrate.run(str(database_18.reveal()), folder)
    connection = await asyncpg.connect(database_18.reveal())
    row = dict(await connection.fetchrow("select *, now() - installed_on as age from _sqlx_migrations"))
    await connection.close()
    assert row.pop("age").total_seconds() < 60
    assert row.pop("installed_on").tzinfo is not None
    assert 0 < row.pop("execution_time") <= report.steps[0].execution_time
    assert row == {
        "version": 7,
        "description": "create it",
        "success": True,
        "checksum": hashlib.sha384(b"create table it ();\r\n").digest(),
    }


async def test_a_failing_file_leaves_nothing_and_those_before_it_stay(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    folder = write(tmp_path, {**THREE, "2_two.up.sql": "create table two ();\ncreate table broken (x nosuchtype);\n"})
    text = await refusal(database, folder)
    assert f'{folder}/2_two.up.sql:2:24: type "nosuchtype" does not exist (SQLSTATE 42704' in text
    assert "    2 | create table broken (x nosuchtype);\n      |                        ^" in text
    assert text.endswith("Nothing of this file was kept.")
    assert await tables(driver) == ["one"]
    assert await ledger(driver) == [(1, True)]
    assert await migrate.run(database, write(folder, THREE))
    assert await tables(driver) == ["one", "three", "two"]


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("select 'größe';\r\nselect '名前', oops;\r\n", "2:14"),
        ("select 1;\n\n  -- why\n  insert into one values (1);", "4:27"),
        ("create table a (x int primary key);\ninsert into a\nvalues (1), (1);", "2:1"),
        ("do $$\nbegin\n  perform 1 / 0;\nend $$;", "1:1"),
        ("select 'never closed;\nselect 2;", "1:8"),
        ("-- lock-timeout: 5s\n-- statement-timeout: 5s\nselect ä, oops;", "3:8"),
        (f"select '{'x' * 200_000}',\n  oops;", "2:3"),
    ],
)
async def test_an_error_names_line_and_column_in_characters(
    database: DatabaseUrl, tmp_path: Path, sql: str, place: str
) -> None:
    text = await refusal(database, write(tmp_path, {"1_one.sql": "create table one ();", "2_x.sql": sql}))
    assert text.startswith(f"{tmp_path}/2_x.sql:{place}: ")


async def test_a_constraint_that_fails_at_the_commit_is_reported(database: DatabaseUrl, tmp_path: Path) -> None:
    sql = (
        "create table a (x int primary key);"
        "create table b (x int references a deferrable initially deferred); insert into b values (1);"
    )
    text = await refusal(database, write(tmp_path, {"1_x.sql": sql}))
    assert f"{tmp_path}/1_x.sql: at the end of the transaction: insert or update" in text


@pytest.mark.parametrize("sql", ["selec 1;", "select 1 / 0;", "create table a ();\nselect oops;"])
async def test_after_a_failure_a_lent_connection_is_in_no_transaction(driver: Any, tmp_path: Path, sql: str) -> None:
    await refusal(driver, write(tmp_path, {"1_a.sql": sql}))
    assert not driver.is_in_transaction()
    assert await driver.fetchval("select to_regclass('a') is null")


async def test_a_file_costs_as_many_messages_as_it_has_statements(database_18: DatabaseUrl, tmp_path: Path) -> None:
    sent: list[str] = []
    connection = await asyncpg.connect(database_18.reveal())
    connection.add_query_logger(lambda record: sent.append(record.query))
    await migrate.run(connection, write(tmp_path, {"1_a.sql": "create table a ();\ncreate table b (); -- at last\n"}))
    await connection.close()
    *_, first, second, _unlock = sent
    assert first == "begin;create table a ();"
    assert second.startswith("\ncreate table b (); -- at last\n\n;insert into public._sqlx_migrations ")
    assert second.endswith("; commit")


@pytest.mark.parametrize("rest", ["create table b ()", "select 'a;", "select $$a;", "create table b (a int;"])
async def test_what_no_semicolon_ends_is_sent_alone(database_18: DatabaseUrl, tmp_path: Path, rest: str) -> None:
    sent: list[str] = []
    connection = await asyncpg.connect(database_18.reveal())
    connection.add_query_logger(lambda record: sent.append(record.query))
    with suppress(MigrationError):
        await migrate.run(connection, write(tmp_path, {"1_it's_$$.sql": f"create table a ();\n{rest}"}))
    await connection.close()
    assert f"\n{rest}" in sent


async def test_a_comment_that_is_never_closed_takes_in_nothing_of_the_ledger(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    folder = write(tmp_path, {"1_a.sql": "create table a ();\n/* b;"})
    assert f"{folder}/1_a.sql:2:1: unterminated /* comment" in await refusal(driver, folder)
    assert (await tables(driver), await ledger(driver)) == ([], [])


DEFERRED = """
create table a (id int primary key, b int);
create function fail() returns trigger language plpgsql as $$ begin raise 'never %', new.id; end $$;
create constraint trigger late after insert on a deferrable initially deferred for each row execute function fail();
"""
FAILING = {
    "select 1 / 0;": "{file}:1:1: division by zero (SQLSTATE 22012)",
    "select 1;\nselect 2 +;": "{file}:2:11: syntax error",
    "selec 1;": '{file}:1:1: syntax error at or near "selec"',
    "select oops;": '{file}:1:8: column "oops" does not exist',
    "select 1;\n\nselect oops; -- the end": '{file}:3:8: column "oops" does not exist',
    "insert into a values (1, 2);": "{file}: at the end of the transaction: never 1",
    "insert into a values (1, 2); select 2;": "{file}: at the end of the transaction: never 1",
    "insert into a values (1, 2); set constraints all immediate;": "{file}:1:30: never 1",
    "insert into _sqlx_migrations values (2, '', now(), true, '', 0); select 2;": "{file}: version 2 was applied at the",
    "drop table _sqlx_migrations;": "{file}: at the end of the transaction: relation",
    f"select {'(' * 30_000}1{')' * 30_000};": "{file}:1:10002: memory exhausted",
}


@pytest.mark.parametrize("sql", FAILING, ids=lambda sql: sql[:30])
async def test_what_fails_is_named_whatever_it_is_sent_with(
    database: DatabaseUrl, driver: Any, tmp_path: Path, sql: str
) -> None:
    folder = write(tmp_path, {"1_a.sql": DEFERRED, "2_b.sql": sql, "3_c.sql": "create table c ();"})
    assert FAILING[sql].format(file=folder / "2_b.sql") in await refusal(driver, folder)
    assert await tables(driver) == ["a"]
    assert await ledger(driver) == [(1, True)]
    assert not driver.is_in_transaction()


async def test_letters_that_the_servers_encoding_lacks_are_no_failure_of_the_end(
    server: DatabaseUrl, tmp_path: Path
) -> None:
    name = f"latin_{tmp_path.name[-20:]}"
    admin = await asyncpg.connect(server.reveal())
    await admin.execute(
        f"create database \"{name}\" encoding 'latin1' locale 'C' template template0"  # the name is ours
    )
    try:
        folder = write(tmp_path, {"1_a.sql": "select 'żółw';"})
        assert f"{folder}/1_a.sql:1:1: character with byte sequence" in await refusal(
            server.with_database(name).reveal(), folder
        )
    finally:
        await admin.execute(f'drop database "{name}" with (force)')
        await admin.close()


SYNCHRONOUS = "select current_setting('synchronous_commit')"


async def test_only_the_last_commit_waits_for_the_disk(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    await driver.execute("set synchronous_commit = on")
    notes = {f"{n}_a.sql": f"insert into notes {SYNCHRONOUS};" for n in (2, 3, 4)}
    await migrate.run(driver, write(tmp_path, {"1_a.sql": "create table notes (text text);", **notes}))
    assert [row["text"] for row in await driver.fetch("select text from notes")] == ["off", "off", "on"]
    assert await driver.fetchval(SYNCHRONOUS) == "on"


async def test_what_was_committed_before_a_failure_is_on_the_disk(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    await driver.execute("set synchronous_commit = on")
    place = "create table place as select pg_current_wal_insert_lsn() as at;"
    await refusal(driver, write(tmp_path, {"1_a.sql": place, "2_b.sql": "select oops;"}))
    assert await driver.fetchval("select pg_current_wal_flush_lsn() > at from place")


async def test_nothing_is_begun_when_a_later_file_cannot_be_run(database_18: DatabaseUrl, tmp_path: Path) -> None:
    folder = write(tmp_path, {"1_one.sql": "create table one ();", "2_two.sql": "select 1;\n\\copy one from 'x'\n"})
    assert f"{folder}/2_two.sql:2:1: \\copy is a command of psql" in await refusal(database_18, folder)
    connection = await asyncpg.connect(database_18.reveal())
    assert await connection.fetchval("select count(*) from pg_class where relname in ('one', '_sqlx_migrations')") == 0
    await connection.close()


async def test_an_edited_file_is_refused_and_nothing_is_applied(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    await migrate.run(database, write(tmp_path, {"2_two.sql": "create table two ();\n"}))
    folder = write(tmp_path, {"1_one.sql": "create table one ();", "2_two.sql": "create table two (x int);\n"})
    assert f"{folder}/2_two.sql was edited after it was applied" in await refusal(database, folder)
    write(folder, {"1_one.sql": "create table one ();", "2_two.sql": "create table two ();\r\n"})
    assert "was applied with LF line endings and has CRLF line endings now" in await refusal(database, folder)
    assert await tables(driver) == ["two"]


async def test_a_target_version_stops_the_run(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    report = await migrate.run(database, write(tmp_path, THREE), target_version=2)
    assert (len(report.steps), report.skipped) == (2, (3,))
    assert await tables(driver) == ["one", "two"]


async def test_a_dry_run_changes_nothing(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    report = await migrate.run(database, write(tmp_path, THREE), dry_run=True)
    assert ([step.version for step in report.steps], report.dry_run) == ([1, 2, 3], True)
    assert await driver.fetchval("select to_regclass('_sqlx_migrations')") is None
    await migrate.run(database, tmp_path)
    assert [step.version for step in (await migrate.revert(database, tmp_path, dry_run=True)).steps] == [3]
    assert await tables(driver) == ["one", "three", "two"]


async def test_the_last_migration_is_reverted_and_can_be_applied_again(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    folder = write(tmp_path, THREE)
    await migrate.run(database, folder)
    assert [step.version for step in (await migrate.revert(database, folder)).steps] == [3]
    assert (await tables(driver), await ledger(driver)) == (["one", "two"], [(1, True), (2, True)])
    assert [step.version for step in (await migrate.run(database, folder)).steps] == [3]


async def test_target_zero_reverts_all_that_have_a_down_file(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    folder = write(tmp_path, THREE)
    await migrate.run(database, folder)
    report = await migrate.revert(database, folder, target_version=0)
    assert [step.version for step in report.steps] == [3, 2]
    assert report.notices == (f"{folder}/1_one.sql has no down file, so version 1 stays applied",)
    assert (await tables(driver), await ledger(driver)) == (["one"], [(1, True)])


async def test_a_failing_down_file_leaves_the_migration_applied(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    folder = write(tmp_path, {**THREE, "3_three.down.sql": "drop table three; drop table nothing;"})
    await migrate.run(database, folder)
    with pytest.raises(MigrationError, match=r'3_three.down.sql:1:19: table "nothing" does not exist'):
        await migrate.revert(database, folder)
    assert (await tables(driver), await ledger(driver)) == (["one", "three", "two"], [(1, True), (2, True), (3, True)])


async def test_info_lists_files_and_ledger_without_touching_anything(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    folder = write(tmp_path, THREE)
    assert {status.state for status in await migrate.info(database, folder)} == {State.PENDING}
    assert await driver.fetchval("select to_regclass('_sqlx_migrations')") is None
    await migrate.run(database, folder, target_version=2)
    write(folder, {"1_one.sql": "", "3_three.sql": ""})
    found = await migrate.info(database, folder)
    assert [(status.version, status.state) for status in found] == [
        (1, State.CHANGED),
        (2, State.MISSING),
        (3, State.PENDING),
    ]
    assert found[0].checksum != found[0].applied_checksum
    assert found[0].installed_on is not None


async def test_events_tell_what_happens(database_18: DatabaseUrl, tmp_path: Path) -> None:
    events: list[Event] = []
    await migrate.run(database_18, write(tmp_path, {"2_b.sql": "select 2;"}), progress=events.append)
    folder = write(tmp_path, {"1_a.sql": "select 1;", "2_b.sql": "select 2;"})
    await migrate.run(database_18, folder, progress=events.append)
    assert [(event.moment, event.step.version if event.step else None) for event in events] == [
        (Moment.STARTED, 2),
        (Moment.STATEMENT, 2),
        (Moment.FINISHED, 2),
        (Moment.NOTICE, None),
        (Moment.STARTED, 1),
        (Moment.STATEMENT, 1),
        (Moment.FINISHED, 1),
    ]


@pytest.mark.parametrize("text", ["", "-- Create devices\n", "-- no-transaction\n", ";\n/* later */;"])
async def test_a_file_without_a_statement_is_applied_and_told(
    database_18: DatabaseUrl, tmp_path: Path, text: str
) -> None:
    folder = write(tmp_path, {"1_a.up.sql": text, "1_a.down.sql": "-- Revert: create devices\n"})
    told = f"{folder}/1_a.up.sql holds no statement; applying it changes nothing but the ledger"
    events: list[Event] = []
    assert (await migrate.run(database_18, folder, dry_run=True)).notices == (told,)
    assert (await migrate.run(database_18, folder, progress=events.append)).notices == (told,)
    assert [event.moment for event in events] == [Moment.STARTED, Moment.NOTICE, Moment.FINISHED]
    assert events[1].text == told
    told = f"{folder}/1_a.down.sql holds no statement; reverting with it changes nothing but the ledger"
    assert (await migrate.revert(database_18, folder)).notices == (told,)


@pytest.mark.parametrize("text", ["", "-- Revert: create devices\n", "-- no-transaction\n", "begin; commit;"])
async def test_a_down_file_without_a_statement_reverts_nothing(
    database_18: DatabaseUrl, tmp_path: Path, text: str
) -> None:
    files = {"1_a.up.sql": "create table devices ();", "1_a.down.sql": text}
    folder = write(tmp_path, {**files, "2_b.up.sql": "create table b ();", "2_b.down.sql": "drop table b;"})
    await migrate.run(database_18, folder)
    with pytest.raises(MigrationError, match=r"1_a.down.sql holds no statement, .* write the SQL that undoes it there"):
        await migrate.revert(database_18, folder, target_version=0)
    states = [status.state for status in await migrate.info(database_18, folder)]
    assert states == [migrate.State.INSTALLED] * 2, "the file above it is not reverted either"
    told = f"{folder}/1_a.down.sql holds no statement; reverting with it changes nothing but the ledger"
    assert (await migrate.revert(database_18, folder, target_version=0, dry_run=True)).notices == (told,)
    (folder / "1_a.down.sql").write_text("select 1;")
    assert len((await migrate.revert(database_18, folder, target_version=0)).steps) == 2


async def test_a_setting_of_one_file_does_not_reach_the_next(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    folder = write(
        tmp_path,
        {
            "1_a.sql": "create schema app; select set_config('search_path', 'app', false); create table here ();",
            "2_b.sql": "set role pg_monitor; set standard_conforming_strings = off;",
            "3_c.sql": "create table there (x text default 'a\\');",
        },
    )
    await migrate.run(database, folder)
    assert await tables(driver) == ["there"]
    assert await driver.fetchval("select to_regclass('app.here') is not null")
    assert await driver.fetchval("select tableowner from pg_tables where tablename = 'there'") == "postgres"


async def test_settings_of_a_lent_connection_are_as_they_were_afterwards(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    owner = f"owner_of_{database.database}"
    await driver.execute(f"create role {owner}; grant all on schema public to {owner}")
    try:
        await driver.execute(f"set role {owner}; set lock_timeout = '7s'")
        folder = write(
            tmp_path,
            {
                "1_a.sql": "reset role; set lock_timeout = 0; select set_config('x.y', 'z', false);",
                "2_b.sql": "create table b ();",
                "3_c.sql": "-- no-transaction\nset lock_timeout = '1s';\nreset role;",
                "4_d.sql": "reset lock_timeout;",
            },
        )
        await migrate.run(driver, folder)
        assert await driver.fetchval("select tableowner from pg_tables where tablename = 'b'") == owner
        assert await driver.fetchval("select current_setting('lock_timeout')") == "7s"
        assert await driver.fetchval("select current_setting('x.y', true)") in (None, "")
        assert await driver.fetchval("select current_user") == owner
    finally:
        await driver.execute(f"reset role; drop owned by {owner}; drop role {owner}")


async def test_the_ledger_lies_in_the_first_schema_of_the_search_path(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    """One set of tables a tenant: the ledger of another schema on the path is not this tenant's."""
    folder = write(tmp_path, {"1_one.sql": "create table one ();"})
    await migrate.run(database, folder)
    await driver.execute('create schema "Tenant"; set search_path = "Tenant", public')
    assert [step.version for step in (await migrate.run(driver, folder)).steps] == [1]
    assert await driver.fetchval("""select count(*) from "Tenant"._sqlx_migrations""") == 1


async def test_a_search_path_to_nowhere_is_refused(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    await driver.execute("set search_path = nowhere")
    assert "names no schema that exists" in await refusal(driver, write(tmp_path, THREE))


async def test_an_own_begin_and_commit_around_the_file_are_its_transaction(
    database: DatabaseUrl, driver: Any, tmp_path: Path
) -> None:
    await refusal(database, write(tmp_path, {"1_a.sql": "begin;\ncreate table a ();\nselect oops;\ncommit;\n"}))
    assert (await tables(driver), await ledger(driver)) == ([], [])
    await migrate.run(database, write(tmp_path, {"1_a.sql": "begin;\ncreate table a ();\ncommit;\n"}))
    assert (await tables(driver), await ledger(driver)) == (["a"], [(1, True)])


async def test_a_connection_inside_a_transaction_is_refused(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    async with driver.transaction():
        with pytest.raises(UsageError, match="is inside a transaction"):
            await migrate.run(driver, write(tmp_path, THREE))


async def test_what_is_no_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="A int cannot be migrated"):
        await migrate.run(7, write(tmp_path, THREE))  # type: ignore[arg-type]


async def test_a_pool_lends_one_connection_and_gets_it_back(database: DatabaseUrl, tmp_path: Path) -> None:
    async with asyncpg.create_pool(database.reveal(), min_size=1, max_size=1) as pool:
        assert len((await migrate.run(pool, write(tmp_path, THREE))).steps) == 3
        assert len(await migrate.info(pool, tmp_path)) == 3
        assert await pool.fetchval(LOCKS) == 0


async def test_assays_own_pool_and_connection_are_targets(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    folder = write(tmp_path, THREE)
    async with assay.Pool(database, max_connections=1, min_connections=1) as pool:
        assert len((await migrate.run(pool, folder, target_version=2)).steps) == 2
        async with pool.acquire() as connection:
            assert len((await migrate.run(connection, folder)).steps) == 1
        assert await pool.fetch_one(int, LOCKS) == 0
    assert await tables(driver) == ["one", "three", "two"]


@pytest.mark.parametrize(
    "sql", ["create table a ();\nselect pg_sleep(60);", "select pg_sleep(60);\ncreate table a ();"]
)
async def test_a_cancelled_run_rolls_back_and_lets_the_lock_go(
    database: DatabaseUrl, driver: Any, tmp_path: Path, sql: str
) -> None:
    task = asyncio.create_task(migrate.run(driver, write(tmp_path, {"1_a.sql": sql})))
    watcher = await asyncpg.connect(database.reveal())
    while not await watcher.fetchval(SLEEPERS):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await watcher.fetchval(LOCKS) == 0
    await watcher.close()
    assert not driver.is_closed()
    assert (await tables(driver), await ledger(driver)) == ([], [])
    assert len((await migrate.run(driver, write(tmp_path, THREE))).steps) == 3
