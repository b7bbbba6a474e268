"""Statements on ``checkpoints``."""

from __future__ import annotations

import assay

from ..models import Checkpoint


async def advance(db: assay.Executor, *, chain_id: int, block_number: int, block_hash: str) -> int:
    """Note that a chain's events up to a block are in the table; 0 when it had come further already."""
    return await db.execute(
        """
        insert into checkpoints (chain_id, last_block_number, last_block_hash)
        values (:chain_id, :block_number, :block_hash)
        on conflict (chain_id) do update
        set last_block_number = excluded.last_block_number, last_block_hash = excluded.last_block_hash
        where checkpoints.last_block_number <= excluded.last_block_number
        """,
        chain_id=chain_id,
        block_number=block_number,
        block_hash=block_hash,
    )


async def by_chain(db: assay.Executor, chain_id: int) -> Checkpoint | None:
    """How far a chain's events are in the table."""
    return await db.fetch_optional(
        Checkpoint,
        "select chain_id, last_block_number, last_block_hash, updated_at from checkpoints where chain_id = $1",
        chain_id,
    )


async def all_chains(db: assay.Executor) -> list[Checkpoint]:
    """How far each chain's events are in the table."""
    return await db.fetch_all(
        Checkpoint,
        "select chain_id, last_block_number, last_block_hash, updated_at from checkpoints order by chain_id",
    )
