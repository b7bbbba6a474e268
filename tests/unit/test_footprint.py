"""What a statement leaves in its session is seen in its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.sql.footprint import Footprint, footprint, needs_own_session


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "select 1",
        "(select 1) union (select 2)",
        "-- set\n with a as (select 1) insert into t select * from a returning id",
        "update t set role = 'x' where temp > 3",
        "begin; set local role app; select 1; commit",
        "set transaction read only",
        "set constraints all deferred",
        "select set_config('app.user', lower($1), true)",
        "select pg_catalog . set_config ('a', f(1, 2), TRUE), 2",
        "select pg_advisory_xact_lock(1)",
        "select 'pg_advisory_lock(1)' /* set_config( */",
        "declare c cursor for select 1",
        "merge into t using s on true when matched then delete",
    ],
)
def test_leaves_nothing(sql: str) -> None:
    assert footprint(sql) is Footprint.NONE


@pytest.mark.parametrize(
    "sql",
    [
        "set search_path = app",
        "SET ROLE app",
        "select 1; set x.y = 1",
        "/* a */ reset all",
        "listen jobs",
        "create temp table t (a int)",
        "create table t (a int)",
        "select 1 into temp t",
        "select 1 into temporary table t",
        "select 1 into pg_temp.t",
        "select pg_advisory_lock(1)",
        "select PG_TRY_ADVISORY_LOCK_SHARED (1)",
        'select "pg_advisory_lock"(1)',
        "select set_config('a', 'b', false)",
        "select set_config('a', 'b', $1)",
        "select set_config('a', 'b', not true)",
        "declare c cursor with hold for select 1",
        "do $$ begin end $$",
        "call p()",
        "set session characteristics as transaction read only",
    ],
)
def test_leaves_state(sql: str) -> None:
    assert footprint(sql) is Footprint.STATE


@pytest.mark.parametrize("sql", ["prepare p as select 1", "set a = 1; deallocate all", "discard plans", "load 'x'"])
def test_leaves_what_a_reset_does_not_undo(sql: str) -> None:
    assert footprint(sql) is Footprint.LASTING


@given(st.lists(st.sampled_from(["select 1", "set a = 1", "prepare p as select 1", "values (2)"]), max_size=5))
def test_several_statements_leave_what_the_worst_leaves(statements: list[str]) -> None:
    expected = max(map(footprint, statements), default=Footprint.NONE)
    assert footprint(" ; ".join(statements)) is expected


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("set search_path = app", "set"),
        ("select 1; SET ROLE app", "set"),
        ("set session characteristics as transaction read only", "set"),
        ("reset all", "reset"),
        ("listen news", "listen"),
        ("prepare p as select 1", "prepare"),
        ("load 'auto_explain'", "load"),
        ("create temp table t (a int)", "create"),
        ("create or replace temporary view v as select 1", "create"),
        ("create table pg_temp.t (a int)", "create"),
        ("select 1 as a into temp t", "into"),
        ("begin; declare c cursor with hold for select 1; commit", "declare"),
        ("select set_config('a.b', 'x', false)", "set_config"),
        ("select pg_try_advisory_lock(1)", "session advisory lock"),
        ("select 1 where pg_catalog.pg_advisory_lock_shared(1) is null", "session advisory lock"),
    ],
)
def test_what_needs_a_session_of_its_own_is_named(sql: str, word: str) -> None:
    assert needs_own_session(sql) == word
    assert footprint(sql) > Footprint.NONE


@pytest.mark.parametrize(
    "sql",
    [
        "set local search_path = app",
        "set transaction read only",
        "prepare transaction 'x'",
        "create table t (a int)",
        "create temp table t (a int) on commit drop",
        "declare c cursor without hold for select 1",
        "select 'pg_advisory_lock(1)', set_config('a.b', 'x', true)",
        "alter role app set work_mem = '1MB'",
        "do $$ begin end $$",
        "call report()",
    ],
)
def test_what_ends_with_its_transaction_needs_no_session_of_its_own(sql: str) -> None:
    assert needs_own_session(sql) is None
