"""``assay check --against``: what a deploy breaks while old and new run side by side."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.fixtures.projects import Project, Run, make_project

from assay.config import DatabaseUrl
from assay.proof.shrinking import StoredColumn, shrunk

STORE = """\
from __future__ import annotations

import asyncpg


async def store(db: asyncpg.Connection, person_id: int, name: str, level: str) -> None:
    await db.execute(
        "insert into person (id, name, mood, level, nick) values ($1, $2, 'sad', $3, short($4))",
        person_id, name, level, name,
    )


async def size(db: asyncpg.Connection) -> int:
    return await db.fetchval("select sum(points) from score where id = $1", 3)


async def score(db: asyncpg.Connection) -> None:
    await db.execute("insert into score (id, points) values ($1, $2)", 1, 2)
"""
FIRST = """\
create function short(t text) returns text language sql immutable return left(t, 5);
create table score (id integer primary key, points bigint);
alter table person add note varchar(80);
"""


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    project = make_project(tmp_path, server_18)
    project.write("src/app/store.py", STORE)
    project.write("migrations/20250101000003_more.sql", FIRST)
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "one")
    return project


def git(project: Project, *arguments: str) -> None:
    names = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", "-C", str(project.root), *arguments], check=True, env={**os.environ, **names})


def migrated(project: Project, sql: str, *options: str) -> Run:
    project.write("migrations/20250101000004_next.sql", sql)
    return project.check("--against", "HEAD", *options)


BREAKS = {
    "a dropped column": ("alter table person drop column nick", 'column "nick" does not exist', 2),
    "a renamed table": ("alter table score rename to result", 'relation "score" does not exist', 2),
    "a column made NOT NULL that inserts leave out": (
        "delete from person; alter table person add born date not null",
        "INSERT leaves out person.born",
        1,
    ),
    "an enum value removed": (
        """
        alter table person alter mood type text; drop type mood; create type mood as enum ('happy');
        alter table person alter mood type mood using 'happy'
        """,
        'invalid input value for enum mood: "sad"',
        2,
    ),
    "a type narrowed": (
        "alter table score alter points type integer",
        "public.score.points takes integer, and took bigint",
        2,
    ),
    "a signature changed": (
        "drop function short; create function short(t text, n int) returns text language sql return left(t, n)",
        "function short(unknown) does not exist",
        1,
    ),
    "a column that may be NULL now": ("alter table person alter level drop not null", 'column "level" may be NULL', 1),
}


@pytest.mark.parametrize(("sql", "message", "broken"), BREAKS.values(), ids=BREAKS.keys())
def test_what_breaks_running_code_is_found(project: Project, sql: str, message: str, broken: int) -> None:
    done = migrated(project, sql)
    assert done.code == 1, done.out + done.err
    assert message in done.out
    queries = 7
    assert f"on the new schema: {broken} of {queries} queries would break" in done.lines[-1]
    assert "later migration" in done.out or "first" in done.out


SAFE = {
    "nothing": "select 1",
    "a table": "create table other (id integer)",
    "a column that may be NULL": "alter table person add fresh text",
    "a column with a default": "alter table score add fresh integer not null default 0",
    "an index": "create index on person (name)",
    "a view": "create view happy as select * from person where mood = 'happy'",
    "a wider type": "alter table person alter note type varchar(200)",
    "a foreign key that holds": "alter table score add foreign key (id) references person not valid",
    "another function": "create function other() returns integer language sql return 1",
    "a comment": "comment on table person is 'people'",
    "an unused column dropped": "alter table person drop column note",
    "a default": "alter table person alter mood set default 'happy'",
}


@pytest.mark.parametrize("sql", SAFE.values(), ids=SAFE.keys())
def test_what_breaks_nothing_is_silent(project: Project, sql: str) -> None:
    done = migrated(project, sql)
    assert (done.code, len(done.lines)) == (0, 1), done.out + done.err
    assert "on the new schema: 7 queries, nothing breaks" in done.lines[0]


def test_what_was_wrong_before_is_not_told_again(project: Project) -> None:
    project.replace("src/app/store.py", "sum(points)", "sum(pints)")
    git(project, "commit", "-qam", "two")
    assert migrated(project, "create table other (id integer)").code == 0
    assert "does not exist" in project.check().out


def test_the_code_of_the_work_tree_does_not_matter(project: Project) -> None:
    project.replace("src/app/store.py", "sum(points)", "sum(pints)")
    assert migrated(project, "create table other (id integer)").code == 0


def test_both_directions_are_proven_when_asked(project: Project) -> None:
    project.replace("src/app/store.py", "sum(points)", "sum(points + bonus)")
    project.write("migrations/20250101000004_next.sql", "alter table score add bonus integer")
    assert project.check().code == 0
    assert project.check("--against", "HEAD").code == 0
    done = project.check("--against", "HEAD", "--both")
    assert done.code == 1
    assert 'column "bonus" does not exist' in done.out
    assert "New code on the schema of" in done.lines[-1]


def test_json_has_both_sides(project: Project) -> None:
    found = migrated(project, "alter table person drop column nick", "--both", "--output-format", "json").json
    assert [len(side["findings"]) for side in found["sides"]] == [2, 0]
    assert found["migrations"] == 1
    assert len(found["commit"]) == 40


def test_the_work_tree_and_the_index_are_as_they_were(project: Project) -> None:
    project.write("src/app/new.py", "x = 1\n")
    before = subprocess.check_output(["git", "-C", str(project.root), "status", "--porcelain"])
    migrated(project, "select 1")
    (project.root / "migrations" / "20250101000004_next.sql").unlink()
    assert subprocess.check_output(["git", "-C", str(project.root), "status", "--porcelain"]) == before


@pytest.mark.parametrize("arguments", [("--both",), ("--against", "HEAD", "src"), ("--against", "HEAD", "--fix")])
def test_what_does_not_go_together_is_refused(project: Project, arguments: tuple[str, ...]) -> None:
    assert project.check(*arguments).code == 2


def test_a_revision_that_does_not_exist_is_told(project: Project) -> None:
    done = project.check("--against", "nowhere")
    assert (done.code, "There is no revision 'nowhere'" in done.err) == (2, True)


NARROWED = [
    ("character varying(80)", "character varying(20)"),
    ("text", "character varying(20)"),
    ("text", "integer"),
    ("bigint", "integer"),
    ("numeric(10,2)", "numeric(10,3)"),
    ("numeric(10,2)", "numeric(8,2)"),
    ("numeric", "numeric(10,2)"),
    ("timestamp with time zone", "timestamp without time zone"),
    ("timestamp(6) with time zone", "timestamp(3) with time zone"),
    ("integer[]", "integer"),
    ("integer", "boolean"),
]
WIDENED = [
    ("character varying(20)", "character varying(80)"),
    ("character varying(20)", "text"),
    ("integer", "bigint"),
    ("integer[]", "bigint[]"),
    ("numeric(10,2)", "numeric(12,3)"),
    ("numeric(10,2)", "numeric"),
    ("timestamp(3) with time zone", "timestamp with time zone"),
    ("text", "text"),
]


@pytest.mark.parametrize(("before", "after"), NARROWED)
def test_types_that_take_less_are_told(before: str, after: str) -> None:
    assert shrunk(StoredColumn(before), StoredColumn(after)) == f"takes {after}, and took {before}"


@pytest.mark.parametrize(("before", "after"), WIDENED)
def test_types_that_take_as_much_are_silent(before: str, after: str) -> None:
    assert shrunk(StoredColumn(before), StoredColumn(after)) == ""


def test_labels_that_are_gone_are_told() -> None:
    assert (
        shrunk(StoredColumn("mood", ("a", "b", "c")), StoredColumn("mood", ("a",))) == "does not take 'b', 'c' any more"
    )
    assert shrunk(StoredColumn("mood", ("a",)), StoredColumn("mood", ("b", "a"))) == ""
