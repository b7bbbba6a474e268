"""A pool, a connection and a transaction run statements alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import pytest
from tests.fixtures.surfaces import only_async

import assay
from assay.config import DatabaseUrl


@dataclass(slots=True)
class Team:
    id: int
    name: str


class Wanted(NamedTuple):
    name: str
    limit: int


@pytest.fixture(params=["pool", "connection", "transaction"])
async def db(request: pytest.FixtureRequest, surface: Any, database_18: DatabaseUrl) -> AsyncIterator[assay.Executor]:
    """Each kind of executor, on a database with teams 1 to 5, named a to e."""
    async with surface.Pool(database_18) as pool:
        await pool.execute(
            "create table team (id int primary key, name text not null unique, lead int references team);"
            "insert into team select number, chr(96 + number) from generate_series(1, 5) number"
        )
        match request.param:
            case "pool":
                yield pool
            case "connection":
                async with await surface.connect(database_18) as connection:
                    yield connection
            case "transaction":
                async with pool.transaction() as tx:
                    yield tx


async def test_fetch_all_gives_every_row(db: assay.Executor) -> None:
    assert await db.fetch_all(Team, "select id, name from team where id > $1 order by id", 3) == [
        Team(4, "d"),
        Team(5, "e"),
    ]
    assert await db.fetch_all(Team, "select id, name from team where false") == []


async def test_fetch_one_gives_the_row(db: assay.Executor) -> None:
    assert await db.fetch_one(Team, "select name, id from team where id = :id", id=2) == Team(2, "b")
    assert await db.fetch_one(int, "select count(*) from team") == 5


async def test_fetch_one_refuses_any_other_number_of_rows(db: assay.Executor) -> None:
    with pytest.raises(assay.NoRows, match="found no row, in: select id from team where false; use fetch_optional"):
        await db.fetch_one(int, "select id from team where false")
    with pytest.raises(assay.TooManyRows, match="fetch_one found 5 rows, in: select id from team; use fetch_all"):
        await db.fetch_one(int, "select id from team")


async def test_fetch_optional_gives_the_row_or_none(db: assay.Executor) -> None:
    assert await db.fetch_optional(str, "select name from team where id = $1", 1) == "a"
    assert await db.fetch_optional(str, "select name from team where id = $1", 9) is None
    with pytest.raises(assay.TooManyRows, match="fetch_optional found 5 rows"):
        await db.fetch_optional(str, "select name from team")


async def test_execute_counts_the_rows_affected(db: assay.Executor) -> None:
    assert await db.execute("insert into team (id, name) values ($1, $2)", 6, "f") == 1
    assert await db.execute("update team set name = name || '!' where id < $1", 4) == 3
    assert await db.execute("delete from team where lead is null") == 6
    assert await db.execute("create table other (a int)") == 0
    assert await db.execute("insert into other values (1); update other set a = 2; select from other") == 1


@pytest.mark.parametrize("sql", ["", "-- nothing", " ; /* */ ;"])
async def test_executing_nothing_affects_nothing(db: assay.Executor, sql: str) -> None:
    assert await db.execute(cast("Any", sql)) == 0
    assert await db.fetch_one(int, "select 1") == 1


async def test_parameters_come_from_one_object(db: assay.Executor) -> None:
    sql = "select id from team where name >= :name order by id limit :limit"
    assert await db.fetch_all(int, sql, Wanted("b", 2)) == [2, 3]
    assert await db.fetch_all(int, sql, {"name": "d", "limit": 9}) == [4, 5]
    assert await db.fetch_all(int, sql, name="e", limit=9) == [5]


async def test_a_statement_may_have_parameters_named_like_those_of_the_method(db: assay.Executor) -> None:
    assert await db.fetch_one(tuple[str, str, str], "select :self, :row, :sql", self="a", row="b", sql="c") == (
        "a",
        "b",
        "c",
    )


async def test_same_statement_can_be_fetched_in_several_classes(db: assay.Executor) -> None:
    sql = "select id, name from team where id = 1"
    assert await db.fetch_one(Team, sql) == Team(1, "a")
    assert await db.fetch_one(tuple[int, str], sql) == (1, "a")


async def test_misfits_are_found_before_the_statement_runs(db: assay.Executor) -> None:
    sql = "insert into team (id, name) values (7, 'g') returning id"
    with pytest.raises(assay.RowClassError, match="The field name of Team has no column"):
        await db.fetch_one(Team, sql)
    with pytest.raises(assay.ParameterError, match="takes no parameters, 1 given"):
        await db.execute("delete from team", *cast("tuple[Any]", (1,)))
    assert await db.fetch_one(int, "select count(*) from team") == 5


async def test_error_of_the_server_is_told_with_its_objects(surface: Any, database_18: DatabaseUrl) -> None:
    async with await surface.connect(database_18) as db:
        await db.execute("create table team (id int primary key, name text constraint named check (name > ''))")
        await db.execute("insert into team values (1, 'a')")
        with pytest.raises(assay.UniqueViolation) as unique:
            await db.execute("insert into team values ($1, $2)", 1, "b")
        assert (unique.value.sqlstate, unique.value.table) == ("23505", "team")
        assert unique.value.constraint == "team_pkey"
        with pytest.raises(assay.CheckViolation) as check:
            await db.execute("insert into team values (:id, :name)", id=2, name="")
        assert check.value.constraint == "named"


async def test_position_of_an_error_is_in_the_statement_as_written(surface: Any, database_18: DatabaseUrl) -> None:
    sql = "select :first_parameter::int,\n  :second::text, missing"
    async with await surface.connect(database_18) as db:
        with pytest.raises(assay.StatementError, match=r"\(line 2, column 18\)") as caught:
            await db.fetch_all(tuple[int, str, str], sql, first_parameter=1, second="a")
    position = caught.value.position
    assert position is not None
    assert sql[position - 1 :] == "missing"
    assert caught.value.statement == sql


async def test_argument_of_the_wrong_type_is_named(surface: Any, database_18: DatabaseUrl) -> None:
    async with await surface.connect(database_18) as db:
        with pytest.raises(assay.ParameterError, match="query argument :low"):
            await db.fetch_all(int, "select 1 where :high::text > :low::int::text", high="x", low="y")
        with pytest.raises(assay.ParameterError, match=r"query argument \$1"):
            await db.fetch_all(int, "select 1 where $1::int > 0", "y")
        assert await db.fetch_one(int, "select 1") == 1


async def test_changed_schema_is_noticed_between_statements(surface: Any, database_18: DatabaseUrl) -> None:
    sql = "select * from team"
    async with await surface.connect(database_18) as db, await surface.connect(database_18) as other:
        await other.execute("create table team (id int); insert into team values (1)")
        assert await db.fetch_one(tuple[Any, ...], sql) == (1,)
        await other.execute("alter table team add name text default 'a'")
        assert await db.fetch_one(tuple[Any, ...], sql) == (1, "a")
        await other.execute("alter table team alter id type text")
        assert await db.execute("delete from team where id = $1", "1") == 1


async def test_changed_schema_in_a_transaction_is_an_error_once(surface: Any, database_18: DatabaseUrl) -> None:
    sql = "select * from team"
    async with await surface.connect(database_18) as db, await surface.connect(database_18) as other:
        await other.execute("create table team (id int)")
        assert await db.fetch_all(tuple[Any, ...], sql) == []
        await other.execute("alter table team add name text")
        with pytest.raises(assay.DatabaseError, match="plan is invalid"):
            async with db.transaction() as tx:
                await tx.fetch_all(tuple[Any, ...], sql)
        async with db.transaction() as tx:
            assert await tx.fetch_all(tuple[Any, ...], sql) == []


async def test_changed_composite_type_is_an_error_once(surface: Any, database_18: DatabaseUrl) -> None:
    sql = "select pair from holder where $1"
    async with await surface.connect(database_18) as db, await surface.connect(database_18) as other:
        await other.execute("create type pair as (a int, b int); create table holder (pair pair)")
        await other.execute("insert into holder values ((1, 2))")
        assert tuple(await db.fetch_one(Any, sql, True)) == (1, 2)
        await other.execute("alter type pair add attribute c int")
        with pytest.raises(assay.DecodeError, match="A type changed while the connection was open"):
            await db.fetch_one(Any, sql, True)
        assert tuple(await db.fetch_one(Any, sql, True)) == (1, 2, None)


async def test_statements_deallocated_behind_the_back_are_prepared_again(
    surface: Any, database_18: DatabaseUrl
) -> None:
    async with await surface.connect(database_18) as db:
        assert await db.fetch_one(int, "select 1 where $1", True) == 1
        await db.execute("deallocate all")
        assert await db.fetch_one(int, "select 1 where $1", True) == 1


async def test_many_different_statements_do_not_pile_up(
    surface: Any, database_18: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.runtime.session.MAX_PREPARED", 5)
    async with await surface.connect(database_18) as db:
        for number in range(20):
            assert await db.fetch_one(int, cast("Any", f"select {number}")) == number
        prepared = await db.fetch_one(
            int, "select count(*) from pg_prepared_statements where statement ~ '^select [0-9]'"
        )
        assert prepared <= 6


async def test_connection_runs_one_statement_at_a_time(surface: Any, database_18: DatabaseUrl) -> None:
    async with await surface.connect(database_18) as db:
        first = asyncio.create_task(db.fetch_one(int, "select 1 from pg_sleep(0.2)"))
        await asyncio.sleep(0.05)
        with pytest.raises(assay.UsageError, match="running another statement"):
            await db.fetch_one(int, "select 2")
        assert await first == 1
        assert await db.fetch_one(int, "select 3") == 3


async def test_closed_connection_says_so(surface: Any, database_18: DatabaseUrl) -> None:
    db = await surface.connect(database_18)
    assert repr(db) == f"<Connection to {database_18.place}, open>"
    await db.close()
    await db.close()
    assert repr(db) == f"<Connection to {database_18.place}, closed>"
    with pytest.raises(assay.UsageError, match="The connection is closed"):
        await db.fetch_one(int, "select 1")


async def test_connection_cut_by_the_server_is_lost(surface: Any, database_18: DatabaseUrl) -> None:
    async with await surface.connect(database_18) as db, await surface.connect(database_18) as killer:
        pid = await db.fetch_one(int, "select pg_backend_pid()")
        await killer.fetch_one(bool, "select pg_terminate_backend($1, 5000)", pid)
        with pytest.raises((assay.ConnectionLost, assay.OperatorIntervention)):
            await db.fetch_one(int, "select 1")
        with pytest.raises(assay.ConnectionLost):
            await db.fetch_one(int, "select 1")


@only_async
async def test_interrupted_statement_leaves_the_connection_usable(surface: Any, database_18: DatabaseUrl) -> None:
    async with await surface.connect(database_18) as db:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await db.execute("select pg_sleep(60)")
        assert await db.fetch_one(int, "select 1") == 1


async def test_settings_of_the_session_are_passed_on(surface: Any, database_18: DatabaseUrl) -> None:
    async with await surface.connect(database_18, server_settings={"application_name": "proof"}) as db:
        assert await db.fetch_one(str, "show application_name") == "proof"
