"""Line 4: new_event is followed by LISTEN, through restarts of the server, and no event is missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from backends.erc8004.following import follow
from backends.erc8004.ingest import add_batch
from backends.erc8004.models import Event
from backends.erc8004.tests.conftest import MIGRATIONS
from backends.erc8004.tests.making import batch_of, events
from tests.conftest import VERSIONS

import assay
from assay.config import DatabaseUrl
from assay.server import Server

CUT = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where query ilike 'listen%' and datname = current_database()
"""


async def take(stream: AsyncIterator[list[Event]], count: int) -> list[Event]:
    """The next events, so many."""
    found: list[Event] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            found += await anext(stream)
    return found


async def ids(catalog: asyncpg.Connection) -> list[int]:
    return [row[0] for row in await catalog.fetch("select id from events order by id")]


async def test_line_4_events_that_were_there_come_first_and_then_those_that_are_added(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    await add_batch(pool, batch_of(events(4)))
    stream = follow(pool, 0)
    found = await take(stream, 4)
    await add_batch(pool, batch_of(events(8, first=4)))
    found += await take(stream, 8)
    assert [one.id for one in found] == await ids(catalog)
    await stream.aclose()


async def test_line_4_following_goes_on_where_it_left_off(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    await add_batch(pool, batch_of(events(12)))
    stream = follow(pool, 0, page=5)
    first = await take(stream, 5)
    await stream.aclose()
    again = follow(pool, first[-1].id, page=5)
    rest = await take(again, 7)
    assert [one.id for one in [*first, *rest]] == await ids(catalog)
    await again.aclose()


async def test_line_4_four_writers_at_once_are_followed_without_a_gap(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    stream = follow(pool, 0)
    following = asyncio.create_task(take(stream, 400))

    async def write(chain: int) -> None:
        for first in range(0, 100, 4):
            await add_batch(pool, batch_of(events(4, first, chain_id=chain)))

    await asyncio.gather(*(write(chain) for chain in range(4)))
    found = [one.id for one in await following]
    assert found == await ids(catalog)
    await stream.aclose()


@pytest.mark.parametrize("version", VERSIONS)
async def test_line_4_a_restart_of_the_server_is_survived_and_what_was_added_meanwhile_is_picked_up(
    home: Path, version: str
) -> None:
    server = Server.locate(version, home=home)
    url = server.ensure_running()
    await assay.migrate.run(url, MIGRATIONS)
    async with assay.Pool(url, min_connections=1) as pool:
        await add_batch(pool, batch_of(events(4)))
        stream = follow(pool, 0)
        assert len(await take(stream, 4)) == 4
        waiting = asyncio.create_task(take(stream, 12))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.ensure_running)
        await add_from_elsewhere(url, 4)  # the listener may not have reconnected yet
        await add_from_elsewhere(url, 8)
        found = await waiting
        assert [one.block_number for one in found] == [1001] * 4 + [1002] * 4 + [1003] * 4
        await add_from_elsewhere(url, 16)
        assert [one.block_number for one in await take(stream, 4)] == [1004] * 4
        await stream.aclose()


async def add_from_elsewhere(url: DatabaseUrl, first: int) -> None:
    async with assay.Pool(url, min_connections=0) as other:
        count = 8 if first == 8 else 4
        await add_batch(other, batch_of(events(count, first)))


async def test_line_4_a_listener_whose_connection_is_cut_misses_nothing(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    stream = follow(pool, 0)
    waiting = asyncio.create_task(take(stream, 8))
    await add_batch(pool, batch_of(events(4)))
    async with asyncio.timeout(10):
        while not await catalog.fetch(CUT):  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0.01)
    await add_batch(pool, batch_of(events(4, first=4)))
    assert [one.id for one in await waiting] == await ids(catalog)
    await stream.aclose()
