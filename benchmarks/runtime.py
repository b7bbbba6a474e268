"""The runtime next to the bare driver and the driver's own pool."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

import assay
from assay.config import DatabaseUrl
from benchmarks.measuring import measure, show

ROWS = 10_000
SCHEMA = """
create table device (
    id uuid primary key default gen_random_uuid(), number int not null unique, platform text not null,
    model text not null, attestation_chain bytea, has_lidar boolean not null, seen_at timestamptz not null
);
insert into device (number, platform, model, attestation_chain, has_lidar, seen_at)
    select n, 'ios', 'Phone ' || n % 16, decode(md5(n::text), 'hex'), n % 2 = 0, now() from generate_series(1, 10000) n;
analyze device;
create table copied (like device);
create table entry (number int, name text);
"""
ONE = "select id, number, platform, model, attestation_chain, has_lidar, seen_at from device where number = $1"
ALL = "select id, number, platform, model, attestation_chain, has_lidar, seen_at from device"


@dataclass(slots=True)
class Device:
    """A row, as a dataclass."""

    id: UUID
    number: int
    platform: str
    model: str
    attestation_chain: bytes | None
    has_lidar: bool
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class FrozenDevice:
    """A row, as a frozen dataclass."""

    id: UUID
    number: int
    platform: str
    model: str
    attestation_chain: bytes | None
    has_lidar: bool
    seen_at: datetime


class DeviceStruct(msgspec.Struct):
    """A row, as a msgspec.Struct."""

    id: UUID
    number: int
    platform: str
    model: str
    attestation_chain: bytes | None
    has_lidar: bool
    seen_at: datetime


class DeviceTuple(NamedTuple):
    """A row, as a NamedTuple."""

    id: UUID
    number: int
    platform: str
    model: str
    attestation_chain: bytes | None
    has_lidar: bool
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Peers:
    """What is compared, all on the same database."""

    bare: asyncpg.Connection[asyncpg.Record]
    driver_pool: asyncpg.Pool[asyncpg.Record]
    pool: assay.Pool
    connection: assay.Connection


async def main(server: DatabaseUrl) -> None:
    """Make a database, measure, drop it."""
    admin = await asyncpg.connect(server.reveal())
    url = server.with_database(f"bench_{secrets.token_hex(4)}")
    try:
        await admin.execute(f'create database "{url.database}"')
        async with AsyncExitStack() as stack:
            peers = await _open(url, stack)
            await peers.bare.execute(SCHEMA)
            await _one_row(peers)
            await _many_rows(peers)
            await _copying(peers)
            await _batches(peers)
    finally:
        await admin.execute(f'drop database if exists "{url.database}" with (force)')
        await admin.close()


async def _open(url: DatabaseUrl, stack: AsyncExitStack) -> Peers:
    bare = await asyncpg.connect(url.reveal())
    stack.push_async_callback(bare.close)
    driver_pool = await stack.enter_async_context(asyncpg.create_pool(url.reveal(), min_size=2, max_size=10))
    pool = await stack.enter_async_context(assay.Pool(url, min_connections=2, max_connections=10))
    connection = await stack.enter_async_context(pool.acquire())
    return Peers(bare, driver_pool, pool, connection)


async def _one_row(peers: Peers) -> None:
    pieces = 300
    numbers = range(1, pieces + 1)

    async def bare() -> None:
        for number in numbers:
            await peers.bare.fetchrow(ONE, number)

    async def pool() -> None:
        for number in numbers:
            await peers.pool.fetch_one(Device, ONE, number)

    async def connection() -> None:
        for number in numbers:
            await peers.connection.fetch_one(Device, ONE, number)

    async def driver_pool() -> None:
        for number in numbers:
            await peers.driver_pool.fetchrow(ONE, number)

    contenders = {
        "asyncpg connection, raw Record": bare,
        "Assay pool, dataclass": pool,
        "Assay connection, dataclass": connection,
        "asyncpg.Pool, raw Record": driver_pool,
    }
    results = await measure(contenders, rounds=60, pieces=pieces)
    show("One row by a unique key", results, {"Assay pool, dataclass": "budget 1.10 x"})
    times = {result.name: result.median for result in results}
    share = times["Assay pool, dataclass"] / times["asyncpg.Pool, raw Record"]
    print(f"  Assay's pool takes {share:.2f} x the time of asyncpg.Pool (budget 0.45 x)")


async def _many_rows(peers: Peers) -> None:
    contenders = {
        "asyncpg connection, raw Records": lambda: peers.bare.fetch(ALL),
        "Assay pool, msgspec.Struct": lambda: peers.pool.fetch_all(DeviceStruct, ALL),
        "Assay pool, dataclass": lambda: peers.pool.fetch_all(Device, ALL),
        "Assay pool, frozen dataclass": lambda: peers.pool.fetch_all(FrozenDevice, ALL),
        "Assay pool, NamedTuple": lambda: peers.pool.fetch_all(DeviceTuple, ALL),
        "asyncpg.Pool, raw Records": lambda: peers.driver_pool.fetch(ALL),
    }
    results = await measure(contenders, rounds=40, pieces=1)
    budget = dict.fromkeys([name for name in contenders if name.startswith("Assay")], "budget 1.10 x")
    show(f"{ROWS:,} rows", results, budget)


async def _copying(peers: Peers) -> None:
    columns = list(Device.__annotations__)
    objects = await peers.pool.fetch_all(Device, ALL)
    structs = await peers.pool.fetch_all(DeviceStruct, ALL)
    tuples = [astuple(device) for device in objects]
    contenders = {
        "asyncpg connection, copy_records_to_table of tuples": lambda: peers.bare.copy_records_to_table(
            "copied", records=tuples, columns=columns
        ),
        "Assay connection, copy_in of dataclasses": lambda: peers.connection.copy_in("copied", objects),
        "Assay connection, copy_in of msgspec.Structs": lambda: peers.connection.copy_in("copied", structs),
        "Assay connection, copy_in of tuples": lambda: peers.connection.copy_in("copied", tuples, columns=columns),
    }
    results = await measure(contenders, rounds=30, pieces=1)
    budget = dict.fromkeys([name for name in contenders if name.startswith("Assay")], "budget 1.10 x")
    show(f"{ROWS:,} rows copied into a table", results, budget)


async def _batches(peers: Peers) -> None:
    sql = "insert into entry (number, name) values ($1, $2)"
    rows = [(number, f"entry {number}") for number in range(ROWS)]
    contenders = {
        "asyncpg connection, executemany, uncounted": lambda: peers.bare.executemany(sql, rows),
        "Assay connection, execute_many": lambda: peers.connection.execute_many(sql, rows),
    }
    show(f"{ROWS:,} rows inserted one by one in one round trip", await measure(contenders, rounds=15, pieces=1), {})
