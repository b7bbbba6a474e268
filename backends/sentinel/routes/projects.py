"""Projects."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

import assay
from assay.contrib.fastapi import PoolDependency as Pool

from ...common.pages import Before, Limit, after
from ...common.views import Page, missing, not_found, page_of
from ..api import ProjectChange, ProjectIn, ProjectView
from ..models import Project
from ..queries import projects
from ..signing_in import User
from . import SIGNED_IN

router = APIRouter(prefix="/projects", tags=["projects"], responses=SIGNED_IN)
NO_PROJECT = not_found("project")


@router.post("", status_code=201)
async def begin_project(pool: Pool, user: User, body: ProjectIn) -> ProjectView:
    """Begin a project."""
    return _view(
        await projects.add(pool, user_id=user, name=body.name, description=body.description, network=body.network)
    )


@router.get("")
async def list_projects(pool: Pool, user: User, before: Before, limit: Limit = 20) -> Page[ProjectView]:
    """My projects, the newest first, a page at a time."""
    return page_of(await projects.newest(pool, user, **after(before), limit=limit + 1), limit, _view)


@router.get("/{project_id}", responses=NO_PROJECT)
async def show_project(pool: Pool, user: User, project_id: UUID) -> ProjectView:
    """A project."""
    return _view(await own_project(pool, project_id, user))


@router.patch("/{project_id}", responses=NO_PROJECT)
async def change_project(pool: Pool, user: User, project_id: UUID, body: ProjectChange) -> ProjectView:
    """Change what is given of a project."""
    project = await projects.change(
        pool,
        project_id,
        user,
        name=assay.OMIT if body.name is None else body.name,
        description=body.description if "description" in body.model_fields_set else assay.OMIT,
        network=assay.OMIT if body.network is None else body.network,
    )
    if project is None:
        raise missing("project", project_id)
    return _view(project)


@router.delete("/{project_id}", status_code=204, responses=NO_PROJECT)
async def remove_project(pool: Pool, user: User, project_id: UUID) -> None:
    """Remove a project with its simulations and runs."""
    if not await projects.remove(pool, project_id, user):
        raise missing("project", project_id)


async def own_project(db: assay.Executor, project_id: UUID, user: UUID) -> Project:
    """The user's project; the answer is 404 when they have no such one."""
    project = await projects.of_user(db, project_id, user)
    if project is None:
        raise missing("project", project_id)
    return project


def _view(project: Project) -> ProjectView:
    return ProjectView.model_validate(project)
