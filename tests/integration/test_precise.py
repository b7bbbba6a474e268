"""Proofs that are easily missed: each is as exact as the statement allows, and holds for the rows that come.

Every case is a claim, a statement, a mark for each column (! never NULL, ? may be NULL), and the row bound.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.fixtures.once import made_once

from assay.config import DatabaseUrl
from assay.proof import describe

SCHEMA = """
create table item (id int primary key, code int unique, s text, x int, y int not null);
insert into item values (1, null, 'a', 1, 1), (2, null, 'b', null, 2), (3, 3, 'a', null, 3);
create table part (id int, y int not null);
insert into part values (1, 1), (null, 9);
create table checked (
    tested int check ((tested > 0) is true),
    not_false int check ((not_false > 0) is not false),
    not_null int check ((not_null is null) is not true),
    told int check (not (told is null)),
    given int check (coalesce(given > 0, false)),
    passed int check (coalesce(passed > 0, true)),
    first int check (coalesce(first is not null, passed > 0)),
    chosen int check (case when chosen > 0 then true else false end),
    chosen_not_null int check (case when chosen_not_null is null then false else true end),
    chosen_null int check (case when chosen_null is null then null else true end),
    by_kind int check (case told when 1 then by_kind is not null else by_kind > 0 and by_kind is not null end),
    of_some int check (case told when 1 then of_some is not null end)
);
insert into checked values (1, null, 1, 2, 1, null, 1, 1, 1, null, 1, null);
"""

CHECKS = [
    ("is_true", "select tested, not_false, not_null, told from checked", "!?!!", "many"),
    ("coalesce", "select given, passed, first from checked", "!?!", "many"),
    (
        "case",
        "select chosen, chosen_not_null, chosen_null, by_kind, of_some from checked",
        "!!?!?",
        "many",
    ),
]

CONDITIONS = [
    ("coalesce_with_false", "select x from item where coalesce(x > 0, false)", "!", "many"),
    ("coalesce_with_true", "select x from item where coalesce(x > 0, true)", "?", "many"),
    ("coalesce_of_two_conditions", "select x, y from item where coalesce(x > 0, y > 0)", "?!", "many"),
    ("not_coalesce", "select x from item where not coalesce(x < 0, true)", "!", "many"),
    ("case_that_is_true", "select x from item where case when x > 0 then true else false end", "!", "many"),
    ("case_without_else", "select x from item where case when x > 0 then true end", "!", "many"),
    ("case_of_a_value", "select x from item where case x when 1 then true end", "!", "many"),
    ("case_of_a_value_or_else", "select x from item where case x when 1 then true else y > 0 end", "?", "many"),
    ("case_past_is_null", "select x from item where case when x is null then false else y > 0 end", "!", "many"),
    (
        "case_of_the_other_one",
        "select x from item where case when y = 1 then x when y = 2 then null end is not null",
        "!",
        "many",
    ),
    (
        "case_inside_case_is_another",
        "select x from item where case y when case x when 1 then 1 else 2 end then true else false end",
        "?",
        "many",
    ),
    ("is_null_is_not_true", "select x from item where (x is null) is not true", "!", "many"),
    ("is_null_is_false", "select x from item where (x is null) is false", "!", "many"),
    ("is_not_true_of_a_comparison", "select x from item where (x > 0) is not true", "?", "many"),
    ("not_is_not_true", "select x from item where not ((x > 0) is not true)", "!", "many"),
    ("not_is_unknown", "select x from item where not ((x > 0) is unknown)", "!", "many"),
]

JOINS = [
    ("using_with_the_left_side_there", "select id from item full join part using (id) where item.y > 0", "!", "many"),
    ("using_with_the_right_side_there", "select id from item full join part using (id) where part.y > 0", "?", "many"),
    ("using_with_either_side", "select id, y from item full join part using (id, y)", "?!", "many"),
]

BOUNDS = [
    ("key_is_not_distinct_from_a_value", "select id from item where id is not distinct from 1", "!", "optional"),
    (
        "nullable_key_is_not_distinct_from_a_value",
        "select id from item where code is not distinct from 3",
        "!",
        "optional",
    ),
    ("nullable_key_is_not_distinct_from_null", "select id from item where code is not distinct from null", "!", "many"),
    (
        "key_is_not_distinct_from_what_may_be_null",
        "select id from item where id is not distinct from (select x from item where y = 2 limit 1)",
        "!",
        "optional",
    ),
    (
        "nullable_key_is_not_distinct_from_what_may_be_null",
        "select id from item where code is not distinct from (select x from item where y = 2 limit 1)",
        "!",
        "many",
    ),
    ("one_element", "select y from item where id = any('{1}')", "!", "optional"),
    ("two_elements", "select y from item where id = any('{1,2}')", "!", "many"),
    ("no_element", "select y from item where id = any('{}')", "!", "optional"),
    ("one_element_of_an_array_of_arrays", "select y from item where id = any('{{1}}')", "!", "optional"),
    ("elements_of_an_array_of_arrays", "select y from item where id = any('{{1},{2}}')", "!", "many"),
    ("not_all_of_one_element", "select y from item where id <> all('{1}')", "!", "many"),
    ("distinct_over_what_is_pinned", "select distinct s from item where s = 'a'", "!", "optional"),
    ("distinct_over_more", "select distinct s, x from item where s = 'a'", "!?", "many"),
    ("distinct_on_what_is_pinned", "select distinct on (s) s, x from item where s = 'a'", "!?", "optional"),
    ("distinct_beside_a_window", "select distinct s, count(*) over () from item where s = 'a'", "!!", "many"),
    ("distinct_over_grouping_sets", "select distinct s from item where s = 'a' group by rollup (s)", "?", "many"),
    ("distinct_constants", "select distinct 1 from item", "!", "optional"),
    ("distinct_volatile", "select distinct (random() * 3)::int from generate_series(1, 99)", "!", "many"),
    ("with_query_by_key", "with w as (select * from item) select id from w where id = 1", "!", "optional"),
    (
        "with_query_by_key_twice",
        "with w as materialized (select id from item) select w.id from w, w v where w.id = 1 and v.id = 2",
        "!",
        "optional",
    ),
    (
        "with_query_of_a_union",
        "with w as (select id from item union all select id from item) select id from w where id = 1",
        "!",
        "many",
    ),
    (
        "recursive_with_query",
        "with recursive w (id) as (select 1 union all select 1 from w where false) select id from w where id = 1",
        "!",
        "many",
    ),
    ("limit_cast", "select y from item limit 1::smallint", "!", "optional"),
    ("limit_literal", "select y from item limit '1'", "!", "optional"),
    ("limit_all", "values (1) limit all", "!", "one"),
    ("limit_null", "values (1) limit null", "!", "one"),
    ("limit_cast_to_zero", "values (1) limit 0::smallint", "!", "optional"),
]


@pytest.fixture
async def connection(server: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database with the schema and the rows."""
    url = await made_once(server, "precise", SCHEMA)
    opened = await asyncpg.connect(url.reveal())
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("sql", "marks", "bound"),
    [pytest.param(*case[1:], id=case[0]) for case in (*CHECKS, *CONDITIONS, *JOINS, *BOUNDS)],
)
async def test_exactly_what_holds_is_proven(connection: asyncpg.Connection, sql: str, marks: str, bound: str) -> None:
    description = await describe(connection, sql)
    said = "".join("?" if column.nullable else "!" for column in description.columns)
    assert (said, str(description.rows)) == (marks, bound), [column.reason for column in description.columns]
    rows = await connection.fetch(sql)
    assert len(rows) <= 1 or bound == "many"
    assert rows or bound != "one"
    for row in rows:
        assert not any(value is None and mark == "!" for value, mark in zip(row, marks, strict=True))
