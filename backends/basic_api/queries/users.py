"""Statements on ``users``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import assay

from ..models import NewUser, User


async def add(db: assay.Executor, user: NewUser) -> User:
    """Add somebody.

    Raises:
        assay.UniqueViolation: the email is somebody's already.
    """
    return await db.fetch_one(
        User,
        "insert into users (name, email) values (:name, :email) returning id, name, email, created_at, updated_at",
        user,
    )


async def add_many(db: assay.Executor, users: Sequence[NewUser]) -> list[User]:
    """Add several people at once: all of them or, when an email is taken, none.

    Raises:
        assay.UniqueViolation: an email is somebody's already, or is there twice.
    """
    return await db.fetch_many(
        User,
        "insert into users (name, email) values (:name, :email) returning id, name, email, created_at, updated_at",
        users,
    )


async def by_id(db: assay.Executor, user_id: int) -> User | None:
    """Somebody by their number."""
    return await db.fetch_optional(
        User, "select id, name, email, created_at, updated_at from users where id = $1", user_id
    )


async def by_email(db: assay.Executor, email: str) -> User | None:
    """Somebody by their email."""
    return await db.fetch_optional(
        User, "select id, name, email, created_at, updated_at from users where email = $1", email
    )


async def newest(
    db: assay.Executor, *, before: int | assay.Omitted, since: datetime | assay.Omitted, limit: int
) -> list[User]:
    """The newest first.

    Args:
        db: where.
        before: only those with smaller numbers, which are the page that follows the one that ends there.
        since: only those added then or later.
        limit: at most so many.
    """
    return await db.fetch_all(
        User,
        """
        select id, name, email, created_at, updated_at
        from users
        where true [[ and id < :before ]] [[ and created_at >= :since ]]
        order by id desc
        limit :limit
        """,
        before=before,
        since=since,
        limit=limit,
    )


async def change(
    db: assay.Executor, user_id: int, *, name: str | assay.Omitted, email: str | assay.Omitted
) -> User | None:
    """Change what is given of somebody; None when there is nobody of that number.

    Raises:
        assay.UniqueViolation: the email is somebody else's.
    """
    return await db.fetch_optional(
        User,
        """
        update users set id = id [[ , name = :name ]] [[ , email = :email ]]
        where id = :user_id
        returning id, name, email, created_at, updated_at
        """,
        user_id=user_id,
        name=name,
        email=email,
    )


async def remove(db: assay.Executor, user_id: int) -> bool:
    """Remove somebody; whether there was anybody of that number."""
    return await db.execute("delete from users where id = $1", user_id) == 1
