"""Statements on ``action_jobs``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import assay

from ..models import Job


@dataclass(frozen=True, slots=True)
class NewJob:
    """An action to be done for an event."""

    action_id: int
    event_id: int
    event_created_at: datetime


async def add(db: assay.Executor, jobs: Sequence[NewJob]) -> int:
    """Have actions done; one that is to be done for the same event already is not doubled."""
    return await db.execute_many(
        """
        insert into action_jobs (action_id, event_id, event_created_at)
        values (:action_id, :event_id, :event_created_at)
        on conflict do nothing
        """,
        jobs,
    )


async def take(db: assay.Executor, limit: int, lease: timedelta) -> list[Job]:
    """Take jobs that are due, by priority: nobody else gets them for the length of the lease."""
    return await db.fetch_all(
        Job,
        """
        with due as (
            select j.id
            from action_jobs j
            join trigger_actions a on a.id = j.action_id
            where j.due_at <= now()
            order by j.due_at, a.priority, j.event_id
            limit $1
            for update of j skip locked
        ), taken as (
            update action_jobs set due_at = now() + $2
            from due
            where action_jobs.id = due.id
            returning action_jobs.id, action_id, event_id, event_created_at, attempts
        )
        select taken.id, a.trigger_id, t.name as trigger_name, a.action_type, a.config, taken.event_id,
               taken.event_created_at, taken.attempts
        from taken
        join trigger_actions a on a.id = taken.action_id
        join triggers t on t.id = a.trigger_id
        order by a.priority, taken.event_id
        """,
        limit,
        lease,
    )


async def put_off(db: assay.Executor, job_id: UUID, pause: timedelta) -> int:
    """Have a job tried again after a pause."""
    return await db.execute(
        "update action_jobs set due_at = now() + $2, attempts = attempts + 1 where id = $1", job_id, pause
    )


async def remove(db: assay.Executor, job_id: UUID) -> int:
    """A job is done, or given up."""
    return await db.execute("delete from action_jobs where id = $1", job_id)


async def seconds_to_next(db: assay.Executor) -> float | None:
    """Seconds until the next job is due, below 0 when one is; None when there is none."""
    return await db.fetch_one(
        float | None, "select extract(epoch from min(due_at) - clock_timestamp())::float8 from action_jobs"
    )
