"""Statements on ``triggers``."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import assay
from assay import OMIT, Omitted

from ..models import Registry, Trigger


async def add(
    db: assay.Executor,
    *,
    user_id: UUID,
    name: str,
    description: str | None,
    chain_id: int,
    registry: Registry,
    enabled: bool,
    is_stateful: bool,
) -> Trigger:
    """Create a trigger, still without conditions and actions.

    Raises:
        assay.ForeignKeyViolation: there is no such user.
    """
    return await db.fetch_one(
        Trigger,
        """
        insert into triggers (user_id, name, description, chain_id, registry, enabled, is_stateful)
        values (:user_id, :name, :description, :chain_id, :registry, :enabled, :is_stateful)
        returning id, user_id, name, description, chain_id, registry, enabled, is_stateful, created_at, updated_at
        """,
        user_id=user_id,
        name=name,
        description=description,
        chain_id=chain_id,
        registry=registry,
        enabled=enabled,
        is_stateful=is_stateful,
    )


async def replace(
    db: assay.Executor,
    *,
    trigger_id: UUID,
    user_id: UUID,
    name: str,
    description: str | None,
    chain_id: int,
    registry: Registry,
    enabled: bool,
    is_stateful: bool,
) -> Trigger | None:
    """Give a trigger of this user other properties; None when it is not there."""
    return await db.fetch_optional(
        Trigger,
        """
        update triggers
        set name = :name, description = :description, chain_id = :chain_id, registry = :registry,
            enabled = :enabled, is_stateful = :is_stateful
        where id = :trigger_id and user_id = :user_id
        returning id, user_id, name, description, chain_id, registry, enabled, is_stateful, created_at, updated_at
        """,
        trigger_id=trigger_id,
        user_id=user_id,
        name=name,
        description=description,
        chain_id=chain_id,
        registry=registry,
        enabled=enabled,
        is_stateful=is_stateful,
    )


async def enable(db: assay.Executor, *, trigger_id: UUID, user_id: UUID, enabled: bool) -> Trigger | None:
    """Switch a trigger of this user on or off; None when it is not there."""
    return await db.fetch_optional(
        Trigger,
        """
        update triggers set enabled = :enabled
        where id = :trigger_id and user_id = :user_id
        returning id, user_id, name, description, chain_id, registry, enabled, is_stateful, created_at, updated_at
        """,
        trigger_id=trigger_id,
        user_id=user_id,
        enabled=enabled,
    )


async def remove(db: assay.Executor, *, trigger_id: UUID, user_id: UUID) -> int:
    """Delete a trigger of this user, with its conditions, actions and state; its results stay."""
    return await db.execute(
        "delete from triggers where id = :trigger_id and user_id = :user_id", trigger_id=trigger_id, user_id=user_id
    )


async def by_id(db: assay.Executor, *, trigger_id: UUID, user_id: UUID) -> Trigger | None:
    """A trigger of this user, if it is there."""
    return await db.fetch_optional(
        Trigger,
        """
        select id, user_id, name, description, chain_id, registry, enabled, is_stateful, created_at, updated_at
        from triggers
        where id = :trigger_id and user_id = :user_id
        """,
        trigger_id=trigger_id,
        user_id=user_id,
    )


async def newest(
    db: assay.Executor,
    *,
    user_id: UUID,
    at: datetime | Omitted = OMIT,
    key: UUID | Omitted = OMIT,
    limit: int,
) -> list[Trigger]:
    """A user's triggers, the newest first, from where a page ended."""
    return await db.fetch_all(
        Trigger,
        """
        select id, user_id, name, description, chain_id, registry, enabled, is_stateful, created_at, updated_at
        from triggers
        where user_id = :user_id [[ and (created_at, id) < (:at, :key) ]]
        order by created_at desc, id desc
        limit :limit
        """,
        user_id=user_id,
        at=at,
        key=key,
        limit=limit,
    )


async def enabled_on(db: assay.Executor, chain_id: int) -> list[Trigger]:
    """The triggers of a chain that events are matched against, which nobody changes until the transaction ends."""
    return await db.fetch_all(
        Trigger,
        """
        select id, user_id, name, description, chain_id, registry, enabled, is_stateful, created_at, updated_at
        from triggers
        where chain_id = $1 and enabled
        order by id
        for share
        """,
        chain_id,
    )
