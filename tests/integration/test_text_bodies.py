"""SQL functions whose body is text are followed exactly where the text has one meaning."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.fixtures.once import made_once

from assay.config import DatabaseUrl
from assay.proof import describe

SCHEMA = """
create schema app;
create table app.item (id int primary key, name text not null, note text);
insert into app.item values (1, 'a', null);
create function app.helper(x int) returns int language sql begin atomic select coalesce(x, 0); end;
create function one_more(x int) returns int language sql set search_path = pg_catalog as $$ select $1 + 1 -- more $$;
create function joined(n text, "Odd name" int default 3) returns text language sql set search_path = app as
    $$ select n || "Odd name"; $$;
create function counted() returns bigint language sql set search_path = app, pg_temp as
    $$ select 1; select count(*) from item $$;
create function helped(x int) returns int language sql set search_path = app as 'select helper(x)';
create function noted() returns text language sql set search_path = app as 'select max(note) from item';
create function first_name() returns text language sql set search_path = app as 'select name from item limit 1';
create function emptied() returns int language sql set search_path = app as 'delete from item; select 1';
create function plain(x int) returns int language sql as 'select coalesce(x, 0)';
create function of_the_user(x int) returns int language sql set search_path = "$user" as 'select coalesce(x, 0)';
create function slower(x int) returns int language sql set search_path = app set work_mem = '1MB' as
    'select coalesce(x, 0)';
create function any_type(x anyelement) returns int language sql set search_path = app as 'select 1';
create function several() returns setof int language sql set search_path = app as 'select 1';
create function cut(x text) returns "char" language sql set search_path = app as 'select x';
set check_function_bodies = off;
create function broken() returns int language sql set search_path = app as 'select nothing()';
create function ending() returns int language sql set search_path = app as 'select 1; end; drop table app.item; --';
create function ended() returns int language sql set search_path = app as $$ select 1 /* $$;
"""

FOLLOWED = [
    ("numbered_argument", "select one_more(1), one_more(null)", "!?", True),
    ("arguments_by_name", """select joined('a'), joined(null), joined("Odd name" => null, n => 'x')""", "!??", True),
    ("last_statement_of_several", "select counted()", "!", True),
    ("tables_and_functions_of_its_own_path", "select helped(null), noted()", "!?", True),
    ("query_that_may_find_nothing", "select first_name()", "?", True),
    ("text_that_writes", "select emptied()", "!", False),
    ("function_in_from", "select * from counted()", "!", True),
    ("set", "select several()", "!", True),
]

NOT_FOLLOWED = [
    ("path_of_whoever_calls", "select plain(1)"),
    ("path_of_the_user", "select of_the_user(1)"),
    ("other_settings_too", "select slower(1)"),
    ("type_of_whatever_is_given", "select any_type(1)"),
]

INVALID = [("not_valid", "select broken()"), ("ends_the_body", "select ending()"), ("open_comment", "select ended()")]


@pytest.fixture
async def connection(server: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database with the functions, on the search path of which is none of their schemas."""
    url = await made_once(server, "bodies", SCHEMA)
    opened = await asyncpg.connect(url.reveal())
    yield opened
    await opened.close()


@pytest.mark.parametrize(("sql", "marks", "read_only"), [pytest.param(*case[1:], id=case[0]) for case in FOLLOWED])
async def test_body_with_a_path_of_its_own(
    connection: asyncpg.Connection, sql: str, marks: str, read_only: bool
) -> None:
    description = await describe(connection, sql)
    said = "".join("?" if column.nullable else "!" for column in description.columns)
    assert (said, description.read_only) == (marks, read_only), [column.reason for column in description.columns]
    await connection.execute("begin")
    for row in await connection.fetch(sql):
        assert not any(value is None and mark == "!" for value, mark in zip(row, marks, strict=True))
    await connection.execute("rollback")


@pytest.mark.parametrize("sql", [pytest.param(sql, id=name) for name, sql in NOT_FOLLOWED])
async def test_body_that_may_mean_something_else_proves_nothing(connection: asyncpg.Connection, sql: str) -> None:
    assert (await describe(connection, sql)).columns[0].nullable


@pytest.mark.parametrize("sql", [pytest.param(sql, id=name) for name, sql in INVALID])
async def test_body_that_is_not_valid_harms_nothing(connection: asyncpg.Connection, sql: str) -> None:
    async with connection.transaction():
        description = await describe(connection, sql)
        assert description.columns[0].nullable
        assert not description.read_only
        assert await connection.fetchval("select count(*) from app.item") == 1
        assert await connection.fetchval("show search_path") == '"$user", public'
