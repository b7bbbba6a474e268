"""Statements on a schema that changes: what keeps its answer has the one that the server would give again."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.config import DatabaseUrl
from assay.migrate import Migration, load
from assay.proof.answers import Answer, answers_of
from assay.proof.cache import description_to_json
from assay.proof.description import Description
from assay.proof.shrinking import stored_columns
from assay.proof.stepping import Evolving
from assay.proof.touched import Touched, is_odd
from assay.server.databases import drop_database, maintenance
from assay.sql.placeholders import Statement

FIRST = """\
create type mood as enum ('happy', 'sad');
create domain amount as numeric(10, 2);
create table team (id integer primary key, name text not null);
create table person (id integer primary key, team_id integer not null references team, mood mood not null, note text,
    price amount, seen timestamp);
create table "Odd name" (id integer);
create table parent (id integer not null);
create table child () inherits (parent);
create sequence ticket;
create view people as select p.id, t.name from person p join team t on t.id = p.team_id;
create function initial(t text) returns text language sql immutable set search_path = public as 'select left(t, 1)';
create function first_team() returns text language sql stable begin atomic select name from team limit 1; end;
create function price_of(p person) returns numeric language sql stable begin atomic select p.price; end;
create function same(a text, b text) returns boolean language sql strict immutable return a = b;
create operator === (leftarg = text, rightarg = text, function = same);
create function notice() returns trigger language plpgsql as 'begin return new; end';
"""
STATEMENTS = (
    "select * from person where id = $1",
    "select name from team where id = $1",
    "select * from people",
    'select id from "Odd name"',
    'select id from U&"\\004fdd name"',
    "select id from parent",
    "select initial(note) from person",
    "select first_team()",
    "select p.price_of from person p",
    "select note === $1 from person",
    "select nextval('ticket')",
    "select nextval('tic'\n'ket')",
    "select 'sad'::mood",
    "select $1::amount",
    "insert into person (id, team_id, mood, price) values ($1, $2, $3, $4) returning *",
    "insert into team values ($1, $2)",
    "update team set name = $1",
    "select initial(1.5)",
    "select new_one(1)",
    "select * from later",
    "select * from app.later",
    "select seen = now() from person",
    "select count(*) from person join team on team.id = person.team_id where team.id = $1",
    "select 1",
    "explain select 1",
)
STEPS = {
    "nothing": "select 1",
    "a table beside": "create table beside (id integer primary key, team_id integer references team)",
    "a column more": "alter table team add size integer not null default 0",
    "a column less": "alter table person drop column note",
    "a column renamed": "alter table team rename name to title",
    "a table renamed": "alter table team rename to crew",
    "a table that was missing": "create table later (id integer)",
    "a table in a schema": "create schema app; create table app.later (id integer)",
    "a table found earlier": "create schema early; create table early.team (id text, name integer);"
    "do $$ begin execute format('alter database %I set search_path = early, public', current_database()); end $$",
    "a null": "alter table team alter name drop not null",
    "a type": "drop function price_of; alter table person alter seen type timestamptz",
    "a label": "alter type mood add value 'glad'",
    "a type renamed": "alter type mood rename to temper",
    "a domain": "drop function price_of; alter domain amount set not null",
    "a domain of its own": "create domain whole as integer check (value > 0)",
    "a function replaced": "create or replace function initial(t text) returns text language sql immutable"
    " set search_path = public as 'select name from team limit 1'",
    "a body replaced": "create or replace function first_team() returns text language sql stable"
    " begin atomic select 'x'::text; end",
    "another signature": "create function initial(n numeric) returns integer language sql return 1",
    "a function that was missing": "create function new_one(n integer) returns integer language sql return n",
    "an operator's function": "create or replace function same(a text, b text) returns boolean language sql immutable"
    " return null::boolean",
    "an operator": "create function same(a numeric, b numeric) returns boolean language sql return a = b;"
    " create operator === (leftarg = numeric, rightarg = numeric, function = same)",
    "a cast": "create function as_int(t text) returns integer language sql return 1;"
    " create cast (text as integer) with function as_int(text) as implicit",
    "a view": "create or replace view people as select p.id, null::text as name from person p",
    "a rule": "create rule none as on update to team do instead nothing",
    "a trigger": "create trigger noted before insert on person for each row execute function notice()",
    "a policy": "alter table team enable row level security; create policy a_few on team using (id > 0)",
    "a key less": "alter table person drop constraint person_team_id_fkey; alter table team drop constraint team_pkey",
    "a child": "alter table child no inherit parent; alter table child alter id drop not null; create table other () inherits (parent)",
    "a sequence renamed": "alter sequence ticket rename to number",
    "a sequence less": "drop sequence ticket",
    "an odd table": 'alter table "Odd name" add "other word" text',
    "a table less": 'drop table "Odd name"',
    "a domain with a check by users": "create function fine(n integer) returns boolean language sql return true;"
    " create domain checked as integer check (fine(value)); create type holder as (c checked)",
    "a temporary table": "create temp table team (id text)",
    "a comment": "comment on table team is 'x'",
    "rows": "insert into team values (1, 'a'); analyze team",
}
UNTOUCHED = {
    "nothing": 0,
    "a table beside": 1,
    "a comment": 0,
    "rows": 0,
    "a table that was missing": 3,
    "a function that was missing": 1,
}
"""How many statements the server is asked for again: those with the words, and a new relation itself."""
_NAMED = ("a table beside", "a table that was missing", "a function that was missing")
"""Where something has a new name, statements whose words cannot be told are asked for, too."""


def _migrations(folder: Path, texts: tuple[str, ...]) -> tuple[Migration, ...]:
    for number, text in enumerate(texts, 1):
        (folder / f"{number}_step.sql").write_text(text)
    return tuple(load(folder))


def _plain(answer: Answer) -> Any:
    if isinstance(answer, Description):
        return description_to_json(answer), answer.stored
    return type(answer).__name__, str(answer)


_ALWAYS = (
    *("a table beside", "a table that was missing", "a function that was missing", "a column renamed", "a domain"),
    *("a table found earlier", "a function replaced", "a body replaced", "an operator's function", "a cast", "a view"),
    *("a child",),
)
"""The steps that are tried whenever the tests are; `make soak` tries all."""


async def _answers(evolving: Evolving, migrations: tuple[Migration, ...]) -> dict[str, Any]:
    statements = [Statement(text, text) for text in STATEMENTS]
    found = await evolving.after(migrations, statements)
    return {text: _plain(answer) for text, answer in found.by_sql.items()}


@pytest.mark.parametrize(
    "step", [step if step in _ALWAYS else pytest.param(step, marks=pytest.mark.soak) for step in STEPS]
)
async def test_what_is_kept_is_what_would_be_answered(tmp_path: Path, database: DatabaseUrl, step: str) -> None:
    migrations = _migrations(tmp_path, (FIRST, STEPS[step]))
    evolving = Evolving(database)
    await evolving.begin()
    try:
        await _answers(evolving, migrations[:1])
        kept = await _answers(evolving, migrations)
    finally:
        await evolving.end()
    _, fresh = await answers_of(database, STATEMENTS)
    assert kept == {text: _plain(answer) for text, answer in fresh.items()}
    assert evolving.columns == await stored_columns(database, evolving.columns)
    if step in UNTOUCHED:
        odd = sum(map(is_odd, STATEMENTS)) if step in _NAMED else 0
        assert evolving.asked[1] == UNTOUCHED[step] + odd


async def test_an_ordinary_role_that_may_create_databases_is_enough(server: DatabaseUrl, tmp_path: Path) -> None:
    name = f"assay_stepping_{secrets.token_hex(4)}"
    url = replace(server, user=name, database=name)
    async with maintenance(server) as connection:
        await connection.execute(f"create role {name} login createdb")
        evolving = Evolving(url)
        try:
            await evolving.begin()
            migrations = _migrations(tmp_path, ("create table team (id integer)", "create table other (id integer)"))
            await _answers(evolving, migrations[:1])
            await _answers(evolving, migrations)
            assert evolving.asked[1] < evolving.asked[0]
        finally:
            await evolving.end()
            await drop_database(url, force=True)
            await connection.execute(f"drop role {name}")


async def test_migrations_after_one_that_sets_the_search_path_of_the_database_find_the_ledger(
    database: DatabaseUrl, tmp_path: Path
) -> None:
    migrations = _migrations(tmp_path, (FIRST, STEPS["a table found earlier"], STEPS["a null"]))
    evolving = Evolving(database)
    await evolving.begin()
    try:
        for count in (1, 2, 3):
            found = await _answers(evolving, migrations[:count])
    finally:
        await evolving.end()
    (description, _) = found["select name from team where id = $1"]
    assert (description["columns"][0]["type"], description["params"][0]["type"]) == ("int4", "text")


def test_words_reach_by_letters_in_any_case_and_place() -> None:
    found = Touched(frozenset({"team"}))
    assert found.reaches('select 1 from app."Team"')
    assert found.reaches("select 'team'::regclass")
    assert not found.reaches("select 1 from teams")
    assert not found.reaches("select 'a', 'b' from person")
    assert found.reaches("select 'te'\n'am'::regclass")
    assert found.reaches("select 1 from " + "x" * 63)
    assert not Touched(frozenset()).reaches("select 'te'\n'am'::regclass")
    assert Touched(frozenset(), everything=True).reaches("select 1")
