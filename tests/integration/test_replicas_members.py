"""Replicas are asked only while they are near enough, and members of a pool may go and come."""

from __future__ import annotations

import asyncio
import logging
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.replication import READ, WHERE, WRITE, Opened, Trio, answered, eventually, paused, roles, until
from tests.fixtures.surfaces import only_async

import assay
from assay import sync
from assay.config import DatabaseUrl
from assay.runtime.replicas.primary import Primary
from assay.runtime.replicas.topology import Bounds
from assay.runtime.replicas.watch import Watch

# --- lag


async def test_replica_that_is_too_far_behind_is_not_asked_until_it_has_caught_up(
    shop: Trio, proven: Path, opened: Opened
) -> None:
    async with opened(shop, proven, max_lag=0.3) as pool:
        with paused(shop.first):
            await pool.execute(WRITE, 1, "new")
            await eventually(lambda: roles(pool) == ["primary", "behind", "replica"])
            assert "the bound is max_lag = 0.3 s" in pool.members()[1].reason
            before = answered(pool)[1]
            assert [await pool.fetch_one(str, READ, 1) for _ in range(5)] == ["new"] * 5
            assert answered(pool)[1] == before
        with paused(shop.first, shop.second):
            await pool.execute(WRITE, 1, "newer")
            await eventually(lambda: roles(pool) == ["primary", "behind", "behind"])
            assert await pool.fetch_one(str, READ, 1) == "newer"
        await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])
        assert await pool.fetch_one(bool, WHERE)


async def test_bound_holds_between_two_looks(shop: Trio, proven: Path, opened: Opened) -> None:
    clock = asyncio.get_running_loop().time
    async with opened(shop, proven, max_lag=0.6, check_every=0.5) as pool:
        with paused(shop.first, shop.second):
            await pool.execute(WRITE, 1, "new")
            written = clock()
            while (started := clock()) < written + 1.3:
                found = await pool.fetch_one(str, READ, 1)
                assert found == "new" or started < written + 0.6
                await asyncio.sleep(0.01)
            assert sum(answered(pool)) > 0


async def test_of_replicas_within_the_bound_the_nearer_one_is_asked(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven) as pool:
        with paused(shop.first):
            await pool.execute(WRITE, 1, "near")
            await eventually(lambda: (pool.members()[1].lag_seconds or 0) > 0.2)
            assert roles(pool) == ["primary", "replica", "replica"]
            assert [await pool.fetch_one(str, READ, 1) for _ in range(5)] == ["near"] * 5
            assert answered(pool)[1] == 0


async def test_bound_in_bytes_of_log(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven, max_lag_bytes=10_000) as pool:
        with paused(shop.first):
            await pool.execute(WRITE, 1, "a little")
            await asyncio.sleep(0.15)
            assert roles(pool)[1] == "replica"
            await pool.execute(WRITE, 1, secrets.token_hex(20_000))
            await eventually(lambda: roles(pool)[1] == "behind")
            assert "bytes of log behind; the bound is max_lag_bytes = 10,000" in pool.members()[1].reason


# --- members that go and come


@asynccontextmanager
async def kept_busy(pool: assay.Pool) -> AsyncIterator[None]:
    """Tasks that read, and whose every read has to succeed."""
    stop = asyncio.Event()

    async def keep_reading() -> int:
        count = 0
        while not stop.is_set():
            assert await pool.fetch_one(str, READ, 1) == "one"
            count += 1
        return count

    readers = [asyncio.create_task(keep_reading()) for _ in range(5)]
    try:
        yield
    finally:
        stop.set()
        counts = await asyncio.gather(*readers, return_exceptions=True)
    assert [count for count in counts if not isinstance(count, int)] == []
    assert min(counts) > 0  # type: ignore[type-var]  # they are numbers


async def test_replica_that_is_killed_takes_no_read_with_it_and_is_used_when_it_is_back(
    shop: Trio, proven: Path, opened: Opened
) -> None:
    try:
        async with opened(shop, proven) as pool, kept_busy(pool):
            await asyncio.sleep(0.1)
            await asyncio.to_thread(shop.first.kill)
            await eventually(lambda: roles(pool) == ["primary", "unreachable", "replica"])
            await eventually(lambda: "does not answer: Cannot connect to" in pool.members()[1].reason)
            await asyncio.to_thread(shop.first.start)
            await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])
            before = answered(pool)[1]
            await eventually(lambda: answered(pool)[1] > before)
    finally:
        await asyncio.to_thread(lambda: shop.first.is_running or shop.first.start())


async def test_replica_that_hangs_takes_no_read_with_it(
    shop: Trio, proven: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    """A stopped process answers nothing and refuses nothing."""
    for module in ("replicas.member", "sync.replicas.member"):
        monkeypatch.setattr(f"assay.runtime.{module}.LOOK_TIMEOUT", 0.3)
    async with opened(shop, proven) as pool, kept_busy(pool):
        with shop.first.hanging():
            await eventually(lambda: roles(pool) == ["primary", "unreachable", "replica"])
            assert pool.members()[1].reason == "does not answer: nothing in 0.3 s"
            await eventually(lambda: pool.members()[1].passed_on > 0)
            await eventually(lambda: pool.stats().in_use <= 5)
        await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])


async def test_pool_opens_while_a_replica_is_away(
    shop: Trio, proven: Path, caplog: pytest.LogCaptureFixture, opened: Opened
) -> None:
    await asyncio.to_thread(shop.first.kill)
    try:
        async with opened(shop, proven) as pool:
            assert roles(pool) == ["primary", "unreachable", "replica"]
            assert f"{shop.first.url.place} does not answer: Cannot connect to" in caplog.text
            assert await pool.fetch_one(bool, WHERE)
            await asyncio.to_thread(shop.first.start)
            await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])
    finally:
        await asyncio.to_thread(lambda: shop.first.is_running or shop.first.start())


async def test_pool_finds_the_primary_wherever_it_stands_in_the_list(shop: Trio, proven: Path, surface: Any) -> None:
    replicas = assay.Replicas([shop.second.url, shop.primary.url], proven=proven, check_every=0.05)
    async with surface.Pool(shop.first.url, replicas=replicas) as pool:
        assert await pool.execute(WRITE, 1, "found") == 1
        assert roles(pool) == ["replica", "replica", "primary"]


async def test_pool_without_a_primary_does_not_open(shop: Trio, proven: Path, surface: Any) -> None:
    with pytest.raises(
        assay.ConnectionFailed, match=r"No member of the pool takes writes: .* is in recovery, and no primary was seen"
    ):
        await surface.Pool.open(shop.first.url, replicas=assay.Replicas([shop.second.url], proven=proven))


async def test_server_that_is_no_copy_of_the_primary_is_refused(
    shop: Trio, proven: Path, server_18: DatabaseUrl, surface: Any
) -> None:
    with pytest.raises(assay.ConfigurationError) as caught:
        await surface.Pool.open(shop.primary.url, replicas=assay.Replicas([shop.first.url, server_18], proven=proven))
    assert str(caught.value).startswith(
        f"The replica {server_18.place} is no replica of this primary: its system identifier"
    )
    assert str(caught.value).endswith("correct the URL, or make the replica anew with pg_basebackup")


async def test_server_given_twice_is_refused(shop: Trio, surface: Any) -> None:
    with pytest.raises(assay.ConfigurationError, match="is given twice among the pool's URL and its replicas"):
        surface.Pool(shop.primary.url, replicas=[shop.primary.url])


@pytest.mark.parametrize("kind", [assay.Pool, sync.Pool])
def test_empty_list_is_a_pool_without_replicas(server_18: DatabaseUrl, kind: Any) -> None:
    pool = kind(server_18, replicas=[])
    assert type(pool) is kind
    assert pool.members() == ()


@pytest.mark.parametrize(("kind", "name"), [(assay.Pool, "assay.Pool"), (sync.Pool, "assay.sync.Pool")])
def test_class_of_ones_own_is_told_that_it_gets_no_replicas(server_18: DatabaseUrl, kind: Any, name: str) -> None:
    class Mine(kind):  # type: ignore[misc]  # either
        pass

    with pytest.raises(assay.UsageError, match=f"Mine takes no replicas; give them to {name} itself"):
        Mine(server_18, replicas=[server_18])


async def test_pool_is_opened_once(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven) as pool:
        with pytest.raises(assay.PoolClosed, match="a pool is opened once"):
            await pool.__aenter__()
        assert await pool.fetch_one(bool, WHERE)
    with pytest.raises(assay.PoolClosed, match="a pool is opened once"):
        await pool.__aenter__()


async def test_closed_pool_says_so_and_leaves_no_connection(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven) as pool:
        await pool.fetch_one(bool, WHERE)
    for sql in (WHERE, "select 1"):
        with pytest.raises(assay.PoolClosed, match="is closed"):
            await pool.fetch_all(int, sql)
    count = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
    for node in shop.nodes:
        await asyncio.to_thread(until, lambda node=node: node.run(count) == "0")


async def test_limits_and_renewal_hold_for_every_member(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven, pool={"min_connections": 1, "max_connections": 4}) as pool:
        assert (pool.stats().open, pool.stats().max_connections) == (3, 12)
        pool.resize(min_connections=2, max_connections=3)
        await eventually(lambda: pool.stats().open == 6)
        assert pool.stats().max_connections == 9
        await pool.warm_up(READ)
        assert pool.stats().open == 9
        before = pool.stats().opened
        pool.drain()
        await eventually(lambda: pool.stats().opened > before)
        assert "2 of 2 replicas in use" in repr(pool)


async def test_changes_of_members_are_written_to_the_log(
    shop: Trio, proven: Path, caplog: pytest.LogCaptureFixture, opened: Opened
) -> None:
    caplog.set_level(logging.INFO, "assay.replicas")
    async with opened(shop, proven, max_lag=0.3) as pool:
        assert f"{shop.primary.url.place} is the primary" in caplog.text
        assert f"{shop.first.url.place} is a replica that answers" in caplog.text
        with paused(shop.first):
            await pool.execute(WRITE, 1, "logged")
            await eventually(lambda: roles(pool)[1] == "behind")
        warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        behind = [text for text in warnings if text.startswith(f"{shop.first.url.place} is ")]
        assert "s behind, at 0/" in behind[0]
        assert behind[0].endswith("; the bound is max_lag = 0.3 s")


async def test_nothing_is_lent_by_a_primary_that_turned_out_to_be_an_old_one(server_18: DatabaseUrl) -> None:
    async with assay.Pool(server_18) as pool:
        watch = Watch((), Bounds(None, None, None), 1.0, lambda topology: None)
        primary = Primary(pool._reserve, watch, lambda: "No member takes writes")
        primary.running = True
        session = primary.take()
        assert session is not None
        primary.give_back(session)
        primary.stop()
        assert primary.take() is None
        with pytest.raises(assay.ConnectionFailed, match="No member takes writes"):
            await primary.wait()
        primary.follow(pool._reserve)
        primary.give_back(await primary.wait())


# --- where the pool is used

FORK = """
import asyncio, os, sys
import assay

READ, URLS, PROVEN = sys.argv[1], sys.argv[2:5], sys.argv[5]


async def tell(what, attempt):
    try:
        print(what, await attempt, flush=True)
    except assay.Error as error:
        print(what, type(error).__name__, error, flush=True)


async def child(pool):
    await tell("read:", pool.fetch_one(str, READ, 1))
    await tell("write:", pool.execute("update item set value = 'child'"))
    await pool.close()


async def parent():
    replicas = assay.Replicas(URLS[1:], proven=PROVEN, check_every=0.05)
    async with assay.Pool(URLS[0], replicas=replicas) as pool:
        pid = os.fork()
        if pid == 0:
            asyncio.events._set_running_loop(None)
            asyncio.run(child(pool))
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(pid, 0)
        await asyncio.sleep(0.2)
        await tell("parent:", pool.fetch_one(str, READ, 1))
        print("parents:", [member.role.value for member in pool.members()], pool.stats().closed, flush=True)


asyncio.run(parent())
"""
FORK_OF_THREADS = """
import os, sys, time, warnings
import assay
from assay import sync

warnings.filterwarnings("ignore", message=".*use of fork")
READ, URLS, PROVEN = sys.argv[1], sys.argv[2:5], sys.argv[5]


def tell(what, attempt):
    try:
        print(what, attempt(), flush=True)
    except assay.Error as error:
        print(what, type(error).__name__, error, flush=True)


replicas = assay.Replicas(URLS[1:], proven=PROVEN, check_every=0.05)
with sync.Pool(URLS[0], replicas=replicas) as pool, pool.listen("news"):
    pid = os.fork()
    if pid == 0:
        tell("read:", lambda: pool.fetch_one(str, READ, 1))
        tell("write:", lambda: pool.execute("update item set value = 'child'"))
        pool.close()
        os._exit(0)
    os.waitpid(pid, 0)
    time.sleep(0.2)
    tell("parent:", lambda: pool.fetch_one(str, READ, 1))
    print("parents:", [member.role.value for member in pool.members()], pool.stats().closed, flush=True)
"""


@pytest.mark.parametrize("code", [pytest.param(FORK, id="async"), pytest.param(FORK_OF_THREADS, id="sync")])
def test_forked_child_is_told_to_open_its_own_and_does_not_disturb_its_parent(
    shop: Trio, proven: Path, tmp_path: Path, code: str
) -> None:
    script = tmp_path / "forking.py"
    script.write_text(code)
    urls = [node.url.reveal() for node in shop.nodes]
    command = [sys.executable, "-W", "error", str(script), READ, *urls, str(proven)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    for what in ("read", "write"):
        assert lines[what].startswith(f"PoolClosed The pool for {shop.primary.url.place} belongs to the process that")
    assert lines["parent"] == "one"
    assert lines["parents"] == "['primary', 'replica', 'replica'] 0"


@only_async
async def test_another_event_loop_is_told_to_open_its_own(shop: Trio, proven: Path, opened: Opened) -> None:
    async def use(pool: assay.Pool) -> None:
        for attempt in (pool.fetch_one(bool, WHERE), pool.execute("select 1"), pool.close()):
            with pytest.raises(assay.UsageError, match="was opened in a"):
                await attempt

    async with opened(shop, proven) as pool:
        await asyncio.to_thread(lambda: asyncio.run(use(pool)))
        assert await pool.fetch_one(bool, WHERE)
