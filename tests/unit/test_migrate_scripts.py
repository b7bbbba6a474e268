"""A file is looked through before it is run, and places in it are shown with line and caret."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import MigrationError, UsageError
from assay.migrate import Direction, Migration, Script
from assay.migrate.places import Place
from assay.migrate.recovery import runs_alone, took_effect_before
from assay.migrate.scripts import Ready, make_ready

OPT_OUT = "-- no-transaction\n"


def script(text: str) -> Script:
    return Script(Path("1_a.sql"), text, b"", text.startswith("-- no-transaction"))


def ready(text: str) -> Ready:
    return make_ready(Migration(1, "a", script(text)), Direction.UP)


def refusal(text: str) -> str:
    with pytest.raises(MigrationError) as caught:
        ready(text)
    return str(caught.value)


def test_a_plain_file_runs_in_one_transaction() -> None:
    made = ready("create table a ();\ncreate table b ();\n")
    assert (len(made.statements), made.stepwise) == (2, False)


def test_a_file_that_opts_out_runs_stepwise() -> None:
    assert ready(OPT_OUT + "create table a ();").stepwise


@pytest.mark.parametrize("begin", ["begin", "BEGIN WORK", "begin transaction", "start transaction"])
@pytest.mark.parametrize("end", ["commit", "COMMIT WORK", "end", "end transaction"])
def test_a_begin_and_commit_around_the_whole_file_are_left_out(begin: str, end: str) -> None:
    made = ready(f"-- first\n{begin};\ncreate table a ();\n{end};\n-- last\n")
    assert [statement.words[:2] for statement in made.statements] == [("create", "table")]
    assert not made.stepwise


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("create table a ();\ncommit;\ncreate table b ();", "1_a.sql:2:1"),
        ("begin; create table a (); commit; create table b ();", "1_a.sql:1:1"),
        ("begin; select 1; commit; begin; select 2; commit;", "1_a.sql:1:1"),
        ("begin isolation level serializable; select 1; commit;", "1_a.sql:1:1"),
        ("select 1; rollback;", "1_a.sql:1:11"),
        ("select 1; commit and chain; select 2;", "1_a.sql:1:11"),
        ("abort", "1_a.sql:1:1"),
    ],
)
def test_a_file_that_ends_its_transaction_itself_runs_stepwise(text: str, place: str) -> None:
    made = ready(text)
    assert made.stepwise
    assert str(made.cut) == place


@pytest.mark.parametrize(
    "text",
    [
        "savepoint a; select 1; rollback to a; release a;",
        "savepoint a; rollback work to savepoint a;",
        "prepare q as select 1;",
        "create function f() returns int begin atomic select 1; end;",
        "do $$ begin perform 1; end $$;",
    ],
)
def test_savepoints_and_bodies_do_not_end_the_transaction(text: str) -> None:
    assert not ready(text).stepwise


@pytest.mark.parametrize("opening", ["", OPT_OUT])
def test_a_prepared_transaction_is_refused(opening: str) -> None:
    assert "PREPARE TRANSACTION cannot be part of a migration" in refusal(f"{opening}begin; prepare transaction 'x';")


@pytest.mark.parametrize("ending", ["", " commit; begin; select 2;", " commit and chain; select 2;"])
def test_a_transaction_that_is_left_open_is_refused(ending: str) -> None:
    text = refusal(f"{OPT_OUT}select 1;\n  begin; select 2;{ending}")
    assert "the transaction that begins here is not ended; add COMMIT" in text


def test_a_command_of_psql_is_named_with_its_place() -> None:
    assert refusal("select 1;\n  \\connect other\n").startswith("1_a.sql:2:3: \\connect is a command of psql")


def test_copy_from_stdin_is_refused_with_its_place() -> None:
    assert refusal("select 1;\ncopy t from stdin;\n1\n\\.\n").startswith("1_a.sql:2:1: COPY FROM STDIN takes its rows")


def test_copy_to_stdout_is_refused() -> None:
    assert "COPY TO STDOUT gives its rows to nobody" in refusal("copy t to stdout;")


def test_a_migration_without_a_down_file_is_not_reverted() -> None:
    with pytest.raises(UsageError, match="Migration 1 has no down file"):
        make_ready(Migration(1, "a", script("")), Direction.DOWN)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("set search_path = a;", True),
        ("select 1; SET ROLE b;", True),
        ("select pg_catalog.set_config('search_path', '', false);", True),
        ("update t set a = 1; alter table t alter a set default 1;", False),
    ],
)
def test_a_file_that_may_change_settings_is_known(text: str, changes: bool) -> None:
    assert ready(text).changes_settings is changes


@pytest.mark.parametrize(
    "statement",
    [
        "create index concurrently a on t (b)",
        'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "A b" ON ONLY s."T" USING btree (b)',
        "-- why\ncreate index /* how */ concurrently\non t (b);",
        "drop index concurrently if exists s.a",
        "reindex index concurrently a",
        "reindex (verbose) table concurrently t",
        "reindex (concurrently, verbose) schema s",
        "alter table only p detach partition s.q concurrently",
        "vacuum full t",
        "create database d",
        "alter system set a = 1",
    ],
)
def test_what_cannot_be_in_a_transaction_is_known(statement: str) -> None:
    assert runs_alone(statement)


@pytest.mark.parametrize(
    "statement",
    ["create index a on t (b)", "create table concurrently ()", "alter table p detach partition q", "select 1"],
)
def test_what_can_be_in_a_transaction_is_known(statement: str) -> None:
    assert not runs_alone(statement)


@pytest.mark.parametrize(
    ("statement", "sqlstate", "settled"),
    [
        ("create database a", "42P04", True),
        ("drop database a", "3D000", True),
        ("create database a", "3D000", False),
        ("create database a", "53100", False),
        ("vacuum t", "42P01", False),
    ],
)
def test_a_second_try_that_finds_the_work_done_is_recognised(statement: str, sqlstate: str, settled: bool) -> None:
    assert took_effect_before(statement, sqlstate) is settled


def test_a_place_has_line_and_column_in_characters() -> None:
    text = "-- größe\r\nselect '名', x;\r\n"
    place = Place.of(script(text), text.index("x;"))
    assert (place.line, place.column, place.text) == (2, 13, "select '名', x;")
    assert str(place) == "1_a.sql:2:13"


def test_the_caret_stands_under_its_character_also_after_tabs_and_wide_ones() -> None:
    text = "\tselect '名', x;"
    line, pointer = Place.of(script(text), text.index("x")).excerpt().splitlines()
    assert line == "    1 | \tselect '名', x;"
    assert pointer == "      | \t" + " " * 13 + "^"


def test_a_long_line_is_shown_around_the_place() -> None:
    text = "select " + "1, " * 500 + "oops"
    shown, pointer = Place.of(script(text), text.index("oops")).excerpt().splitlines()
    assert len(shown) < 150
    assert shown[pointer.index("^") :] == "oops"


@given(st.text(st.sampled_from("ab\t\r\nü名 \u0301")), st.data())
def test_any_place_leads_back_to_its_character(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    place = Place.of(script(text), offset)
    lines = text.split("\n")
    assert sum(len(line) + 1 for line in lines[: place.line - 1]) + place.column - 1 == offset
    assert place.text == lines[place.line - 1].removesuffix("\r")
