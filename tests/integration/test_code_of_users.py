"""Functions, casts, operators and operator classes of users, where they run without being named.

Each case is a claim, what makes the schema and the rows, a statement, a mark for each column (! never NULL, ? may be
NULL), the row bound, and whether the statement is proven read-only. The statement is run as well: what is proven of it
must hold for what comes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.fixtures.once import made_once

from assay.config import DatabaseUrl
from assay.errors import DatabaseError
from assay.proof import Description, describe

WRITER = """
create table audit (id int);
create function noted(x int) returns boolean language plpgsql as
    'begin insert into audit values (x); return true; end';
"""

STORED = [
    (
        "stored_generated_column_of_a_function_replaced_since",
        """create function shown(x int) returns int language sql immutable begin atomic select x; end;
        create table gen (x int, y int generated always as (shown(x)) stored);
        insert into gen values (null);
        create or replace function shown(x int) returns int language sql immutable
            begin atomic select coalesce(x, 0); end""",
        "select y from gen",
        ("?", "many", True),
    ),
    (
        "stored_generated_column_of_a_domain_that_refuses_null_since",
        """create domain number as int;
        create table gen (x int, y int generated always as ((x::number)::int + 0) stored);
        insert into gen values (null);
        alter domain number set not null""",
        "select y from gen",
        ("?", "many", True),
    ),
    (
        "stored_generated_column_of_what_is_built_in",
        "create table gen (x int not null, y int generated always as (coalesce(x, 0) + 1) stored)",
        "insert into gen values (1) returning y",
        ("!", "one", False),
    ),
    (
        "check_through_a_function_made_strict_since",
        """create function same(x int) returns int language plpgsql immutable as 'begin return coalesce(x, 0); end';
        create table checked (x int check (same(x) is not null));
        insert into checked values (null);
        create or replace function same(x int) returns int language plpgsql immutable strict as
            'begin return x; end'""",
        "select x from checked",
        ("?", "many", True),
    ),
    (
        "check_through_an_operator_of_users",
        """create function same(x int) returns int language plpgsql immutable as 'begin return coalesce(x, 0); end';
        create operator ~~~ (rightarg = int, function = same);
        create table checked (x int check ((~~~ x) is not null));
        insert into checked values (null);
        create or replace function same(x int) returns int language plpgsql immutable strict as
            'begin return x; end'""",
        "select x from checked",
        ("?", "many", True),
    ),
    (
        "check_that_says_more_beside_a_function_of_users",
        """create function fine(x int) returns bool language plpgsql immutable as 'begin return true; end';
        create table checked (x int check (x is not null and fine(x)))""",
        "select x from checked",
        ("!", "many", True),
    ),
]

CALLS = [
    (
        "negator_that_gives_null",
        """create function unequal(int, int) returns bool language plpgsql immutable as 'begin return null; end';
        create operator !!! (leftarg = int, rightarg = int, function = unequal);
        create operator ==== (leftarg = int, rightarg = int, function = int4eq, negator = !!!)""",
        "select not (n ==== m) from (values (1, 2), (3, 4)) v (n, m)",
        ("?", "many", False),
    ),
    (
        "negator_that_takes_null",
        """create function unequal(int, int) returns bool language plpgsql immutable as 'begin return true; end';
        create operator !!! (leftarg = int, rightarg = int, function = unequal);
        create operator ==== (leftarg = int, rightarg = int, function = int4eq, negator = !!!)""",
        "select n from (values (1), (null)) v (n) where not (n ==== 1)",
        ("?", "many", False),
    ),
    (
        "operator_of_users_for_a_built_in_function",
        "create operator ==== (leftarg = int, rightarg = int, function = int4eq)",
        "select n ==== 1 from (values (1), (2)) v (n)",
        ("!", "many", True),
    ),
    (
        "result_cast_by_a_function_of_users",
        """create type mood as enum ('a');
        create type temper as enum ('a');
        create function mood(temper) returns mood language plpgsql immutable as 'begin return null; end';
        create cast (temper as mood) with function mood(temper) as assignment;
        create function moody() returns mood language sql begin atomic select 'a'::temper; end;
        create function moody_too() returns mood language sql return 'a'::temper""",
        "select moody(), moody_too()",
        ("??", "one", False),
    ),
    (
        "built_in_function_with_arguments_by_name",
        "select",
        "select jsonb_set_lax('{}', null_value_treatment => 'delete_key', path => null, replacement => '1')",
        ("?", "one", True),
    ),
    (
        "built_in_function_with_defaults",
        "select",
        "select make_interval(days => 1), make_interval(days => null)",
        ("!?", "one", True),
    ),
    (
        "arguments_by_name_are_put_in_order",
        "create function one_of(p int, q int) returns int language sql begin atomic select p; end",
        "select one_of(q => null, p => 1), one_of(q => 1, p => null), one_of(1, q => null)",
        ("!?!", "one", True),
    ),
    (
        "defaults_are_followed",
        """create function given(p int default 1, q int default null) returns int language sql
            begin atomic select coalesce(q, p); end;
        create function strictly(p int, q int default null) returns int language sql strict
            begin atomic select 1; end""",
        "select given(), given(null), given(q => 2, p => null), strictly(1), strictly(1, 2)",
        ("!?!?!", "one", True),
    ),
    (
        "default_that_varies_is_not_what_was_compared",
        """create function perhaps(p float default random()) returns int language sql immutable strict
            return case when p < 0.5 then 1 end""",
        "select perhaps() from generate_series(1, 50) where perhaps() is not null",
        ("?", "many", True),
    ),
    (
        "row_that_is_put_together_from_columns",
        """create type place as (street text, town text);
        create function there() returns place language sql begin atomic select null::text, null::text; end""",
        "select there()",
        ("!", "one", True),
    ),
    (
        "rows_compared_by_what_is_built_in",
        "create type pair as (a int, b int)",
        "select row(1, 2) < row(1, 3), row(1, null)::pair = row(1, null)::pair, array[1, null] = array[1, null]",
        ("!!!", "one", True),
    ),
]

ROWS = """
create type place as (street text, town text);
create type mood as enum ('a');
create type temper as enum ('a');
create function mood(temper) returns mood language plpgsql immutable as 'begin return null; end';
create cast (temper as mood) with function mood(temper) as assignment;
create table item (gone int, id int primary key, name text not null, note text);
alter table item drop column gone;
insert into item values (1, 'a', null);
create function all_rows() returns table (i int, n text, o text) language sql begin atomic select * from item; end;
create function items() returns setof item language sql begin atomic select * from item; end;
create function ids(x int default 0) returns setof int language sql begin atomic select id from item where id > x; end;
create function same(x int) returns setof int language sql strict begin atomic select x; end;
create function moods() returns table (m mood, i int) language sql begin atomic select 'a'::temper, 1; end;
create function records() returns setof record language sql begin atomic select 1, 2; end;
create function places() returns setof place language sql begin atomic select row('a', null)::place; end;
create function first(out a int, out b text) language sql begin atomic select id, name from item; end;
create function given(x int, out a int, out b text) language sql strict begin atomic select 1, 'x'; end;
create function constants(out a int, out b text) language sql begin atomic select 1, 'x'; end;
"""

FROM = [
    ("table_of_rows", ROWS, "select * from all_rows()", ("!!?", "many", True)),
    ("row_type_with_a_dropped_column", ROWS, "select * from items()", ("???", "many", True)),
    ("set_of_values", ROWS, "select * from ids()", ("!", "many", True)),
    ("set_of_values_in_the_select_list", ROWS, "select ids(), 5", ("!!", "many", True)),
    ("sets_side_by_side", ROWS, "select ids(), generate_series(1, 3)", ("??", "many", True)),
    ("strict_set", ROWS, "select x, s from (values (1), (null)) v (x), same(x) s", ("?!", "many", True)),
    ("set_with_ordinality", ROWS, "select * from ids() with ordinality", ("!!", "many", True)),
    ("sets_in_rows_from", ROWS, "select * from rows from (ids(), generate_series(1, 3)) r", ("??", "many", True)),
    ("set_on_the_far_side", ROWS, "select r from item left join ids() r on false", ("?", "many", True)),
    ("rows_cast_by_users", ROWS, "select * from moods()", ("??", "many", False)),
    ("records_of_declared_types", ROWS, "select * from records() as (a int, b text)", ("??", "many", False)),
    ("one_column_that_is_the_row", ROWS, "select * from places()", ("??", "many", True)),
    ("row_that_may_not_be_found", ROWS, "select * from first()", ("??", "one", True)),
    ("row_that_is_there", ROWS, "select * from constants()", ("!!", "one", True)),
    ("strict_row_of_null", ROWS, "select * from given(null)", ("??", "one", True)),
    ("strict_row_of_a_value", ROWS, "select * from given(1)", ("!!", "one", True)),
]

CLASSES = """
create function never_equal(int, int) returns int language plpgsql immutable as 'begin return -1; end';
create operator class strange for type int using btree as
    operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 never_equal(int, int);
"""

COMPARED = [
    (
        "key_whose_index_tells_equal_values_apart",
        f"{CLASSES} create table liar (k int); create unique index on liar (k strange); insert into liar values (1), (1)",
        "select k from liar where k + 0 = 1 and k = 1",
        ("!", "many", False),
    ),
    (
        "key_beside_a_strange_class",
        f"{CLASSES} create table fair (k int primary key)",
        "select k from fair where k = 1",
        ("!", "optional", False),
    ),
    (
        "rows_with_a_type_that_is_compared_strangely",
        """create type sort as (n json);
        create function json_order(json, json) returns int language plpgsql immutable as 'begin return null; end';
        create function json_same(json, json) returns bool language plpgsql immutable as 'begin return null; end';
        create operator ==== (leftarg = json, rightarg = json, function = json_same);
        create operator class json_strange default for type json using btree as
            operator 3 ====, function 1 json_order(json, json)""",
        """select a = b, a is distinct from b, a < b, array[j] = array[j]
            from (values (row('1')::sort, row('2')::sort, '1'::json)) v (a, b, j)""",
        ("!!!!", "one", False),
    ),
    (
        "frame_by_a_range_of_users",
        """create function in_range(int, int2, int2, bool, bool) returns bool language plpgsql immutable as
            'begin raise exception ''unused''; end';
        create function far(int, int, int, bool, bool) returns bool language plpgsql immutable as
            'begin return not $5; end';
        create operator class strange for type int using btree as
            operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(int, int),
            function 3 (int, int) far(int, int, int, bool, bool)""",
        "select sum(n) over (order by n range between 1 preceding and 1 preceding) from (values (1), (2)) v (n)",
        ("?", "many", False),
    ),
    (
        "largest_by_a_comparison_that_gives_null",
        """create function json_order(json, json) returns int language plpgsql immutable as 'begin return null; end';
        create function json_same(json, json) returns bool language plpgsql immutable as 'begin return null; end';
        create operator ==== (leftarg = json, rightarg = json, function = json_same);
        create operator class json_strange default for type json using btree as
            operator 3 ====, function 1 json_order(json, json)""",
        "select greatest('1'::json, '2'::json)",
        ("!", "one", False),
    ),
]

WRITES = [
    ("sort_by_a_class_of_users", CLASSES, "select n from (values (1), (2)) v (n) order by n", ("!", "many", False)),
    (
        "cast_to_json_of_users",
        """create type mood as enum ('a');
        create function as_json(mood) returns json language plpgsql as 'begin return ''1''; end';
        create cast (mood as json) with function as_json(mood)""",
        "select to_json('a'::mood), json_build_array('a'::mood)",
        ("!!", "one", False),
    ),
    ("json_without_such_a_cast", "create type mood as enum ('a')", "select to_json('a'::mood)", ("!", "one", True)),
    (
        "cast_to_text_of_users",
        """create type mood as enum ('a');
        create function as_text(mood) returns text language plpgsql as 'begin return null; end';
        create cast (mood as text) with function as_text(mood)""",
        "select 'x'::text || 'a'::mood",
        ("?", "one", False),
    ),
    (
        "whole_view_by_name",
        f"{WRITER} create view writing as select noted(1)",
        "select xmlserialize(content table_to_xml('writing', false, false, '') as text)",
        ("!", "one", False),
    ),
    (
        "default_of_an_argument",
        """create sequence numbers;
        create function next(n bigint default nextval('numbers')) returns bigint language sql begin atomic select n; end""",
        "select next()",
        ("!", "one", False),
    ),
    (
        "default_that_is_not_used",
        """create sequence numbers;
        create function next(n bigint default nextval('numbers')) returns bigint language sql begin atomic select n; end""",
        "select next(1)",
        ("!", "one", True),
    ),
    (
        "negator_that_writes",
        """create table audit (id int);
        create function unequal(int, int) returns bool language plpgsql as
            'begin insert into audit values (1); return true; end';
        create operator !!! (leftarg = int, rightarg = int, function = unequal);
        create operator ==== (leftarg = int, rightarg = int, function = int4eq, negator = !!!)""",
        "select not (n ==== m) from (values (1, 2)) v (n, m)",
        ("?", "one", False),
    ),
    (
        "constant_call_in_an_index",
        """create function one(n int) returns int language plpgsql immutable as 'begin return 1; end';
        create table indexed (k int not null);
        create index on indexed (k) where k > one(1)""",
        "select k from indexed",
        ("!", "many", False),
    ),
    (
        "constant_call_in_an_index_of_a_partition",
        """create function one(n int) returns int language plpgsql immutable as 'begin return 1; end';
        create table whole (k int not null) partition by range (k);
        create table part partition of whole default;
        create index on part ((k + one(1)))""",
        "select k from whole",
        ("!", "many", False),
    ),
    (
        "constant_call_in_a_check",
        """create function one(n int) returns int language plpgsql immutable as 'begin return 1; end';
        create table checked (k int not null check (k > one(1)))""",
        "select k from checked",
        ("!", "many", False),
    ),
    (
        "sql_function_in_an_index_is_put_in_place",
        """create function one(n int) returns int language plpgsql immutable as 'begin return 1; end';
        create function more(n int) returns int language sql immutable as 'select n + public.one(1)';
        create table indexed (k int not null);
        create index on indexed (more(k))""",
        "select k from indexed",
        ("!", "many", False),
    ),
    (
        "call_of_a_column_in_an_index_is_not_evaluated",
        """create function folded(n int) returns int language plpgsql immutable as 'begin return n; end';
        create table indexed (k int not null);
        create index on indexed (folded(k))""",
        "select k from indexed",
        ("!", "many", True),
    ),
    (
        "trigger_and_default_do_not_run_for_select",
        f"""{WRITER} create table plain (k int not null default nextval('audit_seq'), b bool default noted(1));
        """.replace("create table plain", "create sequence audit_seq; create table plain"),
        "select k from plain",
        ("!", "many", True),
    ),
]

DOMAINS = [
    ("in_a_document", "select * from json_table('[1]', '$[*]' columns (a watched path '$'))", 17),
    ("in_a_value_of_json", "select json_value('1', '$' returning watched)", 17),
    ("in_xml", "select * from xmltable('/a' passing '<a>1</a>' columns b watched path '.')", 14),
    ("in_what_is_tested", "select pg_input_is_valid('1', 'watched')", 16),
]


@pytest.fixture
async def connection(server: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database without anything in it, in a transaction that is rolled back."""
    url = await made_once(server, "users")
    opened = await asyncpg.connect(url.reveal())
    await opened.execute("begin")
    yield opened
    await opened.close()


def _contradictions(description: Description, rows: list[asyncpg.Record]) -> list[str]:
    """What the rows of a statement show to be false in its description."""
    found = [
        f"{column.name} is NULL"
        for number, column in enumerate(description.columns)
        if not column.nullable and any(row[number] is None for row in rows)
    ]
    fits = {"none": not rows, "one": len(rows) == 1, "optional": len(rows) <= 1, "many": True}
    return found if fits[str(description.rows)] else [*found, f"{len(rows)} rows"]


@pytest.mark.parametrize(
    ("schema", "sql", "expected"),
    [pytest.param(*case[1:], id=case[0]) for case in (*STORED, *CALLS, *FROM, *COMPARED, *WRITES)],
)
async def test_what_is_proven_holds(
    connection: asyncpg.Connection, schema: str, sql: str, expected: tuple[str, str, bool]
) -> None:
    await connection.execute(schema)
    description = await describe(connection, sql)
    said = "".join("?" if column.nullable else "!" for column in description.columns)
    reasons = [column.reason for column in description.columns]
    assert (said, str(description.rows), description.read_only) == expected, reasons
    try:
        rows = await connection.fetch(sql)
    except asyncpg.FeatureNotSupportedError:
        pytest.skip("this server is built without XML")
    assert _contradictions(description, rows) == []


@pytest.mark.parametrize(("sql", "version"), [pytest.param(*case[1:], id=case[0]) for case in DOMAINS])
async def test_check_of_a_domain_that_is_read_may_write(connection: asyncpg.Connection, sql: str, version: int) -> None:
    if connection.get_server_version().major < version:
        pytest.skip(f"this came with PostgreSQL {version}")
    await connection.execute(f"{WRITER} create domain watched as int check (noted(value))")
    try:
        description = await describe(connection, sql)
    except DatabaseError as error:
        if error.sqlstate != "0A000":
            raise
        pytest.skip("this server is built without XML")
    assert not description.read_only
    await connection.fetch(sql)
    assert await connection.fetchval("select count(*) from audit") == 1


async def test_what_a_superuser_made_of_a_built_in_function(connection: asyncpg.Connection) -> None:
    await connection.execute(
        "create or replace function pg_catalog.upper(text) returns text language plpgsql immutable strict as"
        " 'begin return null; end'"
    )
    sql = "select upper('a'), upper('a') is not null"
    description = await describe(connection, sql)
    assert [column.nullable for column in description.columns] == [True, False]
    assert not description.read_only
    assert _contradictions(description, await connection.fetch(sql)) == []


async def test_what_a_superuser_made_of_a_built_in_aggregate(connection: asyncpg.Connection) -> None:
    await connection.execute(
        "create function lost(int, int) returns int language plpgsql immutable as 'begin return null; end';"
        "create or replace aggregate pg_catalog.max(int) (sfunc = lost, stype = int)"
    )
    sql = "select max(n) from (values (1), (2)) v (n) group by n / 10"
    description = await describe(connection, sql)
    assert description.columns[0].nullable
    assert not description.read_only
    assert _contradictions(description, await connection.fetch(sql)) == []
