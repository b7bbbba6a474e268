"""Statements on ``users``."""

from __future__ import annotations

from uuid import UUID

import assay

from ..models import Credentials, User


async def add(db: assay.Executor, *, username: str, email: str, password_hash: str) -> User:
    """Create a user.

    Raises:
        assay.UniqueViolation: the name or the address is taken.
    """
    return await db.fetch_one(
        User,
        """
        insert into users (username, email, password_hash)
        values (:username, :email, :password_hash)
        returning id, username, email, created_at, updated_at, last_login_at, is_active
        """,
        username=username,
        email=email,
        password_hash=password_hash,
    )


async def by_id(db: assay.Executor, user_id: UUID) -> User | None:
    """The user with this id, if there is one."""
    return await db.fetch_optional(
        User,
        """
        select id, username, email, created_at, updated_at, last_login_at, is_active
        from users
        where id = $1
        """,
        user_id,
    )


async def credentials(db: assay.Executor, username: str) -> Credentials | None:
    """What a sign-in as this user is checked against."""
    return await db.fetch_optional(
        Credentials, "select id, password_hash, is_active from users where username = $1", username
    )


async def signed_in(db: assay.Executor, user_id: UUID, password_hash: str) -> int:
    """Note a sign-in, and the password's hash, which may have been made anew with today's costs."""
    return await db.execute(
        "update users set last_login_at = now(), password_hash = $2 where id = $1", user_id, password_hash
    )
