"""Calls that type checkers refuse, each on a line that ends in an ignore. Read by test_typing, never run.

Where the ignore is pyright's, only checkers that know LiteralString refuse; mypy 2.4 takes it for str. Where it is
pyrefly's, only pyrefly 1.4 does: it takes an f-string over several literals for str; ``+`` is a literal for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_type

import assay
from assay import sync


@dataclass
class Data:
    id: int


async def sql_from_a_choice(db: assay.Executor, order: Literal["id", "name"]) -> None:
    await db.fetch_all(Data, f"select id from person order by {order}")  # pyrefly: ignore[bad-argument-type]


async def sql_from_outside(db: assay.Executor, pool: assay.Pool, given: str, number: int) -> None:
    await db.fetch_all(Data, given)  # pyright: ignore[reportArgumentType]
    await db.fetch_one(Data, f"select * from person where name = '{given}'")  # pyright: ignore[reportArgumentType]
    await db.fetch_optional(Data, "select * from " + given)  # pyright: ignore[reportArgumentType]
    await db.execute("delete from %s" % given)  # noqa: UP031 - one more way  # pyright: ignore[reportArgumentType]
    await db.execute(f"delete from person where id = {number}")  # pyright: ignore[reportArgumentType]
    await pool.fetch_all(Data, given)  # pyright: ignore[reportArgumentType]
    async with pool.transaction() as tx:
        await tx.execute(given)  # pyright: ignore[reportArgumentType]
    await db.fetch_all(Data, assay.sql_file(given))  # pyright: ignore[reportArgumentType]
    async for row in db.stream(Data, given):  # pyright: ignore[reportArgumentType]
        print(row)
    db.copy_out(Data, given)  # pyright: ignore[reportArgumentType]
    await db.execute_many(given, [])  # pyright: ignore[reportArgumentType]
    await db.fetch_many(Data, given, [])  # pyright: ignore[reportArgumentType]
    await db.copy_in(given, [])  # pyright: ignore[reportArgumentType]
    await pool.warm_up(given)  # pyright: ignore[reportArgumentType]


def sql_from_outside_without_await(db: sync.Executor, pool: sync.Pool, given: str) -> None:
    db.fetch_all(Data, given)  # pyright: ignore[reportArgumentType]
    pool.execute(f"delete from person where name = '{given}'")  # pyright: ignore[reportArgumentType]
    pool.stream(Data, given)  # pyright: ignore[reportArgumentType]
    pool.copy_in(given, [])  # pyright: ignore[reportArgumentType]


async def surfaces_mixed_up(pool: assay.Pool, blocking: sync.Pool) -> None:
    for row in pool.stream(Data, "select 1 as id"):  # type: ignore[attr-defined]
        print(row)
    await blocking.fetch_one(int, "select 1")  # type: ignore[misc]
    print(pool.fetch_one(int, "select 1") + 1)  # type: ignore[operator]
    takes_any(blocking)  # type: ignore[arg-type]


def takes_any(db: assay.Executor) -> None:
    print(db)


async def results_misused(db: assay.Executor) -> None:
    maybe = await db.fetch_optional(Data, "select 1 as id")
    print(maybe.id)  # type: ignore[union-attr]
    name: str = await db.fetch_one(int, "select 1")  # type: ignore[arg-type]
    print(name)
    assert_type(await db.fetch_one(int, "select 1"), str)  # type: ignore[assert-type]
    assert_type(await db.fetch_all(Data, "select 1 as id"), list[object])  # type: ignore[assert-type]


async def omitted_misused(db: assay.Executor, price: int | assay.Omitted = assay.OMIT) -> None:
    print(price + 1)  # type: ignore[operator]
    other: int = assay.OMIT  # type: ignore[assignment]
    print(other)


def options_misused(pool: assay.Pool) -> None:
    pool.transaction(isolation="snapshot")  # type: ignore[call-overload]
    assay.Pool(max_connections="ten")  # type: ignore[arg-type]
    assay.Pool(reset="never")  # type: ignore[arg-type]
