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


TEMPLATE = "select id, name from person where true [[ and level = :level ]] order by {order}"


def test_each_statement_of_a_template_is_described(project: Project) -> None:
    done = describe(project, "select id from person where true [[ and level = $1 ]] [[ and id = $2 ]]")
    assert (done.code, done.err) == (0, "")
    heads = [line for line in done.lines if not line.startswith(" ")]
    assert heads == [
        "with [[ and level = $1 ]] in place and [[ and id = $2 ]] in place:",
        "with [[ and level = $1 ]] left out and [[ and id = $2 ]] in place:",
        "with [[ and level = $1 ]] in place and [[ and id = $2 ]] left out:",
        "with [[ and level = $1 ]] left out and [[ and id = $2 ]] left out:",
    ]
    rows = [line.split()[1] for line in done.lines if line.startswith("  rows:")]
    assert rows == ["optional", "optional", "many", "many"]
    assert [line.split()[0] for line in done.lines if line.startswith("    $")] == ["$1", "$2", "$2", "$1"]


def test_choices_are_given_by_the_command(project: Project) -> None:
    done = describe(project, "--json", "--choice", "order=id", "--choice", "order=name desc, id", TEMPLATE)
    branches = done.json["branches"]
    assert [branch["with"] for branch in branches] == [
        "with [[ and level = :level ]] in place and {order} = 'id'",
        "with [[ and level = :level ]] in place and {order} = 'name desc, id'",
        "with [[ and level = :level ]] left out and {order} = 'id'",
        "with [[ and level = :level ]] left out and {order} = 'name desc, id'",
    ]
    assert [len(branch["params"]) for branch in branches] == [1, 1, 0, 0]
    assert {column["name"] for branch in branches for column in branch["columns"]} == {"id", "name"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "What {order} can be is not known here"),
        (("--choice", "other=id"), "There is no {other} to choose for: the statement has only {order}"),
        (("--choice", "order"), "write --choice NAME=TEXT"),
        (("--choice", "order=id; drop table person"), "{order} cannot be 'id; drop table person'"),
    ],
)
def test_choices_that_do_not_fit_are_misuse(project: Project, arguments: tuple[str, ...], words: str) -> None:
    done = describe(project, *arguments, TEMPLATE)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert "no choices" in describe(project, "--choice", "order=id", "select 1").err


def test_a_clause_that_is_refused_is_named(project: Project) -> None:
    done = describe(project, "select id from person where true [[ and nmae = :name ]]")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[0] == ('error: column "nmae" does not exist, with [[ and nmae = :name ]] in place')
    assert describe(project, "select 1 [[ where 1").code == 2


def test_one_class_takes_the_rows_of_every_statement(project: Project) -> None:
    sql = "select p.id, p.nick from person p where true [[ and nick = :nick ]]"
    done = describe(project, "--as", "dataclass", sql)
    assert done.code == 0
    assert "    nick: str | None\n" in done.out
    different = describe(project, "--as", "struct", "--choice", "c=id", "--choice", "c=name", "select {c} from person")
    assert (different.code, "different columns" in different.err) == (2, True)
