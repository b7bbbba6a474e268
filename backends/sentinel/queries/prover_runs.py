"""Statements on ``prover_runs``."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import assay

from ..models import NewProverRun, ProverRun, Status


async def add(db: assay.Executor, run: NewProverRun) -> ProverRun:
    """Keep a run.

    Raises:
        assay.ForeignKeyViolation: there is no such project or user.
    """
    return await db.fetch_one(
        ProverRun,
        """
        insert into prover_runs (project_id, user_id, module_name, move_code, status, duration_ms, result)
        values (:project_id, :user_id, :module_name, :move_code, :status, :duration_ms, :result)
        returning id, project_id, user_id, module_name, move_code, status, duration_ms, result, created_at
        """,
        run,
    )


async def of_owner(db: assay.Executor, run_id: UUID, user_id: UUID) -> ProverRun | None:
    """A run, if its project is this user's."""
    return await db.fetch_optional(
        ProverRun,
        """
        select r.id, r.project_id, r.user_id, r.module_name, r.move_code, r.status, r.duration_ms, r.result,
               r.created_at
        from prover_runs r
        join projects p on p.id = r.project_id
        where r.id = $1 and p.user_id = $2
        """,
        run_id,
        user_id,
    )


async def newest(
    db: assay.Executor,
    project_id: UUID,
    *,
    status: Status | assay.Omitted,
    at: datetime | assay.Omitted,
    key: UUID | assay.Omitted,
    limit: int,
) -> list[ProverRun]:
    """A project's runs, or those that ended so, the newest first; after the one of the given time and key."""
    return await db.fetch_all(
        ProverRun,
        """
        select id, project_id, user_id, module_name, move_code, status, duration_ms, result, created_at
        from prover_runs
        where project_id = :project_id [[ and status = :status ]] [[ and (created_at, id) < (:at, :key) ]]
        order by created_at desc, id desc
        limit :limit
        """,
        project_id=project_id,
        status=status,
        at=at,
        key=key,
        limit=limit,
    )


async def remove(db: assay.Executor, run_id: UUID, user_id: UUID) -> bool:
    """Remove a run, if its project is this user's; whether it was."""
    removed = await db.execute(
        "delete from prover_runs r using projects p where r.id = $1 and p.id = r.project_id and p.user_id = $2",
        run_id,
        user_id,
    )
    return removed == 1
