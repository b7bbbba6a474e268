"""One row by a unique key through Assay and through its peers, each as its own guide writes it.

Every peer keeps connections open and gives typed rows of its own kind; none is asked to do what it does not do.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import Any

import asyncpg

import assay
from assay.config import DatabaseUrl
from benchmarks.measuring import Contender, measure, show
from benchmarks.runtime import ONE, SCHEMA, Device

PIECES = 100
FetchOne = Callable[[int], Awaitable[object]]


async def main(server: DatabaseUrl) -> None:
    """Make a database, measure, drop it; peers that are not installed are left out, and said so."""
    admin = await asyncpg.connect(server.reveal())
    url = server.with_database(f"bench_{secrets.token_hex(4)}")
    try:
        await admin.execute(f'create database "{url.database}"')
        async with AsyncExitStack() as stack:
            await _measure(url, stack)
    finally:
        await admin.execute(f'drop database if exists "{url.database}" with (force)')
        await admin.close()


async def _measure(url: DatabaseUrl, stack: AsyncExitStack) -> None:
    bare = await asyncpg.connect(url.reveal())
    stack.push_async_callback(bare.close)
    await bare.execute(SCHEMA)
    pool = await stack.enter_async_context(assay.Pool(url, min_connections=2, max_connections=10))
    fetchers: dict[str, FetchOne] = {
        "asyncpg connection, raw Record": lambda number: bare.fetchrow(ONE, number),
        "Assay pool, dataclass": lambda number: pool.fetch_one(Device, ONE, number),
    }
    for open_peer in (_asyncpg_pool, _psycopg, _psqlpy, _core, _orm, _piccolo):
        try:
            name, fetch = await open_peer(url, stack)
        except ModuleNotFoundError as error:
            print(f"left out: {error.name} is not installed (make bench installs it)")
            continue
        fetchers[name] = fetch
    results = await measure({name: _repeated(fetch) for name, fetch in fetchers.items()}, rounds=40, pieces=PIECES)
    show("One row by a unique key, Assay and its peers", results, {"Assay pool, dataclass": "budget 1.10 x"})
    own = next(result.median for result in results if result.name.startswith("Assay"))
    for result in results:
        budget = next((text for start, text in _BUDGETS.items() if result.name.startswith(start)), None)
        if budget is not None:
            print(f"  Assay is {result.median / own:.1f} x faster than {result.name} (budget {budget})")


_BUDGETS = {"SQLAlchemy Core": "3 x", "SQLAlchemy ORM": "7 x"}


def _repeated(fetch: FetchOne) -> Contender:
    async def contender() -> None:
        for number in range(1, PIECES + 1):
            await fetch(number)

    return contender


async def _asyncpg_pool(url: DatabaseUrl, stack: AsyncExitStack) -> tuple[str, FetchOne]:
    pool = await stack.enter_async_context(asyncpg.create_pool(url.reveal(), min_size=2, max_size=10))
    return f"asyncpg {version('asyncpg')} Pool, raw Record", lambda number: pool.fetchrow(ONE, number)


async def _psycopg(url: DatabaseUrl, stack: AsyncExitStack) -> tuple[str, FetchOne]:
    from psycopg import AsyncConnection
    from psycopg.rows import class_row

    connection = await AsyncConnection.connect(url.reveal(), autocommit=True, prepare_threshold=0)
    stack.push_async_callback(connection.close)
    sql = ONE.replace("$1", "%s")

    async def fetch(number: int) -> object:
        async with connection.cursor(row_factory=class_row(Device)) as cursor:
            await cursor.execute(sql, (number,))
            return await cursor.fetchone()

    return f"psycopg {version('psycopg')} connection, class_row", fetch


async def _psqlpy(url: DatabaseUrl, stack: AsyncExitStack) -> tuple[str, FetchOne]:
    from psqlpy import ConnectionPool

    pool = ConnectionPool(dsn=_with_host(url), max_db_pool_size=10)
    stack.callback(pool.close)

    async def fetch(number: int) -> object:
        async with pool.acquire() as connection:
            rows = await connection.fetch(ONE, [number])
            return rows.as_class(Device)[0]

    await fetch(1)
    return f"psqlpy {version('psqlpy')} pool, as_class", fetch


async def _core(url: DatabaseUrl, stack: AsyncExitStack) -> tuple[str, FetchOne]:
    from sqlalchemy import bindparam, select

    engine, table = await _engine(url, stack)
    statement = select(table).where(table.c.number == bindparam("number"))

    async def fetch(number: int) -> object:
        async with engine.connect() as connection:
            return (await connection.execute(statement, {"number": number})).one()

    return f"SQLAlchemy Core {version('sqlalchemy')}, asyncpg, Row", fetch


async def _orm(url: DatabaseUrl, stack: AsyncExitStack) -> tuple[str, FetchOne]:
    from sqlalchemy import select
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import registry

    engine, table = await _engine(url, stack)

    class Mapped:
        number: Any

    registry().map_imperatively(Mapped, table)

    async def fetch(number: int) -> object:
        async with AsyncSession(engine) as session:
            return await session.scalar(select(Mapped).where(Mapped.number == number))

    return f"SQLAlchemy ORM {version('sqlalchemy')}, asyncpg, entity", fetch


async def _engine(url: DatabaseUrl, stack: AsyncExitStack) -> tuple[Any, Any]:
    from sqlalchemy import MetaData, Table
    from sqlalchemy.ext.asyncio import create_async_engine

    # SQLAlchemy's URL has no room for a socket's folder as host, so the driver is given its own.
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url.reveal()))
    stack.push_async_callback(engine.dispose)
    async with engine.connect() as connection:
        table = await connection.run_sync(lambda sync: Table("device", MetaData(), autoload_with=sync))
    return engine, table


async def _piccolo(url: DatabaseUrl, stack: AsyncExitStack) -> tuple[str, FetchOne]:
    from piccolo.columns import UUID, Boolean, Bytea, Integer, Text, Timestamptz
    from piccolo.engine.postgres import PostgresEngine
    from piccolo.table import create_table_class

    engine = PostgresEngine(config={"dsn": url.reveal()}, log_queries=False)
    await engine.start_connection_pool()
    stack.push_async_callback(engine.close_connection_pool)
    columns = {
        "id": UUID(primary_key=True),
        "number": Integer(),
        "platform": Text(),
        "model": Text(),
        "attestation_chain": Bytea(null=True),
        "has_lidar": Boolean(),
        "seen_at": Timestamptz(),
    }
    table: Any = create_table_class("Device", class_kwargs={"tablename": "device", "db": engine}, class_members=columns)
    return f"Piccolo {version('piccolo')} object", lambda number: table.objects().where(table.number == number).first()


def _with_host(url: DatabaseUrl) -> str:
    """The URL as libraries in Rust read it: the folder of a socket stands percent-encoded in the place of the host."""
    if not url.host or not url.host.startswith("/"):
        return url.reveal()
    from urllib.parse import quote

    user = f"{quote(url.user or 'postgres', safe='')}{':' + quote(url.password, safe='') if url.password else ''}"
    return f"postgresql://{user}@{quote(url.host, safe='')}{f':{url.port}' if url.port else ''}/{url.database}"
