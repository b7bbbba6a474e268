"""The worker as a process: it ingests, matches and acts; it ends gracefully, and a killed one loses nothing."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from backends.erc8004.ingest import add_batch
from backends.erc8004.tests.making import batch_of, event, events, grow, write_lines
from backends.erc8004.tests.processes import finished, kill_after, running
from backends.erc8004.tests.targets_made import Asked, Reply, Target, serving
from backends.erc8004.tests.triggers_made import make_trigger

import assay
from assay.config import DatabaseUrl

PRIVATE = {"ALLOW_PRIVATE_TARGETS": "true"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture
def target() -> Iterator[Target]:
    with serving() as started:
        yield started


async def test_a_worker_reads_a_file_matches_its_events_and_acts(
    pool: assay.Pool, catalog: asyncpg.Connection, migrated: DatabaseUrl, file: Path, target: Target
) -> None:
    await make_trigger(pool, ("field", "score", "<", "10"), actions=(("rest", {"url": target.url}),))
    write_lines(file, events(60))
    async with running(migrated, "--events", file, "--once", **PRIVATE) as worker:
        code, said = await finished(worker)
    assert code == 0, said
    assert sorted(asked.body["event"]["score"] for asked in target.asked) == [1, 4, 7]
    assert await catalog.fetchval("select count(*) from action_results where status = 'success'") == 3
    lines = [json.loads(line) for line in said.splitlines()]
    assert {line["level"] for line in lines} == {"info"}
    assert any(line.get("added") == 60 for line in lines)


async def test_a_worker_follows_its_file_and_ends_gracefully_at_sigterm(
    pool: assay.Pool, catalog: asyncpg.Connection, migrated: DatabaseUrl, file: Path, target: Target
) -> None:
    await make_trigger(pool, actions=(("rest", {"url": target.url}),))
    write_lines(file, events(4))
    async with running(migrated, "--events", file, **PRIVATE) as worker:
        await until(catalog, "select count(*) = 1 from action_results")
        write_lines(file, events(12))
        await until(catalog, "select count(*) = 4 from action_results")
        worker.send_signal(signal.SIGTERM)
        code, said = await finished(worker)
    assert code == 0, said
    assert json.loads(said.splitlines()[-1])["message"] == "the worker has ended"
    assert await catalog.fetchval("select count(*) from action_jobs") == 0


async def test_sigterm_lets_an_action_that_has_begun_finish(
    pool: assay.Pool, catalog: asyncpg.Connection, migrated: DatabaseUrl, file: Path, target: Target
) -> None:
    await make_trigger(pool, actions=(("rest", {"url": target.url}),))
    write_lines(file, [event(1)])
    async with running(migrated, "--events", file, **PRIVATE) as worker:

        def answer(_: Asked) -> Reply:
            worker.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            return Reply()

        target.answer = answer
        code, said = await finished(worker)
    assert code == 0, said
    assert [row[0] for row in await catalog.fetch("select status from action_results")] == ["success"]


async def until(catalog: asyncpg.Connection, true: str, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await catalog.fetchval(true):  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.02)


async def test_a_worker_creates_chunks_ahead_and_drops_old_ones(
    pool: assay.Pool, catalog: asyncpg.Connection, migrated: DatabaseUrl, file: Path
) -> None:
    async with running(migrated, "--once") as worker:
        code, said = await finished(worker)
    assert code == 0, said
    if not await catalog.fetchval("select event_chunks_are_native()"):
        return
    ahead = await catalog.fetchval("select ensure_event_chunks(now(), now() + interval '28 days')")
    assert ahead == 0, "they were there already"
    await add_batch(pool, batch_of(events(4)))
    write_lines(file, events(4))
    async with running(migrated, "--events", file, RETENTION_DAYS="30") as worker:
        await until(catalog, "select count(*) = 0 from events")
        await until(catalog, "select count(*) = 1 from checkpoints where last_block_number = 1000")
        worker.send_signal(signal.SIGTERM)
        assert (await finished(worker))[0] == 0
    assert await catalog.fetchval("select count(*) from events") == 0, "reading them again does not bring them back"


async def crash(url: DatabaseUrl, catalog: asyncpg.Connection, file: Path, count: int, kills: int) -> None:
    """Kill workers at random moments of reading a file; then let one finish, and look at what there is."""
    write_lines(file, events(count))
    dice = random.Random(kills)
    struck = 0
    while struck < kills:
        async with running(url, "--events", file, "--once", LOG_LEVEL="warning") as worker:
            await until(catalog, BEGUN)
            if not await kill_after(worker, dice.uniform(0, 0.15)):
                break
            struck += 1
    assert struck == kills, "the file was read before all had been killed; make it longer"
    async with running(url, "--events", file, "--once") as worker:
        code, said = await finished(worker, 900)
    assert code == 0, said
    found = await catalog.fetch("select transaction_hash, log_index from events order by id")
    assert [tuple(row) for row in found] == [(one.transaction_hash, one.log_index) for one in events(count)]
    last = await catalog.fetchval("select last_block_number from checkpoints")
    assert last == event(count - 1).block_number


OTHERS = "pid <> pg_backend_pid() and state <> 'idle'"
BEGUN = """
    select count(*) > 0 from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and query like 'COPY%'
"""


async def test_line_3_workers_killed_at_random_points_lose_and_repeat_nothing(
    catalog: asyncpg.Connection, migrated: DatabaseUrl, file: Path
) -> None:
    await crash(migrated, catalog, file, count=20_000, kills=2)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_line_3_workers_killed_at_twenty_random_points_lose_and_repeat_nothing(
    catalog: asyncpg.Connection, migrated: DatabaseUrl, file: Path
) -> None:
    await crash(migrated, catalog, file, count=300_000, kills=20)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_line_5_four_killed_and_running_workers_fire_each_trigger_once_for_each_event(
    pool: assay.Pool, catalog: asyncpg.Connection, migrated: DatabaseUrl, file: Path, target: Target
) -> None:
    """A counter that crashes and rivals could make jump or stand: in the end it is the number of events."""
    await make_trigger(pool, ("count", "events", ">", "0"), actions=(("rest", {"url": target.url}),))
    write_lines(file, events(300))
    async with running(migrated, "--events", file, **PRIVATE) as first:
        await until(catalog, "select count(*) > 5 from action_results")
        first.kill()
        await first.wait()
    await until(catalog, "select count(*) = 0 from pg_stat_activity where datname = current_database() and " + OTHERS)
    await catalog.execute("update action_jobs set due_at = now()")  # the leases of the one that was killed
    async with (
        running(migrated, "--events", file, **PRIVATE),
        running(migrated, **PRIVATE),
        running(migrated, **PRIVATE),
        running(migrated, **PRIVATE),
    ):
        await until(catalog, "select count(*) = 100 from action_results where status = 'success'", 60)
    seen = await catalog.fetchval("select jsonb_path_query_first(state_data, '$.*.seen')::int from trigger_state")
    assert seen == 100
    assert await catalog.fetchval("select count(distinct job_id) from action_results") == 100
    jobs = {asked.headers["idempotency-key"] for asked in target.asked}
    assert len(jobs) == 100, "an action may be done twice by a killed worker; its key says so"


async def test_line_9_a_bad_line_ends_the_worker_with_its_place(
    pool: assay.Pool, migrated: DatabaseUrl, file: Path
) -> None:
    grow(file, "nonsense\n")
    async with running(migrated, "--events", file) as worker:
        code, said = await finished(worker)
    assert code == 2
    assert f"{file}:1: this is no event" in said
    assert "Traceback" not in said
