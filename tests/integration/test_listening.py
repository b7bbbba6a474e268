"""Notifications come as they are sent; a lost connection is opened again, and a gap says so."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fixtures.surfaces import only_async

import assay
from assay.config import DatabaseUrl
from assay.runtime import listening
from assay.runtime.listening import Gap, Listener, Notification

LISTENING = "select pid from pg_stat_activity where datname = current_database() and query like 'LISTEN%'"


@pytest.fixture
async def pool(surface: Any, cleared_18: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[assay.Pool]:
    monkeypatch.setattr(listening, "RECONNECT_DELAYS", (0.01, 0.1))
    async with surface.Pool(cleared_18, min_connections=1, max_connections=2, acquire_timeout=5) as pool:
        yield pool


async def next_of(heard: Listener) -> Notification | Gap:
    async with asyncio.timeout(10):
        return await anext(heard)


async def payloads(heard: Listener, count: int) -> list[str]:
    items = [await next_of(heard) for _ in range(count)]
    return [item.payload if isinstance(item, Notification) else item.reason for item in items]


async def cut(pool: assay.Pool) -> None:
    await pool.execute(f"select pg_terminate_backend(pid) from ({LISTENING}) listening")


async def is_left(pool: assay.Pool) -> bool:
    """Whether a connection that listens stays."""
    for _ in range(50):
        if not await pool.fetch_all(int, LISTENING):
            return False
        await asyncio.sleep(0.05)
    return True


async def test_notification_carries_channel_payload_and_sender(pool: assay.Pool) -> None:
    async with pool.listen("job", "more") as heard:
        pid = await pool.fetch_one(int, "select pg_backend_pid() from pg_notify('job', 'one')")
        await pool.notify("more")
        await pool.notify("other", "not heard")
        await pool.notify("more", "ünïcode " * 100)
        assert await next_of(heard) == Notification("job", "one", pid)
        assert [await next_of(heard) for _ in range(2)] == [
            Notification("more", "", pid),
            Notification("more", "ünïcode " * 100, pid),
        ]
    assert not await is_left(pool)


async def test_notification_goes_out_with_its_transaction(pool: assay.Pool) -> None:
    async with pool.listen("job") as heard:
        with pytest.raises(ZeroDivisionError):
            async with pool.transaction() as tx:
                await tx.notify("job", "rolled back")
                _ = 1 / 0
        async with pool.transaction() as tx:
            await tx.notify("job", "committed")
        assert await payloads(heard, 1) == ["committed"]


@pytest.mark.parametrize("channel", ['a"; drop table x; --', "UPPER case", "a.b", "ü'\\\n", "x" * 63])
async def test_name_of_a_channel_is_only_a_name(pool: assay.Pool, channel: str) -> None:
    async with pool.listen(channel) as heard:
        await pool.notify(channel, "heard")
        item = await next_of(heard)
        assert isinstance(item, Notification)
        assert item.channel == channel


@pytest.mark.parametrize(
    ("channels", "told"), [((), "no channel"), (("",), "empty"), (("x" * 64,), "64 bytes long"), (("a\0",), "NUL")]
)
async def test_what_cannot_be_a_channel_is_refused(pool: assay.Pool, channels: tuple[str, ...], told: str) -> None:
    with pytest.raises(assay.UsageError, match=told):
        pool.listen(*channels)
    with pytest.raises(assay.UsageError, match="limit takes a number of notifications from 1"):
        pool.listen("a", limit=0)


async def test_lost_connection_is_opened_again_and_told(pool: assay.Pool) -> None:
    async with pool.listen("job") as heard:
        await pool.notify("job", "before")
        assert await payloads(heard, 1) == ["before"]
        for number in range(3):
            await cut(pool)
            gap = await next_of(heard)
            assert isinstance(gap, Gap)
            assert gap.reason == "reconnected"
            assert gap.seconds > 0
            await pool.notify("job", f"after {number}")
            assert await payloads(heard, 1) == [f"after {number}"]


async def test_what_came_before_the_loss_comes_before_the_gap(pool: assay.Pool) -> None:
    async with pool.listen("job") as heard:
        await pool.notify("job", "one")
        await pool.notify("job", "two")
        await asyncio.sleep(0.1)
        await cut(pool)
        assert await payloads(heard, 3) == ["one", "two", "reconnected"]


@only_async
async def test_silent_server_is_noticed(
    pool: assay.Pool, cleared_18: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's process is stopped as if the network were gone: nothing comes, and nothing says so."""
    monkeypatch.setattr(listening, "KEEPALIVE_TIMEOUT", 0.1)
    async with pool.listen("job", keepalive=0.1) as heard:
        assert heard._driver is not None
        transport = heard._driver._transport  # type: ignore[attr-defined]
        transport.pause_reading()
        gap = await next_of(heard)
        assert isinstance(gap, Gap)
        assert gap.reason == "reconnected"
        await pool.notify("job", "after")
        assert await payloads(heard, 1) == ["after"]


@only_async
async def test_quiet_connection_stays(pool: assay.Pool) -> None:
    async with pool.listen("job", keepalive=0.02) as heard:
        before = await pool.fetch_all(
            int, "select pid from pg_stat_activity where datname = current_database() order by 1"
        )
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await anext(heard)
        now = await pool.fetch_all(
            int, "select pid from pg_stat_activity where datname = current_database() order by 1"
        )
        assert now == before


async def test_slow_consumer_is_told_how_many_it_missed(pool: assay.Pool) -> None:
    async with pool.listen("job", limit=3) as heard:
        await pool.execute("select pg_notify('job', n::text) from generate_series(1, 10) n")
        await asyncio.sleep(0.2)
        assert await payloads(heard, 3) == ["1", "2", "3"]
        assert await next_of(heard) == Gap("overflow", lost=7)
        await pool.notify("job", "later")
        assert await payloads(heard, 1) == ["later"]


@only_async
async def test_cancelled_wait_loses_nothing(pool: assay.Pool) -> None:
    async with pool.listen("job") as heard:
        got = []
        for number in range(20):
            await pool.notify("job", str(number))
            try:
                async with asyncio.timeout(0.001):
                    got.append(await anext(heard))
            except TimeoutError:
                pass
        got += [await next_of(heard) for _ in range(20 - len(got))]
        assert [item.payload for item in got if isinstance(item, Notification)] == [str(n) for n in range(20)]


async def test_close_ends_the_loop_of_another_task(pool: assay.Pool) -> None:
    heard = pool.listen("job")

    async def consume() -> int:
        return len([item async for item in heard])

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.2)
    await heard.aclose()
    await heard.aclose()
    async with asyncio.timeout(5):
        assert await task == 0
    assert not await is_left(pool)


@only_async
async def test_listener_that_nobody_refers_to_is_closed(pool: assay.Pool) -> None:
    heard = pool.listen("job")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await anext(heard)
    del heard
    gc.collect()
    assert not await is_left(pool)


async def test_first_connection_that_cannot_be_made_is_told(pool: assay.Pool, cleared_18: DatabaseUrl) -> None:
    async with await assay.connect(cleared_18) as connection:
        listener = connection.listen("job")
    async with listener as heard:
        await pool.notify("job", "on a connection of its own")
        assert await payloads(heard, 1) == ["on a connection of its own"]
    lost = assay.Pool(cleared_18.with_database("missing"), min_connections=0)
    with pytest.raises(assay.UndefinedDatabase):
        await anext(lost.listen("job"))


async def test_listener_begins_once(pool: assay.Pool) -> None:
    async with pool.listen("job") as heard:
        with pytest.raises(assay.UsageError, match="This listener has begun"):
            async with heard:
                pass
