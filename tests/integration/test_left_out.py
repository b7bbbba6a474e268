"""INSERTs that leave out a column that has to be given."""

from __future__ import annotations

import asyncpg
import pytest

from assay.proof import describe

SCHEMA = """
create domain counted as integer default 0;
create table t (
    id integer primary key generated always as identity, n integer not null, d integer not null default 1,
    c counted not null, g integer not null generated always as (n + 1) stored, free text
);
create table plain (a integer not null, b integer);
create view over as select a, b from plain;
create table filled (a integer not null);
create function fill() returns trigger language plpgsql as $$ begin new.a := 1; return new; end $$;
create trigger fill before insert on filled for each row execute function fill();
create table ruled (a integer not null, b integer);
create rule other as on insert to ruled do instead insert into plain values (1, 2);
create table late (a integer not null, b integer);
create function look() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger look after insert on late for each row execute function look();
create table parts (a integer not null, b integer) partition by list (b);
create table part partition of parts default;
"""

REFUSED = {
    "insert into t (d) values (2)": ("t.n",),
    "insert into t default values": ("t.n",),
    "insert into plain (b) values ($1)": ("plain.a",),
    "insert into plain (b) select 1 where $1": ("plain.a",),
    "insert into plain (b) values (1) on conflict do nothing": ("plain.a",),
    "with x as (insert into plain (b) values (1) returning b) select * from x": ("plain.a",),
    "insert into late (b) values (1)": ("late.a",),
    "insert into parts (b) values (1)": ("parts.a",),
}
ACCEPTED = [
    "insert into t (n) values ($1)",
    "insert into plain values (1)",
    "insert into plain (a) values (default)",
    "insert into filled default values",
    "insert into ruled (b) values (1)",
    "insert into over (b) values (1)",
    "update plain set b = 1 where a = 2",
    "select * from plain",
]


@pytest.fixture
async def connection(driver: asyncpg.Connection) -> asyncpg.Connection:
    await driver.execute(SCHEMA)
    return driver


@pytest.mark.parametrize(("sql", "columns"), REFUSED.items())
async def test_columns_that_are_left_out_are_named_and_the_row_is_refused(
    connection: asyncpg.Connection, sql: str, columns: tuple[str, ...]
) -> None:
    assert (await describe(connection, sql)).left_out == columns
    arguments = [True] if "where $1" in sql else [1] if "$1" in sql else []
    with pytest.raises(asyncpg.NotNullViolationError):
        await connection.execute(sql, *arguments)


@pytest.mark.parametrize("sql", ACCEPTED)
async def test_others_are_not(connection: asyncpg.Connection, sql: str) -> None:
    assert (await describe(connection, sql)).left_out == ()
