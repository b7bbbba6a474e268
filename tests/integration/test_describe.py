"""describe() on a live session: what it answers, what it refuses, and that it leaves no trace."""

from __future__ import annotations

import contextlib

import asyncpg
import pytest
from tests.fixtures.proof import Describe

from assay.errors import DatabaseError, StatementError
from assay.proof import describe

HOSTILE = [
    "select 1; drop table author",
    "select 1; end; drop table author; --",
    "select 1 -- ; end",
    "select 1 /* ; end */",
    "select 1; end $$; drop table author",
    "select $$; end; drop table author; --$$",
    "select setval('book_id_seq', 999)",
    "select nextval('book_id_seq')",
    "delete from author returning id",
    "insert into author (id, name) values (77, 'x') returning id",
    "with x as (delete from author returning id) select * from x",
    "select pg_notify('x', 'y')",
    "select set_config('search_path', 'nowhere', false)",
    "truncate author",
    "drop table author",
    "commit",
    "rollback",
    "select 1 into temp thing",
    "create table thing (a int)",
    "explain analyze delete from author",
    "begin",
    "do $$ begin delete from author; end $$",
    "copy author from stdin",
    "call nothing()",
    "vacuum",
    "listen x",
    "\x00",
    "select '\x00'",
    "",
    ";",
    "-- nothing",
    "select " + "(" * 2000 + "1" + ")" * 2000,
    'select 1 as "; end; drop table author; --"',
]

STATE = """
select array[
    (select count(*)::text from pg_prepared_statements where name like 'assay%'),
    (select count(*)::text from pg_proc where proname like 'assay%'),
    (select count(*)::text from author),
    (select last_value::text || is_called::text from book_id_seq),
    (select to_regclass('thing') is null)::text,
    current_setting('check_function_bodies'),
    current_setting('search_path'),
    (select count(*)::text from pg_listening_channels())]
"""


async def state(connection: asyncpg.Connection) -> list[str]:
    return await connection.fetchval(STATE)


@pytest.mark.parametrize("sql", HOSTILE, ids=[sql[:40] for sql in HOSTILE])
async def test_nothing_is_executed_and_nothing_is_left(proof_connection: asyncpg.Connection, sql: str) -> None:
    await proof_connection.execute("insert into author (id, name) values (1, 'kept') on conflict do nothing")
    before = await state(proof_connection)
    for _ in range(2):
        with contextlib.suppress(DatabaseError):
            await describe(proof_connection, sql)
        assert not proof_connection.is_in_transaction()
    assert await state(proof_connection) == before


@pytest.mark.parametrize("sql", HOSTILE, ids=[sql[:40] for sql in HOSTILE])
async def test_a_transaction_of_the_callers_goes_on(proof_connection: asyncpg.Connection, sql: str) -> None:
    transaction = proof_connection.transaction()
    await transaction.start()
    await proof_connection.execute("insert into author (id, name) values (500, 'mine')")
    before = await state(proof_connection)
    with contextlib.suppress(DatabaseError):
        await describe(proof_connection, sql)
    assert await state(proof_connection) == before
    assert await proof_connection.fetchval("select name from author where id = 500") == "mine"
    await transaction.rollback()


async def test_a_read_only_session_is_described_too(proof_connection: asyncpg.Connection) -> None:
    await proof_connection.execute("set default_transaction_read_only = on")
    description = await describe(proof_connection, "select name from author")
    assert not description.columns[0].nullable
    assert await proof_connection.fetchval("show default_transaction_read_only") == "on"


async def test_a_read_only_transaction_gets_types_and_a_note(proof_connection: asyncpg.Connection) -> None:
    async with proof_connection.transaction(readonly=True):
        await proof_connection.fetchval("select 1")
        description = await describe(proof_connection, "select name from author")
    assert description.columns[0].nullable
    assert str(description.columns[0].type) == "text"
    assert description.notes


async def test_an_error_has_the_position_in_the_statement_as_given(ask: Describe) -> None:
    sql = "select nam from author"
    with pytest.raises(StatementError) as caught:
        await ask(sql)
    assert caught.value.sqlstate == "42703"
    assert caught.value.position == sql.index("nam") + 1
    assert caught.value.statement == sql


async def test_an_error_in_a_transaction_does_not_break_it(proof_connection: asyncpg.Connection) -> None:
    async with proof_connection.transaction():
        with pytest.raises(StatementError):
            await describe(proof_connection, "select nam from author")
        assert await proof_connection.fetchval("select 1") == 1


async def test_types_are_named_as_the_session_sees_them(ask: Describe) -> None:
    description = await ask(
        "select a.id, tags, likes, home, notes, price, array(select likes from author) from author a, book"
    )
    assert [str(column.type) for column in description.columns][1:4] == ["text[]", "colour", "place"]
    assert str(description.columns[-1].type) == "colour[]"
    assert description.columns[2].type.labels == ("red", "green")
    assert [name for name, _ in description.columns[3].type.fields] == ["street", "town"]


async def test_tables_read_and_written(ask: Describe) -> None:
    description = await ask("update author set pen = b.title from book b where b.author_id = author.id returning name")
    assert description.reads == (
        "public.author.id", "public.author.name", "public.book.author_id", "public.book.title",
    )  # fmt: skip
    assert description.writes == ("public.author.pen",)
    assert not description.read_only
    assert not description.unfiltered


async def test_columns_behind_a_view_are_read(ask: Describe) -> None:
    description = await ask("select title from author_books")
    assert {"public.author_books.title", "public.book.title", "public.book.author_id"} <= set(description.reads)


@pytest.mark.parametrize(
    ("sql", "read_only"),
    [
        ("select name from author", True),
        ("select now(), random(), gen_random_uuid()", True),
        ("select one_more(1)", True),
        ("select perhaps(1)", False),
        ("select nextval('book_id_seq')", False),
        ("select name from author for update", False),
        ("delete from author", False),
        ("with x as (delete from author returning id) select * from x", False),
    ],
)
async def test_read_only_is_proven(ask: Describe, sql: str, read_only: bool) -> None:
    assert (await ask(sql)).read_only == read_only


@pytest.mark.parametrize(
    ("sql", "unfiltered"),
    [
        ("delete from author", True),
        ("update author set pen = null", True),
        ("delete from author where id = 1", False),
        ("delete from author a using book b where b.author_id = a.id", False),
        ("select 1", False),
    ],
)
async def test_a_change_of_every_row_is_seen(ask: Describe, sql: str, unfiltered: bool) -> None:
    assert (await ask(sql)).unfiltered == unfiltered


async def test_more_parameters_than_a_function_takes(ask: Describe) -> None:
    rows = ", ".join(f"(${n}::int, ${n + 1}::text)" for n in range(1, 400, 2))
    description = await ask(f"insert into author (id, name) values {rows} returning id")
    assert len(description.params) == 400
    assert not description.columns[0].nullable
    assert str(description.params[1].null) == "required"


@pytest.mark.parametrize(
    ("sql", "allowed"),
    [
        ("select status, kind, size from run", [("passed", "failed"), ("a", "b"), ("s", "m")]),
        ("select loose, later from run", [None, None]),
        ("select status from passed", [("passed", "failed")]),
        ("with x as (select status from run) select x.status from (select * from x) x", [("passed", "failed")]),
        ("select r.status from author a left join run r on r.id = a.id", [("passed", "failed")]),
        ("select status from run group by status", [("passed", "failed")]),
        ("select status || '' from run", [None]),
        ("select status from run union select name from author", [None]),
        ("update run set status = 'passed' returning status", [("passed", "failed")]),
    ],
)
async def test_values_that_a_check_lists(ask: Describe, sql: str, allowed: list[tuple[str, ...] | None]) -> None:
    assert [column.allowed for column in (await ask(sql)).columns] == allowed
