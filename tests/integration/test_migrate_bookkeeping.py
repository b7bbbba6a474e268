"""The ledger put right without running a file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from assay import migrate
from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate import Books, Change, State
from assay.migrate.lock import lock_key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for version, name in enumerate(("a", "b", "c"), 1):
        (tmp_path / f"{version}_{name}.sql").write_text(f"create table {name} ();\n")
    return tmp_path


def changes(books: Books) -> list[tuple[int, Change]]:
    return [(entry.version, entry.change) for entry in books.entries]


async def states(database: DatabaseUrl, folder: Path) -> dict[int, State]:
    return {status.version: status.state for status in await migrate.info(database, folder)}


async def test_what_is_skipped_counts_as_applied_and_is_not_run(
    database: DatabaseUrl, driver: asyncpg.Connection, folder: Path
) -> None:
    assert changes(await migrate.skip(database, folder, target_version=2)) == [(1, Change.RECORD), (2, Change.RECORD)]
    assert [step.version for step in (await migrate.run(database, folder)).steps] == [3]
    assert await driver.fetchval("select to_regclass('a') is null and to_regclass('c') is not null")
    assert await driver.fetchval("select execution_time from _sqlx_migrations where version = 1") == -1


async def test_versions_can_be_named(database: DatabaseUrl, folder: Path) -> None:
    assert changes(await migrate.skip(database, folder, [3, 1, 3])) == [(1, Change.RECORD), (3, Change.RECORD)]
    assert await states(database, folder) == {1: State.INSTALLED, 2: State.PENDING, 3: State.INSTALLED}


async def test_what_is_applied_or_has_no_file_cannot_be_skipped(database: DatabaseUrl, folder: Path) -> None:
    await migrate.run(database, folder, target_version=1)
    with pytest.raises(MigrationError, match="Migration 1 has been applied, so there is nothing to skip"):
        await migrate.skip(database, folder, [1, 2])
    with pytest.raises(MigrationError, match="There is no migration 9"):
        await migrate.skip(database, folder, [9])
    assert await states(database, folder) == {1: State.INSTALLED, 2: State.PENDING, 3: State.PENDING}


async def test_a_dry_run_changes_nothing(database: DatabaseUrl, driver: asyncpg.Connection, folder: Path) -> None:
    assert changes(await migrate.skip(database, folder, dry_run=True)) == [(n, Change.RECORD) for n in (1, 2, 3)]
    assert await driver.fetchval("select to_regclass('_sqlx_migrations') is null")
    await migrate.run(database, folder)
    (folder / "1_a.sql").write_bytes(b"create table a ();\r\n")
    assert changes(await migrate.repair(database, folder, dry_run=True)) == [(1, Change.CORRECT)]
    assert (await states(database, folder))[1] is State.CHANGED


async def test_line_endings_are_taken_over_and_edits_are_left(database: DatabaseUrl, folder: Path) -> None:
    await migrate.run(database, folder)
    (folder / "1_a.sql").write_bytes(b"create table a ();\r\n")
    (folder / "2_b.sql").write_text("create table b (n integer);\n")
    (folder / "3_c.sql").unlink()
    books = await migrate.repair(database, folder)
    assert changes(books) == [(1, Change.CORRECT)]
    edited, missing = books.left
    assert "2_b.sql was edited after it was applied" in edited
    assert edited.endswith("--accept-edits")
    assert missing == (
        'Migration 3 "c" was applied to this database and has no file here; '
        "restore the file, or forget the row: --forget-missing"
    )
    assert await states(database, folder) == {1: State.INSTALLED, 2: State.CHANGED, 3: State.MISSING}


async def test_edits_and_missing_files_are_settled_when_asked(
    database: DatabaseUrl, driver: asyncpg.Connection, folder: Path
) -> None:
    await migrate.run(database, folder)
    (folder / "2_b.sql").write_text("create table b (n integer);\n")
    (folder / "3_c.sql").unlink()
    books = await migrate.repair(database, folder, accept_edits=True, forget_missing=True)
    assert (changes(books), books.left) == ([(2, Change.CORRECT), (3, Change.FORGET)], ())
    assert await states(database, folder) == {1: State.INSTALLED, 2: State.INSTALLED}
    assert (await migrate.run(database, folder)).steps == ()
    assert await driver.fetchval("select count(*) from pg_attribute where attrelid = 'b'::regclass and attnum > 0") == 0


async def test_nothing_wrong_is_nothing_done(database: DatabaseUrl, driver: asyncpg.Connection, folder: Path) -> None:
    assert await migrate.repair(database, folder) == Books(())
    assert await driver.fetchval("select to_regclass('_sqlx_migrations') is null")


async def test_a_file_that_stopped_halfway_is_for_run(database: DatabaseUrl, folder: Path) -> None:
    (folder / "3_c.sql").write_text("-- no-transaction\ncreate table c ();\nselect 1/0;\n")
    with pytest.raises(MigrationError):
        await migrate.run(database, folder)
    assert await migrate.repair(database, folder, accept_edits=True) == Books(())
    assert (await states(database, folder))[3] is State.UNFINISHED


async def test_another_migrator_is_waited_for(database: DatabaseUrl, driver: asyncpg.Connection, folder: Path) -> None:
    await driver.execute("select pg_advisory_lock($1)", lock_key(database.database or ""))
    with pytest.raises(MigrationError, match="Another process is migrating database"):
        await migrate.skip(database, folder, lock_timeout=0)
    waiting = asyncio.create_task(migrate.skip(database, folder))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await driver.execute("select pg_advisory_unlock_all()")
    assert len((await waiting).entries) == 3
