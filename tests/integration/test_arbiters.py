"""ON CONFLICT: what the server refuses when it plans a statement is refused when it is described."""

from __future__ import annotations

from collections.abc import Awaitable

import asyncpg
import pytest

from assay.errors import StatementError
from assay.proof.describe import describe

SCHEMA = """
create table t (a int primary key, b text unique, c int, d int, unique (c, d), e int, f text, g int);
create unique index on t (e) where a > 1;
create unique index on t (lower(f)) include (g);
alter table t add constraint ex exclude using btree (g with =);
create table p (a int, b int, n text not null, primary key (a, b)) partition by range (a);
create table p1 partition of p default;
alter table p1 alter n set default 'x';
create view v as select a, b from t;
create table inh () inherits (t);
"""
INTO = "insert into t (a) values (1) on conflict "
STATEMENTS = (
    *(f"{INTO}{target} do nothing" for target in ("(a)", "(a, b)", "(c)", "(d, c)", "(e)", "(f)", "(g)", "")),
    INTO + "(e) where a > 1 do nothing",
    INTO + "(lower(f)) do nothing",
    INTO + "on constraint t_b_key do update set c = excluded.c",
    INTO + "(d, c) do update set b = 'x' returning a",
    INTO + "(e) do update set b = 'x' returning a",
    "insert into v (a) values (1) on conflict (b) do nothing",
    "insert into p (a, b, n) values (1, 1, 'n') on conflict (a, b) do nothing",
    "insert into p (a, b, n) values (1, 1, 'n') on conflict (a) do nothing",
    "insert into inh (a) values (1) on conflict (a) do nothing",
    "with x as (insert into t (a) values (1) on conflict (c) do nothing returning a) select a from x",
)


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_what_conflicts_are_looked_for_by_is_refused_as_the_server_refuses_it(
    driver: asyncpg.Connection, statement: str
) -> None:
    await driver.execute(SCHEMA)
    assert await said(describe(driver, statement)) == await said(driver.execute(f"explain {statement}"))


async def said(work: Awaitable[object]) -> tuple[str, str] | None:
    """How a statement is refused; None when it is not."""
    try:
        await work
    except (StatementError, asyncpg.PostgresError) as refused:
        return str(refused.sqlstate), str(refused).partition("\n")[0].partition(" (SQLSTATE")[0]
    return None


async def test_a_column_left_out_of_a_partitioned_table_is_told(driver: asyncpg.Connection) -> None:
    """The defaults of a partition are not those of rows that come through the whole."""
    await driver.execute(SCHEMA)
    statement = "insert into p (a, b) values (1, 1)"
    with pytest.raises(asyncpg.NotNullViolationError):
        await driver.execute(statement)
    assert (await describe(driver, statement)).left_out == ("p.n",)


async def test_a_trigger_of_a_partition_may_give_what_is_left_out(driver: asyncpg.Connection) -> None:
    await driver.execute(SCHEMA)
    await driver.execute(
        "create function f() returns trigger language plpgsql as 'begin new.n := 1; return new; end';"
        "create trigger t before insert on p1 for each row execute function f()"
    )
    statement = "insert into p (a, b) values (1, 1)"
    assert await driver.execute(statement) == "INSERT 0 1"
    assert (await describe(driver, statement)).left_out == ()
