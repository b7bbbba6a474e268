"""Statements on ``executions``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import assay

from ..models import Claimed, Execution, ExecutionStatus, Metrics, Outcome, Priority, Recent


async def add(
    db: assay.Executor,
    *,
    user_id: UUID,
    prompt_id: UUID,
    inputs: dict[str, Any],
    context: dict[str, Any] | None,
    priority: Priority,
) -> Execution:
    """Ask for a prompt to be run."""
    return await db.fetch_one(
        Execution,
        """
        insert into executions (user_id, prompt_id, inputs, context, priority)
        values (:user_id, :prompt_id, :inputs, :context, :priority)
        returning id, inputs, context, status, priority, edge_function_id, output, validated_output, validation_status,
                  token_usage, latency_ms, cost_usd, created_at, started_at, completed_at, user_id, prompt_id
        """,
        user_id=user_id,
        prompt_id=prompt_id,
        inputs=inputs,
        context=context,
        priority=priority,
    )


async def of_user(db: assay.Executor, execution_id: UUID, user_id: UUID) -> Execution | None:
    """An execution, if it is this user's."""
    return await db.fetch_optional(
        Execution,
        """
        select id, inputs, context, status, priority, edge_function_id, output, validated_output, validation_status,
               token_usage, latency_ms, cost_usd, created_at, started_at, completed_at, user_id, prompt_id
        from executions where id = $1 and user_id = $2
        """,
        execution_id,
        user_id,
    )


async def newest(
    db: assay.Executor,
    user_id: UUID,
    *,
    status: ExecutionStatus | assay.Omitted,
    at: datetime | assay.Omitted,
    key: UUID | assay.Omitted,
    limit: int,
) -> list[Execution]:
    """A user's executions, or those of a status, the newest first; after the one of the given time and key."""
    return await db.fetch_all(
        Execution,
        """
        select id, inputs, context, status, priority, edge_function_id, output, validated_output, validation_status,
               token_usage, latency_ms, cost_usd, created_at, started_at, completed_at, user_id, prompt_id
        from executions
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


async def recent(db: assay.Executor, user_id: UUID) -> list[Recent]:
    """A user's last 20 executions, each with its prompt."""
    return await db.fetch_all(
        Recent,
        """
        select e.id, e.status, e.priority, e.validation_status, e.latency_ms, e.cost_usd, e.created_at,
               p.id as "prompt.id", p.name as "prompt.name"
        from executions e
        join prompts p on p.id = e.prompt_id
        where e.user_id = $1
        order by e.created_at desc
        limit 20
        """,
        user_id,
    )


async def metrics(db: assay.Executor, user_id: UUID, window: timedelta) -> Metrics:
    """What a user's executions of the last while came to."""
    return await db.fetch_one(
        Metrics,
        """
        select count(*) as count, avg(latency_ms)::float8 as mean_latency_ms, avg(cost_usd) as mean_cost_usd,
               coalesce(sum(cost_usd), 0) as total_cost_usd
        from executions
        where user_id = $1 and created_at > now() - $2::interval
        """,
        user_id,
        window,
    )


async def claim(db: assay.Executor) -> Claimed | None:
    """Take the most urgent execution that waits, and of those the oldest; None when none does.

    What another worker is taking at the same moment is passed over.
    """
    return await db.fetch_optional(
        Claimed,
        """
        update executions e
        set status = 'RUNNING', started_at = clock_timestamp()
        from prompts p
        where e.id = (
            select id from executions
            where status = 'PENDING'
            order by priority desc, created_at, id
            limit 1
            for update skip locked
        ) and p.id = e.prompt_id
        returning e.id, e.inputs, e.context, e.prompt_id, p.template, p.variables, e.started_at
        """,
    )


async def complete(db: assay.Executor, execution_id: UUID, started_at: datetime, outcome: Outcome) -> bool:
    """Note what came of an execution; False when it is not the run of ``started_at`` any more."""
    noted = await db.execute(
        """
        update executions
        set status = 'COMPLETED', completed_at = clock_timestamp(), output = :output,
            validated_output = :validated_output, validation_status = :validation_status, token_usage = :token_usage,
            latency_ms = :latency_ms, cost_usd = :cost_usd
        where id = :execution_id and status = 'RUNNING' and started_at = :started_at
        """,
        execution_id=execution_id,
        started_at=started_at,
        output=outcome.output,
        validated_output=outcome.validated_output,
        validation_status=outcome.validation_status,
        token_usage=outcome.token_usage,
        latency_ms=outcome.latency_ms,
        cost_usd=outcome.cost_usd,
    )
    return noted == 1


async def fail(db: assay.Executor, execution_id: UUID, started_at: datetime) -> bool:
    """Note that an execution failed; False when it is not the run of ``started_at`` any more."""
    noted = await db.execute(
        """
        update executions
        set status = 'FAILED', completed_at = clock_timestamp(), validation_status = 'SKIPPED'
        where id = $1 and status = 'RUNNING' and started_at = $2
        """,
        execution_id,
        started_at,
    )
    return noted == 1


async def give_back(db: assay.Executor, execution_id: UUID, started_at: datetime) -> bool:
    """Let somebody else run an execution; False when it is not the run of ``started_at`` any more."""
    noted = await db.execute(
        """
        update executions set status = 'PENDING', started_at = null
        where id = $1 and status = 'RUNNING' and started_at = $2
        """,
        execution_id,
        started_at,
    )
    return noted == 1


async def give_back_abandoned(db: assay.Executor, after: timedelta) -> int:
    """Let others run what has been running for longer than any run takes: its worker is gone. How many these are."""
    return await db.execute(
        """
        update executions set status = 'PENDING', started_at = null
        where status = 'RUNNING' and started_at < clock_timestamp() - $1::interval
        """,
        after,
    )


async def cancel(db: assay.Executor, execution_id: UUID, user_id: UUID) -> Execution | None:
    """Cancel a user's execution that waits or runs; None when it is neither."""
    return await db.fetch_optional(
        Execution,
        """
        update executions
        set status = 'CANCELLED', started_at = coalesce(started_at, now()),
            completed_at = greatest(started_at, clock_timestamp()), validation_status = 'SKIPPED'
        where id = $1 and user_id = $2 and status in ('PENDING', 'RUNNING')
        returning id, inputs, context, status, priority, edge_function_id, output, validated_output, validation_status,
                  token_usage, latency_ms, cost_usd, created_at, started_at, completed_at, user_id, prompt_id
        """,
        execution_id,
        user_id,
    )
