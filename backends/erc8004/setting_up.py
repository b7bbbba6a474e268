"""Triggers set up with their conditions and actions, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import assay

from .api import TriggerBody, TriggerView
from .conditions import is_stateful
from .models import Trigger
from .queries import match_positions, trigger_actions, trigger_conditions, trigger_state, triggers


async def create(pool: assay.Pool, user_id: UUID, body: TriggerBody) -> TriggerView:
    """Set up a new trigger, for the events that come from now on."""
    async with pool.transaction() as transaction:
        await match_positions.begin(transaction, body.chain_id)
        trigger = await triggers.add(
            transaction,
            user_id=user_id,
            name=body.name,
            description=body.description,
            chain_id=body.chain_id,
            registry=body.registry,
            enabled=body.enabled,
            is_stateful=is_stateful(one.condition_type for one in body.conditions),
        )
        return await _with_parts(transaction, trigger, body)


async def replace(pool: assay.Pool, user_id: UUID, trigger_id: UUID, body: TriggerBody) -> TriggerView | None:
    """Set up a user's trigger anew; None when it is not there."""
    async with pool.transaction() as transaction:
        # First of all: it waits for a worker that is matching with the trigger as it was.
        trigger = await triggers.replace(
            transaction,
            trigger_id=trigger_id,
            user_id=user_id,
            name=body.name,
            description=body.description,
            chain_id=body.chain_id,
            registry=body.registry,
            enabled=body.enabled,
            is_stateful=is_stateful(one.condition_type for one in body.conditions),
        )
        if trigger is None:
            return None
        await match_positions.begin(transaction, body.chain_id)
        await trigger_conditions.remove_all(transaction, trigger_id)
        await trigger_actions.remove_all(transaction, trigger_id)
        await trigger_state.forget(transaction, trigger_id)
        return await _with_parts(transaction, trigger, body)


async def views(db: assay.Executor, found: Sequence[Trigger]) -> list[TriggerView]:
    """Triggers with their conditions and actions."""
    ids = [trigger.id for trigger in found]
    asked = await trigger_conditions.of_triggers(db, ids)
    done = await trigger_actions.of_triggers(db, ids)
    return [TriggerView.of(trigger, asked, done) for trigger in found]


async def _with_parts(db: assay.Executor, trigger: Trigger, body: TriggerBody) -> TriggerView:
    asked = [
        await trigger_conditions.add(
            db,
            trigger_id=trigger.id,
            condition_type=one.condition_type,
            field=one.field,
            operator=one.operator,
            value=one.value,
            config=one.config,
        )
        for one in body.conditions
    ]
    done = [
        await trigger_actions.add(
            db, trigger_id=trigger.id, action_type=one.action_type, priority=one.priority, config=one.config
        )
        for one in body.actions
    ]
    return TriggerView.of(trigger, asked, done)
