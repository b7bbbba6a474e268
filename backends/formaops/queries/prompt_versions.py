"""Statements on ``prompt_versions``."""

from __future__ import annotations

from uuid import UUID

import assay

from ..models import Prompt, PromptVersion


async def keep(db: assay.Executor, prompt: Prompt, change_log: str | None) -> PromptVersion:
    """Keep a prompt as it was just published."""
    return await db.fetch_one(
        PromptVersion,
        """
        insert into prompt_versions (prompt_id, version, template, variables, change_log)
        values (:prompt_id, :version, :template, :variables, :change_log)
        returning id, version, template, variables, change_log, created_at, prompt_id
        """,
        prompt_id=prompt.id,
        version=prompt.version,
        template=prompt.template,
        variables=prompt.variables,
        change_log=change_log,
    )


async def newest(
    db: assay.Executor, prompt_id: UUID, *, before: int | assay.Omitted, limit: int
) -> list[PromptVersion]:
    """A prompt's versions, the newest first; those before the given one."""
    return await db.fetch_all(
        PromptVersion,
        """
        select id, version, template, variables, change_log, created_at, prompt_id
        from prompt_versions
        where prompt_id = :prompt_id [[ and version < :before ]]
        order by version desc
        limit :limit
        """,
        prompt_id=prompt_id,
        before=before,
        limit=limit,
    )
