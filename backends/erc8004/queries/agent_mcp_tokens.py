"""Statements on ``agent_mcp_tokens``, whose tokens are encrypted before they come here."""

from __future__ import annotations

from dataclasses import dataclass

import assay


@dataclass(slots=True)
class Sealed:
    """An agent's token, encrypted."""

    agent_id: int
    token: str


async def put(db: assay.Executor, agent_id: int, sealed: str) -> bool:
    """Keep an agent's token; True when it had none."""
    return await db.fetch_one(
        bool,
        """
        insert into agent_mcp_tokens (agent_id, token)
        values ($1, $2)
        on conflict (agent_id) do update set token = excluded.token
        returning (xmax = 0) as created
        """,
        agent_id,
        sealed,
    )


async def by_agent(db: assay.Executor, agent_id: int) -> str | None:
    """An agent's encrypted token, if it has one."""
    return await db.fetch_optional(str, "select token from agent_mcp_tokens where agent_id = $1", agent_id)


async def remove(db: assay.Executor, agent_id: int) -> int:
    """Forget an agent's token."""
    return await db.execute("delete from agent_mcp_tokens where agent_id = $1", agent_id)


async def lock_all(db: assay.Executor) -> list[Sealed]:
    """All encrypted tokens, which nobody else changes until the transaction ends."""
    return await db.fetch_all(Sealed, "select agent_id, token from agent_mcp_tokens order by agent_id for update")


async def reseal(db: assay.Executor, tokens: list[Sealed]) -> int:
    """Put tokens that were encrypted anew in the place of what they were."""
    return await db.execute_many("update agent_mcp_tokens set token = :token where agent_id = :agent_id", tokens)
