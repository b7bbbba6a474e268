"""Seeds in Python among those in SQL, and seeds that cannot be loaded again."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from assay.config import DatabaseUrl
from assay.errors import UniqueViolation, UsageError
from assay.ops.seed import Seeded, load, seed_files
from assay.ops.seed_check import check_seeds

UPSERT = "insert into pets values ($1, $2) on conflict do nothing"
HEADER = "import assay\n\nasync def seed(db: assay.Executor) -> None:\n"


@pytest.fixture
async def pets(database_18: DatabaseUrl) -> DatabaseUrl:
    connection = await asyncpg.connect(database_18.reveal())
    await connection.execute(
        "create table pets (id int primary key, name text, at timestamptz default now());"
        "create table log (id int generated always as identity, text text)"
    )
    await connection.close()
    return database_18


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.assay]\n")
    (tmp_path / "seeds" / "common").mkdir(parents=True)
    return tmp_path / "seeds"


def write(seeds: Path, name: str, text: str) -> None:
    (seeds / name).write_text(text)


async def run(database: DatabaseUrl, seeds: Path) -> list[Seeded]:
    return [one async for one in load(database, seed_files(seeds))]


async def fetch(database: DatabaseUrl, sql: str) -> object:
    connection = await asyncpg.connect(database.reveal())
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_python_and_sql_are_loaded_in_name_order(pets: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "common/010_first.sql", "insert into pets values (1, 'Ada') on conflict do nothing")
    write(
        seeds, "common/020_people.py", f"{HEADER}    for n in (2, 3):\n        await db.execute({UPSERT!r}, n, 'Bo')\n"
    )
    write(seeds, "common/030_last.sql", "update pets set name = 'Cy' where id = 3")
    write(seeds, "common/_helpers.py", "raise RuntimeError\n")
    done = await run(pets, seeds)
    assert [(one.file.name, one.rows) for one in done] == [
        ("010_first.sql", 1), ("020_people.py", 2), ("030_last.sql", 1),
    ]  # fmt: skip
    assert await fetch(pets, "select string_agg(name, ' ' order by id) from pets") == "Ada Bo Cy"


async def test_a_seed_imports_what_the_project_has(pets: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "common/_names.py", "NAME = 'Dot'\n")
    (seeds.parent / "petshop.py").write_text("ID = 7\n")
    write(
        seeds,
        "common/1.py",
        f"import _names, petshop\n{HEADER}    await db.execute({UPSERT!r}, petshop.ID, _names.NAME)\n",
    )
    await run(pets, seeds)
    assert await fetch(pets, "select name from pets where id = 7") == "Dot"


async def test_a_seed_that_fails_is_rolled_back_and_its_line_named(pets: DatabaseUrl, seeds: Path) -> None:
    write(
        seeds, "1.py",
        f"# assay: allow-repeats\n{HEADER}    await db.execute({UPSERT!r}, 1, 'Ada')\n"
        "    await db.execute('insert into pets (id) values (1)')\n",
    )  # fmt: skip
    with pytest.raises(UniqueViolation) as caught:
        await run(pets, seeds)
    assert str(caught.value).startswith(f"{seeds}/1.py:6: duplicate key value")
    assert await fetch(pets, "select count(*) from pets") == 0


async def test_what_else_a_seed_raises_names_its_line(pets: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "1.py", f"{HEADER}    raise ValueError('no such pet')\n")
    with pytest.raises(UsageError, match=r"1\.py:4: the seed failed: ValueError: no such pet"):
        await run(pets, seeds)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("x = 1\n", r"1\.py: there is no seed in it; define async def seed\(db: assay\.Executor\)"),
        ("def seed(db): ...\n", "there is no seed in it"),
        ("async def seed(db:\n", r"1\.py:1:\d+: this is not Python"),
        ("import nothing_of_the_kind\nasync def seed(db): ...\n", r"1\.py:1: the seed failed: ModuleNotFoundError"),
        (f"{HEADER}    await db.execute('insert into pets values (1)')\n", r"1\.py:4:22: this INSERT adds the same"),
        (f"{HEADER}    await db.copy_in('pets', [])\n", r"1\.py:4:11: this copy_in adds the same"),
    ],
)
async def test_what_is_no_seed_is_refused(pets: DatabaseUrl, seeds: Path, text: str, what: str) -> None:
    write(seeds, "1.py", text)
    with pytest.raises(UsageError, match=what):
        await run(pets, seeds)


async def test_an_insert_that_adds_again_is_refused_before_anything_is_loaded(pets: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "1.sql", "insert into pets values (1) on conflict do nothing")
    write(seeds, "2.sql", "select 1;\n  insert into log (text) values ('x')")
    with pytest.raises(
        UsageError, match=r"2\.sql:2:3: this INSERT adds the same rows when the seed is loaded again; add"
    ):
        await run(pets, seeds)
    assert await fetch(pets, "select count(*) from pets") == 0
    write(seeds, "2.sql", "-- assay: allow-repeats: a log\ninsert into log (text) values ('x')")
    assert [one.rows for one in await run(pets, seeds)] == [1, 1]


async def test_two_runs_that_come_to_the_same_have_no_finding(pets: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "1.sql", "insert into pets values (1, 'Ada', '2026-01-01') on conflict do nothing")
    write(seeds, "2.sql", "update pets set name = 'x' where id = 1; update pets set name = 'Ada' where id = 1")
    write(seeds, "3.py", f"{HEADER}    await db.execute({UPSERT!r}, 2, 'Bo')\n")
    checked = await check_seeds(pets, seed_files(seeds))
    assert checked.changed == ()
    assert [(one.rows, again.rows) for one, again in zip(checked.first, checked.second, strict=True)] == [
        (1, 0), (2, 2), (1, 0),
    ]  # fmt: skip


async def test_rows_that_a_second_run_adds_are_found_with_file_and_table(pets: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "1.sql", "insert into pets values (1) on conflict do nothing")
    write(seeds, "2.sql", "insert into log (text) values ('x'), ('y') on conflict do nothing")
    (found,) = (await check_seeds(pets, seed_files(seeds))).changed
    assert (found.file.name, found.table) == ("2.sql", "public.log")
    assert found.text.startswith("public.log has 4 rows after the second run, 2 after the first")


@pytest.mark.parametrize(
    ("table", "added", "told"),
    [
        ("name text", "values ('Ann')", True),
        ("id int generated always as identity primary key, name text", "(name) values ('Ann')", True),
        ("id uuid default gen_random_uuid() unique, name text", "(name) select 'Ann'", True),
        ("id int unique, name text", "(id, name) select count(*), 'Ann' from person", False),
        ("id serial primary key, name text", "(id, name) select count(*), 'Ann' from person", False),
        ("id serial primary key, name text", "select count(*), 'Ann' from person", False),
    ],
)
async def test_on_conflict_without_a_key_to_meet_is_told(
    pets: DatabaseUrl, seeds: Path, table: str, added: str, told: bool
) -> None:
    connection = await asyncpg.connect(pets.reveal())
    await connection.execute(f'create schema "Old"; create table "Old".person ({table})')
    await connection.close()
    added = added.replace("from person", 'from "Old".person')
    write(seeds, "1.sql", f'insert into "Old".person {added} on conflict do nothing')
    (found,) = (await check_seeds(pets, seed_files(seeds))).changed
    assert found.text.startswith('"Old".person has 2 rows after the second run, 1 after the first')
    assert ('; "Old".person has no unique key that the new rows could meet' in found.text) is told


async def test_rows_that_no_on_conflict_guards_are_not_said_to_lack_a_key(pets: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "1.sql", "-- assay: allow-repeats: to see them\ninsert into log (text) values ('x')")
    (found,) = (await check_seeds(pets, seed_files(seeds))).changed
    assert found.text == "public.log has 2 rows after the second run, 1 after the first"


async def test_values_that_a_second_run_changes_are_found(pets: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "1.sql", "insert into pets (id) values (1) on conflict (id) do update set at = clock_timestamp()")
    (found,) = (await check_seeds(pets, seed_files(seeds))).changed
    assert found.text == "public.pets has other values in its 1 row after the second run"


async def test_what_a_later_file_puts_right_is_no_finding(pets: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "1.sql", "insert into pets values (1, 'a', '2026-01-01') on conflict (id) do update set name = 'a'")
    write(seeds, "2.sql", "update pets set name = 'b' where id = 1")
    assert (await check_seeds(pets, seed_files(seeds))).changed == ()


async def test_a_file_that_fails_the_second_time_is_found(pets: DatabaseUrl, seeds: Path) -> None:
    write(seeds, "1.sql", "create table made_here (id int)")
    (found,) = (await check_seeds(pets, seed_files(seeds))).changed
    assert (found.file.name, found.table) == ("1.sql", None)
    assert "it cannot be loaded a second time" in found.text
    assert "already exists" in found.text
