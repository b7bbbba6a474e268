"""Statements on ``events``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

import assay
from assay import OMIT, Omitted

from ..models import Event, EventStatistics, Registry

COLUMNS = (
    "chain_id",
    "block_number",
    "block_hash",
    "transaction_hash",
    "log_index",
    "registry",
    "event_type",
    "timestamp",
    "agent_id",
    "owner",
    "token_uri",
    "metadata_key",
    "metadata_value",
    "client_address",
    "feedback_index",
    "score",
    "tag1",
    "tag2",
    "file_uri",
    "file_hash",
    "validator_address",
    "request_hash",
    "response",
    "response_uri",
    "response_hash",
    "tag",
    "created_at",
)
"""What is copied in: all but the id."""


LogKey: TypeAlias = tuple[str, int, datetime]
"""What an event is known by on its chain: transaction hash, log index, and the time of its block."""


async def ensure_chunks(db: assay.Executor, first: datetime, last: datetime) -> int:
    """Create the chunks that events of these times go into; how many were missing."""
    return await db.fetch_one(int | None, "select ensure_event_chunks($1, $2)", first, last) or 0


async def drop_chunks(db: assay.Executor, keep: timedelta) -> int:
    """Drop the chunks whose events are all older than that; how many those were."""
    return await db.fetch_one(int | None, "select drop_event_chunks($1)", keep) or 0


async def take_turn(db: assay.Executor) -> None:
    """Wait until nobody else adds events, until the transaction ends."""
    await db.execute("select lock_event_writers()")


async def known(
    db: assay.Executor, chain_id: int, transactions: Sequence[str], first: datetime, last: datetime
) -> list[LogKey]:
    """What is there of the events of some transactions, in blocks from the one time to the other."""
    return await db.fetch_all(
        LogKey,
        """
        select transaction_hash, log_index, created_at
        from events
        where chain_id = $1 and transaction_hash = any($2) and created_at between $3 and $4
        """,
        chain_id,
        transactions,
        first,
        last,
    )


async def copy(db: assay.Executor, rows: Sequence[tuple[object, ...]]) -> int:
    """Add events by COPY, each a tuple of ``COLUMNS``; how many they were."""
    return await db.copy_in("events", rows, columns=COLUMNS)


async def after(db: assay.Executor, event_id: int, limit: int) -> list[Event]:
    """The events that follow one in the order in which they were added; none is ever added before one seen here."""
    return await db.fetch_all(
        Event,
        """
        select id, chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type, agent_id,
               timestamp, owner, token_uri, metadata_key, metadata_value, client_address, feedback_index, score,
               tag1, tag2, file_uri, file_hash, validator_address, request_hash, response, response_uri,
               response_hash, tag, created_at
        from events
        where id > $1
        order by id
        limit $2
        """,
        event_id,
        limit,
    )


async def of_chain_after(db: assay.Executor, chain_id: int, event_id: int, limit: int) -> list[Event]:
    """The events of a chain that follow one in the order in which they were added."""
    return await db.fetch_all(
        Event,
        """
        select id, chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type, agent_id,
               timestamp, owner, token_uri, metadata_key, metadata_value, client_address, feedback_index, score,
               tag1, tag2, file_uri, file_hash, validator_address, request_hash, response, response_uri,
               response_hash, tag, created_at
        from events
        where chain_id = $1 and id > $2
        order by id
        limit $3
        """,
        chain_id,
        event_id,
        limit,
    )


async def by_key(db: assay.Executor, event_id: int, created_at: datetime) -> Event | None:
    """An event, unless its chunk was dropped."""
    return await db.fetch_optional(
        Event,
        """
        select id, chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type, agent_id,
               timestamp, owner, token_uri, metadata_key, metadata_value, client_address, feedback_index, score,
               tag1, tag2, file_uri, file_hash, validator_address, request_hash, response, response_uri,
               response_hash, tag, created_at
        from events
        where id = $1 and created_at = $2
        """,
        event_id,
        created_at,
    )


async def by_id(db: assay.Executor, event_id: int) -> Event | None:
    """An event, found in whichever chunk it is; ids are given once."""
    return await db.fetch_optional(
        Event,
        """
        select id, chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type, agent_id,
               timestamp, owner, token_uri, metadata_key, metadata_value, client_address, feedback_index, score,
               tag1, tag2, file_uri, file_hash, validator_address, request_hash, response, response_uri,
               response_hash, tag, created_at
        from events
        where id = $1
        limit 1
        """,
        event_id,
    )


async def last_id(db: assay.Executor) -> int:
    """The highest id, 0 where there are no events."""
    return await db.fetch_one(int, "select coalesce(max(id), 0) from events")


async def newest(
    db: assay.Executor,
    *,
    chain_id: int,
    registry: Registry | Omitted = OMIT,
    event_type: str | Omitted = OMIT,
    agent_id: int | Omitted = OMIT,
    client_address: str | Omitted = OMIT,
    validator_address: str | Omitted = OMIT,
    since: datetime | Omitted = OMIT,
    until: datetime | Omitted = OMIT,
    at: datetime | Omitted = OMIT,
    key: int | Omitted = OMIT,
    limit: int,
) -> list[Event]:
    """The events of a chain, the newest block first, from where a page ended."""
    return await db.fetch_all(
        Event,
        """
        select id, chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type, agent_id,
               timestamp, owner, token_uri, metadata_key, metadata_value, client_address, feedback_index, score,
               tag1, tag2, file_uri, file_hash, validator_address, request_hash, response, response_uri,
               response_hash, tag, created_at
        from events
        where chain_id = :chain_id
          [[ and registry = :registry ]]
          [[ and event_type = :event_type ]]
          [[ and agent_id = :agent_id ]]
          [[ and client_address = :client_address ]]
          [[ and validator_address = :validator_address ]]
          [[ and created_at >= :since ]]
          [[ and created_at < :until ]]
          [[ and (created_at, id) < (:at, :key) ]]
        order by created_at desc, id desc
        limit :limit
        """,
        chain_id=chain_id,
        registry=registry,
        event_type=event_type,
        agent_id=agent_id,
        client_address=client_address,
        validator_address=validator_address,
        since=since,
        until=until,
        at=at,
        key=key,
        limit=limit,
    )


async def hourly(
    db: assay.Executor,
    *,
    since: datetime,
    until: datetime,
    chain_id: int | Omitted = OMIT,
    registry: Registry | Omitted = OMIT,
) -> list[EventStatistics]:
    """How many events there were in each hour of block time, by chain, registry and type; the newest hour first."""
    return await db.fetch_all(
        EventStatistics,
        """
        select date_trunc('hour', created_at, 'UTC') as hour, chain_id, registry, event_type, count(*) as total
        from events
        where created_at >= :since and created_at < :until
          [[ and chain_id = :chain_id ]]
          [[ and registry = :registry ]]
        group by hour, chain_id, registry, event_type
        order by hour desc, chain_id, registry, event_type
        """,
        since=since,
        until=until,
        chain_id=chain_id,
        registry=registry,
    )
