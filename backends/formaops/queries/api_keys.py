"""Statements on ``api_keys``."""

from __future__ import annotations

from uuid import UUID

import assay

from ..models import ApiKey


async def add(db: assay.Executor, *, user_id: UUID, name: str, key_hash: str) -> ApiKey:
    """Keep a key by its hash."""
    return await db.fetch_one(
        ApiKey,
        """
        insert into api_keys (user_id, name, key_hash) values (:user_id, :name, :key_hash)
        returning id, name, last_used, is_active, created_at, user_id
        """,
        user_id=user_id,
        name=name,
        key_hash=key_hash,
    )


async def use(db: assay.Executor, key_hash: str) -> UUID | None:
    """Whose active key has this hash, which is noted as used now."""
    return await db.fetch_optional(
        UUID,
        "update api_keys set last_used = now() where key_hash = $1 and is_active returning user_id",
        key_hash,
    )


async def of_user(db: assay.Executor, user_id: UUID) -> list[ApiKey]:
    """A user's keys, the newest first."""
    return await db.fetch_all(
        ApiKey,
        """
        select id, name, last_used, is_active, created_at, user_id
        from api_keys where user_id = $1 order by created_at desc, id desc
        """,
        user_id,
    )


async def switch(db: assay.Executor, key_id: UUID, user_id: UUID, is_active: bool) -> ApiKey | None:
    """Let a key in from now on, or no longer, if it is this user's."""
    return await db.fetch_optional(
        ApiKey,
        """
        update api_keys set is_active = $3 where id = $1 and user_id = $2
        returning id, name, last_used, is_active, created_at, user_id
        """,
        key_id,
        user_id,
        is_active,
    )
