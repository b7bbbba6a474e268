"""Executions, their logs, and the dashboard."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, HTTPException

import assay
from assay.contrib.fastapi import PoolDependency as Pool

from ...common import failures
from ...common.pages import Before, Limit, after
from ...common.views import Page, missing, not_found, page_of
from ..api import Dashboard, ExecutionIn, ExecutionView, LogPage, MetricsView, RecentView
from ..models import Execution, ExecutionStatus, LogLevel
from ..queries import execution_logs, executions
from ..templates import fill
from . import SIGNED_IN, User
from .prompts import NO_PROMPT, own_prompt

router = APIRouter(tags=["executions"], responses=SIGNED_IN)
NO_EXECUTION = not_found("execution")
OVER = failures.also(409, "The execution is over")
DAY = timedelta(hours=24)


@router.post("/prompts/{prompt_id}/executions", status_code=201, responses=NO_PROMPT)
async def ask_to_run(pool: Pool, user: User, prompt_id: UUID, body: ExecutionIn) -> ExecutionView:
    """Ask for a prompt to be run with these inputs; nothing is stored when one is missing or not among the options."""
    prompt = await own_prompt(pool, prompt_id, user)
    inputs = fill(prompt.variables, body.inputs)
    try:
        execution = await executions.add(
            pool, user_id=user, prompt_id=prompt_id, inputs=inputs, context=body.context, priority=body.priority
        )
    except assay.ForeignKeyViolation:
        # It was removed since it was looked up.
        raise missing("prompt", prompt_id) from None
    return _view(execution)


@router.get("/executions")
async def list_executions(
    pool: Pool, user: User, before: Before, status: ExecutionStatus | None = None, limit: Limit = 20
) -> Page[ExecutionView]:
    """My executions, or those of a status, the newest first, a page at a time."""
    wanted = assay.OMIT if status is None else status
    return page_of(await executions.newest(pool, user, status=wanted, **after(before), limit=limit + 1), limit, _view)


@router.get("/executions/{execution_id}", responses=NO_EXECUTION)
async def show_execution(pool: Pool, user: User, execution_id: UUID) -> ExecutionView:
    """An execution, with what came of it."""
    return _view(await _own_execution(pool, execution_id, user))


@router.post("/executions/{execution_id}/cancel", responses={**NO_EXECUTION, **OVER})
async def cancel_execution(pool: Pool, user: User, execution_id: UUID) -> ExecutionView:
    """Cancel an execution that waits or runs."""
    cancelled = await executions.cancel(pool, execution_id, user)
    if cancelled is None:
        found = await _own_execution(pool, execution_id, user)
        raise HTTPException(409, f"the execution is {found.status} already")
    return _view(cancelled)


@router.get("/executions/{execution_id}/logs", responses=NO_EXECUTION)
async def list_logs(
    pool: Pool, user: User, execution_id: UUID, before: Before, level: LogLevel | None = None, limit: Limit = 20
) -> LogPage:
    """What happened with an execution, the newest first, a page at a time."""
    await _own_execution(pool, execution_id, user)
    wanted = assay.OMIT if level is None else level
    found = await execution_logs.newest(pool, execution_id, level=wanted, **after(before), limit=limit + 1)
    return LogPage.of(found, limit)


@router.get("/dashboard")
async def dashboard(pool: Pool, user: User) -> Dashboard:
    """My last 20 executions, and what those of the last 24 hours came to."""
    recent = [RecentView.model_validate(one) for one in await executions.recent(pool, user)]
    return Dashboard(recent=recent, metrics=MetricsView.model_validate(await executions.metrics(pool, user, DAY)))


async def _own_execution(db: assay.Executor, execution_id: UUID, user: UUID) -> Execution:
    execution = await executions.of_user(db, execution_id, user)
    if execution is None:
        raise missing("execution", execution_id)
    return execution


def _view(execution: Execution) -> ExecutionView:
    return ExecutionView.model_validate(execution)
