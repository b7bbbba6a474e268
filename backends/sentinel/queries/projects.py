"""Statements on ``projects``."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import assay

from ..models import Project


async def add(db: assay.Executor, *, user_id: UUID, name: str, description: str | None, network: str) -> Project:
    """Begin a project.

    Raises:
        assay.ForeignKeyViolation: there is no such user.
    """
    return await db.fetch_one(
        Project,
        """
        insert into projects (user_id, name, description, network)
        values (:user_id, :name, :description, :network)
        returning id, user_id, name, description, network, created_at, updated_at
        """,
        user_id=user_id,
        name=name,
        description=description,
        network=network,
    )


async def of_user(db: assay.Executor, project_id: UUID, user_id: UUID) -> Project | None:
    """A project, if it is this user's."""
    return await db.fetch_optional(
        Project,
        """
        select id, user_id, name, description, network, created_at, updated_at
        from projects where id = $1 and user_id = $2
        """,
        project_id,
        user_id,
    )


async def newest(
    db: assay.Executor, user_id: UUID, *, at: datetime | assay.Omitted, key: UUID | assay.Omitted, limit: int
) -> list[Project]:
    """A user's projects, the newest first; those that follow the one of the given time and key."""
    return await db.fetch_all(
        Project,
        """
        select id, user_id, name, description, network, created_at, updated_at
        from projects
        where user_id = :user_id [[ and (created_at, id) < (:at, :key) ]]
        order by created_at desc, id desc
        limit :limit
        """,
        user_id=user_id,
        at=at,
        key=key,
        limit=limit,
    )


async def change(
    db: assay.Executor,
    project_id: UUID,
    user_id: UUID,
    *,
    name: str | assay.Omitted,
    description: str | assay.Omitted | None,
    network: str | assay.Omitted,
) -> Project | None:
    """Change what is given of a project, if it is this user's."""
    return await db.fetch_optional(
        Project,
        """
        update projects
        set updated_at = now() [[ , name = :name ]] [[ , description = :description ]] [[ , network = :network ]]
        where id = :project_id and user_id = :user_id
        returning id, user_id, name, description, network, created_at, updated_at
        """,
        project_id=project_id,
        user_id=user_id,
        name=name,
        description=description,
        network=network,
    )


async def remove(db: assay.Executor, project_id: UUID, user_id: UUID) -> bool:
    """Remove a project with its simulations and runs, if it is this user's; whether it was."""
    return await db.execute("delete from projects where id = $1 and user_id = $2", project_id, user_id) == 1
