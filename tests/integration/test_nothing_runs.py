"""What PostgreSQL would run while it only parses a statement does not run either."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.fixtures.once import made_once

from assay.config import DatabaseUrl
from assay.errors import StatementError
from assay.proof import describe

SCHEMA = """
create sequence numbers;
create function counted(x int) returns boolean language plpgsql as
    'begin perform nextval(''public.numbers''); return true; end';
create domain counting as int check (counted(value));
create domain above as counting;
create domain plain as int check (value > 0);
create type holder as (content counting, label text);
create type outside as (h holder);
create type "Odd" as (content counting);
create domain held as holder;
create type longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglong as (content counting);
create type mood as enum ('a', 'b');
create type "Mood" as enum ('a', '(b');
create type fair as (a plain);
create table "select" (a int);
create table item (id int, h holder, hs holder[], m mood, s text, d date, c counting, p plain[]);
"""

REFUSED = [
    ("cast", "select '(1,a)'::holder"),
    ("type_before_it", "select holder '(1,a)'"),
    ("quoted_type_before_it_with_unicode", "select U&\"Od\\0064\" '(1)'"),
    ("long_type_before_it", f"select {'long' * 16} '(1)'"),
    ("quoted_type_before_it", "select \"Odd\" '(1)'"),
    ("array_of_rows", """select '{"(1,a)"}'::holder[]"""),
    ("array_of_the_domain", "select '{1}'::counting[]"),
    ("array_of_a_domain_over_it", "select '{1}'::above[]"),
    ("row_inside_a_row", """select '("(1,a)")'::outside"""),
    ("domain_over_a_row", "select '(1,a)'::held"),
    ("compared", "select id from item where hs = '{}'"),
    ("inserted", "insert into item (h) values ('(1,a)')"),
    ("assigned_to_an_element", "update item set hs[1] = '(1,b)'"),
    ("explained", "explain select '(1,a)'::holder"),
    ("kept_for_a_table", "create table other as select '(1,a)'::holder as h"),
    ("in_dollar_quotes", "select $a$(1,a)$a$::holder"),
    ("in_parts", "select '(1,'\n'a)'::holder"),
    ("is_distinct_from", "select id from item where hs is distinct from '{}'"),
    ("escapes", r"select E'\x281,a)'::holder"),
    ("unicode_escapes", r"select U&'\0028\0031,a)'::holder"),
    ("white_space_before", "select ' \t(1,a)'::holder"),
    ("nothing_before", "select ''\n'(1,a)'::holder"),
    ("tagged_dollar_quotes", "select $a$ (1,a)$a$::holder"),
    ("array_with_bounds", "select '[2:2]={1}'::counting[]"),
    ("beside_parameters", "select $1::int, '(1,a)'::holder, $2::text"),
]

PROVEN = [
    ("literals_of_other_types", "select 'x', date '2020-01-01', mood 'a', '{1}'::plain[], interval '1' day"),
    ("literal_of_the_domain_itself", "select '1'::counting"),
    ("literals_that_nothing_types", "select jsonb_build_object('a', 'b'), concat('x', $1::text)"),
    ("conditions", "select id from item where s like 'a' escape 'b' and m = 'a' and d > '2020-01-01' and $1 = 'x'"),
    ("inserted", "insert into item (s, m, id) values ('(1,a)', 'a', '1') returning m"),
    ("constants_of_the_language", "select extract(year from d), now() at time zone 'utc' from item"),
    ("bits", "select bit_length(B'101'), length(X'1F'), octet_length(N'a')"),
    ("bits_in_parts", "select 'a', B'101'\n'1', 'b'\n'c'"),
    ("typed_literals", """select json '{"a": 1}', point '(1,2)', int4range '[1,2)', "Mood" 'a', '[1,2)'::int4range"""),
    ("literal_of_a_row_without_such_a_domain", "select '(1)'::fair, fair '(1)'"),
    ("no_literal", "select h from item"),
    ("comment", "select 1 -- '(1,a)'::holder"),
]


@pytest.fixture
async def connection(server: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database with domains whose CHECK constraints take numbers from a sequence."""
    url = await made_once(server, "watched", SCHEMA)
    opened = await asyncpg.connect(url.reveal())
    yield opened
    await opened.close()


async def _taken(connection: asyncpg.Connection) -> bool:
    taken: bool = await connection.fetchval("select is_called from numbers")
    return taken


@pytest.mark.parametrize("sql", [pytest.param(sql, id=name) for name, sql in REFUSED])
async def test_literal_that_code_of_users_would_read_is_not_read(connection: asyncpg.Connection, sql: str) -> None:
    with pytest.raises(StatementError) as caught:
        await describe(connection, sql)
    assert "to read a literal" in str(caught.value) or caught.value.sqlstate == "42601"
    assert caught.value.position is not None
    assert sql[caught.value.position - 1] in "'$EU"
    assert not await _taken(connection)


@pytest.mark.parametrize("sql", [pytest.param(sql, id=name) for name, sql in PROVEN])
async def test_statement_beside_such_domains_is_proven(connection: asyncpg.Connection, sql: str) -> None:
    description = await describe(connection, sql)
    assert description.notes == ()
    assert not await _taken(connection)


EVENT_TRIGGER = """
create sequence numbers;
create table item (id int primary key);
create function counted() returns event_trigger language plpgsql as 'begin perform nextval(''public.numbers''); end';
create event trigger watch on ddl_command_start execute function counted();
create event trigger watch_ends on ddl_command_end when tag in ('CREATE FUNCTION') execute function counted();
create event trigger drops on sql_drop execute function counted();
"""


async def test_event_trigger_does_not_fire(database: DatabaseUrl) -> None:
    made = await asyncpg.connect(database.reveal())
    await made.execute(EVENT_TRIGGER)
    await made.close()
    connection = await asyncpg.connect(database.reveal())
    before = await connection.fetchval("select last_value from numbers")
    description = await describe(connection, "select id from item")
    assert not description.columns[0].nullable
    assert await connection.fetchval("select last_value from numbers") == before
    assert await connection.fetchval("show session_replication_role") == "origin"
    await connection.close()


async def test_event_trigger_that_the_role_cannot_silence(database: DatabaseUrl) -> None:
    role = f"assay_{secrets.token_hex(6)}"
    made = await asyncpg.connect(database.reveal())
    await made.execute(f"{EVENT_TRIGGER}; create role {role}; grant select on item to {role}")
    try:
        before = await made.fetchval("select last_value from numbers")
        await made.execute(f"set role {role}")
        description = await describe(made, "select id from item")
        await made.execute("reset role")
        assert description.columns[0].nullable
        assert str(description.columns[0].type) == "int4"
        assert "event trigger" in description.notes[0]
        assert await made.fetchval("select last_value from numbers") == before
    finally:
        await made.execute(f"reset role; drop owned by {role}; drop role {role}")
        await made.close()


CANONICAL = """
create sequence numbers;
create type days;
create function canonical(days) returns days language internal immutable strict as 'int4range_canonical';
create type days as range (subtype = int, canonical = canonical, multirange_type_name = multidays);
create or replace function canonical(days) returns days language plpgsql immutable strict as
    'begin perform nextval(''public.numbers''); return $1; end';
create table item (id int, d days);
"""


@pytest.mark.parametrize("literal", ["'[1,2]'::days", "'{[1,2]}'::multidays", "'{}'::days[]"])
async def test_range_that_code_of_users_makes_canonical(database: DatabaseUrl, literal: str) -> None:
    connection = await asyncpg.connect(database.reveal())
    await connection.execute(CANONICAL)
    with pytest.raises(StatementError, match="to read a literal"):
        await describe(connection, f"select {literal}")
    assert not (await describe(connection, "select d * d from item")).read_only
    assert not await _taken(connection)
    await connection.close()


async def test_utility_statement_with_a_literal(connection: asyncpg.Connection) -> None:
    assert (await describe(connection, "set application_name = 'x'")).columns == ()


async def test_error_of_a_statement_that_is_not_valid(connection: asyncpg.Connection) -> None:
    sql = "select s from item where 'a long literal' = s and m = 'a' and nothing = 'x' and d > '2020-01-01'"
    with pytest.raises(StatementError) as caught:
        await describe(connection, sql)
    assert caught.value.sqlstate == "42703"
    assert caught.value.position == sql.index("nothing") + 1


async def test_literal_in_a_statement_too_large_to_follow(
    connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.proof.session.LARGEST_TREE", 10)
    with pytest.raises(StatementError, match="too large"):
        await describe(connection, "select '(1,a)'::holder")
    assert not await _taken(connection)


async def test_path_that_must_be_written_out(connection: asyncpg.Connection) -> None:
    if connection.get_server_version().major < 17:
        pytest.skip("JSON_TABLE came with PostgreSQL 17")
    sql = (
        "select a, json_value('1', 'strict $.a' default 'x' on error)"
        " from json_table('[1]', '$[*]' columns (a int path '$')) t, item where m = 'a'"
    )
    assert (await describe(connection, sql)).notes == ()
    with pytest.raises(StatementError):
        await describe(connection, "select json_value('1', '$' returning holder default '(1,a)' on error)")
    assert not await _taken(connection)


async def test_nothing_is_left_of_what_was_tried(connection: asyncpg.Connection) -> None:
    await describe(connection, "select jsonb_build_object('a', 'b')")
    assert await connection.fetchval("select count(*) from pg_prepared_statements where name like 'assay%'") == 0
    assert not connection.is_in_transaction()
