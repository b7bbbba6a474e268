"""A thread whose server says nothing any more ends soon after its statement_timeout, where it has one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import pytest
from tests.fixtures.bouncer import eventually
from tests.fixtures.faultproxy import FaultProxy, fault_proxy
from tests.fixtures.surfaces import SyncSurface

import assay
from assay.config import DatabaseUrl

SILENCE = "the server has said nothing for"


@pytest.fixture
async def line(database_18: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[FaultProxy, Any]]:
    """A proxy, and what makes a pool of one connection behind it."""
    monkeypatch.setattr("assay.runtime.sync.patience.GRACE", 0.4)
    async with fault_proxy(database_18) as (proxy, url):
        yield proxy, lambda **options: SyncSurface.Pool(url, min_connections=1, max_connections=1, **options)


async def test_statement_whose_answer_does_not_come_fails_after_its_timeout(line: tuple[FaultProxy, Any]) -> None:
    proxy, make_pool = line
    async with make_pool(server_settings={"statement_timeout": "200ms"}) as pool:
        proxy.swallow()
        started = perf_counter()
        with pytest.raises(assay.ConnectionLost, match=rf"{SILENCE} 0\.6 s, longer than its statement_timeout"):
            await pool.fetch_one(int, "select 1")
        assert perf_counter() - started < 3
        proxy.let_through()
        assert await pool.fetch_one(int, "select 1") == 1
        await eventually(lambda: pool.stats().idle == 1)


async def test_timeout_of_a_block_counts_for_the_block_alone(line: tuple[FaultProxy, Any]) -> None:
    proxy, make_pool = line
    async with make_pool() as pool:
        async with pool.transaction(statement_timeout=0.2) as tx:
            await tx.execute("select 1")
        assert await pool.fetch_one(int, "select 1 from pg_sleep(0.8)") == 1
        with pytest.raises(assay.ConnectionLost, match=SILENCE):
            async with pool.transaction(statement_timeout=0.2) as tx:
                proxy.swallow()
                await tx.execute("select 1")
        proxy.let_through()


async def test_commit_whose_end_is_not_known_says_so(line: tuple[FaultProxy, Any]) -> None:
    proxy, make_pool = line
    async with make_pool() as pool:
        with pytest.raises(
            assay.ConnectionLost, match="during COMMIT: whether the transaction took effect is not known"
        ):
            async with pool.transaction(statement_timeout=0.2) as tx:
                await tx.execute("select 1")
                proxy.swallow()
        proxy.let_through()


@pytest.mark.parametrize("setting", ["set local statement_timeout = '5s'", "set statement_timeout = '5s'"])
async def test_statement_that_was_given_more_time_has_it(line: tuple[FaultProxy, Any], setting: Any) -> None:
    _, make_pool = line
    async with make_pool(server_settings={"statement_timeout": "200ms"}) as pool:
        async with pool.transaction() as tx:
            await tx.execute(setting)
            assert await tx.fetch_one(int, "select 1 from pg_sleep(0.8)") == 1
        with pytest.raises(assay.QueryCanceled):
            await pool.execute("select pg_sleep(5)")
