"""Events matched against triggers, chain by chain, in the order in which the events were added."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from uuid import UUID

import assay

from . import conditions
from .conditions import ConditionError, Question
from .models import Condition, Event, NewEvent, Registry, State, Trigger
from .queries import action_jobs, events, match_positions, trigger_actions, trigger_conditions, trigger_state, triggers
from .queries.action_jobs import NewJob
from .queries.trigger_state import Kept

BATCH = 500
"""Events that are matched in a transaction."""
IDLE_TIMEOUT = 30.0
"""Seconds after which the server ends a transaction of a worker that has stopped in the middle of one."""

_log = logging.getLogger("erc8004.matching")


@dataclass(frozen=True, slots=True)
class Watch:
    """A trigger that is ready to be asked."""

    trigger_id: UUID
    registry: Registry
    is_stateful: bool
    plain: tuple[Question, ...]
    remembering: tuple[Question, ...]
    actions: tuple[int, ...]

    def fires(self, event: NewEvent, state: State) -> bool:
        """Whether all conditions hold; what is to be remembered goes into ``state``."""
        if event.registry != self.registry or not all(question.asks(event, state) for question in self.plain):
            return False
        # All are asked, whatever the others say: each has to learn of the event.
        answers = [question.asks(event, state) for question in self.remembering]
        return all(answers)


async def match_all(pool: assay.Pool, *, limit: int = BATCH) -> int:
    """Match what there is on every chain that nobody else is matching now; how many events."""
    await match_positions.begin_all(pool)
    total = 0
    for chain_id in await match_positions.lagging(pool):
        total += await match_chain(pool, chain_id, limit=limit)
    return total


async def match_chain(pool: assay.Pool, chain_id: int, *, limit: int = BATCH) -> int:
    """Match the next events of a chain: how many there were; 0, too, when another worker has the chain.

    One transaction matches them, remembers, has the actions done and moves the chain's position, so that each event
    is matched once, in its turn.
    """
    async with pool.transaction(idle_timeout=IDLE_TIMEOUT) as transaction:
        position = await match_positions.take(transaction, chain_id)
        if position is None:
            return 0
        # Nothing is added below it any more: when the chain has no events up to there, it never will.
        last = await events.last_id(transaction)
        found = await events.of_chain_after(transaction, chain_id, position.last_event_id, limit)
        if found:
            await _match(transaction, chain_id, found)
        ids = [position.last_event_id, *(event.id for event in found[-1:])]
        reached = max(ids) if len(found) == limit else max(*ids, last)
        await match_positions.move(transaction, chain_id, reached)
    return len(found)


async def _match(db: assay.Executor, chain_id: int, found: Sequence[Event]) -> None:
    watches = await _watches(db, chain_id)
    stateful = [watch.trigger_id for watch in watches if watch.is_stateful]
    kept = {one.trigger_id: one.state_data for one in await trigger_state.lock(db, stateful)} if stateful else {}
    before = deepcopy(kept)
    jobs = list(_jobs(watches, found, kept))
    changed = [Kept(key, state) for key, state in kept.items() if state != before.get(key)]
    if changed:
        await trigger_state.save(db, changed)
    if jobs:
        await action_jobs.add(db, jobs)


def _jobs(watches: Sequence[Watch], found: Iterable[Event], kept: dict[UUID, State]) -> Iterable[NewJob]:
    for event in found:
        for watch in watches:
            state = kept.setdefault(watch.trigger_id, {}) if watch.is_stateful else {}
            if watch.fires(event, state):
                for action_id in watch.actions:
                    yield NewJob(action_id, event.id, event.created_at)


async def _watches(db: assay.Executor, chain_id: int) -> list[Watch]:
    enabled = await triggers.enabled_on(db, chain_id)
    ids = [trigger.id for trigger in enabled]
    asked: dict[UUID, list[Condition]] = defaultdict(list)
    for condition in await trigger_conditions.of_triggers(db, ids):
        asked[condition.trigger_id].append(condition)
    done: dict[UUID, list[int]] = defaultdict(list)
    for action in await trigger_actions.of_triggers(db, ids):
        done[action.trigger_id].append(action.id)
    made = (_watch(trigger, asked[trigger.id], done[trigger.id]) for trigger in enabled)
    return [watch for watch in made if watch is not None]


def _watch(trigger: Trigger, asked: Sequence[Condition], actions: Sequence[int]) -> Watch | None:
    """The trigger made ready; None, and a warning, when somebody stored conditions that cannot be asked."""
    try:
        questions = [conditions.read(condition) for condition in asked]
    except ConditionError as error:
        _log.warning("trigger %s is passed over: %s", trigger.id, error, extra={"trigger": str(trigger.id)})
        return None
    return Watch(
        trigger.id,
        trigger.registry,
        trigger.is_stateful,
        tuple(question for question in questions if not question.stateful),
        tuple(question for question in questions if question.stateful),
        tuple(actions),
    )
