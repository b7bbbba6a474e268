"""Statements on ``execution_logs``."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import assay

from ..models import ExecutionLog, LogLevel


async def add(
    db: assay.Executor, execution_id: UUID, level: LogLevel, message: str, metadata: dict[str, Any] | None = None
) -> None:
    """Write a line about an execution."""
    await db.execute(
        "insert into execution_logs (execution_id, level, message, metadata) values ($1, $2, $3, $4)",
        execution_id,
        level,
        message,
        metadata,
    )


async def newest(
    db: assay.Executor,
    execution_id: UUID,
    *,
    level: LogLevel | assay.Omitted,
    at: datetime | assay.Omitted,
    key: UUID | assay.Omitted,
    limit: int,
) -> list[ExecutionLog]:
    """An execution's lines, or those of a level, the newest first; after the one of the given time and key."""
    return await db.fetch_all(
        ExecutionLog,
        """
        select id, level, message, metadata, timestamp, execution_id
        from execution_logs
        where execution_id = :execution_id [[ and level = :level ]] [[ and (timestamp, id) < (:at, :key) ]]
        order by timestamp desc, id desc
        limit :limit
        """,
        execution_id=execution_id,
        level=level,
        at=at,
        key=key,
        limit=limit,
    )
