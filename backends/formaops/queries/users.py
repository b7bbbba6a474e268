"""Statements on ``users``."""

from __future__ import annotations

from uuid import UUID

import assay

from ..models import User, UserPlan


async def add(db: assay.Executor, *, email: str, name: str | None, plan: UserPlan) -> User:
    """Add somebody.

    Raises:
        assay.UniqueViolation: the email is somebody's already.
    """
    return await db.fetch_one(
        User,
        """
        insert into users (email, name, plan) values (:email, :name, :plan)
        returning id, email, name, avatar_url, plan, created_at, updated_at
        """,
        email=email,
        name=name,
        plan=plan,
    )


async def by_id(db: assay.Executor, user_id: UUID) -> User | None:
    """Somebody."""
    return await db.fetch_optional(
        User, "select id, email, name, avatar_url, plan, created_at, updated_at from users where id = $1", user_id
    )


async def change(
    db: assay.Executor, user_id: UUID, *, name: str | assay.Omitted | None, avatar_url: str | assay.Omitted | None
) -> User | None:
    """Change what is given of somebody."""
    return await db.fetch_optional(
        User,
        """
        update users set id = id [[ , name = :name ]] [[ , avatar_url = :avatar_url ]]
        where id = :user_id
        returning id, email, name, avatar_url, plan, created_at, updated_at
        """,
        user_id=user_id,
        name=name,
        avatar_url=avatar_url,
    )
