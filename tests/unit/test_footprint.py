"""What a statement leaves in its session is seen in its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.sql.footprint import Footprint, footprint


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
