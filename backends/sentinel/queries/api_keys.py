"""Statements on ``api_keys``."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import assay

from ..models import ApiKey, Holder


async def add(
    db: assay.Executor, *, user_id: UUID, name: str, key_hash: str, key_prefix: str, expires_at: datetime | None
) -> ApiKey:
    """Keep a key by its hash.

    Raises:
        assay.ForeignKeyViolation: there is no such user.
    """
    return await db.fetch_one(
        ApiKey,
        """
        insert into api_keys (user_id, name, key_hash, key_prefix, expires_at)
        values (:user_id, :name, :key_hash, :key_prefix, :expires_at)
        returning id, user_id, name, key_prefix, last_used_at, created_at, expires_at
        """,
        user_id=user_id,
        name=name,
        key_hash=key_hash,
        key_prefix=key_prefix,
        expires_at=expires_at,
    )


async def holder(db: assay.Executor, key_hash: str) -> Holder | None:
    """Whose key has this hash, if any has."""
    return await db.fetch_optional(
        Holder,
        """
        select user_id, key_hash, coalesce(expires_at <= now(), false) as expired
        from api_keys where key_hash = $1
        """,
        key_hash,
    )


async def stamp(db: assay.Executor, key_hash: str) -> bool:
    """Note that a key is used now; whether it is there and has not expired."""
    stamped = await db.execute(
        """
        update api_keys set last_used_at = now()
        where key_hash = $1 and (expires_at is null or expires_at > now())
        """,
        key_hash,
    )
    return stamped == 1


async def of_user(db: assay.Executor, key_id: UUID, user_id: UUID) -> ApiKey | None:
    """A key, if it is this user's."""
    return await db.fetch_optional(
        ApiKey,
        """
        select id, user_id, name, key_prefix, last_used_at, created_at, expires_at
        from api_keys where id = $1 and user_id = $2
        """,
        key_id,
        user_id,
    )


async def newest(
    db: assay.Executor, user_id: UUID, *, at: datetime | assay.Omitted, key: UUID | assay.Omitted, limit: int
) -> list[ApiKey]:
    """A user's keys, the newest first; those that follow the one of the given time and key."""
    return await db.fetch_all(
        ApiKey,
        """
        select id, user_id, name, key_prefix, last_used_at, created_at, expires_at
        from api_keys
        where user_id = :user_id [[ and (created_at, id) < (:at, :key) ]]
        order by created_at desc, id desc
        limit :limit
        """,
        user_id=user_id,
        at=at,
        key=key,
        limit=limit,
    )


async def rename(db: assay.Executor, key_id: UUID, user_id: UUID, name: str) -> ApiKey | None:
    """Give a key another name, if it is this user's."""
    return await db.fetch_optional(
        ApiKey,
        """
        update api_keys set name = $3
        where id = $1 and user_id = $2
        returning id, user_id, name, key_prefix, last_used_at, created_at, expires_at
        """,
        key_id,
        user_id,
        name,
    )


async def remove(db: assay.Executor, key_id: UUID, user_id: UUID) -> bool:
    """Remove a key, if it is this user's; whether it was."""
    return await db.execute("delete from api_keys where id = $1 and user_id = $2", key_id, user_id) == 1
