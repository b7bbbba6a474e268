"""Users and triggers for tests."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from backends.erc8004.conditions import is_stateful
from backends.erc8004.queries import trigger_actions, trigger_conditions, triggers, users

import assay

HOOK = ("rest", {"url": "http://hook.example/events"})


async def make_user(pool: assay.Pool) -> UUID:
    """A user whom nobody can sign in as."""
    name = f"user-{secrets.token_hex(4)}"
    return (await users.add(pool, username=name, email=f"{name}@example.org", password_hash="!")).id


async def make_trigger(
    pool: assay.Pool,
    *conditions: tuple[Any, ...],
    actions: tuple[tuple[Any, Any], ...] = (HOOK,),
    user_id: UUID | None = None,
    **more: Any,
) -> UUID:
    """A trigger with conditions (type, field, operator, value and perhaps config) and actions (type and config)."""
    values: dict[str, Any] = {"name": "a trigger", "description": None, "chain_id": 1, "registry": "reputation"}
    stateful = is_stateful([one[0] for one in conditions])
    user_id = user_id or await make_user(pool)
    made = await triggers.add(pool, user_id=user_id, **{**values, "enabled": True, "is_stateful": stateful, **more})
    for kind, field, comparison, value, *config in conditions:
        await trigger_conditions.add(
            pool,
            trigger_id=made.id,
            condition_type=kind,
            field=field,
            operator=comparison,
            value=value,
            config=config[0] if config else None,
        )
    for kind, config in actions:
        await trigger_actions.add(pool, trigger_id=made.id, action_type=kind, priority=1, config=config)
    return made.id
