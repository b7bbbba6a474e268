"""What a project's own statements create."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.proof.created import created_objects, name_at
from assay.proof.discover import discover

CREATED: dict[str, tuple[str, list[str]]] = {
    "a table": ("create table t (id int)", ["t"]),
    "a temporary table": ("CREATE TEMPORARY TABLE IF NOT EXISTS T AS select 1", ["t"]),
    "a quoted name with a schema": ('create unlogged table app."My ""T""" (id int)', ['My "T"']),
    "a view": ("create or replace view v as select 1", ["v"]),
    "a materialized view": ("create materialized view m as select 1", ["m"]),
    "a recursive view": ("create or replace temp recursive view v (n) as select 1", ["v"]),
    "a sequence": ("create sequence s", ["s"]),
    "a function": ("create or replace function app.f(a int) returns int language sql return 1", ["f"]),
    "a type": ("create type mood as enum ('sad')", ["mood"]),
    "several": ("create table a (id int); -- and\n create table b (id int)", ["a", "b"]),
    "into a new table": ("select 1 as id into temp table t from x", ["t"]),
    "into a new table, below WITH": ("with a as (select 1) select * into t from a", ["t"]),
    "rows for a table, below WITH": ("with a as (insert into t select 1 returning id) insert into b table a", []),
    "rows merged, below WITH": ("with a as (select 1) merge into t using a on false when matched then delete", []),
    "an index": ("create index i on t (id)", []),
    "rows for a table": ("insert into t select 1", []),
    "words in a literal": ("select 'create table t'", []),
    "nothing after it": ("create table", []),
}


@pytest.mark.parametrize(("sql", "names"), CREATED.values(), ids=CREATED.keys())
def test_created(tmp_path: Path, sql: str, names: list[str]) -> None:
    (tmp_path / "m.py").write_text(f"import asyncpg\nasync def f(x: asyncpg.Pool): await x.execute({sql!r})\n")
    found = created_objects(discover(tmp_path, [tmp_path]).calls)
    assert list(found) == names
    assert all(str(place).startswith("m.py:2:") for place in found.values())


SQL = 'select T, 1, app."My ""T""" from x'


@pytest.mark.parametrize(("at", "name"), [("T,", "t"), ("app", 'My "T"'), ("x", "x"), ("1", None), (", 1", None)])
def test_the_name_at_a_position(at: str, name: str | None) -> None:
    assert name_at(SQL, SQL.index(at) + 1) == name


def test_no_position_has_no_name() -> None:
    assert name_at(SQL, None) is None
