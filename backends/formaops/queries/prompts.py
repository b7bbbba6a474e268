"""Statements on ``prompts``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import assay

from ..models import Prompt, PromptStatus, Variable


async def add(
    db: assay.Executor,
    *,
    user_id: UUID,
    name: str,
    description: str | None,
    template: str,
    variables: list[Variable],
    tags: Sequence[str],
) -> Prompt:
    """Begin a draft."""
    return await db.fetch_one(
        Prompt,
        """
        insert into prompts (user_id, name, description, template, variables, tags)
        values (:user_id, :name, :description, :template, :variables, :tags)
        returning id, name, description, template, variables, version, status, tags, created_at, updated_at,
                  published_at, user_id
        """,
        user_id=user_id,
        name=name,
        description=description,
        template=template,
        variables=variables,
        tags=list(tags),
    )


async def of_user(db: assay.Executor, prompt_id: UUID, user_id: UUID) -> Prompt | None:
    """A prompt, if it is this user's."""
    return await db.fetch_optional(
        Prompt,
        """
        select id, name, description, template, variables, version, status, tags, created_at, updated_at,
               published_at, user_id
        from prompts where id = $1 and user_id = $2
        """,
        prompt_id,
        user_id,
    )


async def newest(
    db: assay.Executor,
    user_id: UUID,
    *,
    status: PromptStatus | assay.Omitted,
    at: datetime | assay.Omitted,
    key: UUID | assay.Omitted,
    limit: int,
) -> list[Prompt]:
    """A user's prompts, or those of a status, the newest first; after the one of the given time and key."""
    return await db.fetch_all(
        Prompt,
        """
        select id, name, description, template, variables, version, status, tags, created_at, updated_at,
               published_at, user_id
        from prompts
        where user_id = :user_id [[ and status = :status ]] [[ and (created_at, id) < (:at, :key) ]]
        order by created_at desc, id desc
        limit :limit
        """,
        user_id=user_id,
        status=status,
        at=at,
        key=key,
        limit=limit,
    )


async def search(db: assay.Executor, user_id: UUID, term: str) -> list[Prompt]:
    """A user's published prompts whose name or description contains a term, in whatever case; ten at most.

    ``%``, ``_`` and a backslash in the term match themselves.
    """
    pattern = "%" + term.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    return await db.fetch_all(
        Prompt,
        """
        select id, name, description, template, variables, version, status, tags, created_at, updated_at,
               published_at, user_id
        from prompts
        where user_id = $1 and status = 'PUBLISHED' and (name ilike $2 or description ilike $2)
        order by published_at desc, id
        limit 10
        """,
        user_id,
        pattern,
    )


async def change(
    db: assay.Executor,
    prompt_id: UUID,
    user_id: UUID,
    *,
    name: str | assay.Omitted,
    description: str | assay.Omitted | None,
    template: str | assay.Omitted,
    variables: list[Variable] | assay.Omitted,
    tags: list[str] | assay.Omitted,
) -> Prompt | None:
    """Change what is given of a prompt, if it is this user's; what is published stays in its versions."""
    return await db.fetch_optional(
        Prompt,
        """
        update prompts
        set id = id [[ , name = :name ]] [[ , description = :description ]] [[ , template = :template ]]
            [[ , variables = :variables ]] [[ , tags = :tags ]]
        where id = :prompt_id and user_id = :user_id
        returning id, name, description, template, variables, version, status, tags, created_at, updated_at,
                  published_at, user_id
        """,
        prompt_id=prompt_id,
        user_id=user_id,
        name=name,
        description=description,
        template=template,
        variables=variables,
        tags=tags,
    )


async def publish(db: assay.Executor, prompt_id: UUID, user_id: UUID) -> Prompt | None:
    """Publish a prompt under its next version, if it is this user's.

    Whoever publishes it at the same time waits for this transaction, and gets the version after.
    """
    return await db.fetch_optional(
        Prompt,
        """
        update prompts
        set status = 'PUBLISHED', published_at = now(), version = version + 1
        where id = $1 and user_id = $2
        returning id, name, description, template, variables, version, status, tags, created_at, updated_at,
                  published_at, user_id
        """,
        prompt_id,
        user_id,
    )


async def archive(db: assay.Executor, prompt_id: UUID, user_id: UUID) -> Prompt | None:
    """Put a prompt away, if it is this user's."""
    return await db.fetch_optional(
        Prompt,
        """
        update prompts set status = 'ARCHIVED'
        where id = $1 and user_id = $2
        returning id, name, description, template, variables, version, status, tags, created_at, updated_at,
                  published_at, user_id
        """,
        prompt_id,
        user_id,
    )


async def remove(db: assay.Executor, prompt_id: UUID, user_id: UUID) -> bool:
    """Remove a prompt with its versions and validations, if it is this user's; whether it was.

    Raises:
        assay.ForeignKeyViolation: it has been run; archive it instead.
    """
    return await db.execute("delete from prompts where id = $1 and user_id = $2", prompt_id, user_id) == 1
