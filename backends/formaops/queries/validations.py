"""Statements on ``validations``."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import assay

from ..models import Validation, ValidationType


async def add(
    db: assay.Executor, *, prompt_id: UUID, name: str, type_: ValidationType, config: dict[str, Any]
) -> Validation:
    """Ask something of a prompt's outputs."""
    return await db.fetch_one(
        Validation,
        """
        insert into validations (prompt_id, name, type, config) values (:prompt_id, :name, :type, :config)
        returning id, name, type, config, is_active, created_at, updated_at, prompt_id
        """,
        prompt_id=prompt_id,
        name=name,
        type=type_,
        config=config,
    )


async def of_prompt(db: assay.Executor, prompt_id: UUID) -> list[Validation]:
    """All that is asked of a prompt's outputs."""
    return await db.fetch_all(
        Validation,
        """
        select id, name, type, config, is_active, created_at, updated_at, prompt_id
        from validations where prompt_id = $1 order by created_at, id
        """,
        prompt_id,
    )


async def active(db: assay.Executor, prompt_id: UUID) -> list[Validation]:
    """What is asked of a prompt's outputs now."""
    return await db.fetch_all(
        Validation,
        """
        select id, name, type, config, is_active, created_at, updated_at, prompt_id
        from validations where prompt_id = $1 and is_active order by created_at, id
        """,
        prompt_id,
    )


async def switch(db: assay.Executor, validation_id: UUID, user_id: UUID, is_active: bool) -> Validation | None:
    """Ask it from now on, or no longer, if the prompt is this user's."""
    return await db.fetch_optional(
        Validation,
        """
        update validations v set is_active = $3
        from prompts p
        where v.id = $1 and p.id = v.prompt_id and p.user_id = $2
        returning v.id, v.name, v.type, v.config, v.is_active, v.created_at, v.updated_at, v.prompt_id
        """,
        validation_id,
        user_id,
        is_active,
    )


async def remove(db: assay.Executor, validation_id: UUID, user_id: UUID) -> bool:
    """Remove it, if the prompt is this user's; whether it was."""
    removed = await db.execute(
        "delete from validations v using prompts p where v.id = $1 and p.id = v.prompt_id and p.user_id = $2",
        validation_id,
        user_id,
    )
    return removed == 1
