"""Many tasks over few connections for a while: nothing leaks, waits are fair, and the numbers add up."""

from __future__ import annotations

import asyncio
import statistics
from time import perf_counter

import pytest
from prometheus_client import CollectorRegistry
from tests.fixtures.bouncer import Way

import assay
from assay.contrib.prometheus import Prometheus

TASKS = 200
SIZE = 10
FAIR = 5.0
"""How many times the median the waits' 99th percentile may be."""

lengths = pytest.mark.parametrize(
    "seconds",
    [pytest.param(3.0, id="short"), pytest.param(60.0, id="long", marks=[pytest.mark.soak, pytest.mark.timeout(0)])],
)


class Load:
    """Tasks that take a connection again and again, and note how long they waited for it."""

    def __init__(self, pool: assay.Pool) -> None:
        self.pool = pool
        self.waits: list[float] = []
        self.overtaken: list[int] = []
        """How many turns of others began while a task waited for its own; no busy machine changes that."""
        self.turns = [0] * TASKS

    async def run(self, seconds: float) -> None:
        end = perf_counter() + seconds
        async with asyncio.TaskGroup() as group:
            for task in range(TASKS):
                group.create_task(self._work(task, end))

    async def _work(self, task: int, end: float) -> None:
        while perf_counter() < end:
            started, begun = perf_counter(), len(self.waits)
            async with self.pool.acquire() as connection:
                self.waits.append(perf_counter() - started)
                self.overtaken.append(len(self.waits) - begun)
                assert await connection.fetch_one(int, "select $1::int from pg_sleep(0.001)", task) == task
            self.turns[task] += 1


@lengths
async def test_waits_are_fair_and_nothing_leaks(way: Way, seconds: float) -> None:
    registry = CollectorRegistry()
    observers = [Prometheus(registry)]
    async with way.pool(min_connections=SIZE, max_connections=SIZE, observers=observers, name="load") as pool:
        load = Load(pool)
        await load.run(seconds)
        stats = pool.stats()
        assert (stats.in_use, stats.waiting, stats.mending, stats.opening) == (0, 0, 0, 0)
        assert (stats.open, stats.idle, stats.opened, stats.closed) == (SIZE, SIZE, SIZE, 0)
        assert stats.acquired == sum(load.turns) == len(load.waits)
        assert stats.wait_seconds == pytest.approx(sum(load.waits), rel=0.1)

        labels = {"db_client_connection_pool_name": "load"}
        for time in ("wait", "use"):
            counted = registry.get_sample_value(f"db_client_connection_{time}_time_seconds_count", labels)
            assert counted == stats.acquired
        waited = registry.get_sample_value("db_client_connection_wait_time_seconds_sum", labels)
        assert waited == pytest.approx(sum(load.waits), rel=0.1)
        used = registry.get_sample_value("db_client_connection_use_time_seconds_sum", labels)
        assert used is not None
        assert used <= SIZE * seconds * 1.5

    # The first turn of each task was waited for while all of them began at once.
    waits = load.waits[TASKS:]
    p99, median = statistics.quantiles(waits, n=100)[98], statistics.median(waits)
    print(f"{stats.acquired} turns; waits: median {median * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms ({p99 / median:.2f} x)")
    assert statistics.quantiles(load.overtaken[TASKS:], n=100)[98] <= 1.5 * TASKS
    if seconds > 10:  # in less time, one pause of the machine is a hundredth of it
        assert p99 <= FAIR * median
    assert min(load.turns) >= statistics.median(load.turns) * 0.5
