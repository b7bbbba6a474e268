"""Whatever happens to connections and server, no acknowledged write is lost, none is applied twice, every task or
thread ends with a result or a clear error in its time, and the pool is whole again soon after."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import pytest
from tests.fixtures.bouncer import eventually, hold
from tests.fixtures.faultproxy import FaultProxy, fault_proxy
from tests.fixtures.servers import running_in
from tests.fixtures.surfaces import only_async

import assay
from assay import sync
from assay.config import DatabaseUrl
from assay.server import Server

TASKS = 200
THREADS = 60
SIZE = 10
TIMEOUT = 2.0
"""Seconds that a task gives each write."""
WHOLE_AFTER = 5.0
LATE_TWICE = 2
"""A write that is cancelled waits for two alarms at the most: that of its timeout, and that of its rollback."""

soak = pytest.mark.soak
lengths = pytest.mark.parametrize(
    "seconds", [pytest.param(1.5, id="short"), pytest.param(30.0, id="long", marks=[soak, pytest.mark.timeout(0)])]
)


@dataclass
class Ledger:
    """Who writes, and remembers what was acknowledged."""

    pool: Any
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    acknowledged: set[tuple[int, int]] = field(default_factory=set)
    failures: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    stopping: bool = False
    latest = TIMEOUT + 1.0
    """Seconds after which a write must have ended: a cancelled block waits for its rollback for half of one."""
    lag: float = 0.0
    """Seconds that the event loop itself came late, at the most, as it does on a busy machine."""

    async def work(self) -> None:
        """Write until they are stopped."""
        raise NotImplementedError

    def ended(self, started: float, error: Exception | None, row: tuple[int, int]) -> None:
        """Remember how a write ended."""
        if error is None:
            self.acknowledged.add(row)
        else:
            self.failures[type(error).__name__] += 1
        self.longest = max(self.longest, perf_counter() - started)

    async def check(self, outside: assay.Executor) -> None:
        """What is in the table is what ought to be there."""
        rows = Counter(await outside.fetch_all(tuple[int, int], "select task, number from entry"))
        twice = [row for row, count in rows.items() if count > 1]
        assert twice == []
        assert [row for row in self.acknowledged if row not in rows] == []
        assert [(task, number) for task, number in rows if (task, -number) not in rows] == []
        assert self.acknowledged
        print(
            f"{len(self.acknowledged)} writes acknowledged, {dict(self.failures)} failed; the longest took "
            f"{self.longest:.2f} s, the event loop was late by {self.lag:.2f} s"
        )
        assert self.longest < self.latest + LATE_TWICE * self.lag


class Tasks(Ledger):
    """Tasks, each of which gives a write so many seconds."""

    async def work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick())
            for task in range(TASKS):
                group.create_task(self._write_on(task))

    async def _tick(self) -> None:
        while not self.stopping:
            started = perf_counter()
            await asyncio.sleep(0.05)
            self.lag = max(self.lag, perf_counter() - started - 0.05)

    async def _write_on(self, task: int) -> None:
        number = 0
        while not self.stopping:
            number += 1
            write = self._in_one if self.chance.random() < 0.6 else self._in_two
            started, failure = perf_counter(), None
            try:
                async with asyncio.timeout(TIMEOUT):
                    await write(task, number)
            except (assay.Error, TimeoutError) as error:
                failure = error
            self.ended(started, failure, (task, number))
            if failure:
                await asyncio.sleep(0.02)

    async def _in_one(self, task: int, number: int) -> None:
        await self.pool.execute(IN_ONE, task, number)

    async def _in_two(self, task: int, number: int) -> None:
        async with self.pool.transaction() as tx:
            await tx.execute(ONE, task, number)
            await tx.execute(OTHER, task, number)


class Threads(Ledger):
    """Threads, whose time is that of the pool: to wait for a connection, and for each statement."""

    latest = TIMEOUT * 3 + 3.0

    async def work(self) -> None:
        writers = [threading.Thread(target=self._write_on, args=(thread,)) for thread in range(THREADS)]
        for writer in writers:
            writer.start()
        try:
            while any(writer.is_alive() for writer in writers):
                await asyncio.sleep(0.02)
        finally:
            self.stopping = True

    def _write_on(self, thread: int) -> None:
        pool: sync.Pool = self.pool.inner
        number = 0
        while not self.stopping:
            number += 1
            write = self._in_one if self.chance.random() < 0.6 else self._in_two
            started, failure = perf_counter(), None
            try:
                write(pool, thread, number)
            except Exception as error:  # one that is no Error of Assay's is found by its name
                failure = error
            self.ended(started, failure, (thread, number))
            if failure:
                time.sleep(0.02)

    def _in_one(self, pool: sync.Pool, thread: int, number: int) -> None:
        pool.execute(IN_ONE, thread, number)

    def _in_two(self, pool: sync.Pool, thread: int, number: int) -> None:
        with pool.transaction() as tx:
            tx.execute(ONE, thread, number)
            tx.execute(OTHER, thread, number)


ONE: Final = "insert into entry values ($1, $2)"
OTHER: Final = "insert into entry values ($1, -$2::int)"
IN_ONE: Final = "insert into entry values ($1, $2), ($1, -$2::int)"
SCHEMA = "create table entry (task int not null, number int not null)"


@asynccontextmanager
async def under_load(
    pool: Any, url: DatabaseUrl, mends: Callable[[], Awaitable[Any]] | None = None
) -> AsyncIterator[Ledger]:
    """Run the tasks while the block does harm; then heal, look whether the pool is whole, and check the ledger."""
    await pool.execute(SCHEMA)
    ledger = Tasks(pool) if isinstance(pool, assay.Pool) else Threads(pool)
    work = asyncio.create_task(ledger.work())
    try:
        await asyncio.sleep(0.2)
        yield ledger
        if mends is not None:
            await mends()
        ledger.stopping = True
        async with asyncio.timeout(ledger.latest * 2):
            await work
        await whole(pool)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    async with await assay.connect(url) as outside:
        await ledger.check(outside)


async def whole(pool: assay.Pool) -> None:
    """Every connection can be had, nothing is pending, all within the time allowed."""
    async with asyncio.timeout(WHOLE_AFTER):
        await eventually(lambda: pool.stats().open >= pool.stats().min_connections)
        async with await hold(pool, pool.stats().max_connections):
            pass
        await eventually(lambda: pool.stats().idle == pool.stats().open >= pool.stats().min_connections)
    stats = pool.stats()
    assert (stats.in_use, stats.mending, stats.opening, stats.waiting) == (0, 0, 0, 0)
    assert stats.opened - stats.closed == stats.open


def in_time(surface: Any) -> dict[str, Any]:
    """Options by which a thread does not wait longer than a task may take."""
    if surface.name == "async":
        return {}
    return {"acquire_timeout": TIMEOUT, "server_settings": {"statement_timeout": f"{TIMEOUT}s"}}


CLEAR = {"ConnectionLost", "ConnectionFailed", "OperatorIntervention"}
"""What a write may fail with when connections break, and below, when something takes too long."""
LATE = {"TimeoutError"}, {"PoolTimeout", "QueryCanceled"}


def all_clear(ledger: Ledger) -> bool:
    late = LATE[isinstance(ledger, Threads)]
    return {*ledger.failures} <= CLEAR | late


@pytest.fixture
async def proxied(surface: Any, database_18: DatabaseUrl) -> AsyncIterator[tuple[FaultProxy, assay.Pool]]:
    async with (
        fault_proxy(database_18) as (proxy, url),
        surface.Pool(url, min_connections=SIZE, max_connections=SIZE, **in_time(surface)) as pool,
    ):
        yield proxy, pool


# --- the network


@lengths
@pytest.mark.parametrize("fault", ["cut", "half_close"])
async def test_connections_are_broken_in_the_middle(
    proxied: tuple[FaultProxy, assay.Pool], database_18: DatabaseUrl, fault: str, seconds: float
) -> None:
    proxy, pool = proxied
    chance = random.Random(1)
    async with under_load(pool, database_18) as ledger:
        for _ in range(int(seconds / 0.1)):
            await asyncio.sleep(0.1)
            for link in proxy.some(0.3, chance):
                getattr(link, fault)()
    assert ledger.failures["ConnectionLost"] > 0
    assert all_clear(ledger)


@lengths
async def test_network_is_gone_and_comes_back(
    proxied: tuple[FaultProxy, assay.Pool], database_18: DatabaseUrl, seconds: float
) -> None:
    proxy, pool = proxied
    async with under_load(pool, database_18) as ledger:
        for _ in range(max(1, int(seconds / 6))):
            proxy.swallow()
            await asyncio.sleep(2.5)
            proxy.let_through()
            await asyncio.sleep(1)
    assert sum(ledger.failures.values()) > 0
    assert all_clear(ledger)


@only_async
async def test_cancelled_block_does_not_wait_for_long_where_the_network_is_gone(
    proxied: tuple[FaultProxy, assay.Pool], database_18: DatabaseUrl
) -> None:
    proxy, pool = proxied
    await pool.execute(SCHEMA)
    started = perf_counter()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), pool.transaction() as tx:
            await tx.execute("insert into entry values (1, 1)")
            proxy.swallow()
            await tx.execute("insert into entry values (1, 2)")
    assert perf_counter() - started < 0.2 + 1
    proxy.let_through()
    await whole(pool)
    assert await pool.fetch_all(int, "select number from entry") == []


@lengths
async def test_network_is_slow_and_breaks(
    proxied: tuple[FaultProxy, assay.Pool], database_18: DatabaseUrl, seconds: float
) -> None:
    proxy, pool = proxied
    chance = random.Random(2)

    async def heal() -> None:
        proxy.delay = 0.0

    async with under_load(pool, database_18, heal):
        for _ in range(int(seconds / 0.3)):
            proxy.delay = chance.choice((0.0, 0.005, 0.05))
            await asyncio.sleep(0.3)
            for link in proxy.some(0.1, chance):
                link.cut()


async def test_outage_is_waited_out_when_it_is_short(proxied: tuple[FaultProxy, assay.Pool]) -> None:
    proxy, pool = proxied
    proxy.refuses = True
    for link in [*proxy.links]:
        link.cut()
    await eventually(lambda: pool.stats().open == 0)
    waiting = [asyncio.create_task(pool.fetch_one(int, "select $1::int", n)) for n in range(30)]
    await asyncio.sleep(0.5)
    assert pool.stats().failed < SIZE + 10  # all at once when they were lost, and then one by one
    assert pool.stats().opening <= 1
    proxy.refuses = False
    assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == list(range(30))
    await whole(pool)


async def test_outage_that_lasts_is_told_at_once_until_it_ends(
    proxied: tuple[FaultProxy, assay.Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.runtime.openings.PATIENCE", 0.2)
    proxy, pool = proxied
    proxy.refuses = True
    for link in [*proxy.links]:
        link.cut()
    await eventually(lambda: pool.stats().open == 0)
    first = await asyncio.gather(*(pool.execute("select 1") for _ in range(5)), return_exceptions=True)
    assert {type(failure) for failure in first} == {assay.ConnectionFailed}
    assert len({id(failure) for failure in first}) == 5
    before = pool.stats().failed
    async with asyncio.timeout(1):
        for _ in range(100):
            with pytest.raises(assay.ConnectionFailed, match="Cannot connect to"):
                await pool.execute("select 1")
    assert pool.stats().failed - before < 10
    proxy.refuses = False
    await whole(pool)
    await pool.check()


async def test_pool_without_a_minimum_finds_the_end_of_an_outage_too(
    surface: Any, database_18: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.runtime.openings.PATIENCE", 0.1)
    async with (
        fault_proxy(database_18) as (proxy, url),
        surface.Pool(url, min_connections=0, max_connections=2) as pool,
    ):
        proxy.refuses = True
        for link in [*proxy.links]:
            link.cut()
        await eventually(lambda: pool.stats().open == 0)
        with pytest.raises(assay.ConnectionFailed):
            await pool.execute("select 1")
        proxy.refuses = False

        async def answers() -> bool:
            try:
                return await pool.fetch_one(int, "select 1") == 1
            except assay.ConnectionFailed:
                return False

        await eventually(answers, WHOLE_AFTER)


async def test_connections_lost_while_idle_are_replaced_without_being_asked_for(
    proxied: tuple[FaultProxy, assay.Pool],
) -> None:
    proxy, pool = proxied
    for link in [*proxy.links]:
        link.cut()
    await eventually(lambda: pool.stats().closed == SIZE and pool.stats().idle == SIZE, WHOLE_AFTER)


# --- the server


@lengths
async def test_random_backends_are_terminated(surface: Any, database_18: DatabaseUrl, seconds: float) -> None:
    victims = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and random() < 0.2"
    async with (
        surface.Pool(database_18, min_connections=SIZE, max_connections=SIZE, **in_time(surface)) as pool,
        await assay.connect(database_18) as killer,
        under_load(pool, database_18) as ledger,
    ):
        for _ in range(int(seconds / 0.1)):
            await asyncio.sleep(0.1)
            await killer.execute(victims)
    assert sum(ledger.failures.values()) > 0
    assert all_clear(ledger)


@lengths
async def test_server_is_killed_and_comes_back(surface: Any, home: Path, seconds: float) -> None:
    server = Server.locate("18", home=home)
    url = await asyncio.to_thread(server.ensure_running)

    async def kill() -> None:
        for pid in await asyncio.to_thread(running_in, home):
            os.kill(pid, signal.SIGKILL)

    async def restart() -> None:
        await asyncio.to_thread(server.ensure_running)

    # The embedded server, which is for development, does not wait for the disk unless it is asked to.
    options = in_time(surface)
    options["server_settings"] = {"synchronous_commit": "on", **options.get("server_settings", {})}
    async with (
        surface.Pool(url, min_connections=SIZE, max_connections=SIZE, **options) as pool,
        under_load(pool, url) as ledger,
    ):
        for _ in range(max(1, int(seconds / 5))):
            await kill()
            await asyncio.sleep(0.3)
            await restart()
            await whole_under_load(pool)
    assert {"ConnectionLost", "OperatorIntervention"} & {*ledger.failures}
    assert all_clear(ledger)


async def whole_under_load(pool: assay.Pool) -> None:
    """All connections are open again within the time allowed, while tasks use them."""
    await eventually(lambda: pool.stats().open == SIZE, WHOLE_AFTER)
    async with asyncio.timeout(WHOLE_AFTER):
        assert await pool.fetch_one(int, "select 1") == 1


@pytest.fixture
async def scarce(database_18: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """The database as a role that may have three connections."""
    role = f"role_{database_18.database}"
    async with await assay.connect(database_18) as admin:
        run: Any = admin.execute
        await run(f'create role "{role}" login connection limit 3; grant all on schema public to "{role}"')
        yield replace(database_18, user=role)
        await eventually(lambda: nobody(admin, role))
        await run(f'drop owned by "{role}"; drop role "{role}"')


async def nobody(admin: assay.Connection, role: str) -> bool:
    return await admin.fetch_one(int, "select count(*) from pg_stat_activity where usename = $1", role) == 0


async def test_server_with_fewer_connections_than_the_pool_serves_all(surface: Any, scarce: DatabaseUrl) -> None:
    async with surface.Pool(scarce, min_connections=1, max_connections=SIZE) as pool:
        results = await asyncio.gather(
            *(pool.fetch_one(int, "select $1::int from pg_sleep(0.002)", n) for n in range(TASKS))
        )
        assert results == list(range(TASKS))
        assert pool.stats().opened == 3
        assert pool.stats().failed < 20


async def test_server_without_any_connection_to_spare_is_waited_for(surface: Any, scarce: DatabaseUrl) -> None:
    async with surface.Pool(scarce, min_connections=0, max_connections=SIZE) as pool:
        pool.drain()
        others = [await assay.connect(scarce) for _ in range(3)]
        waiting = [asyncio.create_task(pool.fetch_one(int, "select $1::int", n)) for n in range(20)]
        await asyncio.sleep(0.2)
        for other in others:
            await other.close()
        assert await asyncio.wait_for(asyncio.gather(*waiting), WHOLE_AFTER) == list(range(20))
