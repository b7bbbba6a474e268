"""Which statements the sync surface opens a cursor for: those that DECLARE takes."""

from __future__ import annotations

import pytest

from assay.runtime.sync.streaming import can_be_declared

READING = [
    "select 1",
    "values (1)",
    "table item",
    "select id from item for update",
    "((with a as (select 1) select 1))",
    "(with a as (select 1) select 1) union select 2",
    "with a as (select 1) select * from a",
    "with a as (select 1) (select 1)",
    "with update as (select 1), values as (select 2) table update",
    'with "insert" as (select 1) select 1',
    (
        "with recursive a (n) as materialized (select 1 union select (n) from a) "
        "search depth first by n set o select * from a for update"
    ),
]
WRITING = [
    "insert into item values (1) returning id",
    "with a as (select 1) insert into item select 1 returning id",
    "with a as (select 1) merge into item using a on true when matched then delete returning 1",
    "with a as (delete from item returning id) select * from a",
    "show all",
]


@pytest.mark.parametrize("sql", READING)
def test_statement_that_reads_has_a_cursor(sql: str) -> None:
    assert can_be_declared(sql)


@pytest.mark.parametrize("sql", WRITING)
def test_statement_that_writes_has_none(sql: str) -> None:
    assert not can_be_declared(sql)
