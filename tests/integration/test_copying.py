"""Rows go into a table by COPY: all or none, from objects or tuples, and what is wrong is named by row and column."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.fixtures.surfaces import only_async

import assay
from assay.config import DatabaseUrl


class Kind(enum.StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Item:
    id: int
    label: str | None
    facts: object = None


class Struct(msgspec.Struct):
    label: str
    id: int


class Pair(NamedTuple):
    label: str
    id: int


@pytest.fixture
async def pool(surface: Any, cleared_18: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    async with surface.Pool(cleared_18, min_connections=1, max_connections=1, acquire_timeout=5) as pool:
        await pool.execute(
            "create table item (id int primary key, label text default 'none', facts jsonb,"
            " long int generated always as (length(label)) stored)"
        )
        yield pool


async def items(db: assay.Executor) -> list[tuple[int, str | None]]:
    return await db.fetch_all(tuple[int, str | None], "select id, label from item order by id")


@pytest.mark.parametrize("count", [0, 1, 2, 499, 500, 501, 3000])
async def test_every_row_is_copied_and_counted(pool: assay.Pool, count: int) -> None:
    assert await pool.copy_in("item", [Item(number, f"n{number}") for number in range(count)]) == count
    assert await items(pool) == [(number, f"n{number}") for number in range(count)]


@pytest.mark.parametrize(
    "rows",
    [
        [Struct("a", 1)],
        [Pair("a", 1)],
        [{"label": "a", "id": 1}],
        [Item(1, "a")],
        lambda: (Item(1, "a") for _ in range(1)),
    ],
    ids=["struct", "named tuple", "mapping", "dataclass", "generator"],
)
async def test_fields_go_to_the_columns_of_their_names(pool: assay.Pool, rows: Any) -> None:
    assert await pool.copy_in("item", rows() if callable(rows) else rows) == 1
    assert await items(pool) == [(1, "a")]


async def test_tuples_go_to_the_columns_in_order(pool: assay.Pool) -> None:
    assert await pool.copy_in("item", [(1, "a", None), [2, None, {"b": 1}]]) == 2
    assert await pool.copy_in("item", [("c", 3)], columns=["label", "id"]) == 1
    assert await items(pool) == [(1, "a"), (2, None), (3, "c")]


async def test_columns_choose_among_fields(pool: assay.Pool) -> None:
    rows: list[object] = [Item(1, "left out"), {"id": 2, "more": 1}]
    assert await pool.copy_in("item", rows, columns=["id"]) == 2
    assert await items(pool) == [(1, "none"), (2, "none")]


async def test_json_is_encoded(pool: assay.Pool) -> None:
    await pool.copy_in("item", [Item(1, "a", {"b": [1]}), Item(2, "a", Struct("c", 1))])
    assert await pool.fetch_one(
        Struct, "select facts->>'label' as label, id - 1 as id from item where id = 2"
    ) == Struct("c", 1)


@only_async
async def test_asynchronous_generator_is_taken(pool: assay.Pool) -> None:
    async def source(count: int) -> AsyncIterator[Item]:
        for number in range(count):
            await asyncio.sleep(0)
            yield Item(number, "a", {"n": number})

    assert await pool.copy_in("item", source(0)) == 0
    assert await pool.copy_in("item", source(700)) == 700
    assert len(await items(pool)) == 700


async def test_name_of_the_table_is_read_as_in_sql(pool: assay.Pool) -> None:
    await pool.execute(
        'create schema "Odd. "; create table "Odd. "."x""; drop table item" (a int); create table up (a int)'
    )
    assert await pool.copy_in('"Odd. "."x""; drop table item"', [(1,)]) == 1
    assert await pool.copy_in("Public . UP", [(1,)]) == 1
    for wrong in ("item; drop table item", "a.b.c", "", "a-b", '"open', "item(id)", "a,b", '"a"b"'):
        with pytest.raises(assay.UsageError, match=r"is not the name of a table; write it as in SQL"):
            await pool.copy_in(wrong, [(1,)])
    with pytest.raises(assay.UsageError, match="cannot be empty"):
        await pool.copy_in('""', [(1,)])


async def test_hostile_column_is_a_name(pool: assay.Pool) -> None:
    hostile = 'a") from stdin; drop table item; --'
    with pytest.raises(assay.StatementError, match="drop table item") as caught:
        await pool.copy_in("item", [(1,)], columns=[hostile])
    assert caught.value.sqlstate == "42703"
    assert await items(pool) == []


WRONG: list[tuple[Any, str]] = [
    ([Item(1, "a"), Item("x", "b")], r'column "id", in row 2: it does not fit the type int4 \(\'str\' object cannot'),  # type: ignore[arg-type]
    (
        [{"id": number, "label": "a"} for number in range(900)] + [{"id": 1, "label": 5}],
        'column "label", in row 901: .*expected str, got int',
    ),
    ([Item(1, "a"), Item(2, "b", object())], "cannot be encoded as JSON.*, in row 2"),
    ([(1, "a", None), (2, "b")], "Row 2 has 2 values, and takes 3 for the columns id, label, facts"),
    (
        [Item(1, "a"), object()],
        "Row 2 has the type object; give each row as an object with fields or a mapping or a tuple",
    ),
    ([Item(1, "a"), Struct("a", 2)], "Row 2, of the type Struct, has no field 'facts'"),
    (
        [{"id": 1}, {"id": 2, "label": "b"}],
        "Row 2 has the key 'label', and there is no such column among the columns id",
    ),
    ([{"id": 1, "label": ""}, {"id": 2, "labels": ""}], "Row 2, of the type dict, has no key 'label'"),
]


@pytest.mark.parametrize(("rows", "told"), WRONG)
async def test_wrong_row_is_named_and_none_is_copied(pool: assay.Pool, rows: Any, told: str) -> None:
    with pytest.raises(assay.ParameterError, match=told):
        await pool.copy_in("item", rows)
    assert await items(pool) == []


async def test_row_that_the_server_refuses_is_named(pool: assay.Pool) -> None:
    rows = [Item(number, "a") for number in range(700)] + [Item(5, "secret")]
    with pytest.raises(assay.UniqueViolation, match=r'"item_pkey", in row 701\. Key \(id\) already exists'):
        await pool.copy_in("item", rows)
    assert await items(pool) == []


async def test_table_or_column_that_is_missing_is_told(pool: assay.Pool) -> None:
    with pytest.raises(assay.StatementError, match='relation "missing" does not exist'):
        await pool.copy_in("missing", [Item(1, "a")])
    with pytest.raises(assay.StatementError, match='relation "missing" does not exist'):
        await pool.copy_in("missing", [(1,)])
    with pytest.raises(assay.StatementError, match='column "number" of relation "item" does not exist'):
        await pool.copy_in("item", [{"number": 1}])
    await pool.execute("create table nothing ()")
    with pytest.raises(assay.UsageError, match='table "nothing" has no column that can be written'):
        await pool.copy_in("nothing", [(1,)])


@only_async
async def test_error_of_the_rows_source_passes_on_and_none_is_copied(pool: assay.Pool) -> None:
    def source() -> Iterator[Item]:
        yield from (Item(number, "a") for number in range(2000))
        raise ValueError("the source has failed")

    async def later() -> AsyncIterator[Item]:
        for row in source():
            yield row

    for rows in (source(), later()):
        with pytest.raises(ValueError, match="the source has failed"):
            await pool.copy_in("item", rows)
        assert await items(pool) == []


async def test_wrong_value_in_a_transaction_fails_its_savepoint_alone(pool: assay.Pool) -> None:
    async with pool.transaction() as tx:
        await tx.copy_in("item", [(1, "a", None)])
        with pytest.raises(assay.ParameterError, match='column "id", in row 1'):
            async with tx.transaction() as inner:
                await inner.copy_in("item", [("x", "a", None)])
        await tx.copy_in("item", [(2, "b", None)])
    assert await items(pool) == [(1, "a"), (2, "b")]


@only_async
async def test_cancelled_copy_leaves_nothing_and_the_connection_is_used_again(pool: assay.Pool) -> None:
    async def endless() -> AsyncIterator[Item]:
        number = 0
        while True:
            number += 1
            yield Item(number, "x" * 1000)
            await asyncio.sleep(0)

    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await pool.copy_in("item", endless())
        assert await items(pool) == []
    assert await pool.copy_in("item", [(1, "a", None)]) == 1


async def test_type_that_changed_since_the_last_copy_is_noticed(pool: assay.Pool) -> None:
    """Both types have four bytes, so the server would take the one for the other."""
    await pool.execute("create table number (value int)")
    await pool.copy_in("number", [(3,)])
    await pool.execute("alter table number alter value type real")
    await pool.copy_in("number", [(3,), (0.5,)])
    assert await pool.fetch_all(float, "select value from number order by 1") == [0.5, 3.0, 3.0]


async def test_types_of_users_are_copied(pool: assay.Pool) -> None:
    await pool.execute(
        "create type mood as enum ('happy', 'sad'); create domain score as int check (value > 0);"
        "create type place as (x int, y text);"
        "create table every (a mood, b score, c place, d text[], e int4range, f jsonb[], g inet)"
    )
    row = ("sad", 5, (1, "a"), ["x", None], None, [{"k": 1}, None], None)
    assert await pool.copy_in("every", [row, row]) == 2
    sql = "select a::text, b, (c).x, d[1], f[1]->>'k' from every limit 1"
    assert await pool.fetch_one(tuple[str, int, int, str, str], sql) == ("sad", 5, 1, "x", "1")
    with pytest.raises(assay.CheckViolation, match="in row 2"):
        await pool.copy_in("every", [(5,), (0,)], columns=["b"])


async def test_what_cannot_be_copied_is_refused(pool: assay.Pool) -> None:
    rows: Any = "abc"
    columns: Any = "id"
    with pytest.raises(assay.UsageError, match="The rows are a str; give a list or a generator of rows"):
        await pool.copy_in("item", rows)
    with pytest.raises(assay.UsageError, match="The columns are 'id'; give a list of names"):
        await pool.copy_in("item", [(1,)], columns=columns)


async def test_copy_out_gives_every_row(pool: assay.Pool) -> None:
    await pool.copy_in("item", [(number, "a", None) for number in range(6000)])
    rows = [
        row async for row in pool.copy_out(Struct, "select label, id from item where id < :end order by id", end=5500)
    ]
    assert rows == [Struct("a", number) for number in range(5500)]
    async with pool.copy_out(int, "select id from item") as numbers:
        assert await anext(numbers) >= 0
    assert pool.stats().in_use == 0
