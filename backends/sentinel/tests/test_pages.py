"""Line 3: pages stay fast at a million rows."""

from __future__ import annotations

import statistics
import time
from datetime import datetime
from uuid import UUID

import asyncpg
import pytest
from backends.sentinel.queries import simulations

import assay
from assay.config import DatabaseUrl

FILL = """
    insert into simulations (project_id, user_id, sender, module_address, module_name, function_name, result,
                             success, network, created_at)
    select p.id, p.user_id, '0x1', '0x2', 'coin', 'transfer', '{"status": "ok"}', true, 'testnet',
           now() - n * interval '1 second'
    from projects p, generate_series(1, $1::int) n
"""


async def fill(catalog: asyncpg.Connection, rows: int) -> UUID:
    """A project with so many simulations; its number."""
    await catalog.execute("insert into users (clerk_id, email) values ('ada', 'a')")
    await catalog.execute("insert into projects (user_id, name) select id, 'big' from users")
    await catalog.execute(FILL, rows)
    await catalog.execute("vacuum analyze simulations")
    project: UUID = await catalog.fetchval("select id from projects")
    return project


async def test_line_3_a_page_anywhere_is_read_from_the_index_without_sorting(catalog: asyncpg.Connection) -> None:
    project = await fill(catalog, 20_000)
    last = await catalog.fetchrow("select created_at, id from simulations order by created_at, id limit 1 offset 30")
    assert last is not None
    for condition, args in (("", ()), ("and (created_at, id) < ($2, $3)", (last["created_at"], last["id"]))):
        plan = await catalog.fetch(
            f"explain select * from simulations where project_id = $1 {condition} "
            "order by created_at desc, id desc limit 21",
            project,
            *args,
        )
        text = "\n".join(row[0] for row in plan)
        assert "Index Scan using idx_simulations_project" in text
        assert "Sort" not in text


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_line_3_at_a_million_rows_the_last_page_is_as_fast_as_the_first(
    migrated: DatabaseUrl, catalog: asyncpg.Connection
) -> None:
    """Medians of 50, taken in turns; offsets are measured beside them for comparison."""
    project = await fill(catalog, 1_000_000)
    last = await catalog.fetchrow("select created_at, id from simulations order by created_at, id limit 1 offset 30")
    assert last is not None
    times: dict[str, list[float]] = {"first": [], "last": []}
    async with assay.Pool(migrated) as pool:
        for _ in range(50):
            times["first"].append(await seconds(pool, project, assay.OMIT, assay.OMIT))
            times["last"].append(await seconds(pool, project, last["created_at"], last["id"]))
    first, end = (statistics.median(times[name]) for name in ("first", "last"))
    began = time.perf_counter()
    await catalog.fetch(
        "select * from simulations where project_id = $1 order by created_at desc, id desc limit 21 offset 999950",
        project,
    )
    offset = time.perf_counter() - began
    print(f"\nfirst page {first * 1000:.2f} ms, last page {end * 1000:.2f} ms, ratio {end / first:.2f}; "
          f"the last page by OFFSET {offset * 1000:.0f} ms")  # fmt: skip
    assert end < 3 * first


async def seconds(pool: assay.Pool, project: UUID, at: datetime | assay.Omitted, key: UUID | assay.Omitted) -> float:
    began = time.perf_counter()
    page = await simulations.newest(pool, project, at=at, key=key, limit=21)
    assert len(page) == 21
    return time.perf_counter() - began
