"""Statements on ``users``."""

from __future__ import annotations

from uuid import UUID

import assay

from ..models import User


async def sign_in(db: assay.Executor, *, clerk_id: str, email: str, name: str | None) -> User:
    """Somebody whom Clerk vouches for: added the first time, and brought up to date from then on."""
    return await db.fetch_one(
        User,
        """
        insert into users (clerk_id, email, name)
        values (:clerk_id, :email, :name)
        on conflict (clerk_id) do update
        set email = excluded.email,
            name = excluded.name,
            updated_at = case when (users.email, users.name) is distinct from (excluded.email, excluded.name)
                              then now() else users.updated_at end
        returning id, clerk_id, email, name, created_at, updated_at
        """,
        clerk_id=clerk_id,
        email=email,
        name=name,
    )


async def by_id(db: assay.Executor, user_id: UUID) -> User | None:
    """Somebody."""
    return await db.fetch_optional(
        User, "select id, clerk_id, email, name, created_at, updated_at from users where id = $1", user_id
    )


async def rename(db: assay.Executor, user_id: UUID, name: str | None) -> User | None:
    """Give somebody another name; None when they are not there."""
    return await db.fetch_optional(
        User,
        """
        update users set name = $2, updated_at = now()
        where id = $1
        returning id, clerk_id, email, name, created_at, updated_at
        """,
        user_id,
        name,
    )


async def remove(db: assay.Executor, user_id: UUID) -> bool:
    """Remove somebody with their projects and keys; whether they were there.

    Raises:
        assay.ForeignKeyViolation: they have simulations or runs in a project of somebody else's.
    """
    return await db.execute("delete from users where id = $1", user_id) == 1
