"""Calls that type checkers accept, with the types that they find. Read by test_typing, never run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, LiteralString, NamedTuple, NewType, TypedDict, assert_type
from uuid import UUID

import attrs
import msgspec
import pydantic

import assay


@dataclass(slots=True)
class Data:
    id: int


class Struct(msgspec.Struct):
    id: int


@attrs.define
class Attrs:
    id: int


class Tuple(NamedTuple):
    id: int


class Typed(TypedDict):
    id: int


class Model(pydantic.BaseModel):
    id: int


class Mood(StrEnum):
    OK = "ok"


PersonId = NewType("PersonId", int)
COLUMNS = "id, name"


async def rows_of_every_kind(db: assay.Executor) -> None:
    assert_type(await db.fetch_all(Data, "select 1 as id"), list[Data])
    assert_type(await db.fetch_one(Data, "select 1 as id"), Data)
    assert_type(await db.fetch_optional(Data, "select 1 as id"), Data | None)
    assert_type(await db.fetch_one(Struct, "select 1 as id"), Struct)
    assert_type(await db.fetch_all(Attrs, "select 1 as id"), list[Attrs])
    assert_type(await db.fetch_optional(Tuple, "select 1 as id"), Tuple | None)
    assert_type(await db.fetch_all(Typed, "select 1 as id"), list[Typed])
    assert_type(await db.fetch_one(Model, "select 1 as id"), Model)


async def values_of_every_kind(db: assay.Executor) -> None:
    assert_type(await db.fetch_one(int, "select 1"), int)
    assert_type(await db.fetch_all(str | None, "select null::text"), list[str | None])
    assert_type(await db.fetch_optional(str | None, "select null::text"), str | None)
    assert_type(await db.fetch_one(tuple[int, str | None], "select 1, null::text"), tuple[int, str | None])
    assert_type(
        await db.fetch_all(tuple[UUID, datetime, Decimal, bytes], "select"), list[tuple[UUID, datetime, Decimal, bytes]]
    )
    assert_type(await db.fetch_one(Mood, "select 'ok'"), Mood)
    assert_type(await db.fetch_one(Mood | None, "select 'ok'"), Mood | None)
    assert_type(await db.fetch_all(Literal["a", "b"], "select 'a'"), list[Literal["a", "b"]])
    assert_type(await db.fetch_one(PersonId, "select 1"), PersonId)
    assert_type(await db.fetch_one(Annotated[int, "how many"], "select 1"), int)
    assert_type(await db.fetch_one(dict[str, int], "select '{}'::jsonb"), dict[str, int])
    assert_type(await db.fetch_one(list[Data] | None, "select '[]'::jsonb"), list[Data] | None)
    anything = await db.fetch_one(Any, "select 1")
    assert_type(anything, Any)


async def parameters_of_every_kind(db: assay.Executor) -> None:
    await db.fetch_all(int, "select $1::int", 1)
    await db.fetch_all(int, "select :id::int", id=1)
    await db.fetch_all(int, "select :id", Data(1))
    await db.fetch_all(int, "select :row, :sql, :self", row=1, sql=2, self=3)
    assert_type(await db.execute("delete from person where id = $1", 1), int)


async def clauses_and_choices(
    db: assay.Executor,
    order: Literal["id", "name desc"] = "id",
    least: Decimal | assay.Omitted = assay.OMIT,
    mood: Mood | assay.Omitted | None = assay.OMIT,
) -> None:
    sql: LiteralString = (
        "select id from person where true [[ and price >= :least ]] [[ and mood = :mood ]] order by {order}"
    )
    assert_type(await db.fetch_all(Data, sql, least=least, mood=mood, order=order), list[Data])
    assert_type(await db.fetch_optional(Data, "select id from person [[ where id = $1 ]]", assay.OMIT), Data | None)
    if least is not assay.OMIT:
        assert_type(least, Decimal)
    if mood is assay.OMIT:
        return
    assert_type(mood, Mood | None)


async def literal_sql_of_every_kind(db: assay.Executor, order: Literal["id", "name"], given: LiteralString) -> None:
    await db.fetch_all(Data, f"select {COLUMNS} from person order by {order}")
    await db.fetch_all(Data, "select id from person " + "where true")
    await db.fetch_all(Data, given)


async def executors(pool: assay.Pool, connection: assay.Connection) -> None:
    await rows_of_every_kind(pool)
    await rows_of_every_kind(connection)
    async with pool.transaction(isolation="serializable", readonly=True) as tx:
        assert_type(tx, assay.Transaction)
        await rows_of_every_kind(tx)
        async with tx.transaction() as inner:
            await rows_of_every_kind(inner)
    async with pool.acquire() as acquired:
        assert_type(acquired, assay.Connection)
        await acquired.driver.copy_records_to_table("person", records=[(1,)])
    async with assay.Pool() as opened:
        assert_type(opened, assay.Pool)
        assert_type(opened.stats(), assay.PoolStats)
    async with await assay.connect("postgresql://") as connected:
        assert_type(connected, assay.Connection)
    assert_type(await assay.Pool.open(max_connections=3), assay.Pool)


async def transactions_of_any_executor(db: assay.Executor) -> None:
    async with db.transaction() as tx:
        assert_type(tx, assay.Executor)
