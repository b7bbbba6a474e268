"""What the generated functions do on a server."""

from __future__ import annotations

import importlib
import itertools
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import psycopg
import pytest

import assay
from assay.config import DatabaseUrl
from assay.schema.models.files import plan_files, write_files
from assay.schema.models.generate import generate
from assay.schema.structure.reader import read_structure

HOSTILE = Path(__file__).parents[1] / "data" / "models" / "hostile.sql"
SCHEMA = """
create type mood as enum ('happy', 'sad');
create table team (id integer generated always as identity primary key, name text not null unique);
create table person (
    id uuid primary key default gen_random_uuid(),
    team_id integer not null references team,
    nick text,
    mood mood not null default 'happy',
    tags text[] not null default '{}',
    facts jsonb,
    loud text generated always as (upper(nick)) stored,
    created_at timestamptz not null default now()
);
create table seat (team_id integer references team, number integer, label text not null, primary key (number, team_id));
create table log (what text not null, at timestamptz not null default now());
create view teams as select name, count(*) as people from team t join person p on p.team_id = t.id group by name;
"""
NUMBERS = itertools.count(1)


@pytest.fixture
async def package(database: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The generated package, imported under a name of its own."""
    with psycopg.connect(database.reveal(), autocommit=True) as driver:
        driver.execute(SCHEMA.encode())
    return await imported(database, tmp_path, monkeypatch)


async def imported(
    url: DatabaseUrl, folder: Path, monkeypatch: pytest.MonkeyPatch, style: Literal["dataclass", "struct"] = "dataclass"
) -> Any:
    name = f"generated_{next(NUMBERS)}"
    write_files(plan_files(folder / name, (await generate(url, style, crud=True, payloads={})).sources))
    monkeypatch.syspath_prepend(folder)
    package: Any = importlib.import_module(name)
    for path in (folder / name).glob("*.py"):
        if path.stem != "__init__":
            importlib.import_module(f"{name}.{path.stem}")
    return package


@pytest.fixture
async def db(database: DatabaseUrl) -> Any:
    connection = await assay.connect(database.reveal())
    yield connection
    await connection.close()


async def test_a_row_is_inserted_read_changed_and_deleted(package: Any, db: assay.Executor) -> None:
    team, person = package.team, package.person
    red = await team.insert(db, team.New(name="red"))
    assert await team.get(db, red.id) == await team.get_by_name(db, "red") == red
    ann = await person.insert(db, person.New(team_id=red.id, nick="ann", facts={"a": 1}))
    assert (ann.mood, ann.tags, ann.loud, ann.facts) == (package.Mood.HAPPY, [], "ANN", {"a": 1})
    changed = await person.update(db, ann.id, mood=package.Mood.SAD, tags=["x"])
    assert (changed.nick, changed.mood, changed.tags, changed.created_at) == ("ann", "sad", ["x"], ann.created_at)
    cleared = await person.update(db, ann.id, clear=["nick", "facts"])
    assert (cleared.nick, cleared.loud, cleared.facts, cleared.tags) == (None, None, None, ["x"])
    assert await person.delete(db, ann.id) is True
    assert await person.delete(db, ann.id) is False
    assert await person.get(db, ann.id) is None
    assert await person.update(db, ann.id, nick="x") is None


async def test_what_has_a_default_can_be_given(package: Any, db: assay.Executor) -> None:
    red = await package.team.insert(db, package.team.New(name="red"))
    number, then = uuid4(), datetime(2020, 1, 2, tzinfo=UTC)
    ann = await package.person.insert(
        db, package.person.New(id=number, team_id=red.id, mood=package.Mood.SAD, tags=["a"], created_at=then)
    )
    assert (ann.id, ann.mood, ann.tags, ann.created_at) == (number, "sad", ["a"], then)


async def test_pages_follow_one_another_newest_first(package: Any, db: assay.Executor) -> None:
    person = package.person
    teams = [await package.team.insert(db, package.team.New(name=name)) for name in ("red", "blue")]
    start = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [
        person.New(id=uuid4(), team_id=teams[number % 2].id, created_at=start + timedelta(days=number // 4))
        for number in range(20)
    ]
    assert await person.insert_many(db, rows) == 20
    for page, kept in (
        (person.page, rows),
        (lambda db, **more: person.page_by_team_id(db, teams[0].id, **more), rows[::2]),
    ):
        wanted = sorted(((row.created_at, row.id) for row in kept), reverse=True)
        found = await page(db, limit=3)
        while len(found) < len(wanted):
            more = await page(db, after=(found[-1].created_at, found[-1].id), limit=3)
            assert 0 < len(more) <= 3
            found += more
        assert [(row.created_at, row.id) for row in found] == wanted
        assert await page(db, after=(found[-1].created_at, found[-1].id)) == []


async def test_pages_by_a_composite_key_follow_its_order(package: Any, db: assay.Executor) -> None:
    seat = package.seat
    red = await package.team.insert(db, package.team.New(name="red"))
    assert await seat.insert_many(db, [seat.New(team_id=red.id, number=n, label=str(n)) for n in (3, 1, 2)]) == 3
    first = await seat.page(db, limit=2)
    assert [row.number for row in first] == [1, 2]
    assert [row.number for row in await seat.page(db, after=(2, red.id))] == [3]
    assert await seat.get(db, 2, red.id) == first[1]


async def test_whole_rows_are_copied_and_put_in_place(package: Any, db: assay.Executor) -> None:
    team, seat = package.team, package.seat
    assert await team.copy(db, [package.Team(id=7, name="red"), package.Team(id=8, name="blue")]) == 2
    assert await team.upsert(db, package.Team(id=7, name="green")) == await team.get(db, 7)
    assert await team.upsert(db, package.Team(id=9, name="grey")) == await team.get(db, 9)
    assert [row.name for row in await team.page(db)] == ["green", "blue", "grey"]
    await seat.upsert(db, package.Seat(team_id=7, number=1, label="a"))
    await seat.upsert(db, package.Seat(team_id=7, number=1, label="b"))
    assert [row.label for row in await seat.page(db)] == ["b"]
    ann = await package.person.insert(db, package.person.New(team_id=7, nick="ann"))
    await package.person.delete(db, ann.id)
    assert await package.person.copy(db, [ann]) == 1, "the generated column is left out"
    assert await package.person.get(db, ann.id) == ann


async def test_what_has_no_key_is_streamed(package: Any, db: assay.Executor) -> None:
    log = package.log
    await log.insert_many(db, [log.New(what="a"), log.New(what="b")])
    assert sorted([row.what async for row in log.stream(db)]) == ["a", "b"]
    assert not hasattr(log, "get")
    assert [name for name in ("insert", "update", "delete", "copy") if hasattr(package.teams, name)] == []
    assert [row async for row in package.teams.stream(db)] == []


@pytest.mark.parametrize("style", ["dataclass", "struct"])
async def test_hostile_tables_take_and_give_rows(
    database: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: assay.Executor, style: Any
) -> None:
    with psycopg.connect(database.reveal(), autocommit=True) as driver:
        driver.execute(HOSTILE.read_bytes())
    package = await imported(database, tmp_path, monkeypatch, style)
    odd = package.odd_t
    row = await odd.insert(db, odd.New(a_b_2=1, tab_bed="t", 日本="j", größe=5))
    assert (row.日本, row.größe, row.back_slash) == ("j", 5, 'a\\b"""c')
    assert await odd.update(db, 1, new_line="n", clear=["日本"]) == await odd.get(db, 1)
    assert await odd.upsert(db, row) == row
    kinds = package.kinds
    kind = await kinds.insert(db, kinds.New(mu="m"))
    assert (kind.pc, kind.num, kind.vc, kind.ch, kind.tags) == (5, 0, "hello", "ab ", ["a", "b"])
    assert await kinds.update(db, kind.id, tags=["z"], ip=IPv4Address("1.2.3.4")) == await kinds.get(db, kind.id)
    assert not hasattr(kinds, "upsert"), "the driver cannot send some of its columns, so no whole row"
    only = await package.onlyid.insert(db)
    assert await package.onlyid.page(db) == [only]
    classy = await package.class_.insert(db, package.class_.New(from_="x"))
    assert (classy.from_, classy.select) == ("x", "x")
    inherited = await package.inh.insert(db, package.inh.New(id=1))
    await package.inh_child.insert(db, package.inh_child.New(id=1, more=2))
    assert await package.inh.get(db, 1) == inherited


async def test_relations_are_read_with_keys_and_references(database: DatabaseUrl) -> None:
    with psycopg.connect(database.reveal(), autocommit=True) as driver:
        driver.execute(HOSTILE.read_bytes())
    found = await read_structure(database)
    child = found.get(("public", "child"))
    assert child is not None
    assert [(key.columns, key.target, key.on_delete) for key in child.foreign_keys] == [
        (("b", "a"), ("public", "pairs"), "cascade"),
        (("pairs_c",), ("public", "pairs"), "no action"),
        (("parent",), ("public", "child"), "no action"),
    ]
    assert [key.columns for key in child.keys] == [("id",), ("pairs_c",)]
    assert child.column("id").sequence
    event = found.get(("audit", "event"))
    assert event is not None
    assert (event.kind, event.visible, event.quoted) == ("partitioned table", False, "audit.event")
    assert {relation.name for relation in found.relations} - {relation.name for relation in found.whole()} == {
        "event_1"
    }
    assert [relation.name for relation, _ in found.references(child)] == ["child"]
    gen = found.get(("public", "gen"))
    assert gen is not None
    assert [(c.identity, c.generated) for c in gen.columns] == [("by default", ""), ("", ""), ("", "stored")]
    with pytest.raises(KeyError):
        gen.column("none")
