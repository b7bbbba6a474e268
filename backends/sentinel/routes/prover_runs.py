"""Runs of the Move prover."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

import assay
from assay.contrib.fastapi import PoolDependency as Pool

from ...common.pages import Before, Limit, after
from ...common.views import Page, missing, not_found, page_of
from ..api import ProverRunIn, ProverRunView
from ..models import NewProverRun, ProverRun, Status
from ..queries import prover_runs
from ..signing_in import User
from . import SIGNED_IN
from .projects import NO_PROJECT, own_project

router = APIRouter(tags=["prover runs"], responses=SIGNED_IN)
NO_RUN = not_found("prover run")


@router.post("/projects/{project_id}/prover-runs", status_code=201, responses=NO_PROJECT)
async def keep_run(pool: Pool, user: User, project_id: UUID, body: ProverRunIn) -> ProverRunView:
    """Keep a run with its full result."""
    await own_project(pool, project_id, user)
    new = NewProverRun(project_id=project_id, user_id=user, **body.model_dump())
    try:
        return _view(await prover_runs.add(pool, new))
    except assay.ForeignKeyViolation:
        # It was removed since it was looked up.
        raise missing("project", project_id) from None


@router.get("/projects/{project_id}/prover-runs", responses=NO_PROJECT)
async def list_runs(
    pool: Pool, user: User, project_id: UUID, before: Before, status: Status | None = None, limit: Limit = 20
) -> Page[ProverRunView]:
    """A project's runs, or those that ended so, the newest first, a page at a time."""
    await own_project(pool, project_id, user)
    ended = assay.OMIT if status is None else status
    found = await prover_runs.newest(pool, project_id, status=ended, **after(before), limit=limit + 1)
    return page_of(found, limit, _view)


@router.get("/prover-runs/{run_id}", responses=NO_RUN)
async def show_run(pool: Pool, user: User, run_id: UUID) -> ProverRunView:
    """A run."""
    run = await prover_runs.of_owner(pool, run_id, user)
    if run is None:
        raise missing("prover run", run_id)
    return _view(run)


@router.delete("/prover-runs/{run_id}", status_code=204, responses=NO_RUN)
async def remove_run(pool: Pool, user: User, run_id: UUID) -> None:
    """Remove a run."""
    if not await prover_runs.remove(pool, run_id, user):
        raise missing("prover run", run_id)


def _view(run: ProverRun) -> ProverRunView:
    return ProverRunView.model_validate(run)
