"""Seed files loaded into real databases: order, transactions, and errors that name their place.

The databases are new, so that it does not matter here whether a seed can be loaded again.
"""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from assay.config import DatabaseUrl
from assay.errors import ConnectionFailed, DatabaseError, UniqueViolation, UsageError
from assay.ops.seed import Seeded, load, seed_files


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    folder = tmp_path / "seeds"
    folder.mkdir()
    return folder


@pytest.fixture
async def pets(driver: asyncpg.Connection) -> asyncpg.Connection:
    await driver.execute("create table pets (id int primary key, name text unique not null)")
    return driver


def write(folder: Path, name: str, sql: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(sql.encode() if isinstance(sql, str) else sql)
    return path


async def run(database: DatabaseUrl, folder: Path, environment: str | None = None) -> list[Seeded]:
    return [seeded async for seeded in load(database, seed_files(folder, environment), once=True)]


def test_files_come_in_name_order_the_common_before_the_environment(seeds: Path) -> None:
    for name in ("b.sql", "a.sql", "notes.txt", "dev/c.sql", "common/z.sql", "prod/d.sql"):
        write(seeds, name, "")
    names = [str(file.relative_to(seeds)) for file in seed_files(seeds, "dev")]
    assert names == ["a.sql", "b.sql", "common/z.sql", "dev/c.sql"]


def test_without_an_environment_no_environment_is_loaded(seeds: Path) -> None:
    for name in ("a.sql", "dev/c.sql"):
        write(seeds, name, "")
    assert [file.name for file in seed_files(seeds)] == ["a.sql"]


def test_an_unknown_environment_is_refused_and_the_known_are_named(seeds: Path) -> None:
    for name in ("dev/a.sql", "test/a.sql", "common/a.sql"):
        write(seeds, name, "")
    with pytest.raises(UsageError, match="no environment 'prod'; there are dev, test"):
        seed_files(seeds, "prod")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no folder .*seeds; put seeds there"):
        seed_files(tmp_path / "seeds")


async def test_rows_are_counted_over_all_statements_of_a_file(
    database: DatabaseUrl, pets: asyncpg.Connection, seeds: Path
) -> None:
    write(
        seeds,
        "pets.sql",
        """
        -- a comment; with a semicolon
        insert into pets values (1, 'Ada; or not'), (2, 'Bo') on conflict do nothing;
        update pets set name = 'Cy' where id = 2;
        delete from pets where id = 1;
        select count(*) from pets;
        """,
    )
    (seeded,) = await run(database, seeds)
    assert (seeded.file.name, seeded.rows) == ("pets.sql", 4)
    assert await pets.fetchval("select name from pets") == "Cy"


async def test_a_seed_that_says_on_conflict_changes_nothing_the_second_time(
    database: DatabaseUrl, pets: asyncpg.Connection, seeds: Path
) -> None:
    write(seeds, "pets.sql", "insert into pets values (1, 'Ada') on conflict do nothing")
    assert [seeded.rows for seeded in await run(database, seeds)] == [1]
    assert [seeded.rows for seeded in await run(database, seeds)] == [0]


async def test_a_failing_file_is_rolled_back_and_those_before_it_stay(
    database: DatabaseUrl, pets: asyncpg.Connection, seeds: Path
) -> None:
    write(seeds, "1.sql", "insert into pets values (1, 'Ada')")
    write(seeds, "2.sql", "insert into pets values (2, 'Bo');\n\n  insert into pets values (3, 'Ada');")
    with pytest.raises(UniqueViolation) as caught:
        await run(database, seeds)
    assert await pets.fetchval("select array_agg(id) from pets") == [1]
    assert str(caught.value).startswith(f"{seeds}/2.sql:3:3: duplicate key value")


async def test_an_sql_error_names_file_line_and_column(
    database: DatabaseUrl, pets: asyncpg.Connection, seeds: Path
) -> None:
    write(seeds, "1.sql", "select 'é';\r\ninsert into pets\r\nvalues (1, nmae);")
    with pytest.raises(DatabaseError) as caught:
        await run(database, seeds)
    assert str(caught.value).startswith(f'{seeds}/1.sql:3:12: column "nmae" does not exist')
    assert "(line" not in str(caught.value)


async def test_a_missing_table_points_at_the_migrations(database: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "1.sql", "insert into pets values (1)")
    with pytest.raises(DatabaseError, match=r"1:13: .* does not exist; is a migration missing"):
        await run(database, seeds)


async def test_an_error_at_commit_names_the_file(database: DatabaseUrl, pets: asyncpg.Connection, seeds: Path) -> None:
    await pets.execute("create table toys (pet int references pets deferrable initially deferred)")
    write(seeds, "1.sql", "insert into toys values (7)")
    with pytest.raises(DatabaseError, match=r"1\.sql: insert or update on table"):
        await run(database, seeds)


async def test_what_one_file_sets_the_next_does_not_inherit(
    database: DatabaseUrl, pets: asyncpg.Connection, seeds: Path
) -> None:
    write(seeds, "1.sql", "set search_path = pg_catalog; create temp table scratch (id int)")
    write(seeds, "2.sql", "create temp table scratch (id int); insert into pets values (1, 'Ada')")
    assert [seeded.rows for seeded in await run(database, seeds)] == [0, 1]


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("select 1;\n commit;", "2:2: a seed runs in a transaction already; remove COMMIT"),
        ("begin; select 1; end;", "1:1: .* remove BEGIN"),
        ("prepare transaction 'x'", "1:1: .* remove PREPARE"),
        ("\\i other.sql\n", "1:1: a backslash command"),
        ("copy pets from stdin;\n1\tAda\n\\.\n", "1:1: COPY from standard input"),
        (b"select '\xff'", "not UTF-8: byte 9"),
        ("select 1;\n\0", "2:1: the file holds a NUL"),
    ],
)
async def test_what_cannot_run_in_one_transaction_is_refused_before_anything_runs(
    database: DatabaseUrl, pets: asyncpg.Connection, seeds: Path, sql: str | bytes, what: str
) -> None:
    write(seeds, "1.sql", "insert into pets values (1, 'Ada')")
    write(seeds, "2.sql", sql)
    with pytest.raises(UsageError, match=what):
        await run(database, seeds)
    assert await pets.fetchval("select count(*) from pets") == 0


async def test_savepoints_are_a_seeds_own_business(
    database: DatabaseUrl, pets: asyncpg.Connection, seeds: Path
) -> None:
    write(
        seeds,
        "1.sql",
        "savepoint a; insert into pets values (1, 'Ada'); rollback to savepoint a; insert into pets values (2, 'Bo')",
    )
    await run(database, seeds)
    assert await pets.fetchval("select array_agg(id) from pets") == [2]


async def test_a_byte_order_mark_is_left_out(database: DatabaseUrl, pets: asyncpg.Connection, seeds: Path) -> None:
    write(seeds, "1.sql", b"\xef\xbb\xbfinsert into pets values (1, 'Ada')")
    assert [seeded.rows for seeded in await run(database, seeds)] == [1]


async def test_a_file_of_comments_alone_is_loaded_with_no_rows(database: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "1.sql", "-- nothing yet\n/* really */ ;\n")
    assert [seeded.rows for seeded in await run(database, seeds)] == [0]


async def test_a_server_that_is_not_there_is_one_clear_error(seeds: Path) -> None:
    write(seeds, "1.sql", "select 1")
    nowhere = DatabaseUrl.parse("postgresql://u:secret@127.0.0.1:1/app")
    with pytest.raises(ConnectionFailed, match='Cannot connect to database "app"') as caught:
        await run(nowhere, seeds)
    assert "secret" not in str(caught.value)
