"""Statements on ``trigger_state``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import assay

from ..models import State


@dataclass(slots=True)
class Kept:
    """A row of ``trigger_state``, less its time."""

    trigger_id: UUID
    state_data: State


async def lock(db: assay.Executor, trigger_ids: Sequence[UUID]) -> list[Kept]:
    """What some triggers remember, which nobody else changes until the transaction ends."""
    return await db.fetch_all(
        Kept,
        """
        select trigger_id, state_data
        from trigger_state
        where trigger_id = any($1)
        order by trigger_id
        for update
        """,
        trigger_ids,
    )


async def save(db: assay.Executor, states: Sequence[Kept]) -> int:
    """Keep what triggers remember now."""
    return await db.execute_many(
        """
        insert into trigger_state (trigger_id, state_data)
        values (:trigger_id, :state_data)
        on conflict (trigger_id) do update set state_data = excluded.state_data, last_updated = now()
        """,
        states,
    )


async def by_trigger(db: assay.Executor, trigger_id: UUID) -> State | None:
    """What a trigger remembers."""
    return await db.fetch_optional(State, "select state_data from trigger_state where trigger_id = $1", trigger_id)


async def forget(db: assay.Executor, trigger_id: UUID) -> int:
    """Let a trigger begin anew."""
    return await db.execute("delete from trigger_state where trigger_id = $1", trigger_id)
