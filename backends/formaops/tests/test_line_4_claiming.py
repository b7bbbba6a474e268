"""Line 4: workers take the next execution by priority, then age, and each runs once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest
from backends.formaops.models import Claimed, Priority
from backends.formaops.options import HERE
from backends.formaops.queries import executions
from backends.formaops.running import Answer, ModelError, run, stand_in
from backends.formaops.tests.conftest import options_for
from backends.formaops.worker import lane, work

import assay
from assay.config import DatabaseUrl


async def ask(pool: assay.Executor, prompt: UUID, priorities: Sequence[Priority]) -> list[UUID]:
    """Executions that wait, in the order in which they came."""
    user = await pool.fetch_one(UUID, "select id from users")
    return [
        (
            await executions.add(
                pool, user_id=user, prompt_id=prompt, inputs={"word": "hi"}, context=None, priority=priority
            )
        ).id
        for priority in priorities
    ]


async def test_line_4_the_most_urgent_comes_first_and_of_those_the_oldest(pool: assay.Pool, prompt_id: UUID) -> None:
    low, normal, critical, high, normal_2 = await ask(
        pool, prompt_id, [Priority.LOW, Priority.NORMAL, Priority.CRITICAL, Priority.HIGH, Priority.NORMAL]
    )
    taken = [await executions.claim(pool) for _ in range(6)]
    assert [one.id if one else None for one in taken] == [critical, high, normal, normal_2, low, None]


async def test_line_4_what_another_worker_is_taking_is_passed_over(pool: assay.Pool, prompt_id: UUID) -> None:
    first, second = await ask(pool, prompt_id, [Priority.NORMAL] * 2)
    async with pool.transaction() as one, pool.transaction() as two:
        taken = [await executions.claim(one), await executions.claim(two)]
        assert [each.id if each else None for each in taken] == [first, second]
        async with asyncio.timeout(10):
            assert await executions.claim(pool) is None


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.soak)])
async def test_line_4_four_workers_run_each_execution_exactly_once(
    migrated: DatabaseUrl, pool: assay.Pool, prompt_id: UUID, count: int
) -> None:
    await ask(pool, prompt_id, [list(Priority)[n % 4] for n in range(count)])
    runs: Counter[str] = Counter()
    stop = asyncio.Event()

    async def model(prompt: str) -> Answer:
        runs[prompt] += 1
        if sum(runs.values()) == count:
            stop.set()
        await asyncio.sleep(0)
        return await stand_in(prompt)

    options = options_for(migrated)
    pools = [await assay.Pool.open(migrated, max_connections=3) for _ in range(4)]
    try:
        async with asyncio.timeout(240):
            done = await asyncio.gather(*(lane(each, model, options, stop) for each in pools))
    finally:
        for each in pools:
            await each.close()
    assert sum(done) == count == sum(runs.values())
    assert await pool.fetch_one(int, "select count(*) from executions where status = 'COMPLETED'") == count
    logs = "select count(*) from execution_logs where message = 'completed'"
    assert await pool.fetch_one(int, logs) == count


async def test_line_4_a_run_that_fails_is_noted_with_its_reason(pool: assay.Pool, prompt_id: UUID) -> None:
    async def model(prompt: str) -> Answer:
        raise ModelError("the model did not answer: ConnectError")

    await ask(pool, prompt_id, [Priority.NORMAL])
    assert await run(pool, model, await take(pool), 5)
    assert await states(pool) == ["FAILED"]
    assert await pool.fetch_all(str, "select message from execution_logs") == ["the model did not answer: ConnectError"]


async def test_line_4_a_model_that_takes_too_long_fails_the_run(pool: assay.Pool, prompt_id: UUID) -> None:
    async def model(prompt: str) -> Answer:
        await asyncio.sleep(60)
        return await stand_in(prompt)

    await ask(pool, prompt_id, [Priority.NORMAL])
    assert await run(pool, model, await take(pool), 0.05)
    assert await states(pool) == ["FAILED"]


async def test_line_4_what_a_killed_worker_had_in_hand_is_given_back_and_its_late_word_is_not_heard(
    pool: assay.Pool, prompt_id: UUID
) -> None:
    await ask(pool, prompt_id, [Priority.NORMAL])
    lost = await take(pool)
    assert await executions.give_back_abandoned(pool, timedelta(minutes=1)) == 0
    assert await executions.give_back_abandoned(pool, timedelta(0)) == 1
    again = await take(pool)
    assert again.id == lost.id
    assert not await run(pool, stand_in, lost, 5), "it is not its run any more"
    assert await states(pool) == ["RUNNING"]
    assert await run(pool, stand_in, again, 5)


async def test_line_4_a_run_that_is_cancelled_is_given_back(pool: assay.Pool, prompt_id: UUID) -> None:
    begun = asyncio.Event()

    async def model(prompt: str) -> Answer:
        begun.set()
        await asyncio.sleep(60)
        return await stand_in(prompt)

    await ask(pool, prompt_id, [Priority.NORMAL])
    task = asyncio.create_task(run(pool, model, await take(pool), 60))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        while await states(pool) != ["PENDING"]:  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.02)


async def take(pool: assay.Pool) -> Claimed:
    claimed = await executions.claim(pool)
    assert claimed is not None
    return claimed


async def states(pool: assay.Pool) -> list[str]:
    return await pool.fetch_all(str, "select status::text from executions order by created_at")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
async def test_line_4_the_worker_finishes_what_it_has_in_hand_when_it_is_told_to_stop(
    migrated: DatabaseUrl,
    pool: assay.Pool,
    prompt_id: UUID,
    sent: signal.Signals,
    unanswered: tuple[str, asyncio.Event],
) -> None:
    """Its model answers only after the signal."""
    url, asked = unanswered
    await ask(pool, prompt_id, [Priority.NORMAL] * 8)
    environ = {
        **os.environ,
        "DATABASE_URL": migrated.reveal(),
        "MODEL_URL": url,
        "WORKERS": "2",
        "POLL_SECONDS": "0.05",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "backends.formaops.worker",
        cwd=HERE.parents[1],
        env=environ,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            await asked.wait()
            process.send_signal(sent)
            _, log = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    assert b"Traceback" not in log
    assert b'"message":"stopped"' in log
    found = Counter(await states(pool))
    assert found["RUNNING"] == 0
    assert found["COMPLETED"] in (1, 2)
    assert found["PENDING"] == 8 - found["COMPLETED"]


@pytest.fixture
async def unanswered() -> object:
    """The URL of a model that takes half a second, and what happens when it is asked."""
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await asyncio.sleep(0.5)
        body = b'{"output": "hi", "input_tokens": 2, "output_tokens": 1}'
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        )
        writer.write(head.encode() + b"\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/run", asked


async def test_line_4_the_worker_outlives_its_database_s_connections(
    migrated: DatabaseUrl, pool: assay.Pool, prompt_id: UUID, catalog: asyncpg.Connection
) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(work(options_for(migrated), stop))
    await ask(pool, prompt_id, [Priority.NORMAL] * 3)
    await until_completed(catalog, 3)
    await catalog.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
    )
    async with assay.Pool(migrated, min_connections=1) as other:
        await ask(other, prompt_id, [Priority.NORMAL] * 3)
    await until_completed(catalog, 6)
    stop.set()
    async with asyncio.timeout(10):
        assert await task >= 3


async def until_completed(catalog: asyncpg.Connection, count: int) -> None:
    async with asyncio.timeout(30):
        while await catalog.fetchval("select count(*) from executions where status = 'COMPLETED'") < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_line_4_an_execution_can_be_cancelled_until_it_is_over(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    from backends.formaops.tests.conftest import made, make_prompt

    path = await make_prompt(client)
    one = await made(client, f"{path}/executions", {"inputs": {"code": "x"}})
    cancelled = await client.post(f"/executions/{one['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "CANCELLED")
    again = await client.post(f"/executions/{one['id']}/cancel")
    assert (again.status_code, again.json()) == (409, {"detail": "the execution is CANCELLED already"})
