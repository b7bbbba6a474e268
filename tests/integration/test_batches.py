"""A statement runs for many rows at once: all or none, counted, in the order of the rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.fixtures.surfaces import only_async

import assay
from assay.config import DatabaseUrl
from assay.runtime.receiving import Receiver, Tally

INSERT = "insert into team (id, name) values ($1, $2)"
BY_NAME = "insert into team (id, name) values (:id, :name)"


@dataclass(slots=True)
class Team:
    id: int
    name: str
    more: object = None


class Struct(msgspec.Struct):
    id: int
    name: str


class Named(NamedTuple):
    name: str
    id: int


def named(number: int, name: str) -> Named:
    return Named(name, number)


def mapping(number: int, name: str) -> dict[str, object]:
    return {"name": name, "id": number}


@pytest.fixture
async def pool(surface: Any, cleared_18: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    async with surface.Pool(cleared_18, min_connections=1, max_connections=1, acquire_timeout=5) as pool:
        await pool.execute(
            "create table team (id int primary key, name text not null, facts jsonb,"
            " twin int references team deferrable initially deferred)"
        )
        yield pool


async def ids(db: assay.Executor) -> list[int]:
    return await db.fetch_all(int, "select id from team order by id")


@pytest.mark.parametrize("count", [0, 1, 2, 999, 1000, 1001, 3500])
async def test_rows_are_inserted_and_counted(pool: assay.Pool, count: int) -> None:
    rows = [(number, f"n{number}") for number in range(count)]
    assert await pool.execute_many(INSERT, rows) == count
    assert await ids(pool) == [*range(count)]


async def test_rows_affected_are_added_up(pool: assay.Pool) -> None:
    await pool.execute_many(INSERT, [(number, "") for number in range(10)])
    assert await pool.execute_many("update team set name = $2 where id < $1", [(3, "a"), (0, "b"), (10, "c")]) == 13
    assert await pool.execute_many("delete from team where id = $1", [(1,), (1,), (2,)]) == 2
    assert await pool.execute_many("insert into team values ($1, '') on conflict do nothing", [(3,), (11,)]) == 1


async def test_rows_that_are_returned_are_counted_too(pool: assay.Pool) -> None:
    rows = [(number, "x" * 3000) for number in range(200)]
    assert await pool.execute_many(INSERT + " returning *", rows) == 200
    assert await pool.execute_many("select name from team where id >= $1", [(0,), (150,)]) == 250


async def test_answers_of_any_size_are_counted(pool: assay.Pool) -> None:
    """Numbers of rows that have more and fewer digits, one after the other."""
    await pool.execute_many(INSERT, [(number, "") for number in range(1200)])
    limits = [0, 1, 9, 10, 11, 99, 100, 101, 1200, 5, 5, 5, 1000, 1000, 0, 0]
    assert await pool.execute_many("update team set name = '' where id < $1", [(n,) for n in limits]) == sum(limits)


@pytest.mark.parametrize("kind", [Team, Struct, named, mapping])
async def test_named_parameters_come_from_objects_and_mappings(pool: assay.Pool, kind: Any) -> None:
    assert await pool.execute_many(BY_NAME, (kind(number, "n") for number in range(3))) == 3
    assert await ids(pool) == [0, 1, 2]


async def test_objects_of_several_classes_can_be_mixed(pool: assay.Pool) -> None:
    assert await pool.execute_many(BY_NAME, [Team(1, "a"), Struct(2, "b"), {"id": 3, "name": "c"}, Team(4, "d")]) == 4


async def test_statement_without_parameters_runs_for_each_row(pool: assay.Pool) -> None:
    sql = "insert into team select coalesce(max(id), 0) + 1, '' from team"
    assert await pool.execute_many(sql, [(), (), ()]) == 3
    assert await ids(pool) == [1, 2, 3]


async def test_json_is_encoded(pool: assay.Pool) -> None:
    await pool.execute_many("insert into team values ($1, '', $2)", [(1, {"a": [1]}), (2, None)])
    assert await pool.fetch_one(dict[str, Any], "select facts from team where id = 1") == {"a": [1]}
    with pytest.raises(assay.ParameterError, match=r"argument for \$2 cannot be encoded as JSON.*, in row 2"):
        await pool.execute_many("insert into team values ($1, '', $2)", [(3, {}), (4, object())])
    assert await ids(pool) == [1, 2]


async def test_what_is_returned_comes_in_the_order_of_the_rows(pool: assay.Pool) -> None:
    rows = [Struct(number, f"n{number}") for number in (5, 3, 4)]
    assert await pool.fetch_many(Struct, BY_NAME + " returning name, id", rows) == rows
    assert await pool.fetch_many(Struct, BY_NAME + " returning name, id", []) == []


async def test_one_row_object_is_inserted_and_returned(pool: assay.Pool) -> None:
    row = Struct(7, "seven")
    assert await pool.fetch_one(Struct, BY_NAME + " returning id, name", row) == row


async def test_refused_row_is_named_and_none_takes_effect(pool: assay.Pool) -> None:
    rows = [(number, "") for number in range(1500)] + [(7, ""), (2000, "")]
    with pytest.raises(assay.UniqueViolation, match='constraint "team_pkey", in row 1501') as caught:
        await pool.execute_many(INSERT, rows)
    assert caught.value.constraint == "team_pkey"
    assert await ids(pool) == []


async def test_constraint_that_is_checked_at_the_end_names_no_row(pool: assay.Pool) -> None:
    with pytest.raises(assay.ForeignKeyViolation) as caught:
        await pool.execute_many("insert into team (id, name, twin) values ($1, '', $2)", [(1, 9), (2, None)])
    assert "in row" not in str(caught.value)
    assert await ids(pool) == []


async def test_error_of_the_rows_source_passes_on_and_none_takes_effect(pool: assay.Pool) -> None:
    def source() -> Iterator[tuple[int, str]]:
        for number in range(5000):
            yield number, ""
        raise LookupError("the source has failed")

    with pytest.raises(LookupError, match="the source has failed"):
        await pool.execute_many(INSERT, source())
    assert await ids(pool) == []


WRONG: list[tuple[str, Any, str]] = [
    (INSERT, [(1, "a"), (2,)], r"Row 2 has 1 value, and takes 2 for the parameters \$1, \$2"),
    (INSERT, [(1, "a"), ("x", "b")], r"argument \$1, in row 2: it does not fit the type int4 \('str' object cannot"),
    (INSERT, [Team(1, "a")], r"Row 1 has the type Team; give each row as a tuple or a list"),
    (INSERT, ["ab"], "Row 1 has the type str"),
    (BY_NAME, [(1, "a")], "Row 1 has the type tuple; give each row as an object with fields or a mapping"),
    (
        BY_NAME,
        [Team(1, "a"), {"id": 2}],
        "Row 2, of the type dict, has no key 'name'; it needs the parameters :id, :name",
    ),
    (BY_NAME, [Struct(1, "a"), Named("b", "x")], "argument :id, in row 2: it does not fit the type int4"),  # type: ignore[arg-type]
    ("insert into team values ($1, '')", [(1,), (object(),)], r"argument \$1, in row 2"),
]


@pytest.mark.parametrize(("sql", "rows", "told"), WRONG)
async def test_wrong_row_is_named_and_none_takes_effect(pool: assay.Pool, sql: Any, rows: Any, told: str) -> None:
    with pytest.raises(assay.ParameterError, match=told):
        await pool.execute_many(sql, rows)
    assert await ids(pool) == []


async def test_what_cannot_be_a_batch_is_refused(pool: assay.Pool) -> None:
    with pytest.raises(assay.UsageError, match="may differ from row to row"):
        await pool.execute_many("delete from team where true [[and id = :id]]", [{"id": 1}])
    rows: Any = "abc"
    with pytest.raises(assay.UsageError, match="The rows are a str; give a list or a generator of rows"):
        await pool.execute_many(INSERT, rows)


@only_async
async def test_cancelled_batch_takes_no_effect_and_the_connection_is_used_again(pool: assay.Pool) -> None:
    rows = [(number, "x" * 10_000) for number in range(3000)]
    slow = "insert into team select $1, $2 from pg_sleep(0.01)"
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await pool.execute_many(slow, rows)
        assert await ids(pool) == []
    assert await pool.execute_many(INSERT, rows) == 3000


async def test_lost_connection_is_told(pool: assay.Pool) -> None:
    with pytest.raises(assay.Error) as caught:
        await pool.execute_many("select pg_terminate_backend(pg_backend_pid()), $1::int", [(1,), (2,)])
    assert isinstance(caught.value, (assay.ConnectionLost, assay.OperatorIntervention))
    assert await ids(pool) == []


async def test_batch_in_a_transaction_is_rolled_back_with_it(pool: assay.Pool) -> None:
    async with pool.transaction() as tx:
        assert await tx.execute_many(INSERT, [(1, "")]) == 1
        with pytest.raises(assay.UniqueViolation):
            async with tx.transaction() as inner:
                await inner.execute_many(INSERT, [(2, ""), (1, "")])
        assert await ids(tx) == [1]


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


ANSWER = b"".join(
    message(b"2", b"") + message(b"D", b"C\0\0\0\x0fINSERT 0 1\0" * 3) * 2 + message(b"C", tag + b"\0")
    for tag in (b"INSERT 0 1", b"INSERT 0 1", b"UPDATE 20", b"UPDATE 20", b"UPDATE 20", b"BEGIN", b"DELETE 0")
)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 16, 64, 1000])
def test_tally_is_the_same_however_the_answer_is_cut(size: int) -> None:
    tally = Tally(b"")
    for start in range(0, len(ANSWER), size):
        tally.add(ANSWER[start : start + size])
    assert (tally.commands, tally.rows, tally.rest) == (7, 62, b"")


@only_async
async def test_messages_begin_at_a_known_place_after_every_answer(pool: assay.Pool) -> None:
    async with pool.acquire() as connection:
        receiver: Receiver = (await connection.lend()).receiver
        for sql in ("select 1", "select repeat('Z', 100000)", "select 1 / 0", "notify a", "select 2 as b, 3 as c"):
            with suppress(assay.DataError, assay.RowClassError):
                await connection.fetch_all(str, sql)
            assert receiver.can_tally, sql


@only_async
async def test_batch_is_counted_when_it_was_not_known_where_messages_begin(pool: assay.Pool) -> None:
    async with pool.acquire() as connection:
        receiver: Receiver = (await connection.lend()).receiver
        receiver._rest = None
        assert await connection.execute_many(INSERT, [(1, ""), (2, "")]) == 2
        receiver._rest = None
        with pytest.raises(assay.UniqueViolation, match="in row 2"):
            await connection.fetch_many(int, INSERT + " returning id", [(3, ""), (1, "")])
