"""Publishing a prompt: its version goes up, and what it looks like now is kept."""

from __future__ import annotations

from uuid import UUID

import assay

from .models import Prompt, PromptVersion
from .queries import prompt_versions, prompts


async def publish(
    pool: assay.Pool, prompt_id: UUID, user_id: UUID, change_log: str | None
) -> tuple[Prompt, PromptVersion] | None:
    """Publish a user's prompt under its next version, all in one transaction; None when they have no such one.

    Two at once both succeed, one after the other: the row is locked by the first.
    """
    async with pool.transaction() as transaction:
        prompt = await prompts.publish(transaction, prompt_id, user_id)
        if prompt is None:
            return None
        return prompt, await prompt_versions.keep(transaction, prompt, change_log)
