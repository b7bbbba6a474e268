"""Statements on ``action_results``."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import assay
from assay import OMIT, Omitted

from ..models import ActionMetrics, ActionResult, ActionType, Json, ResultStatus


async def record(
    db: assay.Executor,
    *,
    job_id: UUID,
    trigger_id: UUID,
    event_id: int,
    event_created_at: datetime,
    action_type: ActionType,
    status: ResultStatus,
    duration_ms: int | None,
    error_message: str | None,
    response_data: Json | None,
    retry_count: int,
) -> int:
    """Record an attempt at an action; the result's id. A trigger that was deleted meanwhile is left out of it."""
    return await db.fetch_one(
        int,
        """
        insert into action_results (job_id, trigger_id, event_id, event_created_at, action_type, status, duration_ms,
                                    error_message, response_data, retry_count)
        values (:job_id, (select id from triggers where id = :trigger_id for key share), :event_id,
                :event_created_at, :action_type, :status, :duration_ms, :error_message, :response_data, :retry_count)
        returning id
        """,
        job_id=job_id,
        trigger_id=trigger_id,
        event_id=event_id,
        event_created_at=event_created_at,
        action_type=action_type,
        status=status,
        duration_ms=duration_ms,
        error_message=error_message,
        response_data=response_data,
        retry_count=retry_count,
    )


async def newest(
    db: assay.Executor,
    *,
    user_id: UUID,
    trigger_id: UUID | Omitted = OMIT,
    status: ResultStatus | Omitted = OMIT,
    action_type: ActionType | Omitted = OMIT,
    before_id: int | Omitted = OMIT,
    limit: int,
) -> list[ActionResult]:
    """The results of a user's triggers, the newest first, from where a page ended."""
    return await db.fetch_all(
        ActionResult,
        """
        select r.id, r.job_id, r.trigger_id, r.event_id, r.event_created_at, r.action_type, r.status, r.executed_at,
               r.duration_ms, r.error_message, r.response_data, r.retry_count
        from action_results r
        join triggers t on t.id = r.trigger_id
        where t.user_id = :user_id
          [[ and r.trigger_id = :trigger_id ]]
          [[ and r.status = :status ]]
          [[ and r.action_type = :action_type ]]
          [[ and r.id < :before_id ]]
        order by r.id desc
        limit :limit
        """,
        user_id=user_id,
        trigger_id=trigger_id,
        status=status,
        action_type=action_type,
        before_id=before_id,
        limit=limit,
    )


async def hourly(
    db: assay.Executor, *, since: datetime, until: datetime, user_id: UUID | Omitted = OMIT
) -> list[ActionMetrics]:
    """How the attempts of each hour went, by type of action; the newest hour first."""
    return await db.fetch_all(
        ActionMetrics,
        """
        select date_trunc('hour', executed_at, 'UTC') as hour, action_type, count(*) as total,
               count(*) filter (where status = 'success') as success,
               count(*) filter (where status = 'failed') as failed,
               avg(duration_ms)::float8 as mean_ms,
               percentile_cont(0.95) within group (order by duration_ms) as p95_ms
        from action_results
        where executed_at >= :since and executed_at < :until
          [[ and trigger_id in (select id from triggers where user_id = :user_id) ]]
        group by hour, action_type
        order by hour desc, action_type
        """,
        since=since,
        until=until,
        user_id=user_id,
    )
