"""Statements on ``trigger_actions``."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import assay

from ..models import Action, ActionType, Json


async def add(db: assay.Executor, *, trigger_id: UUID, action_type: ActionType, priority: int, config: Json) -> Action:
    """Add an action to a trigger."""
    return await db.fetch_one(
        Action,
        """
        insert into trigger_actions (trigger_id, action_type, priority, config)
        values (:trigger_id, :action_type, :priority, :config)
        returning id, trigger_id, action_type, priority, config
        """,
        trigger_id=trigger_id,
        action_type=action_type,
        priority=priority,
        config=config,
    )


async def of_triggers(db: assay.Executor, trigger_ids: Sequence[UUID]) -> list[Action]:
    """The actions of some triggers, the lowest priority number first."""
    return await db.fetch_all(
        Action,
        """
        select id, trigger_id, action_type, priority, config
        from trigger_actions
        where trigger_id = any($1)
        order by priority, id
        """,
        trigger_ids,
    )


async def remove_all(db: assay.Executor, trigger_id: UUID) -> int:
    """Take a trigger's actions away, with what was still to be done for them."""
    return await db.execute("delete from trigger_actions where trigger_id = $1", trigger_id)
