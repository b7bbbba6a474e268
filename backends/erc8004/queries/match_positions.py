"""Statements on ``match_positions``."""

from __future__ import annotations

from dataclasses import dataclass

import assay


@dataclass(slots=True)
class Position:
    """A row of ``match_positions``: the last event of a chain that was matched."""

    chain_id: int
    last_event_id: int


async def begin(db: assay.Executor, chain_id: int) -> int:
    """Begin to match a chain's events, from the next on; 0 when that had begun already."""
    return await db.execute(
        """
        insert into match_positions (chain_id, last_event_id)
        values ($1, (select coalesce(max(id), 0) from events))
        on conflict do nothing
        """,
        chain_id,
    )


async def begin_all(db: assay.Executor) -> int:
    """Begin, with the first event, where somebody made triggers on a chain without beginning; how many chains."""
    return await db.execute(
        "insert into match_positions (chain_id) select distinct chain_id from triggers on conflict do nothing"
    )


async def lagging(db: assay.Executor) -> list[int]:
    """The chains that may have events which were not matched yet."""
    return await db.fetch_all(
        int,
        """
        select chain_id
        from match_positions
        where last_event_id < (select coalesce(max(id), 0) from events)
        order by chain_id
        """,
    )


async def take(db: assay.Executor, chain_id: int) -> Position | None:
    """A chain's position, which nobody else moves until the transaction ends; None when somebody else has it."""
    return await db.fetch_optional(
        Position,
        "select chain_id, last_event_id from match_positions where chain_id = $1 for update skip locked",
        chain_id,
    )


async def move(db: assay.Executor, chain_id: int, event_id: int) -> int:
    """Note that a chain's events up to this one were matched."""
    return await db.execute("update match_positions set last_event_id = $2 where chain_id = $1", chain_id, event_id)
