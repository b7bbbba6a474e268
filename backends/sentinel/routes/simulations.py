"""Simulations of entry functions."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

import assay
from assay.contrib.fastapi import PoolDependency as Pool

from ...common.pages import Before, Limit, after
from ...common.views import Page, missing, not_found, page_of
from ..api import SimulationIn, SimulationView
from ..models import NewSimulation, Simulation
from ..queries import simulations
from ..signing_in import User
from . import SIGNED_IN
from .projects import NO_PROJECT, own_project

router = APIRouter(tags=["simulations"], responses=SIGNED_IN)
NO_SIMULATION = not_found("simulation")


@router.post("/projects/{project_id}/simulations", status_code=201, responses=NO_PROJECT)
async def keep_simulation(pool: Pool, user: User, project_id: UUID, body: SimulationIn) -> SimulationView:
    """Keep a simulation with its full result."""
    await own_project(pool, project_id, user)
    new = NewSimulation(project_id=project_id, user_id=user, **body.model_dump())
    try:
        return _view(await simulations.add(pool, new))
    except assay.ForeignKeyViolation:
        # It was removed since it was looked up.
        raise missing("project", project_id) from None


@router.get("/projects/{project_id}/simulations", responses=NO_PROJECT)
async def list_simulations(
    pool: Pool, user: User, project_id: UUID, before: Before, limit: Limit = 20
) -> Page[SimulationView]:
    """A project's simulations, the newest first, a page at a time."""
    await own_project(pool, project_id, user)
    return page_of(await simulations.newest(pool, project_id, **after(before), limit=limit + 1), limit, _view)


@router.get("/simulations/{simulation_id}", responses=NO_SIMULATION)
async def show_simulation(pool: Pool, user: User, simulation_id: UUID) -> SimulationView:
    """A simulation."""
    simulation = await simulations.of_owner(pool, simulation_id, user)
    if simulation is None:
        raise missing("simulation", simulation_id)
    return _view(simulation)


@router.delete("/simulations/{simulation_id}", status_code=204, responses=NO_SIMULATION)
async def remove_simulation(pool: Pool, user: User, simulation_id: UUID) -> None:
    """Remove a simulation."""
    if not await simulations.remove(pool, simulation_id, user):
        raise missing("simulation", simulation_id)


def _view(simulation: Simulation) -> SimulationView:
    return SimulationView.model_validate(simulation)
