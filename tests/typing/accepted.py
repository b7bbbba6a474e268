"""Calls that type checkers accept, with the types that they find. Read by test_typing, never run.

A call on ``Everything`` is looked at once for each class that runs statements.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    LiteralString,
    NamedTuple,
    NewType,
    TypeAlias,
    TypedDict,
    TypeVar,
    assert_type,
)
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
Names: TypeAlias = list[str]
K = TypeVar("K")


@dataclass(frozen=True)
class Keyed(Generic[K]):
    key: K
    data: Data | None


COLUMNS = "id, name"
Everything: TypeAlias = assay.Executor | assay.Pool | assay.Connection | assay.Transaction


async def fetch_all_of_every_kind(db: Everything) -> None:
    assert_type(await db.fetch_all(Data, "select 1"), list[Data])
    assert_type(await db.fetch_all(Struct, "select 1"), list[Struct])
    assert_type(await db.fetch_all(Attrs, "select 1"), list[Attrs])
    assert_type(await db.fetch_all(Tuple, "select 1"), list[Tuple])
    assert_type(await db.fetch_all(Typed, "select 1"), list[Typed])
    assert_type(await db.fetch_all(Model, "select 1"), list[Model])
    assert_type(await db.fetch_all(Keyed[int], "select 1"), list[Keyed[int]])
    assert_type(await db.fetch_all(int, "select 1"), list[int])
    assert_type(await db.fetch_all(str | None, "select 1"), list[str | None])
    assert_type(await db.fetch_all(Mood, "select 1"), list[Mood])
    assert_type(await db.fetch_all(Mood | None, "select 1"), list[Mood | None])
    assert_type(await db.fetch_all(Literal["a", "b"], "select 1"), list[Literal["a", "b"]])
    assert_type(await db.fetch_all(Literal["a", "b"] | None, "select 1"), list[Literal["a", "b"] | None])
    assert_type(await db.fetch_all(PersonId, "select 1"), list[PersonId])
    assert_type(await db.fetch_all(Names, "select 1"), list[Names])
    assert_type(await db.fetch_all(tuple[int, str | None], "select 1"), list[tuple[int, str | None]])
    assert_type(
        await db.fetch_all(tuple[UUID, datetime, Decimal, bytes], "select 1"),
        list[tuple[UUID, datetime, Decimal, bytes]],
    )
    assert_type(await db.fetch_all(tuple[int, ...], "select 1"), list[tuple[int, ...]])
    assert_type(await db.fetch_all(dict[str, int], "select 1"), list[dict[str, int]])
    assert_type(await db.fetch_all(list[Data] | None, "select 1"), list[list[Data] | None])
    assert_type(await db.fetch_all(Annotated[int, "how many"], "select 1"), list[int])


async def fetch_one_of_every_kind(db: Everything) -> None:
    assert_type(await db.fetch_one(Data, "select 1"), Data)
    assert_type(await db.fetch_one(Struct, "select 1"), Struct)
    assert_type(await db.fetch_one(Attrs, "select 1"), Attrs)
    assert_type(await db.fetch_one(Tuple, "select 1"), Tuple)
    assert_type(await db.fetch_one(Typed, "select 1"), Typed)
    assert_type(await db.fetch_one(Model, "select 1"), Model)
    assert_type(await db.fetch_one(Keyed[int], "select 1"), Keyed[int])
    assert_type(await db.fetch_one(int, "select 1"), int)
    assert_type(await db.fetch_one(str | None, "select 1"), str | None)
    assert_type(await db.fetch_one(Mood, "select 1"), Mood)
    assert_type(await db.fetch_one(Mood | None, "select 1"), Mood | None)
    assert_type(await db.fetch_one(Literal["a", "b"], "select 1"), Literal["a", "b"])
    assert_type(await db.fetch_one(Literal["a", "b"] | None, "select 1"), Literal["a", "b"] | None)
    assert_type(await db.fetch_one(PersonId, "select 1"), PersonId)
    assert_type(await db.fetch_one(Names, "select 1"), Names)
    assert_type(await db.fetch_one(tuple[int, str | None], "select 1"), tuple[int, str | None])
    assert_type(
        await db.fetch_one(tuple[UUID, datetime, Decimal, bytes], "select 1"), tuple[UUID, datetime, Decimal, bytes]
    )
    assert_type(await db.fetch_one(tuple[int, ...], "select 1"), tuple[int, ...])
    assert_type(await db.fetch_one(dict[str, int], "select 1"), dict[str, int])
    assert_type(await db.fetch_one(list[Data] | None, "select 1"), list[Data] | None)
    assert_type(await db.fetch_one(Annotated[int, "how many"], "select 1"), int)


async def fetch_optional_of_every_kind(db: Everything) -> None:
    assert_type(await db.fetch_optional(Data, "select 1"), Data | None)
    assert_type(await db.fetch_optional(Struct, "select 1"), Struct | None)
    assert_type(await db.fetch_optional(Attrs, "select 1"), Attrs | None)
    assert_type(await db.fetch_optional(Tuple, "select 1"), Tuple | None)
    assert_type(await db.fetch_optional(Typed, "select 1"), Typed | None)
    assert_type(await db.fetch_optional(Model, "select 1"), Model | None)
    assert_type(await db.fetch_optional(Keyed[int], "select 1"), Keyed[int] | None)
    assert_type(await db.fetch_optional(int, "select 1"), int | None)
    assert_type(await db.fetch_optional(str | None, "select 1"), str | None)
    assert_type(await db.fetch_optional(Mood, "select 1"), Mood | None)
    assert_type(await db.fetch_optional(Mood | None, "select 1"), Mood | None)
    assert_type(await db.fetch_optional(Literal["a", "b"], "select 1"), Literal["a", "b"] | None)
    assert_type(await db.fetch_optional(Literal["a", "b"] | None, "select 1"), Literal["a", "b"] | None)
    assert_type(await db.fetch_optional(PersonId, "select 1"), PersonId | None)
    assert_type(await db.fetch_optional(Names, "select 1"), Names | None)
    assert_type(await db.fetch_optional(tuple[int, str | None], "select 1"), tuple[int, str | None] | None)
    assert_type(
        await db.fetch_optional(tuple[UUID, datetime, Decimal, bytes], "select 1"),
        tuple[UUID, datetime, Decimal, bytes] | None,
    )
    assert_type(await db.fetch_optional(tuple[int, ...], "select 1"), tuple[int, ...] | None)
    assert_type(await db.fetch_optional(dict[str, int], "select 1"), dict[str, int] | None)
    assert_type(await db.fetch_optional(list[Data] | None, "select 1"), list[Data] | None)
    assert_type(await db.fetch_optional(Annotated[int, "how many"], "select 1"), int | None)


async def anything(db: Everything) -> None:
    found = await db.fetch_one(Any, "select 1")
    assert_type(found, Any)
    assert_type(await db.fetch_all(Any, "select 1"), list[Any])


async def parameters_of_every_kind(db: Everything) -> None:
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


async def literal_sql_of_every_kind(db: Everything, order: Literal["id", "name"], given: LiteralString) -> None:
    await db.fetch_all(Data, f"select {COLUMNS} from person")
    await db.fetch_all(Data, "select id from person order by " + order)
    await db.fetch_all(Data, f"select id from {given}")
    await db.fetch_all(Data, "select id from person " + "where true")
    await db.fetch_all(Data, given)
    assert_type(await db.fetch_one(Data, assay.sql_file("queries/by_key.sql"), 1), Data)
    assert_type(await db.execute(assay.sql_file("queries/delete.sql"), id=1), int)


async def rows_one_after_the_other(db: Everything) -> None:
    async for row in db.stream(Data, "select 1 as id where $1", True, batch=10):
        assert_type(row, Data)
    async for value in db.stream(str | None, "select :name::text", name="a"):
        assert_type(value, str | None)
    async with db.stream(tuple[int, str | None], "select 1, null::text") as rows:
        assert_type(rows, assay.Stream[tuple[int, str | None]])
        async for pair in rows:
            assert_type(pair, tuple[int, str | None])
    async for keyed in db.copy_out(Keyed[int], "select 1 as key where :yes", yes=True):
        assert_type(keyed, Keyed[int])


async def rows_many_at_once(db: Everything, people: list[Data], later: AsyncIterator[Tuple]) -> None:
    assert_type(await db.execute_many("insert into person values (:id)", people), int)
    assert_type(await db.execute_many("insert into person values ($1, $2)", [(1, "a"), (2, None)]), int)
    assert_type(await db.fetch_many(Struct, "insert into person values (:id) returning id", [{"id": 1}]), list[Struct])
    assert_type(await db.fetch_many(int, "insert into person values (:id) returning id", people), list[int])
    assert_type(await db.copy_in("person", people), int)
    assert_type(await db.copy_in("app.person", ((n, None) for n in range(3)), columns=["id", "name"]), int)
    assert_type(await db.copy_in("person", later), int)


async def news(db: Everything, source: assay.Pool | assay.Connection) -> None:
    await db.notify("news", "text")
    async for heard in source.listen("news", "weather"):
        assert_type(heard, assay.Notification | assay.Gap)
        if isinstance(heard, assay.Notification):
            assert_type(heard.payload, str)
        else:
            assert_type(heard.reason, Literal["reconnected", "overflow"])
    async with source.listen("news") as listener:
        assert_type(listener, assay.Listener)


async def locks(db: assay.Pool | assay.Connection) -> None:
    async with db.advisory_lock("nightly", timeout=1.5) as held:
        assert_type(held, assay.Connection)
    async with db.try_advisory_lock((1, 2)) as perhaps:
        assert_type(perhaps, assay.Connection | None)


async def reads_after_own_writes(pool: assay.Pool) -> None:
    async with pool.session() as db:
        assert_type(await db.fetch_optional(Data, "select 1 as id"), Data | None)
        assert_type(await db.position(), assay.Position | None)


async def blocks_that_are_run_again(
    db: assay.Pool | assay.Connection | assay.Transaction, any_db: assay.Executor
) -> None:
    async for attempt in db.transaction(retry=3, isolation="serializable"):
        async with attempt as tx:
            assert_type(tx, assay.Transaction)
    async for turn in any_db.transaction(retry=1):
        async with turn as block:
            assert_type(block, assay.Executor)


async def takes_any(db: assay.Executor) -> int:
    return await db.fetch_one(int, "select count(*) from person")


async def executors(pool: assay.Pool, connection: assay.Connection) -> None:
    await takes_any(pool)
    await takes_any(connection)
    async with pool.transaction(isolation="serializable", readonly=True) as tx:
        assert_type(tx, assay.Transaction)
        await takes_any(tx)
        async with tx.transaction() as inner:
            await takes_any(inner)
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
