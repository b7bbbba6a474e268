"""Statements on ``trigger_conditions``."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import assay

from ..models import Condition, ConditionType, Json, Operator


async def add(
    db: assay.Executor,
    *,
    trigger_id: UUID,
    condition_type: ConditionType,
    field: str,
    operator: Operator,
    value: str,
    config: Json | None,
) -> Condition:
    """Add a condition to a trigger."""
    return await db.fetch_one(
        Condition,
        """
        insert into trigger_conditions (trigger_id, condition_type, field, operator, value, config)
        values (:trigger_id, :condition_type, :field, :operator, :value, :config)
        returning id, trigger_id, condition_type, field, operator, value, config
        """,
        trigger_id=trigger_id,
        condition_type=condition_type,
        field=field,
        operator=operator,
        value=value,
        config=config,
    )


async def of_triggers(db: assay.Executor, trigger_ids: Sequence[UUID]) -> list[Condition]:
    """The conditions of some triggers, in the order in which they were added."""
    return await db.fetch_all(
        Condition,
        """
        select id, trigger_id, condition_type, field, operator, value, config
        from trigger_conditions
        where trigger_id = any($1)
        order by id
        """,
        trigger_ids,
    )


async def remove_all(db: assay.Executor, trigger_id: UUID) -> int:
    """Take a trigger's conditions away."""
    return await db.execute("delete from trigger_conditions where trigger_id = $1", trigger_id)
