"""MIG301 over many pending migrations: the same as if each schema were built and the project proven on it anew."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.fixtures.projects import Project, make_project

from assay.config import DatabaseUrl, Settings, load_settings
from assay.migrate import load
from assay.proof.basis import find_schema
from assay.proof.brought import brought, concerned
from assay.proof.checking import proven
from assay.proof.shrinking import StoredColumn, stored_columns
from assay.schema.lint.broken import broken_queries
from assay.schema.lint.pending import chosen_since
from assay.server.databases import database_exists

STORE = """
from __future__ import annotations

import asyncpg
import assay

from .models import Person


async def store(db: asyncpg.Connection, name: str, level):
    await db.execute("insert into person (id, name, mood, level) values (1, $1, 'sad', $2)", name, level)

async def initials(db: assay.Executor) -> list[str | None]:
    return await db.fetch_all(str | None, "select initial(name) from person")

async def happy(db: assay.Executor, name: str) -> list[Person]:
    return await db.fetch_all(
        Person, "select id, name, nick, mood, level from person where mood = 'happy' [[ and name = :name ]]", name=assay.OMIT
    )

async def names(db: asyncpg.Connection):
    return await db.fetch("select * from named")

async def nobody(db: asyncpg.Connection):
    return await db.fetch("select * from nobody")

async def hidden(db: asyncpg.Connection):
    return await db.fetch("select nick from person")  # assay: ignore[ASY101]
"""
STEPS = (
    """
    create function initial(t text) returns text language sql immutable return left(t, 1);
    create view named as select p.id, t.name from person p left join team t on t.id = p.team_id
    """,
    "create table other (id integer primary key, person_id integer references person)",
    "alter table person alter level drop not null",
    "alter table person add born date not null",
    "drop view named",
    "create table nobody (id integer)",
    "alter table person alter level type varchar(20)",
    "alter table person drop column nick",
    "drop function initial; create function initial(t text, n integer) returns text language sql return left(t, n)",
    "alter table person rename to people; create view person as select * from people",
)


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    project = make_project(tmp_path, server_18)
    project.write("src/app/store.py", STORE)
    for number, text in enumerate(STEPS, 3):
        project.write(f"migrations/2025010100{number:04}_step.sql", text)
    return project


def _one_by_one(settings: Settings, folder: Path, server: DatabaseUrl) -> Iterator[list[tuple[str, str, str]]]:
    """What each migration after the first two brings, with nothing shared between two of them."""
    migrations = load(settings.migrations)
    steps = []
    for count in range(2, len(migrations) + 1):
        steps.append(replace(settings, migrations=folder / str(count)))
        steps[-1].migrations.mkdir()
        for migration in migrations[:count]:
            shutil.copy(migration.path, steps[-1].migrations)

    async def columns(at: Settings, names: frozenset[str]) -> Mapping[str, StoredColumn]:
        return await stored_columns((await find_schema(at, server)).url, names)

    for before, after in pairwise(steps):
        here, there = proven(before, server), proven(after, server)
        names = concerned(here, there)
        found = brought(here, there, *(asyncio.run(columns(at, names)) for at in (before, after)))
        yield [(str(each.place), each.rule.code, each.message) for each in found if each.is_error]


def test_each_migration_is_told_what_it_would_be_told_alone(project: Project, tmp_path: Path) -> None:
    settings = load_settings(project.root, environ={})
    migrations = load(settings.migrations)
    (folder := tmp_path / "steps").mkdir()
    expected = [
        (version, *each)
        for version, found in zip(
            [migration.version for migration in migrations[2:]],
            _one_by_one(settings, folder, project.server),
            strict=True,
        )
        for each in found
    ]
    told = broken_queries(settings, chosen_since(migrations, migrations[1].version), project.server)
    found = [
        (migration.version, str(each.place), each.message.rpartition("(")[2][:-1], each.message)
        for migration, each in told
    ]
    assert [(version, place, code) for version, place, code, _ in found] == [each[:3] for each in expected]
    assert all(message in told for (*_, message), (*_, told) in zip(expected, found, strict=True))
    assert len({version for version, *_ in found}) >= 6


ENDING = """
import os
import assay
os._exit(3)

async def ended(db: assay.Executor) -> int:
    return await db.fetch_one(int, "select count(*) from team")
"""


def test_a_module_that_ends_the_process_is_left_out_and_the_database_is_dropped(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = secrets.token_hex(6)
    monkeypatch.setattr("assay.proof.checking.secrets", SimpleNamespace(token_hex=lambda size: token))
    project.write("src/app/ending.py", ENDING)
    migrations = load(project.root / "migrations")
    chosen = chosen_since(migrations, migrations[1].version)
    found = list(broken_queries(load_settings(project.root, environ={}), chosen, project.server))
    assert any('column "nick" does not exist' in each.message for _, each in found)
    assert not asyncio.run(database_exists(project.server.with_database(f"assay_scratch_{token}")))
