"""Line 3: events are loaded within a few times the time of a bare COPY of the same rows."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter

import asyncpg
import pytest
from backends.erc8004.ingest import Batch, add_batch
from backends.erc8004.queries import events as stored
from backends.erc8004.queries.events import COLUMNS
from backends.erc8004.tests.making import BLOCK_SECONDS, EVENTS_A_BLOCK, MONDAY, batches

import assay

BARE = "create table bare (like events including defaults)"
INDEXED = "create table indexed (like events including all)"


async def copy(catalog: asyncpg.Connection, table: str, made: Sequence[Batch]) -> float:
    """Seconds of copying the rows of batches into a table as it is, each batch in a transaction of its own."""
    seconds = 0.0
    for batch in made:
        rows = [(*row(one), datetime.fromtimestamp(one.timestamp, UTC)) for one in batch.events]
        began = perf_counter()
        await catalog.copy_records_to_table(table, records=rows, columns=COLUMNS)
        seconds += perf_counter() - began
    return seconds


def row(event: object) -> tuple[object, ...]:
    return tuple(getattr(event, name) for name in COLUMNS[:-1])


async def load(pool: assay.Pool, made: Sequence[Batch]) -> float:
    """Seconds of adding batches as a worker does."""
    began = perf_counter()
    for batch in made:
        await add_batch(pool, batch)
    return perf_counter() - began


async def measure(pool: assay.Pool, catalog: asyncpg.Connection, count: int) -> tuple[float, float, float]:
    """Seconds of a bare COPY, of one into a table with the same indexes, and of a worker."""
    first = datetime.fromtimestamp(MONDAY, UTC)
    blocks = count // EVENTS_A_BLOCK + 1
    await stored.ensure_chunks(pool, first, first + timedelta(seconds=blocks * BLOCK_SECONDS))
    await catalog.execute(BARE)
    await catalog.execute(INDEXED)
    made = list(batches(count))
    gc.collect()
    return await copy(catalog, "bare", made), await copy(catalog, "indexed", made), await load(pool, made)


async def test_line_3_events_are_loaded_by_copy_with_their_checkpoints(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    """The small version: what is loaded is what was given."""
    await measure(pool, catalog, 10_000)
    assert await catalog.fetchval("select count(*) from events") == 10_000
    columns = ", ".join(COLUMNS)
    missing = f"select count(*) from (select {columns} from bare except select {columns} from events) as missing"
    assert await catalog.fetchval(missing) == 0
    assert await catalog.fetchval("select last_block_number from checkpoints") == 1000 + 2499


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_line_3_a_million_events_are_loaded_within_a_few_times_a_bare_copy(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    bare, indexed, own = await measure(pool, catalog, 1_000_000)
    sys.stdout.write(
        f"\n1,000,000 events: bare COPY {bare:.1f} s, with the same indexes {indexed:.1f} s, a worker {own:.1f} s: "
        f"{own / bare:.1f} and {own / indexed:.1f} times\n"
    )
    assert await catalog.fetchval("select count(*) from events") == 1_000_000
    assert own < 10 * bare
    assert own < 4 * indexed
