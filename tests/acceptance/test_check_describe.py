"""``assay describe``: what it prints for people and for programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.projects import Project, Run, make_project

from assay.config import DatabaseUrl


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    return make_project(tmp_path, server_18)


def describe(project: Project, *arguments: str, stdin: str = "") -> Run:
    return project.run("describe", "--database-url", project.server.reveal(), *arguments, stdin=stdin)


def test_text_stands_in_columns(project: Project) -> None:
    done = describe(project, "update person set nick = :nick where id = :id returning id, nick, mood")
    assert (done.code, done.err) == (0, "")
    beginnings = [
        "rows: optional   ",
        "parameters:",
        "  :nick  text  NULL accepted",
        "  :id    int4  NULL pointless  ",
        "columns:",
        "  id    int4  never NULL   ",
        "  nick  text  may be NULL  ",
        "  mood  mood  never NULL   ",
        "reads:",
        "  public.person.id",
        "  public.person.mood",
        "  public.person.nick",
        "writes:",
        "  public.person.nick",
    ]
    assert [line[: len(part)] for line, part in zip(done.lines, beginnings, strict=True)] == beginnings
    assert "  mood  mood  never NULL   person.mood is NOT NULL" in done.lines


def test_json_is_the_description(project: Project) -> None:
    sql = "select count(*) from person where name = $1"
    done = describe(project, "--json", sql)
    assert done.json == describe(project, "--output-format", "json", sql).json
    assert done.json["rows"] == "one"
    assert done.json["params"] == [{"type": "text", "null": "pointless"}]
    (column,) = done.json["columns"]
    assert (column["name"], column["type"], column["nullable"]) == ("count", "int8", False)
    assert (done.json["reads"], done.json["writes"], done.json["read_only"]) == (["public.person.name"], [], True)


def test_the_statement_comes_from_standard_input(project: Project) -> None:
    assert describe(project, "-", stdin="select 1 as one\n").lines[1:3] == [
        "columns:",
        "  one  int4  never NULL  a constant",
    ]


def test_a_statement_may_begin_with_a_comment(project: Project) -> None:
    assert describe(project, "-- one\nselect 1 as one").lines[0].startswith("rows: one")


def test_an_error_shows_the_line_with_a_caret(project: Project) -> None:
    done = describe(project, "select id,\n  nmae\nfrom person where id = :id")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        'error: column "nmae" does not exist',
        "    nmae",
        "    ^",
        'hint: Perhaps you meant to reference the column "person.name".',
    ]


def test_the_place_of_an_error_after_a_named_parameter_is_that_of_the_code(project: Project) -> None:
    done = describe(project, "select :some_long_name::int + wrong")
    assert done.err.splitlines()[1:3] == ["  select :some_long_name::int + wrong", " " * 32 + "^"]
    assert describe(project, "--json", "select :some_long_name::int + wrong").json["error"]["position"] == 31


def test_a_statement_that_is_no_query_is_described_too(project: Project) -> None:
    done = describe(project, "notify something")
    assert done.code == 0
    assert done.lines[0].startswith("rows: none")


def test_nothing_is_run(project: Project) -> None:
    assert describe(project, "drop table person").code == 0
    assert describe(project, "delete from person returning id").code == 0
    assert describe(project, "select id from person").code == 0


def test_no_connection_is_a_failed_run(project: Project) -> None:
    done = project.run("describe", "--database-url", "postgresql://me:secret@127.0.0.1:1/x", "select 1")
    assert done.code == 2
    assert "secret" not in done.err
