"""``assay impact``: who reads and writes what, through views too."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.projects import Project, Run, make_project

from assay.config import DatabaseUrl

MORE = """\
import assay


async def more(db: assay.Executor) -> None:
    await db.fetch_all(str, "select label from badge")
    await db.fetch_one(int, "select count(*) from team")
    await db.execute("delete from team where false")
    await db.execute("insert into team (id, name) values (1, 'a')")
    await db.fetch_all(str, "explain select 1")  # assay: ignore[ASY105, ASY203]
    await db.fetch_all(int, 'select "a.b" from "Odd"."Table"')
"""


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    made = make_project(tmp_path, server_18)
    made.write(
        "migrations/20250101000003_more.sql",
        "create view badge as select p.name || '@' || t.name as label from person p join team t on t.id = p.team_id;\n"
        'create schema "Odd"; create table "Odd"."Table" ("a.b" integer not null);\n',
    )
    made.write("src/app/more.py", MORE)
    return made


def impact(project: Project, *arguments: str) -> Run:
    return project.run("impact", "--database-url", project.server.reveal(), *arguments)


UNREAD = "src/app/more.py:9:11 may use it: the statement cannot be read"


def test_a_column_is_found_where_it_is_read_and_written(project: Project) -> None:
    done = impact(project, "person.name")
    assert (done.code, done.err) == (0, "")
    assert done.lines == [
        "src/app/more.py:5:11 reads public.person.name",
        "src/app/queries.py:11:18 reads public.person.name",
        "src/app/queries.py:25:18 writes public.person.name",
        UNREAD,
        "3 of 10 queries use person.name",
    ]


@pytest.mark.parametrize("name", ["team", "public.team", "TEAM", '"team"', ' public . "team" '])
def test_a_table_is_found_by_all_its_columns_and_without_any(project: Project, name: str) -> None:
    done = impact(project, name)
    assert [line.partition(" ")[2] for line in done.lines[:5]] == [
        "reads public.team.id, public.team.name",
        "reads public.team",
        "writes public.team",
        "writes public.team.id, public.team.name",
        "reads public.team.id, public.team.name",
    ]
    assert done.lines[-1] == f"5 of 10 queries use {name}"


def test_names_in_quotes_are_taken_as_they_are(project: Project) -> None:
    used = "src/app/more.py:10:11 reads Odd.Table.a.b"
    for name in ('"Odd"."Table"."a.b"', '"Table"."a.b"', '"Odd"."Table"', '"Table"'):
        assert impact(project, name).lines[0] == used
    assert impact(project, "odd.table").lines[0] == UNREAD


def test_what_nothing_uses_is_no_failure_and_what_comes_close_is_named(project: Project) -> None:
    done = impact(project, "person.nmae")
    told = "0 of 10 queries use person.nmae; there is no column nmae in person; did you mean person.name?"
    assert (done.code, done.lines[-1]) == (0, told)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nope", "; there is no table nope in the schema"),
        ("nope.name", "; there is no table nope in the schema"),
        ("public.unheard_of", "; there is no table public.unheard_of in the schema"),
        ("public.unheard_of.altogether", "; there is no table public.unheard_of in the schema"),
        ("public.spare.nope", "; there is no column nope in public.spare"),
        ('"Odd"."Table".nope', "; there is no column nope in Odd.Table"),
        *[(name, "") for name in ("spare", "spare.part", "public.spare", "public.spare.part", "bare", "lone.part")],
    ],
)
def test_what_nothing_uses_is_looked_up_in_the_schema(project: Project, name: str, told: str) -> None:
    project.write(
        "migrations/20250101000004_spare.sql",
        "create table spare (part int); create table bare (); create view lone as select part from spare;",
    )
    done = impact(project, name)
    assert (done.code, done.lines[-1]) == (0, f"0 of 10 queries use {name}{told}")


def test_an_exit_code_is_given_on_request(project: Project) -> None:
    project.replace(
        "src/app/more.py", '    await db.fetch_all(str, "explain select 1")  # assay: ignore[ASY105, ASY203]\n', ""
    )
    assert impact(project, "person.nick", "--exit-code").code == 1
    assert impact(project, "person.nothing", "--exit-code").code == 0


def test_a_statement_that_cannot_be_read_may_use_anything(project: Project) -> None:
    assert impact(project, "person.nothing", "--exit-code").code == 1
    project.write("src/app/more.py", 'import assay\nasync def f(db: assay.Pool): await db.execute("selct 1")\n')
    assert impact(project, "person.nothing").lines[0] == "src/app/more.py:2:36 may use it: the statement cannot be read"


def test_json_has_the_statements(project: Project) -> None:
    found = impact(project, "badge", "--output-format", "json").json
    assert (found["name"], found["queries"], len(found["unknown"])) == ("badge", 10, 1)
    assert found["lacking"] is None
    assert impact(project, "nope", "--output-format", "json").json["lacking"] == "there is no table nope in the schema"
    assert found["uses"] == [
        {
            "path": "src/app/more.py",
            "line": 5,
            "column": 11,
            "method": "fetch_all",
            "sql": "select label from badge",
            "reads": ["public.badge.label"],
            "writes": [],
        }
    ]


@pytest.mark.parametrize("name", ["", "a b", "a.", "a.b.c.d", "a,b", '"a', "$1", "a..b"])
def test_what_is_no_name_is_misuse(project: Project, name: str) -> None:
    done = impact(project, name)
    assert (done.code, done.out) == (2, "")
    assert "is not the name of a table or column" in done.err
