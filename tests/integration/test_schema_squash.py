"""Many migrations made one, and databases taken over as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from assay import migrate
from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate import Change, State
from assay.migrate.files import load
from assay.schema.baseline import baseline
from assay.schema.dump import dump_schema
from assay.schema.squash import Squashed, squash

FILES = {
    "1_mood.sql": "create type mood as enum ('happy');\n",
    "2_person.up.sql": "create table person (id integer primary key, mood mood);\n",
    "2_person.down.sql": "drop table person;\n",
    "3_more.sql": "-- no-transaction\ncreate index concurrently person_mood on person (mood);\nalter table person add name text;\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
async def driver_18(database_18: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A bare connection to the new database on the embedded server."""
    connection = await asyncpg.connect(database_18.reveal())
    yield connection
    await connection.close()


def replace(folder: Path, made: Squashed) -> None:
    for path in [*folder.iterdir()]:
        if int(path.name.partition("_")[0]) <= made.migrations[-1].version:
            path.unlink()
    (folder / made.name).write_text(made.sql)


async def states(database: DatabaseUrl, folder: Path) -> dict[int, State]:
    return {status.version: status.state for status in await migrate.info(database, folder)}


async def test_one_file_builds_the_same(server: DatabaseUrl, database: DatabaseUrl, folder: Path) -> None:
    made = await squash(server, load(folder))
    assert (made.name, len(made.migrations)) == ("3_squashed.sql", 3)
    replace(folder, made)
    await migrate.run(database, folder)
    assert await states(database, folder) == {3: State.INSTALLED}
    text = (await dump_schema(database)).text
    for part in ("CREATE TYPE public.mood", "CREATE INDEX person_mood", "name text"):
        assert part in text


async def test_a_database_that_has_had_them_all_is_up_to_date(
    server_18: DatabaseUrl, database_18: DatabaseUrl, driver_18: asyncpg.Connection, folder: Path
) -> None:
    await migrate.run(database_18, folder)
    replace(folder, await squash(server_18, load(folder)))
    assert await states(database_18, folder) == {3: State.INSTALLED}
    (folder / "4_next.sql").write_text("create table next ();\n")
    assert [step.version for step in (await migrate.run(database_18, folder)).steps] == [4]
    books = await migrate.repair(database_18, folder)
    assert [(e.version, e.change) for e in books.entries] == [
        (1, Change.FORGET),
        (2, Change.FORGET),
        (3, Change.CORRECT),
    ]
    rows = await driver_18.fetch("select version, checksum from _sqlx_migrations order by 1")
    assert [(row["version"], row["checksum"]) for row in rows] == [(m.version, m.checksum) for m in load(folder)]
    assert (await migrate.run(database_18, folder)).steps == ()


async def test_a_database_on_its_way_is_refused(server_18: DatabaseUrl, database_18: DatabaseUrl, folder: Path) -> None:
    await migrate.run(database_18, folder, target_version=2)
    replace(folder, await squash(server_18, load(folder)))
    with pytest.raises(MigrationError, match="stands for 3 migrations, and this database has 2 of them"):
        await migrate.run(database_18, folder)
    with pytest.raises(MigrationError, match="from the revision before they were squashed"):
        await migrate.skip(database_18, folder)


async def test_what_was_squashed_can_be_squashed_again(
    server_18: DatabaseUrl, database_18: DatabaseUrl, folder: Path
) -> None:
    await migrate.run(database_18, folder)
    replace(folder, await squash(server_18, load(folder)))
    (folder / "4_next.sql").write_text("create table next ();\n")
    await migrate.run(database_18, folder)
    made = await squash(server_18, load(folder))
    assert (made.name, made.sql.count("-- stands for ")) == ("4_squashed.sql", 4)
    replace(folder, made)
    assert await states(database_18, folder) == {4: State.INSTALLED}


async def test_rows_are_not_lost_in_silence(server: DatabaseUrl, database: DatabaseUrl, folder: Path) -> None:
    (folder / "4_rows.sql").write_text("insert into person values (1, 'happy', 'it''s; me'), (2, null, null);\n")
    with pytest.raises(MigrationError, match=r"into public\.person \(2\); --with-data writes them"):
        await squash(server, load(folder))
    replace(folder, await squash(server, load(folder), with_data=True))
    await migrate.run(database, folder)
    driver = await asyncpg.connect(database.reveal())
    rows = [tuple(row) for row in await driver.fetch("select id, mood::text, name from person order by 1")]
    await driver.close()
    assert rows == [(1, "happy", "it's; me"), (2, None, None)]


async def test_grants_and_sequences_are_kept(
    server_18: DatabaseUrl, database_18: DatabaseUrl, driver_18: asyncpg.Connection, folder: Path
) -> None:
    (folder / "4_more.sql").write_text(
        "grant select (id), update on person to public;\ncreate table n (id serial);\ninsert into n select from generate_series(1, 3);\n"
    )
    replace(folder, await squash(server_18, load(folder), with_data=True))
    await migrate.run(database_18, folder)
    assert await driver_18.fetchval("select nextval('n_id_seq')") == 4
    assert await driver_18.fetchval("select relacl::text like '%=w/%' from pg_class where relname = 'person'")


async def test_one_migration_cannot_be_squashed(server_18: DatabaseUrl, folder: Path) -> None:
    with pytest.raises(MigrationError, match="fewer than two"):
        await squash(server_18, load(folder)[:1])


async def test_a_database_without_migrations_gets_its_first(
    server_18: DatabaseUrl, database_18: DatabaseUrl, driver_18: asyncpg.Connection, tmp_path: Path
) -> None:
    await driver_18.execute("create table person (id integer primary key); insert into person values (1)")
    done = await baseline(database_18, tmp_path / "migrations", server_18)
    assert done.written is not None
    assert "CREATE TABLE public.person" in done.written.read_text()
    assert await states(database_18, tmp_path / "migrations") == {done.recorded[0]: State.INSTALLED}
    assert await driver_18.fetchval("select count(*) from person") == 1


async def test_migrations_that_build_what_is_there_are_recorded(
    server_18: DatabaseUrl, database_18: DatabaseUrl, driver_18: asyncpg.Connection, folder: Path
) -> None:
    await driver_18.execute(FILES["1_mood.sql"] + FILES["2_person.up.sql"])
    with pytest.raises(MigrationError, match=r"(?s)does not have what the migrations build.*-CREATE INDEX person_mood"):
        await baseline(database_18, folder, server_18)
    assert await driver_18.fetchval("select to_regclass('_sqlx_migrations') is null")
    assert (await baseline(database_18, folder, server_18, target_version=2)).recorded == (1, 2)
    assert [step.version for step in (await migrate.run(database_18, folder)).steps] == [3]


async def test_an_empty_database_has_no_baseline(
    server_18: DatabaseUrl, database_18: DatabaseUrl, tmp_path: Path
) -> None:
    with pytest.raises(MigrationError, match="is empty, so there is nothing to begin with"):
        await baseline(database_18, tmp_path, server_18)
    assert [*tmp_path.iterdir()] == []
