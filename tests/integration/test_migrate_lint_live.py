"""Traffic while migrations are applied: it waits for what lint calls blocking, and not for the safe twins.

What is measured is how long the server lets a session wait for a lock (pg_locks.waitstart), not how long anything takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from tests.integration.test_migrate_lint import BASE, TWINS

from assay.config import DatabaseUrl
from assay.migrate import run

FILL = """\
insert into device select i, 'm', 'n', 'c', now() from generate_series(1, {rows}) i;
insert into capture select i, i, now() from generate_series(1, {rows}) i;
insert into log_old select '2020-06-01' from generate_series(1, {rows}) i;
insert into log_older select '2020-06-01' from generate_series(1, {rows}) i;
analyze;
"""
TRAFFIC = (
    "select model from device where id = 7",
    "update device set at = now() where id = 2000",
    "update capture set taken = taken where id = (select 1 + (random() * 50000)::integer)",
    "insert into log_old values ('2020-07-01')",
    "insert into log_older values ('2020-07-01')",
)
WAITS = """
select coalesce(max(clock_timestamp() - waitstart), '0') from pg_locks where not granted and pid = any($1::integer[])
"""
LONG_WORK = ("MIG101", "MIG102", "MIG103", "MIG104", "MIG109")
MEASURED = [kind for kind, (code, *_) in TWINS.items() if code in LONG_WORK]
SHORT = ("a type that is stored otherwise", "an index")
LONGEST = timedelta(milliseconds=100)
"""So long may traffic wait during what is called safe."""
FELT = timedelta(milliseconds=50)
"""So long it waits at least during what is called blocking, on a million small rows."""


async def keep_asking(connection: asyncpg.Connection, statement: str) -> None:
    while True:
        await connection.execute(statement)
        await asyncio.sleep(0.001)


@asynccontextmanager
async def connected(url: DatabaseUrl, count: int) -> AsyncIterator[list[asyncpg.Connection]]:
    connections = [await asyncpg.connect(url.reveal()) for _ in range(count)]
    try:
        yield connections
    finally:
        for connection in connections:
            await connection.close()


async def longest_wait(url: DatabaseUrl, folder: Path, text: str, rows: int) -> timedelta:
    """How long any traffic waited for a lock while a migration was applied, as far as it was seen."""
    (folder / "1_base.sql").write_text(BASE)
    await run(url, folder)
    (folder / "2_step.sql").write_text(text)
    async with connected(url, len(TRAFFIC) + 1) as (watcher, *others):
        await watcher.execute(FILL.format(rows=rows))
        traffic = [asyncio.ensure_future(keep_asking(*each)) for each in zip(others, TRAFFIC, strict=True)]
        work = asyncio.ensure_future(run(url, folder))
        longest = timedelta()
        while not work.done():
            processes = [connection.get_server_pid() for connection in others]
            longest = max(longest, await watcher.fetchval(WAITS, processes))
            await asyncio.wait([work], timeout=0.005)
        await work
        for task in traffic:
            task.cancel()
        ended = await asyncio.gather(*traffic, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended
    return longest


@pytest.mark.parametrize("kind", SHORT)
async def test_traffic_waits_for_what_is_called_blocking(database_18: DatabaseUrl, tmp_path: Path, kind: str) -> None:
    assert await longest_wait(database_18, tmp_path, TWINS[kind][1], 100_000) > timedelta()


@pytest.mark.parametrize("kind", SHORT)
async def test_traffic_goes_on_during_the_safe_twin(database_18: DatabaseUrl, tmp_path: Path, kind: str) -> None:
    assert await longest_wait(database_18, tmp_path, TWINS[kind][2], 100_000) < LONGEST


@pytest.mark.soak
@pytest.mark.parametrize("kind", MEASURED)
async def test_traffic_waits_for_all_that_is_called_blocking(
    database_18: DatabaseUrl, tmp_path: Path, kind: str
) -> None:
    assert await longest_wait(database_18, tmp_path, TWINS[kind][1], 1_000_000) > FELT


@pytest.mark.soak
@pytest.mark.parametrize("kind", MEASURED)
async def test_traffic_goes_on_during_every_safe_twin(database_18: DatabaseUrl, tmp_path: Path, kind: str) -> None:
    assert await longest_wait(database_18, tmp_path, TWINS[kind][2], 1_000_000) < LONGEST
