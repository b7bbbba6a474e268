"""Line 6: hourly statistics of events, and hourly metrics of actions."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from backends.erc8004.ingest import add_batch
from backends.erc8004.queries import action_results
from backends.erc8004.queries import events as stored
from backends.erc8004.tests.making import MONDAY, batch_of, event
from backends.erc8004.tests.triggers_made import make_trigger
from backends.erc8004.tests.visiting import sign_up, trigger

import assay

HOUR = 3600
BEGIN = datetime.fromtimestamp(MONDAY, UTC)


async def test_line_6_events_are_counted_by_hour_chain_registry_and_type(pool: assay.Pool) -> None:
    for chain in (1, 2):
        await add_batch(
            pool,
            batch_of([event(n, chain_id=chain, timestamp=MONDAY + n * 600, block_number=n) for n in range(12)]),
        )
    found = await stored.hourly(pool, since=BEGIN, until=BEGIN + timedelta(days=1))
    assert len(found) == 2 * 2 * 3
    assert {(one.chain_id, one.registry, one.event_type, one.total) for one in found if one.hour == BEGIN} == {
        (chain, registry, kind, 2)
        for chain in (1, 2)
        for registry, kind in [
            ("identity", "Registered"),
            ("reputation", "NewFeedback"),
            ("validation", "ValidationResponse"),
        ]
    }
    assert [one.hour for one in found] == sorted((one.hour for one in found), reverse=True)
    only = await stored.hourly(pool, since=BEGIN, until=BEGIN + timedelta(hours=1), chain_id=2, registry="identity")
    assert [(one.hour, one.chain_id, one.registry, one.total) for one in only] == [(BEGIN, 2, "identity", 2)]


async def test_line_6_hours_are_of_universal_time_whatever_the_session_s_zone(
    pool: assay.Pool, catalog: asyncpg.Connection, migrated: Any
) -> None:
    await catalog.execute(f"alter database \"{migrated.database}\" set timezone = 'Asia/Kolkata'")
    async with assay.Pool(migrated, min_connections=0) as other:
        await add_batch(other, batch_of([event(0, timestamp=MONDAY + 1800)]))
        found = await stored.hourly(other, since=BEGIN, until=BEGIN + timedelta(days=1))
    assert [one.hour for one in found] == [BEGIN]


async def add_results(pool: assay.Pool, trigger_id: UUID, *results: tuple[str, str, int | None]) -> None:
    for kind, status, duration in results:
        await action_results.record(
            pool,
            job_id=uuid4(),
            trigger_id=trigger_id,
            event_id=1,
            event_created_at=BEGIN,
            action_type=kind,  # type: ignore[arg-type]  # one of the types
            status=status,  # type: ignore[arg-type]  # one of the statuses
            duration_ms=duration,
            error_message=None,
            response_data=None,
            retry_count=0,
        )


async def test_line_6_actions_are_measured_by_hour_and_type(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    made = await make_trigger(pool)
    durations = [10, 20, 30, 40, 1000]
    await add_results(pool, made, *[("rest", "success", one) for one in durations[:3]])
    await add_results(pool, made, ("rest", "failed", 40), ("rest", "retrying", 1000), ("mcp", "success", None))
    await catalog.execute("update action_results set executed_at = $1", BEGIN + timedelta(minutes=59))
    mcp, rest = await action_results.hourly(pool, since=BEGIN, until=BEGIN + timedelta(hours=1))
    assert (rest.hour, rest.action_type, rest.total, rest.success, rest.failed) == (BEGIN, "rest", 5, 3, 1)
    assert rest.mean_ms == sum(durations) / 5
    assert rest.p95_ms is not None
    assert math.isclose(rest.p95_ms, 40 + 0.8 * 960), "between the fourth and the fifth of five"
    assert (mcp.total, mcp.mean_ms, mcp.p95_ms) == (1, None, None)


async def test_line_6_users_see_the_metrics_of_their_own_actions(client: httpx.AsyncClient, pool: assay.Pool) -> None:
    dora, eve = await sign_up(client), await sign_up(client, "eve")
    made = (await client.post("/triggers", json=trigger(), headers=dora)).json()
    await add_results(pool, UUID(made["id"]), ("rest", "success", 10))
    (metrics,) = (await client.get("/statistics/actions", headers=dora)).json()
    assert (metrics["total"], metrics["mean_ms"], metrics["p95_ms"]) == (1, 10.0, 10.0)
    assert (await client.get("/statistics/actions", headers=eve)).json() == []
    (result,) = (await client.get("/results", headers=dora)).json()["results"]
    assert (result["trigger_id"], result["status"]) == (made["id"], "success")
    assert (await client.get("/results", headers=eve)).json() == {"results": [], "next": None}
    assert (await client.get("/results", params={"status": "failed"}, headers=dora)).json()["results"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"since": "2025-01-01T00:00:00Z", "until": "2025-03-01T00:00:00Z"},
        {"since": "2025-01-02T00:00:00Z", "until": "2025-01-01T00:00:00Z"},
    ],
)
async def test_a_span_that_is_too_long_or_backwards_is_422(client: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert (await client.get("/statistics/events", params=params)).status_code == 422
