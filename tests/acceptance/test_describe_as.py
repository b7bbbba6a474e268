"""``assay describe --as``: row classes that type checkers accept and that fit their statements."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fixtures.projects import Project, Run, make_project

from assay.config import DatabaseUrl

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    made = make_project(tmp_path, server_18)
    made.write(
        "migrations/20250101000003_more.sql",
        "alter table person add check (level in ('low', 'high'));\n"
        "create table kinds (at timestamptz not null, day date, amount numeric(10, 2), raw bytea, tags text[] not null,\n"
        "    moods mood[], doc jsonb, net inet, span tstzrange, spans int4multirange, bits varbit, place point, id uuid,\n"
        "    row person, elapsed interval, flag boolean not null);\n",
    )
    return made


def describe(project: Project, *arguments: str) -> Run:
    return project.run("describe", "--database-url", project.server.reveal(), *arguments)


def test_a_dataclass_has_all_that_the_statement_gives(project: Project) -> None:
    sql = """
        select p.id, p.nick, p.mood, p.level, t.id as "team.id", t.name as "team.name", 1.5 as share
        from person p left join team t on t.id = p.team_id
    """
    done = describe(project, "--as", "dataclass", "--name", "Member", sql)
    assert (done.code, done.err) == (0, "")
    assert (
        done.out
        == '''\
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal


class Mood(StrEnum):
    """The labels of the type mood."""

    HAPPY = "happy"
    SAD = "sad"


@dataclass(slots=True)
class Team:
    """The team of a Member."""

    id: int
    name: str


@dataclass(slots=True)
class Member:
    """A row of person and team."""

    id: int
    nick: str | None
    mood: Mood
    level: Literal["low", "high"]
    team: Team | None
    share: Decimal
'''
    )


def test_a_struct_is_a_struct(project: Project) -> None:
    done = describe(project, "--as", "struct", "select count(*) as people from person")
    assert done.out == (
        'import msgspec\n\n\nclass Row(msgspec.Struct):\n    """A row of person."""\n\n    people: int\n'
    )


STATEMENTS = {
    "All": "select * from kinds",
    "Member": 'select p.*, t.id as "team.id", t.name as "team.name" from person p left join team t on t.id = p.team_id',
    "Shadowed": "select 1 as int, now() as date, current_date as datetime, 'a' as str, array[1] as list, null::uuid as uuid",
    "Returned": "insert into team (id, name) values (1, 'a') returning *",
}


def with_classes(project: Project, style: str) -> None:
    """Write the classes, each in a module of its own, and a module that uses them."""
    imports, calls = "import assay\n", ""
    for name, sql in STATEMENTS.items():
        module = name.lower()
        done = describe(project, "--as", style, "--name", name, sql)
        assert done.code == 0, done
        project.write(f"src/app/{module}_row.py", done.out)
        imports += f"from app.{module}_row import {name}\n"
        calls += f"async def {module}(db: assay.Executor) -> list[{name}]:\n"
        calls += f"    return await db.fetch_all({name}, {sql!r})\n"
    project.write("src/app/more.py", f"{imports}{calls}")


def missing(tool: str) -> bool:
    return importlib.util.find_spec(tool) is None


@pytest.mark.parametrize("style", ["dataclass", "struct"])
def test_the_classes_prove(project: Project, style: str) -> None:
    with_classes(project, style)
    proved = project.check("--strict")
    assert (proved.code, len(proved.lines)) == (0, 1), proved


@pytest.mark.skipif(missing("mypy"), reason="not installed")
@pytest.mark.parametrize("style", ["dataclass", "struct"])
def test_the_classes_pass_a_strict_type_checker(project: Project, style: str) -> None:
    with_classes(project, style)
    checked = project.python("-m", "mypy", "--strict", "src/app/more.py", MYPYPATH=f"src:{ROOT / 'src'}")
    assert (checked.code, checked.out) == (0, "Success: no issues found in 1 source file\n")


@pytest.mark.skipif(missing("ruff"), reason="not installed")
def test_the_code_is_as_formatters_have_it(project: Project) -> None:
    out = describe(project, "--as", "dataclass", STATEMENTS["Member"]).out
    for command in (["format", "--check", "--line-length", "120"], ["check", "--select", "I,F,E"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, "-"], input=out, text=True, capture_output=True)
        assert done.returncode == 0, (out, done)


def test_json_has_the_source(project: Project) -> None:
    done = describe(project, "--as", "struct", "--name", "Team", "select id from team", "--output-format", "json")
    assert done.json == {
        "name": "Team",
        "source": 'import msgspec\n\n\nclass Team(msgspec.Struct):\n    """A row of team."""\n\n    id: int\n',
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("select 1",), '"?column?" cannot be the name of a field; give the column another with as'),
        (('select 1 as "class"',), '"class" cannot be the name of a field'),
        (("select 1 as __x",), '"__x" cannot be the name of a field'),
        (("select 1 as a, 2 as a",), 'Two columns are named "a"; give each a name of its own with as'),
        (('select 1 as a, 2 as "a.b"',), 'Two columns are named "a"'),
        (("delete from team",), "The statement returns no columns, so that there is no row to write a class for"),
        (("select id from team", "--name", "a b"), '"a b" cannot be the name of a class'),
        (("select id from team", "--name", "int"), '"int" cannot be the name of a class'),
    ],
)
def test_what_no_class_can_be_written_for_is_told(project: Project, arguments: tuple[str, ...], words: str) -> None:
    done = describe(project, "--as", "dataclass", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert words in done.err
