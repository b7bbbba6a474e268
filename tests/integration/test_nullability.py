"""Which columns are never NULL: each case is a claim, a statement, and a mark a column (! never NULL, ? may be)."""

from __future__ import annotations

import asyncpg
import pytest
from tests.fixtures.proof import Describe

JOINS = [
    (
        "left_join_nulls_its_right_side",
        "select a.name, b.title from author a left join book b on b.author_id = a.id",
        "!?",
    ),
    (
        "right_join_nulls_its_left_side",
        "select a.name, b.title from book b right join author a on b.author_id = a.id",
        "!?",
    ),
    ("full_join_nulls_both_sides", "select a.name, b.title from author a full join book b on b.author_id = a.id", "??"),
    ("full_join_using_merges_a_column_that_is_there", "select id from author full join book using (id)", "!"),
    ("left_join_using_keeps_the_left_column", "select id, title from author left join book using (id)", "!?"),
    ("natural_join_keeps_its_columns", "select id, name, title from author natural join book", "!!!"),
    (
        "inner_join_inside_a_left_join",
        (
            "select a.name, b.title, r.seen from author a"
            " left join (book b join review r on r.book_id = b.id) on b.author_id = a.id"
        ),
        "!??",
    ),
    (
        "left_join_inside_a_left_join_revived_by_where",
        (
            "select a.name, b.title, r.seen from author a"
            " left join (book b left join review r on r.book_id = b.id) on b.author_id = a.id where r.seen > 1"
        ),
        "!!!",
    ),
    (
        "where_on_the_middle_table_revives_it_alone",
        (
            "select b.title, r.seen from author a left join book b on b.author_id = a.id"
            " left join review r on r.book_id = b.id where b.title <> ''"
        ),
        "!?",
    ),
    (
        "inner_join_above_revives_a_left_join",
        "select b.title from author a left join book b on b.author_id = a.id join review r on r.book_id = b.id",
        "!",
    ),
    (
        "left_join_above_does_not",
        "select b.title from author a left join book b on b.author_id = a.id left join review r on r.book_id = b.id",
        "?",
    ),
    (
        "on_clause_of_a_left_join_proves_nothing_of_the_left",
        "select a.pen from author a left join book b on b.title = a.pen",
        "?",
    ),
    (
        "on_clause_proves_the_right_where_it_matched",
        "select b.editor_id from author a left join book b on b.editor_id = a.id where b.id is not null",
        "!",
    ),
    (
        "full_join_with_one_side_revived",
        "select a.name, b.title from author a full join book b on b.author_id = a.id where a.name <> ''",
        "!?",
    ),
    (
        "full_join_with_both_sides_revived",
        "select a.pen, b.title from author a full join book b on b.title = a.pen where a.id > 0 and b.id > 0",
        "!!",
    ),
    ("cross_join_nulls_nothing", "select a.name, b.title from author a cross join book b", "!!"),
    ("whole_row_of_an_outer_join", "select a, b from author a left join book b on b.author_id = a.id", "!?"),
    ("lateral_left_join", "select x.title from author a left join lateral (select title from book) x on true", "?"),
    ("lateral_inner_join", "select x.title from author a join lateral (select title from book) x on true", "!"),
    (
        "lateral_subquery_over_a_nulled_table",
        "select x.t from author a left join book b on b.author_id = a.id cross join lateral (select b.title) x(t)",
        "?",
    ),
    ("system_columns", "select ctid, tableoid, xmin from author", "!!!"),
    ("system_column_over_an_outer_join", "select b.ctid from author a left join book b on b.author_id = a.id", "?"),
]

CONDITIONS = [
    ("is_not_null", "select pen from author where pen is not null", "!"),
    ("equality", "select pen from author where pen = 'x'", "!"),
    ("like", "select pen from author where pen like 'x%'", "!"),
    ("between", "select born from author where born between '2000-01-01' and '2001-01-01'", "!"),
    ("in_list", "select pen from author where pen in ('x', 'y')", "!"),
    ("not_in_list", "select pen from author where pen not in ('x', 'y')", "!"),
    ("in_subquery", "select pen from author where pen in (select title from book)", "!"),
    ("not_in_subquery_may_be_empty", "select pen from author where pen not in (select title from book)", "?"),
    ("any_of_an_array", "select pen from author where pen = any(array['x'])", "!"),
    ("all_of_an_array_may_be_empty", "select pen from author where pen <> all(tags)", "?"),
    ("false_for_any_of_an_array_may_be_empty", "select pen from author where not pen = any(tags)", "?"),
    ("a_known_answer_of_any_may_be_for_no_elements", "select pen from author where (pen = any(tags)) is not null", "?"),
    ("or_needs_both", "select pen, born from author where pen = 'x' or (pen = 'y' and born is not null)", "!?"),
    ("not_or_proves_both", "select pen, born from author where not (pen = 'x' or born = '2000-01-01')", "!!"),
    ("not_and_proves_neither", "select pen, born from author where not (pen = 'x' and born = '2000-01-01')", "??"),
    ("is_null_proves_nothing", "select pen from author where pen is null", "?"),
    ("not_is_null", "select pen from author where not pen is null", "!"),
    ("is_true", "select pen from author where (pen = 'x') is true", "!"),
    ("is_false", "select pen from author where (pen = 'x') is false", "!"),
    ("is_not_true_proves_nothing", "select pen from author where (pen = 'x') is not true", "?"),
    ("is_not_unknown", "select pen from author where (pen = 'x') is not unknown", "!"),
    ("is_distinct_from_null", "select pen from author where pen is distinct from null", "!"),
    ("is_distinct_from_a_value", "select pen from author where pen is distinct from 'x'", "?"),
    ("is_not_distinct_from_a_value", "select pen from author where pen is not distinct from 'x'", "!"),
    ("through_a_strict_function", "select pen from author where lower(pen) = 'x'", "!"),
    ("through_coalesce_proves_nothing", "select pen from author where coalesce(pen, 'x') = 'x'", "?"),
    ("through_a_user_function_that_is_not_strict", "select born from author where perhaps(id) = 1", "?"),
    ("row_comparison_proves_its_first_column", "select pages, price from book where (price, pages) > (1, 1)", "!!"),
    (
        "row_comparison_may_not_look_further",
        "select born, pen from author where (pen, born) > ('a', '2000-01-01')",
        "?!",
    ),
    ("row_is_not_null", "select pen, born from author where row(pen, born) is not null", "!!"),
    ("whole_expression", "select nullif(pen, 'x') from author where nullif(pen, 'x') is not null", "!"),
    ("whole_volatile_expression", "select perhaps(id) from author where perhaps(id) is not null", "?"),
    ("having", "select max(born) from author group by likes having max(born) > '2000-01-01'", "!"),
    ("having_on_the_key", "select pen from author group by pen having pen is not null", "!"),
    (
        "exists_proves_the_outer_column",
        "select a.pen from author a where exists (select from book b where b.title = a.pen)",
        "!",
    ),
    (
        "not_exists_does_not",
        "select a.pen from author a where not exists (select from book b where b.title = a.pen)",
        "?",
    ),
    (
        "exists_over_an_aggregate_is_always_true",
        "select a.pen from author a where exists (select count(*) from book b where b.title = a.pen)",
        "?",
    ),
]

EXPRESSIONS = [
    ("null_constant", "select null::int, 1, 'a'", "?!!"),
    ("arithmetic", "select id + 1, -id, price * 2 from book", "!!?"),
    ("concatenation", "select name || 'x', name || pen from author", "!?"),
    ("coalesce", "select coalesce(pen, name), coalesce(pen, null), coalesce(pen, 'x') from author", "!?!"),
    ("greatest", "select greatest(pen, name), least(pen, null) from author", "!?"),
    ("nullif", "select nullif(name, '') from author", "?"),
    ("case_with_else", "select case when id > 1 then name else 'x' end from author", "!"),
    ("case_without_else", "select case when id > 1 then name end from author", "?"),
    ("case_that_tests_for_null", "select case when pen is null then name else pen end from author", "!"),
    ("case_that_tests_for_a_value", "select case when pen is not null then pen else name end from author", "!"),
    ("case_that_compares", "select case when pen > 'x' then pen else 'y' end from author", "!"),
    ("case_that_negates", "select case when pen > 'x' then 'y' else pen end from author", "?"),
    ("simple_case", "select case id when 1 then 'a' else 'b' end, case pen when 'x' then 'a' end from author", "!?"),
    ("array_constructor", "select array[pen], array(select title from book) from author", "!!"),
    ("array_element", "select tags[1] from author", "?"),
    ("array_slice", "select tags[1:2] from author", "!"),
    ("row_constructor", "select row(pen, born) from author", "!"),
    ("field_of_a_composite", "select (home).town from author", "?"),
    ("field_of_a_row", "select (row(1, null::text)).f1, (row(1, null::text)).f2", "!?"),
    ("json_field", "select notes -> 'a', notes ->> 'a', jsonb_build_object('a', pen) from author", "??!"),
    ("comparison", "select id = 1, pen = 'x', pen is null, pen is distinct from 'x' from author", "!?!!"),
    ("logic", "select id > 1 and id < 5, id > 1 and pen = 'x', not id > 1 from author", "!?!"),
    ("in_list", "select id in (1, 2), id in (1, null), pen in ('x') from author", "!??"),
    ("exists", "select exists (select from book), not exists (select from book)", "!!"),
    ("in_subquery_of_values_that_are_there", "select id in (select author_id from book) from author", "!"),
    ("in_subquery_of_values_that_may_be_null", "select id in (select editor_id from book) from author", "?"),
    ("scalar_subquery", "select (select name from author limit 1), (select count(*) from book)", "?!"),
    ("scalar_subquery_of_one_row", "select (select max(title) from book), (select 1)", "?!"),
    ("current_schema_may_be_null", "select current_schema, current_user, current_date, localtimestamp", "?!!!"),
    ("cast_to_a_not_null_domain", "select name::given, pen::given from author", "!!"),
    ("cast_through_text", "select id::text::int, born::text from author", "!?"),
    ("collation", 'select name collate "C", pen collate "C" from author', "!?"),
    ("parameter", "select $1::int", "?"),
    ("parameter_that_was_compared", "select $1::text from author where pen = $1", "!"),
    ("sql_function_with_a_body", "select one_more(author_id), one_more(pages) from book", "!!"),
    ("strict_sql_function_of_null", "select one_more(editor_id) from book", "?"),
    ("sql_function_whose_query_may_find_nothing", "select first_title(id) from author", "?"),
    ("plpgsql_function", "select perhaps(1)", "?"),
    ("substring_by_pattern", "select substring(name from 'a.c'), substring(name from 1 for 2) from author", "?!"),
    (
        "concat_takes_null",
        "select concat(pen, born), concat(variadic tags), concat(variadic nullif(tags, '{}')) from author",
        "!!?",
    ),
    ("format", "select format('%s', pen), format(pen) from author", "!?"),
    ("extract_of_infinity_may_be_null", "select extract(day from now()), extract(epoch from now())", "?!"),
]

AGGREGATES = [
    ("over_no_rows", "select count(*), sum(id), array_agg(id) from author", "!??"),
    ("in_groups", "select likes, count(*), max(name), max(pen), sum(id) from author group by likes", "!!!?!"),
    (
        "with_filter",
        "select count(*) filter (where id > 1), max(name) filter (where id > 1) from author group by likes",
        "!?",
    ),
    (
        "array_agg_in_groups",
        "select array_agg(pen), json_agg(pen), string_agg(pen, ',') from author group by likes",
        "!!?",
    ),
    ("stddev_of_one_row", "select stddev(id), stddev_pop(id) from author group by likes", "?!"),
    ("rollup", "select likes, count(*), max(name) from author group by rollup (likes)", "?!?"),
    (
        "grouping_sets_without_the_empty_one",
        "select likes, max(name) from author group by grouping sets ((likes), (likes, pen))",
        "!!",
    ),
    (
        "an_equal_expression_that_may_be_left_out",
        "select g as a, g as b from generate_series(1, 3) g group by a, rollup (b)",
        "??",
    ),
    ("grouped_expression_left_out", "select id + 1 from author group by grouping sets ((id + 1), (name))", "?"),
    (
        "ordered_set",
        "select percentile_cont(0.5) within group (order by id), mode() within group (order by pen) from author group by likes",
        "!?",
    ),
    ("having_without_group_by", "select max(id) from author having count(*) > 1", "?"),
    (
        "row_number",
        "select row_number() over (), rank() over (order by id), lag(name) over (order by id) from author",
        "!!?",
    ),
    ("window_aggregate", "select sum(id) over (order by id), max(pen) over () from author", "!?"),
    (
        "window_frame_that_may_be_empty",
        (
            "select max(id) over (order by id rows between 2 preceding and 1 preceding),"
            " max(id) over (order by id rows between 2 preceding and current row),"
            " max(id) over (order by id rows between unbounded preceding and current row exclude current row) from author"
        ),
        "?!?",
    ),
    (
        "first_value",
        "select first_value(name) over (order by id), nth_value(name, 2) over (order by id) from author",
        "!?",
    ),
    (
        "lag_with_a_default",
        "select lag(name, 1, '') over (order by id), lag(pen, 1, '') over (order by id) from author",
        "!?",
    ),
]

QUERIES = [
    ("subquery_in_from", "select x.name, x.pen from (select * from author) x", "!?"),
    ("condition_inside_a_subquery", "select x.pen from (select pen from author where pen is not null) x", "!"),
    ("with_query", "with x as (select name, pen from author) select * from x", "!?"),
    ("materialized_with_query", "with x as materialized (select name from author) select * from x", "!"),
    (
        "recursion_that_keeps",
        "with recursive r (n) as (select 1 union all select n + 1 from r where n < 3) select n from r",
        "!",
    ),
    (
        "recursion_that_brings_null",
        "with recursive r (n, m) as (select 1, 1 union all select n + 1, nullif(m, 1) from r where n < 3) select n, m from r",
        "!?",
    ),
    (
        "recursion_that_brings_null_by_way_of_another_column",
        "with recursive r (a, b, c) as (select 1, 1, 1 union all select b, c, null::int from r where a < 3) select a, b, c from r",
        "???",
    ),
    ("view", "select id, name, pen, title, price from author_books", "!!???"),
    ("view_with_a_condition", "select id, title, price from priced", "!!!"),
    ("view_over_a_view", "select id, price from priced_above", "!!"),
    ("condition_on_a_view", "select title from author_books where title = 'x'", "!"),
    ("materialized_view_keeps_the_past", "select id, name from names", "??"),
    ("union_needs_both", "select name from author union select pen from author", "?"),
    ("intersect_needs_one", "select name from author intersect select pen from author", "!"),
    ("except_looks_left", "select name from author except select pen from author", "!"),
    ("values", "select * from (values (1, 'a'), (2, null)) v", "!?"),
    ("values_alone", "values (1, null), (2, 3)", "!?"),
    ("generate_series", "select * from generate_series(1, 3)", "!"),
    ("generate_series_of_null_has_no_rows", "select g from book, generate_series(1, editor_id) g", "!"),
    ("unnest_may_hold_null", "select * from unnest(array[1, null])", "?"),
    ("ordinality", "select * from unnest(array[1]) with ordinality", "?!"),
    ("rows_from_pads", "select * from rows from (generate_series(1, 2), generate_series(1, 3)) x (a, b)", "??"),
    ("one_set_function", "select generate_series(1, 3), name from author", "!!"),
    ("set_functions_side_by_side_pad", "select generate_series(1, 2), generate_series(1, 3), 5", "??!"),
    ("json_each", "select * from jsonb_each('{}'), jsonb_each_text('{}')", "!!!?"),
    ("function_that_returns_a_record", "select * from perhaps(1)", "?"),
    ("distinct_on", "select distinct on (likes) name, pen from author", "!?"),
    ("for_update", "select name from author for update", "!"),
    ("union_of_values_in_a_subquery", "select x from (select 1 union all select 2) s (x)", "!"),
    ("modifying_with_query", "with x as (update author set pen = 'x' returning name, pen) select * from x", "!!"),
]

TABLES = [
    ("primary_key_and_not_null", "select id, name, pen from author", "!!?"),
    ("check_constraint_that_refuses_null", "select pages from book", "!"),
    ("check_constraint_with_or", "select a, b from only_checked", "?!"),
    ("generated_column", "select label, blurb from book", "!?"),
    ("not_null_domain_is_no_proof", "select shelf from book", "?"),
    ("inherited_not_null", "select name, legs from animal", "?!"),
    ("partitioned_table", "select taken, value, sensor from reading", "!?!"),
    ("catalog_table", "select relname, relacl from pg_class", "!?"),
]

RETURNING = [
    ("insert_shows_constraints_and_values", "insert into author (id, name, pen) values (1, 'x', 'y') returning name, pen, born", "!!?"),
    ("insert_of_defaults", "insert into book default values returning id, title, editor_id", "!!?"),
    ("insert_of_a_parameter", "insert into author (id, name, pen) values ($1, $2, $3) returning id, pen", "!?"),
    (
        "insert_on_conflict_do_update",
        "insert into author (id, name, pen) values (1, 'x', 'y') on conflict (id) do update set name = 'z' returning name, pen",
        "!?",
    ),
    (
        "insert_on_conflict_do_update_of_the_same_column",
        "insert into author (id, name, pen) values (1, 'x', 'y') on conflict (id) do update set pen = 'z' returning pen",
        "!",
    ),
    ("update_keeps_what_where_proved", "update author set name = 'x' where pen = 'y' returning pen, born", "!?"),
    ("update_of_the_column_that_where_proved", "update author set pen = null where pen = 'y' returning pen", "?"),
    ("update_to_default", "update author set pen = default where pen = 'y' returning pen", "?"),
    ("update_from_a_join", "update author a set pen = b.title from book b where b.author_id = a.id returning a.pen, b.title", "!!"),
    ("delete", "delete from author where pen = 'x' returning pen, born", "!?"),
    ("trigger_may_change_the_row", "insert into logged (id, note) values (1, 'x') returning id, note", "!?"),
    ("trigger_may_change_an_update", "update logged set note = 'x' where note = 'y' returning note", "?"),
    ("rule_proves_nothing", "insert into ruled (id, note) values (1, 'x') returning id, note", "??"),
    ("view_may_return_what_it_hides", "insert into shown (id, note) values (1, null) returning id, note", "!?"),
    ("instead_of_trigger_proves_nothing", "insert into written (id, name) values (1, 'x') returning id, name", "??"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "marks"),
    [
        pytest.param(sql, marks, id=f"{group}-{claim}")
        for group, cases in {
            "joins": JOINS,
            "conditions": CONDITIONS,
            "expressions": EXPRESSIONS,
            "aggregates": AGGREGATES,
            "queries": QUERIES,
            "tables": TABLES,
            "returning": RETURNING,
        }.items()
        for claim, sql, marks in cases
    ],
)
async def test_nullability(ask: Describe, sql: str, marks: str) -> None:
    description = await ask(sql)
    found = "".join("?" if column.nullable else "!" for column in description.columns)
    assert found == marks, [(column.name, column.nullable, column.reason) for column in description.columns]


XML = [
    ("constructors", "select xmlelement(name a, pen), xmlforest(pen), xmlconcat(null, '<a/>') from author", "!?!"),
    ("table", "select * from xmltable('/a' passing '<a/>' columns n for ordinality, b text not null, c text)", "!!?"),
]


@pytest.mark.parametrize(("sql", "marks"), [pytest.param(sql, marks, id=claim) for claim, sql, marks in XML])
async def test_xml(proof_connection: asyncpg.Connection, ask: Describe, sql: str, marks: str) -> None:
    try:
        await proof_connection.fetchval("select '<a/>'::xml::text")
    except asyncpg.FeatureNotSupportedError:
        pytest.skip("this server is built without XML")
    await test_nullability(ask, sql, marks)
