"""Slow statements joined to the code, on servers that run pg_stat_statements."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from tests.conftest import VERSIONS
from tests.fixtures.servers import module_home as module_home

import assay
from assay.config import DatabaseUrl, load_settings
from assay.ops.stats.code import statements_of
from assay.ops.stats.model import Section
from assay.ops.stats.session import open_session
from assay.ops.stats.stats import read_stats
from assay.server import Server

CODE = '''\
from typing import Literal

import asyncpg
import psycopg
import assay

TABLE = "person"


async def by_id(db: assay.Executor, wanted: int) -> str | None:
    return await db.fetch_optional(
        str,
        f"""
        select name  -- the one that is shown
        from {TABLE} where id = :wanted and kind in ('friend', 'foe', 'other') and delta <> -1
        """,
        wanted=wanted,
    )


async def listed(
    db: assay.Executor, order: Literal["name", "id desc"], kind: str | assay.Omitted = assay.OMIT
) -> list[str]:
    return await db.fetch_all(str, "select name from person where true [[ and kind = :kind ]] order by {order}",
        kind=kind, order=order)


async def add(db: asyncpg.Connection, name: str) -> None:
    await db.execute("insert into Person (name, kind, note) values ($1, 'friend', null)", name)


def count(db: psycopg.Connection, name: str) -> None:
    db.execute("select count(*) from person where name = %s and kind is not null limit 1", [name])


async def never(db: asyncpg.Connection) -> None:
    await db.execute("delete from person where id = 0")
'''
LINES = {"by_id": 11, "listed": 24, "add": 29, "count": 33, "never": 37}
PEOPLE = """
create extension if not exists pg_stat_statements;
create table person (
    id integer primary key generated always as identity, name text, kind text, note text, delta integer default 0);
"""


@pytest.fixture(scope="module", params=VERSIONS)
def watched(request: pytest.FixtureRequest, module_home: Path) -> Iterator[DatabaseUrl]:
    """A database on a server of its own that counts its statements."""
    server = Server.locate(request.param, home=module_home)
    with psycopg.connect(server.ensure_running().reveal(), autocommit=True) as driver:
        driver.execute("alter system set shared_preload_libraries = pg_stat_statements")
    server.stop()
    url = server.ensure_running()
    with psycopg.connect(url.reveal(), autocommit=True) as driver:
        driver.execute("create database watched")
    url = url.with_database("watched")
    with psycopg.connect(url.reveal(), autocommit=True) as driver:
        driver.execute(PEOPLE)
    yield url
    server.stop()


@pytest.fixture
def reset(watched: DatabaseUrl) -> DatabaseUrl:
    """The same with nothing counted."""
    with psycopg.connect(watched.reveal(), autocommit=True) as driver:
        driver.execute("select pg_stat_statements_reset()")
    return watched


@pytest.fixture
def places(tmp_path: Path) -> dict[str, tuple[str, ...]]:
    (tmp_path / "pyproject.toml").write_text("[tool.assay]\n")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "people.py").write_text(CODE)
    return statements_of(load_settings(tmp_path, {}))


async def statements(url: DatabaseUrl, places: dict[str, tuple[str, ...]] | None) -> Section:
    async with open_session(url, 50) as session:
        (found,) = (await read_stats(session, ["statements"], places)).sections
    return found


def by_place(found: Section) -> dict[str, dict[str, Any]]:
    return {place: row for row in found.to_json()["rows"] for place in row["code"] or ()}


async def test_statements_are_found_in_the_code_that_sends_them(reset: DatabaseUrl, places: dict[str, Any]) -> None:
    await run(reset)
    found = by_place(await statements(reset, places))
    assert {place: row["calls"] for place, row in found.items()} == {
        f"app/people.py:{LINES['by_id']}": 3,
        f"app/people.py:{LINES['listed']}": 2,
        f"app/people.py:{LINES['add']}": 1,
        f"app/people.py:{LINES['count']}": 4,
    }
    row = found[f"app/people.py:{LINES['count']}"]
    assert row["total_seconds"] == pytest.approx(row["mean_seconds"] * 4)
    assert row["max_seconds"] <= row["total_seconds"]
    assert (row["role"], row["rows"]) == ("postgres", 4)


async def run(url: DatabaseUrl) -> None:
    """What the code does, through the drivers that it uses."""
    async with await assay.connect(url.reveal()) as db:
        for number in range(3):
            await db.fetch_optional(
                str,
                """
                select name  -- the one that is shown
                from person where id = :wanted and kind in ('friend', 'foe', 'other') and delta <> -1
                """,
                wanted=number,
            )
        for _ in range(2):
            await db.fetch_all(
                str, "select name from person where true [[ and kind = :kind ]] order by {order}",
                kind=assay.OMIT, order="name",
            )  # fmt: skip
    driver = await asyncpg.connect(url.reveal())
    await driver.execute("insert into Person (name, kind, note) values ($1, 'friend', null)", "Anna")
    await driver.close()
    with psycopg.connect(url.reveal()) as sync:
        for name in ("a", "b", "c", "d"):
            sync.execute("select count(*) from person where name = %s and kind is not null limit 1", [name])


async def test_statements_of_others_have_no_place_and_no_values(reset: DatabaseUrl, places: dict[str, Any]) -> None:
    driver = await asyncpg.connect(reset.reveal())
    await driver.execute("create role keeper password 'the secret'")
    await driver.execute("drop role keeper")
    await driver.close()
    found = {row["query"]: row for row in (await statements(reset, places)).to_json()["rows"]}
    assert found["create role keeper password '...'"]["code"] == []
    assert not any("secret" in query for query in found)


async def test_what_takes_longest_comes_first_with_its_share(reset: DatabaseUrl) -> None:
    driver = await asyncpg.connect(reset.reveal())
    await driver.fetchval("select pg_sleep(0.05)")
    await driver.fetchval("select 1")
    await driver.close()
    found = await statements(reset, None)
    first, *_ = found.to_json()["rows"]
    assert first["query"] == "select pg_sleep($1)"
    assert 0.05 <= first["total_seconds"] < 5
    assert first["share_ratio"] > 0.5
    assert first["code"] is None
    assert "the code was not looked at" in found.notes


async def test_the_texts_of_other_roles_are_hidden_from_one_without_rights(
    reset: DatabaseUrl, places: dict[str, Any]
) -> None:
    await run(reset)
    with psycopg.connect(reset.reveal(), autocommit=True) as driver:
        driver.execute("create role onlooker login; grant usage on schema public to onlooker")
    try:
        found = await statements(
            DatabaseUrl("onlooker", None, reset.host, reset.port, "watched", reset.options), places
        )
    finally:
        with psycopg.connect(reset.reveal(), autocommit=True) as driver:
            driver.execute("drop owned by onlooker; drop role onlooker")
    assert {row["query"] for row in found.to_json()["rows"] if row["role"] == "postgres"} == {None}
    assert any("grant pg_monitor" in note for note in found.notes)


async def test_an_extension_that_the_server_does_not_run_is_told(database_18: DatabaseUrl) -> None:
    driver = await asyncpg.connect(database_18.reveal())
    await driver.execute("create extension pg_stat_statements")
    loaded = await driver.fetchval("select count(*) from pg_settings where name = 'pg_stat_statements.max'")
    await driver.close()
    if loaded:
        pytest.skip("this server runs pg_stat_statements")
    found = await statements(database_18, None)
    assert found.notes[0].startswith("the extension pg_stat_statements is there, and the server does not run it: put")


def test_places_are_told_once_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.assay]\n")
    (tmp_path / "b.py").write_text(
        'import asyncpg\nasync def f(db: asyncpg.Connection):\n    await db.fetch("select 1")\n'
    )
    (tmp_path / "a.py").write_text(
        'import asyncpg\nasync def f(db: asyncpg.Connection):\n    await db.fetch("SELECT 2")\n'
    )
    assert statements_of(load_settings(tmp_path, {})) == {"select ?": ("a.py:3", "b.py:3")}


def test_reading_ends_where_it_is_asked_to(watched: DatabaseUrl) -> None:
    async def first(limit: int) -> int:
        async with open_session(watched, limit) as session:
            (found,) = (await read_stats(session, ["statements"], None)).sections
        return len(found.rows)

    with psycopg.connect(watched.reveal(), autocommit=True) as driver:
        for column in ("id", "name", "kind"):
            driver.execute(f"select {column} from person".encode())
    assert asyncio.run(first(2)) == 2
