"""Tasks cancelled at random moments lose no connection, leave no transaction, and get nobody else's result."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
import uvloop
from tests.fixtures.bouncer import Way, eventually

import assay
from assay.config import DatabaseUrl

SESSIONS = "select count(*) from pg_stat_activity where datname = current_database()"
LOCKS = "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"
IN_TRANSACTION = SESSIONS + " and state like 'idle in transaction%'"
SIZE = 5


class Fuzz:
    """Workers that do one thing after another, each cancelled after a random time."""

    def __init__(self, way: Way, pool: assay.Pool, cancellations: int, workers: int, seed: int) -> None:
        self._way = way
        self._pool = pool
        self._own_session = way.is_straight
        self._left = cancellations
        self._workers = workers
        self._random = random.Random(seed)
        self._number = 0
        self.deeds: list[Callable[[int], Awaitable[None]]] = [self._fetch, self._transaction, self._nested, self._lease]
        self.deeds += [self._stream, self._batch, self._copy]
        self.deeds += [self._listen, self._lock] if self._own_session else []
        self._listening = 0
        self._locked: set[int] = set()
        self.finished: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        """Only after a crash of PgBouncer's own, and then it is another's fault."""
        self.cancelled = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while self._left > 0:
            self._number += 1
            deed = self._random.choice(self.deeds)
            task = asyncio.ensure_future(deed(self._number))
            for _ in range(self._random.choice((1, 1, 1, 2, 3))):
                await self._pause()
                task.cancel()
            try:
                await task
                self.finished[deed.__name__] += 1
            except asyncio.CancelledError:
                self.cancelled += 1
                self._left -= 1
            except (assay.ConnectionFailed, assay.DatabaseError) as error:
                if not self._way.crashes:
                    raise
                self.failed[type(error).__name__] += 1

    async def _pause(self) -> None:
        if self._random.random() < 0.5:
            for _ in range(self._random.randrange(8)):
                await asyncio.sleep(0)
        else:
            longest = 0.006 if self._random.random() < 0.7 else 0.1
            await asyncio.sleep(self._random.random() * longest)

    async def _fetch(self, number: int) -> None:
        delay = self._random.choice((0, 0, 0.002))
        sql = "select $1::int, nullif(current_setting('my.number', true), '') from pg_sleep($2)"
        assert await self._pool.fetch_one(tuple[int, str | None], sql, number, delay) == (number, None)

    async def _transaction(self, number: int) -> None:
        async with self._pool.transaction() as tx:
            await tx.execute("insert into half values ($1)", number)
            assert await tx.fetch_one(int, "select id from half where id = $1", number) == number
            await tx.execute("insert into half values ($1)", -number)

    async def _nested(self, number: int) -> None:
        async with self._pool.transaction() as tx:
            await tx.execute("insert into half values ($1)", number)
            with contextlib.suppress(ZeroDivisionError):
                async with tx.transaction() as inner:
                    await inner.execute("insert into stray values ($1)", number)
                    raise ZeroDivisionError
            await tx.execute("insert into half values ($1)", -number)

    async def _lease(self, number: int) -> None:
        async with self._pool.acquire() as connection:
            if not self._own_session:
                assert await connection.fetch_one(int, "select $1::int", number) == number
                return
            assert await connection.fetch_one(str, "select set_config('my.number', $1, false)", str(number)) == str(
                number
            )
            assert await connection.fetch_one(str, "select current_setting('my.number')") == str(number)

    async def _stream(self, number: int) -> None:
        rows = self._pool.stream(tuple[int, int], "select $1::int, n from generate_series(1, 40) n", number, batch=9)
        expected = 0
        async with rows:
            async for own, count in rows:
                expected += 1
                assert (own, count) == (number, expected)
                if count == self._random.randrange(1, 60):
                    return
        assert expected == 40

    async def _listen(self, number: int) -> None:
        if self._listening >= 4:  # each has a connection of its own, and the server has not so many
            return
        self._listening += 1
        try:
            async with self._pool.listen(f"channel {number}") as heard:
                await self._pool.notify(f"channel {number}", str(number))
                item = await anext(heard)
                assert isinstance(item, assay.Notification)
                assert item.payload == str(number)
        finally:
            self._listening -= 1

    async def _lock(self, number: int) -> None:
        key = number % 3
        async with self._pool.advisory_lock(key) as connection:
            assert key not in self._locked
            self._locked.add(key)
            try:
                assert await connection.fetch_one(int, "select $1::int", number) == number
            finally:
                self._locked.remove(key)

    async def _batch(self, number: int) -> None:
        assert await self._pool.execute_many("insert into half values ($1)", [(number,), (-number,)]) == 2

    async def _copy(self, number: int) -> None:
        assert await self._pool.copy_in("half", [(number,), (-number,)]) == 2


async def sessions_are(pool: assay.Pool, count: int) -> bool:
    return await pool.fetch_one(int, SESSIONS) == count


async def fuzz(way: Way, cancellations: int, workers: int, seed: int) -> None:
    async with way.pool(min_connections=SIZE, max_connections=SIZE) as pool:
        await pool.execute("create table half (id int primary key); create table stray (id int)")
        fuzz = Fuzz(way, pool, cancellations, workers, seed)
        await fuzz.run()
        assert fuzz.cancelled >= cancellations
        print(f"{fuzz.cancelled} cancelled; finished: {dict(fuzz.finished)}; failed: {dict(fuzz.failed)}")
        assert len(fuzz.finished) == len(fuzz.deeds)
        async with asyncio.timeout(30):
            while (stats := pool.stats()).mending or stats.opening:
                await asyncio.sleep(0.01)
        assert (stats.in_use, stats.waiting, stats.idle) == (0, 0, stats.open)
        everybody = await asyncio.gather(
            *(pool.fetch_one(int, "select $1::int from pg_sleep(0.02)", n) for n in range(50))
        )
        assert everybody == list(range(50))
        assert await pool.fetch_all(int, "select id from half where -id not in (select id from half)") == []
        assert await pool.fetch_all(int, "select id from stray") == []
        assert stats.open == SIZE
        if way.is_straight:
            await eventually(lambda: sessions_are(pool, SIZE))
            assert await pool.fetch_one(int, LOCKS) == 0
        assert await pool.fetch_one(int, IN_TRANSACTION) == 0


@pytest.mark.parametrize("workers", [SIZE, 4 * SIZE], ids=["connections for all", "not for all"])
async def test_cancellations_leave_a_whole_pool(way: Way, workers: int) -> None:
    await fuzz(way, 2000, workers, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_very_many_cancellations_leave_a_whole_pool(way: Way) -> None:
    await fuzz(way, 100_000, 3 * SIZE, seed=random.randrange(2**32))


def test_cancellations_leave_a_whole_pool_under_uvloop(database_18: DatabaseUrl) -> None:
    uvloop.run(fuzz(Way(database_18), 1000, 3 * SIZE, seed=2))
