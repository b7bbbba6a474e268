"""The table of events: append-only, in chunks of seven days, each event once, and announced."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from backends.erc8004.ingest import Batch, add_batch
from backends.erc8004.queries import checkpoints
from backends.erc8004.queries import events as stored
from backends.erc8004.tests.making import MONDAY, batch_of, event, events

import assay
from assay.config import DatabaseUrl

CHUNKS = """
    select relname::text, pg_get_expr(relpartbound, pg_class.oid)
    from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = 'events'::regclass order by 1
"""
WEEK = timedelta(days=7)
DAY = 86_400


async def count(catalog: asyncpg.Connection) -> int:
    return int(await catalog.fetchval("select count(*) from events"))


@pytest.fixture
async def native(catalog: asyncpg.Connection) -> None:
    """Skips where TimescaleDB manages the chunks."""
    if not await catalog.fetchval("select event_chunks_are_native()"):
        pytest.skip("TimescaleDB manages the chunks here")


CHANGES = ["update {} set tag = 'x'", "delete from {}", "truncate {}"]


@pytest.mark.parametrize("change", CHANGES)
async def test_events_are_append_only(pool: assay.Pool, catalog: asyncpg.Connection, change: str) -> None:
    await add_batch(pool, batch_of(events(4)))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"events are append-only: \w+ is refused"):
        await catalog.execute(change.format("events"))
    assert await count(catalog) == 4


@pytest.mark.parametrize("change", CHANGES)
async def test_a_chunk_is_append_only_too(
    pool: assay.Pool, catalog: asyncpg.Connection, native: None, change: str
) -> None:
    await add_batch(pool, batch_of(events(4)))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await catalog.execute(change.format("events_20250116"))
    assert await count(catalog) == 4


async def test_an_event_that_conflicts_cannot_be_overwritten_by_an_upsert(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    await add_batch(pool, batch_of(events(1)))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await catalog.execute(
            "insert into events select * from events on conflict (id, created_at) do update set tag = 'x'"
        )


async def test_the_time_of_an_event_is_its_block_s(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    await add_batch(pool, batch_of(events(1)))
    assert await catalog.fetchval("select created_at from events") == datetime.fromtimestamp(MONDAY, UTC)
    with pytest.raises(asyncpg.CheckViolationError, match="events_created_at_is_block_time"):
        await catalog.execute(
            """
            insert into events (chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type,
                                timestamp, created_at)
            select chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type,
                   timestamp, created_at + interval '1 second' from events
            """
        )


async def test_a_block_that_is_replayed_changes_nothing(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    assert await add_batch(pool, batch_of(events(8))) == 8
    before = await catalog.fetch("select * from events order by id")
    assert await add_batch(pool, batch_of(events(8))) == 0
    assert await add_batch(pool, batch_of(events(8, tag="another"))) == 0
    assert await add_batch(pool, batch_of(events(4, block_number=1001))) == 0, "nor one moved to the next block"
    assert await catalog.fetch("select * from events order by id") == before
    assert await add_batch(pool, batch_of(events(8, first=4))) == 4, "those that are new are added"


async def test_an_event_that_is_twice_in_a_batch_is_added_once(pool: assay.Pool) -> None:
    assert await add_batch(pool, batch_of([*events(4), *events(4)])) == 4


async def test_the_unique_key_refuses_what_goes_around_the_check(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    await add_batch(pool, batch_of(events(1)))
    with pytest.raises(asyncpg.UniqueViolationError, match="log"):
        await catalog.execute(
            """
            insert into events (chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type,
                                timestamp, created_at)
            select chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type,
                   timestamp, created_at from events
            """
        )


async def test_twenty_workers_that_add_the_same_blocks_at_once_add_each_event_once(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    added = await asyncio.gather(*(add_batch(pool, batch_of(events(40, first=4 * (n % 3)))) for n in range(20)))
    assert sum(added) == await count(catalog) == 48
    assert await catalog.fetchval("select count(distinct (transaction_hash, log_index)) from events") == 48


async def test_addresses_are_kept_in_lower_case(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    await add_batch(pool, batch_of([event(1, client_address="0xAbCdEF")]))
    assert await catalog.fetchval("select client_address from events") == "0xabcdef"


async def test_the_checkpoint_moves_with_the_events_or_not_at_all(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    await add_batch(pool, batch_of(events(4)))
    with pytest.raises(assay.CheckViolation):
        await add_batch(pool, batch_of([event(4), event(5, registry="nonsense")]))
    found = await checkpoints.by_chain(pool, 1)
    assert found is not None
    assert (found.last_block_number, await count(catalog)) == (1000, 4)


async def test_the_checkpoint_never_goes_back(pool: assay.Pool) -> None:
    await add_batch(pool, batch_of(events(8)))
    await add_batch(pool, batch_of(events(4)))
    found = await checkpoints.by_chain(pool, 1)
    assert found is not None
    assert (found.last_block_number, found.last_block_hash) == (1001, event(4).block_hash)


WRONG: list[tuple[dict[str, int], str]] = [
    ({"chain_id": 2}, "is of chain 2, not 1; split the batch"),
    ({"timestamp": 12}, "has the block time 12; it takes seconds since 1970, not before 2015"),
    ({"timestamp": MONDAY * 1000}, "and not in the future"),
    ({"block_number": 5000}, "is of block 5000, after the batch's last, 1000"),
    ({"timestamp": MONDAY - 400 * DAY}, "spans more than 365 days"),
]


async def test_a_batch_that_cannot_be_right_is_refused_with_the_reason(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    good = batch_of(events(4))
    for more, what in WRONG:
        with pytest.raises(assay.UsageError, match=what):
            await add_batch(pool, Batch(1, [*good.events[:3], event(3, **more)], 1000, good.block_hash))
    assert await count(catalog) == 0


async def test_each_event_is_announced_by_its_id_when_it_is_committed(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    async with pool.listen("new_event") as heard:
        await add_batch(pool, batch_of(events(6)))
        items = [await anext(heard) for _ in range(6)]
    payloads = [int(item.payload) for item in items if isinstance(item, assay.Notification)]
    assert payloads == [row[0] for row in await catalog.fetch("select id from events order by id")]


async def test_ids_become_visible_in_their_order(
    pool: assay.Pool, catalog: asyncpg.Connection, migrated: DatabaseUrl
) -> None:
    """A transaction that adds events waits for one that has taken ids before it, so no reader skips any."""
    await add_batch(pool, batch_of(events(1)))
    slow = await asyncpg.connect(migrated.reveal())
    insert = """
        insert into events (chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type,
                            timestamp, created_at)
        select 1, 1, '0x', $1, 0, 'identity', 'x', timestamp, created_at from events limit 1 returning id
    """
    async with slow.transaction():
        first = await slow.fetchval(insert, "slow")
        fast = asyncio.create_task(catalog.fetchval(insert, "fast"))
        done, _ = await asyncio.wait([fast], timeout=0.3)
        assert not done
    assert await fast > first
    await slow.close()


async def test_chunks_are_created_ahead_on_the_boundaries_of_seven_days(
    pool: assay.Pool, catalog: asyncpg.Connection, native: None
) -> None:
    first = datetime.fromtimestamp(MONDAY, UTC)
    assert await stored.ensure_chunks(pool, first, first + 2 * WEEK) == 3
    assert await stored.ensure_chunks(pool, first, first + 3 * WEEK) == 1
    await catalog.execute("set timezone = 'UTC'")
    assert [tuple(row) for row in await catalog.fetch(CHUNKS)] == [
        (f"events_{day}", f"FOR VALUES FROM ('{_date(day)} 00:00:00+00') TO ('{_date(after)} 00:00:00+00')")
        for day, after in [
            ("20250116", "20250123"),
            ("20250123", "20250130"),
            ("20250130", "20250206"),
            ("20250206", "20250213"),
        ]
    ]


def _date(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


async def test_chunks_do_not_depend_on_the_session_s_time_zone(
    pool: assay.Pool, catalog: asyncpg.Connection, native: None
) -> None:
    """Across the change to summer time, where a week of local time is not seven days."""
    await catalog.execute("set timezone = 'America/New_York'")
    await catalog.execute("select ensure_event_chunks('2025-03-01 00:00Z', '2025-03-20 00:00Z')")
    await catalog.execute("set timezone = 'UTC'")
    assert [row[1].split("'")[1][:10] for row in await catalog.fetch(CHUNKS)] == [
        "2025-02-27",
        "2025-03-06",
        "2025-03-13",
        "2025-03-20",
    ]
    assert all(row[1].count("00:00:00+00") == 2 for row in await catalog.fetch(CHUNKS))


async def test_twenty_sessions_that_create_chunks_at_once_create_each_once(pool: assay.Pool, native: None) -> None:
    first = datetime.fromtimestamp(MONDAY, UTC)
    made = await asyncio.gather(*(stored.ensure_chunks(pool, first, first + 3 * WEEK) for _ in range(20)))
    assert sum(made) == 4


async def test_more_than_ten_years_of_chunks_are_refused(pool: assay.Pool, native: None) -> None:
    with pytest.raises(assay.DataError, match="more than ten years"):
        await stored.ensure_chunks(pool, datetime(1999, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC))


async def test_old_chunks_are_dropped_with_their_events_and_newer_ones_stay(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    now = int(datetime.now(UTC).timestamp())
    for days in (60, 30, 1):
        await add_batch(pool, batch_of([event(days, timestamp=now - days * DAY)]))
    assert await stored.drop_chunks(pool, timedelta(days=45)) == 1
    ages = await catalog.fetch("select extract(day from now() - created_at)::int from events order by id")
    assert [row[0] for row in ages] == [30, 1]
    assert await stored.drop_chunks(pool, timedelta(days=45)) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await catalog.execute("delete from events")


async def test_a_chunk_is_kept_until_all_its_events_are_old(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    now = int(datetime.now(UTC).timestamp())
    await add_batch(pool, batch_of([event(0, timestamp=now)]))
    assert await stored.drop_chunks(pool, timedelta(0)) == 0
    assert await count(catalog) == 1


async def test_events_that_were_dropped_do_not_come_back_when_their_block_is_replayed(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    await add_batch(pool, batch_of(events(4)))
    assert await stored.drop_chunks(pool, timedelta(days=30)) == 1
    assert await add_batch(pool, batch_of(events(4)), keep=timedelta(days=30)) == 0
    assert await count(catalog) == 0


QUESTIONS = [
    ("chain_id = 3 order by created_at desc limit 10", "chain_id_created_at"),
    ("agent_id = 7", "agent_id"),
    ("registry = 'identity' and event_type = 'Rare'", "registry_event_type"),
    ("client_address = '0x7'", "client_address"),
    ("validator_address = '0x7'", "validator_address"),
    ("chain_id = 3 and block_number = 1777", "chain_id_block_number"),
]


async def test_each_index_serves_the_question_that_it_is_for(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    for first in range(0, 4000, 1000):
        await add_batch(pool, batch_of(events(1000, first, chain_id=first // 1000)))
    await catalog.execute("analyze events")
    for condition, index in QUESTIONS:
        plan = "\n".join(row[0] for row in await catalog.fetch(f"explain select * from events where {condition}"))
        assert f"{index}_idx" in plan, plan
