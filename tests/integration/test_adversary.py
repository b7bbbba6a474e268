"""Statements that were made to catch Assay saying something false, each run on rows that would show it.

Every case is a claim, a statement, a mark for each column (! never NULL, ? may be NULL), and the row bound. The
statement is run as well: what is proven of it must hold for what comes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.once import made_once

from assay.config import DatabaseUrl
from assay.proof import Description, describe

SCHEMA = Path(__file__).parents[1] / "data" / "proof" / "adversary.sql"

CONDITIONS = [
    ("array_of_an_empty_array_is_empty", "select size from item where size <> all(array[parts])", "?", "many"),
    ("false_for_an_array_of_arrays", "select size from item where not size = any(array[parts])", "?", "many"),
    ("an_array_of_arrays_may_hold_null", "select 2 = any(array[parts]) from item", "?", "many"),
    (
        "in_of_one_subquery_says_nothing_of_another",
        "select id in (select item from entry) from item where id in (select id from item)",
        "?",
        "many",
    ),
    (
        "in_of_one_subquery_says_nothing_of_another_in_case",
        "select case when id in (select id from item) then id in (select item from entry) else true end from item",
        "?",
        "many",
    ),
    (
        "default_of_lag_is_not_what_the_rows_before_have",
        "select case when size is not null then lag(size, 1, 0) over (order by id) else 0 end from item",
        "?",
        "many",
    ),
    (
        "first_value_is_of_another_row",
        "select case when name is not null then first_value(name) over (order by id desc) else '' end from item",
        "?",
        "many",
    ),
    (
        "where_holds_for_every_row_of_a_frame",
        "select first_value(name) over (order by id desc) from item where name is not null",
        "!",
        "many",
    ),
    (
        "a_range_of_a_month_less_its_days_begins_after_the_row",
        (
            "select sum(1) over (order by d range between '1 month -29 days' preceding and current row)"
            " from (values (date '2023-03-01')) v (d)"
        ),
        "?",
        "one",
    ),
    (
        "a_range_of_numbers_has_its_row",
        "select sum(1) over (order by id range between 1 preceding and current row) from item",
        "!",
        "many",
    ),
    (
        "is_distinct_from_by_an_operator_of_users",
        "select a is distinct from b from (values (row(1)::pair, row(2)::pair)) v (a, b)",
        "?",
        "one",
    ),
]

FUNCTIONS = [
    ("arguments_by_name", "select first_of(q => 1, p => null::int)", "?", "one"),
    ("strict_function_with_a_default_of_null", "select strictly(1)", "?", "one"),
    ("strict_function_with_all_its_arguments", "select strictly(1, 2)", "!", "one"),
    ("function_that_returns_void", "select nothing()", "?", "one"),
    (
        "argument_of_a_not_null_domain_from_an_outer_join",
        "select as_text(i.mark) from entry left join item i on i.id = 99",
        "?",
        "many",
    ),
    ("fields_of_a_function_in_from", "select * from a_place()", "??", "one"),
    ("fields_of_a_domain_over_a_row_type", "select * from a_placed()", "??", "one"),
    ("fields_of_a_cast_in_from", "select * from cast(row('a', null) as place) f", "??", "one"),
    ("fields_of_coalesce_in_from", "select * from coalesce(row('a', null)::place) f", "??", "one"),
    ("a_row_that_a_function_returns", "select a_place()", "!", "one"),
]

CASTS = [
    ("cast_that_union_adds", "select 'a'::mood union all select 'a'::temper", "?", "many"),
    (
        "cast_that_an_inner_union_adds",
        "select x from (select 'a'::temper union all select 'b'::mood union all select 'a'::mood) s (x)",
        "?",
        "many",
    ),
    ("cast_that_intersect_adds", "select 'a'::temper intersect select 'a'::mood", "!", "optional"),
    ("cast_that_values_adds", "values ('a'::mood), ('a'::temper)", "?", "many"),
    ("built_in_cast_that_union_adds", "select 1 union all select 2::bigint", "!", "many"),
    ("union_of_one_type_of_users", "select 'a'::mood union all select 'b'", "!", "many"),
]

CHANGES = [
    (
        "instead_of_trigger_below_a_view_over_a_view",
        "insert into over_answered values (1, 'n', 'a') returning id, note, kind",
        "???",
        "optional",
    ),
    ("dropping_trigger_below_a_view", "insert into over_dropping values (1) returning id", "!", "optional"),
    ("rule_below_a_view", "insert into over_diverted values (1, 'n') returning id, note", "??", "many"),
    (
        "rule_below_a_view_in_with",
        "with x as (insert into over_diverted values (1, 'n') returning id, note) select * from x",
        "??",
        "many",
    ),
    ("insert_of_a_set", "insert into plain values (generate_series(1, 3), '', 'a') returning id", "!", "many"),
    ("insert_of_an_empty_set", "insert into plain values (generate_series(3, 1), '', 'a') returning id", "!", "many"),
]

BOUNDS = [
    (
        "key_pinned_to_a_lateral_subquery",
        "select e.id from entry e, lateral (select e.id as k limit 1) s where e.id = s.k",
        "!",
        "many",
    ),
    ("key_pinned_to_a_lateral_function", "select e.id from entry e, abs(e.id) f (k) where e.id = f.k", "!", "many"),
    (
        "key_pinned_to_lateral_values",
        "select e.id from entry e, lateral (values (e.id)) v (k) where e.id = v.k",
        "!",
        "many",
    ),
    (
        "key_pinned_to_a_lateral_key",
        "select e.id from entry e, lateral (select id from item i where i.id = e.item) s where e.id = s.id",
        "!",
        "many",
    ),
    (
        "lateral_subquery_beside_one_row",
        "select e.id from entry e, lateral (select e.id as k limit 1) s where e.id = 1",
        "!",
        "optional",
    ),
    (
        "key_pinned_to_a_volatile_value_that_a_plan_may_work_out_again",
        "select e.id from entry e, (select (random() * 3)::int as k) s where e.id = s.k",
        "!",
        "many",
    ),
    ("volatile_value_by_itself", "select s.k from (select (random() * 3)::int as k) s", "!", "one"),
    (
        "group_of_a_volatile_value",
        ("select count(*) from generate_series(1, 200) where (random() * 2)::int = 1 group by (random() * 2)::int"),
        "!",
        "many",
    ),
    (
        "two_local_times_are_one_instant",
        "select id from item where local = '2024-03-31 03:30+02'::timestamptz",
        "!",
        "many",
    ),
    ("a_local_time_is_one_row", "select id from item where local = '2024-03-31 03:30'", "!", "optional"),
]

READ_ONLY = [
    ("check_of_a_domain_may_write", "select 1::watched", False),
    ("check_of_a_domain_below_a_domain_may_write", "select 1::watched_twice", False),
    ("check_inside_a_row_read_from_text_may_write", "select text::holder from entry", False),
    (
        "check_inside_a_row_read_from_json_may_write",
        "select * from jsonb_populate_record(null::holder, jsonb_build_object('content', 1))",
        False,
    ),
    (
        "check_inside_a_record_may_write",
        "select * from jsonb_to_record(jsonb_build_object('content', 1)) as r (content watched)",
        False,
    ),
    ("row_of_plain_types_read_from_text", "select text::place from entry", True),
    ("check_of_operators_writes_nothing", "select 1::harmless", True),
    ("policy_of_a_table_may_write", "select id from guarded", False),
    ("policy_that_only_compares_writes_nothing", "select id from owned", True),
    ("cast_that_union_adds_may_write", "select 'a'::mood union all select 'a'::temper", False),
    ("union_of_built_in_types_writes_nothing", "select 1 union all select 2::bigint", True),
    ("transaction_id_cannot_be_had_on_a_replica", "select txid_current()", False),
]


@pytest.fixture
async def connection(server: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database with the schema and the rows, in a transaction that is rolled back."""
    url = await made_once(server, "adversary", SCHEMA.read_text())
    opened = await asyncpg.connect(url.reveal(), server_settings={"timezone": "Europe/Berlin"})
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
    found += [
        f"{column.name} is {row[number]}"
        for number, column in enumerate(description.columns)
        for row in rows
        if column.allowed is not None and row[number] is not None and row[number] not in column.allowed
    ]
    fits = {"none": not rows, "one": len(rows) == 1, "optional": len(rows) <= 1, "many": True}
    return found if fits[str(description.rows)] else [*found, f"{len(rows)} rows"]


@pytest.mark.parametrize(
    ("sql", "marks", "bound"),
    [pytest.param(*case[1:], id=case[0]) for case in (*CONDITIONS, *FUNCTIONS, *CASTS, *CHANGES, *BOUNDS)],
)
async def test_what_is_proven_holds(connection: asyncpg.Connection, sql: str, marks: str, bound: str) -> None:
    description = await describe(connection, sql)
    said = "".join("?" if column.nullable else "!" for column in description.columns)
    assert (said, str(description.rows)) == (marks, bound), [column.reason for column in description.columns]
    assert _contradictions(description, await connection.fetch(sql)) == []


@pytest.mark.parametrize(("sql", "expected"), [pytest.param(*case[1:], id=case[0]) for case in READ_ONLY])
async def test_read_only(connection: asyncpg.Connection, sql: str, expected: bool) -> None:
    assert (await describe(connection, sql)).read_only is expected


async def test_row_of_a_join_that_an_outer_join_fills_in(connection: asyncpg.Connection) -> None:
    """Before 16 it is a row of NULLs, so that it is there proves nothing."""
    sql = (
        "select j.text from item left join (entry e join item i on e.item = i.id) as j (id, item, note, text) on false"
        " where row_to_json(j) is not null"
    )
    description = await describe(connection, sql)
    assert _contradictions(description, await connection.fetch(sql)) == []
    assert description.columns[0].nullable is (connection.get_server_version().major < 16)


async def test_partitions_that_generate_a_column_otherwise(connection: asyncpg.Connection) -> None:
    if connection.get_server_version().major < 16:
        pytest.skip("before 16 a partition generates its columns as the partitioned table does")
    await connection.execute(
        "create table whole (id int not null, size int, label text generated always as (coalesce(size::text, '')) stored)"
        " partition by list (id);"
        "create table part (id int not null, size int, label text generated always as (size::text) stored);"
        "alter table whole attach partition part for values in (1)"
    )
    sql = "insert into whole values (1, null) returning label"
    description = await describe(connection, sql)
    assert description.columns[0].nullable
    assert await connection.fetchval(sql) is None


async def test_values_of_a_check_that_a_trigger_answers_for(connection: asyncpg.Connection) -> None:
    sql = "insert into over_answered values (1, 'n', 'a') returning kind"
    description = await describe(connection, sql)
    assert description.columns[0].allowed is None
    assert await connection.fetchval(sql) == "z"
