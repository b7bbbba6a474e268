"""Line 5: events matched against triggers, each once, and states kept without lost updates under four workers."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest
from backends.erc8004.ingest import add_batch
from backends.erc8004.matching import match_all, match_chain
from backends.erc8004.queries import match_positions, trigger_state
from backends.erc8004.tests.making import batch_of, event, events
from backends.erc8004.tests.triggers_made import make_trigger

import assay
from assay.config import DatabaseUrl

MATCHED = """
    select e.transaction_hash, e.log_index
    from action_jobs j
    join trigger_actions a on a.id = j.action_id
    join events e on e.id = j.event_id and e.created_at = j.event_created_at
    where a.trigger_id = $1
    order by e.id
"""


async def matched(catalog: asyncpg.Connection, trigger: UUID) -> list[tuple[str, int]]:
    return [(row[0], row[1]) for row in await catalog.fetch(MATCHED, trigger)]


def keys(*numbers: int) -> list[tuple[str, int]]:
    return [(event(number).transaction_hash, event(number).log_index) for number in numbers]


async def match_to_the_end(pool: assay.Pool, limit: int = 100) -> int:
    total = 0
    while count := await match_all(pool, limit=limit):
        total += count
    return total


async def test_line_5_a_trigger_fires_for_the_events_for_which_all_its_conditions_hold(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    low = await make_trigger(pool, ("field", "score", "<", "20"), ("field", "tag1", "=", "speed"))
    none = await make_trigger(pool, ("field", "score", "<", "20"), ("field", "tag1", "=", "price"))
    every = await make_trigger(pool)
    address = await make_trigger(
        pool, ("field", "validator_address", "in", f'["{event(5).validator_address}"]'), registry="validation"
    )
    await add_batch(pool, batch_of(events(30)))
    assert await match_to_the_end(pool) == 30
    assert await matched(catalog, low) == keys(1, 4, 7, 10, 13, 16, 19)
    assert await matched(catalog, none) == []
    assert await matched(catalog, every) == keys(*range(1, 30, 3))
    assert await matched(catalog, address) == keys(5)


async def test_events_of_other_chains_and_registries_and_disabled_triggers_are_left_alone(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    other_chain = await make_trigger(pool, chain_id=2)
    disabled = await make_trigger(pool, enabled=False)
    identity = await make_trigger(pool, registry="identity")
    await add_batch(pool, batch_of(events(6)))
    await match_to_the_end(pool)
    assert await matched(catalog, other_chain) == await matched(catalog, disabled) == []
    assert await matched(catalog, identity) == keys(0, 3)


async def test_each_event_is_matched_once(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    trigger = await make_trigger(pool)
    await add_batch(pool, batch_of(events(9)))
    assert await match_to_the_end(pool) == 9
    assert await match_to_the_end(pool) == 0
    await add_batch(pool, batch_of(events(9)))
    assert await match_to_the_end(pool) == 0, "a replay has nothing new"
    await add_batch(pool, batch_of(events(9, first=8)))
    assert await match_to_the_end(pool) == 8
    assert await matched(catalog, trigger) == keys(*range(1, 17, 3))


async def test_line_5_four_workers_lose_no_update_of_averages_and_counters(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    """The state is what one worker would have made of the events in their order."""
    trigger = await make_trigger(
        pool, ("ema", "score", ">", "-1", {"alpha": 0.1}), ("count", "events", ">", "0"), registry="reputation"
    )
    made = events(600)
    stop = asyncio.Event()

    async def worker() -> None:
        while not stop.is_set():
            await match_all(pool, limit=7)
            await asyncio.sleep(0)

    workers = [asyncio.create_task(worker()) for _ in range(4)]
    for first in range(0, 600, 40):
        await add_batch(pool, batch_of(made[first : first + 40]))
    async with asyncio.timeout(60):
        while await match_positions.lagging(pool):  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*workers)
    average = None
    scores = [one.score for one in made if one.score is not None]
    for score in scores:
        average = float(score) if average is None else 0.1 * score + 0.9 * average
    state = await trigger_state.by_trigger(pool, trigger)
    assert state is not None
    ema, count = state.values()
    assert (ema.ema, ema.seen, count.seen) == (average, len(scores), len(scores))
    assert len(await matched(catalog, trigger)) == len(scores), "and each event fired once"


async def test_a_stateful_trigger_counts_only_events_for_which_its_other_conditions_hold(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    trigger = await make_trigger(pool, ("field", "score", "<", "20"), ("count", "events", ">=", "3"))
    await add_batch(pool, batch_of(events(60)))
    await match_to_the_end(pool, limit=5)
    assert await matched(catalog, trigger) == keys(7, 10, 13, 16, 19)


async def test_a_worker_that_fails_in_the_middle_leaves_nothing_half_done(
    pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    trigger = await make_trigger(pool, ("count", "events", ">", "0"))
    await add_batch(pool, batch_of(events(6)))
    await match_positions.begin_all(pool)
    await catalog.execute("alter table match_positions add constraint broken check (last_event_id = 0)")
    with pytest.raises(assay.CheckViolation):
        await match_chain(pool, 1)
    assert await matched(catalog, trigger) == []
    assert await trigger_state.by_trigger(pool, trigger) is None
    await catalog.execute("alter table match_positions drop constraint broken")
    await match_to_the_end(pool)
    assert await matched(catalog, trigger) == keys(1, 4)


async def test_a_trigger_with_a_condition_that_cannot_be_asked_is_passed_over(
    pool: assay.Pool, catalog: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    broken = await make_trigger(pool, ("field", "nonsense", "=", "1"))
    good = await make_trigger(pool)
    await add_batch(pool, batch_of(events(3)))
    await match_to_the_end(pool)
    assert await matched(catalog, broken) == []
    assert await matched(catalog, good) == keys(1)
    assert f"trigger {broken} is passed over: events have no field 'nonsense'" in caplog.text


async def test_a_quiet_chain_does_not_make_workers_read_the_others_again(pool: assay.Pool) -> None:
    await make_trigger(pool, chain_id=1)
    await make_trigger(pool, chain_id=2)
    await add_batch(pool, batch_of(events(9)))
    assert await match_to_the_end(pool) == 9
    assert await match_positions.lagging(pool) == []
    positions = [(await match_positions.take(pool, chain), chain) for chain in (1, 2)]
    assert len({position.last_event_id for position, _ in positions if position}) == 1


async def test_a_chain_that_another_worker_is_matching_is_left_to_it(pool: assay.Pool, migrated: DatabaseUrl) -> None:
    await make_trigger(pool)
    await add_batch(pool, batch_of(events(3)))
    await match_positions.begin_all(pool)
    async with pool.transaction() as other:
        assert await match_positions.take(other, 1) is not None
        assert await match_chain(pool, 1) == 0
    assert await match_chain(pool, 1) == 3
