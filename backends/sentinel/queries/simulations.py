"""Statements on ``simulations``."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import assay

from ..models import NewSimulation, Simulation


async def add(db: assay.Executor, simulation: NewSimulation) -> Simulation:
    """Keep a simulation.

    Raises:
        assay.ForeignKeyViolation: there is no such project or user.
    """
    return await db.fetch_one(
        Simulation,
        """
        insert into simulations (project_id, user_id, sender, module_address, module_name, function_name,
                                 args, type_args, result, success, gas_used, network)
        values (:project_id, :user_id, :sender, :module_address, :module_name, :function_name,
                :args, :type_args, :result, :success, :gas_used, :network)
        returning id, project_id, user_id, sender, module_address, module_name, function_name,
                  args, type_args, result, success, gas_used, network, created_at
        """,
        simulation,
    )


async def of_owner(db: assay.Executor, simulation_id: UUID, user_id: UUID) -> Simulation | None:
    """A simulation, if its project is this user's."""
    return await db.fetch_optional(
        Simulation,
        """
        select s.id, s.project_id, s.user_id, s.sender, s.module_address, s.module_name, s.function_name,
               s.args, s.type_args, s.result, s.success, s.gas_used, s.network, s.created_at
        from simulations s
        join projects p on p.id = s.project_id
        where s.id = $1 and p.user_id = $2
        """,
        simulation_id,
        user_id,
    )


async def newest(
    db: assay.Executor, project_id: UUID, *, at: datetime | assay.Omitted, key: UUID | assay.Omitted, limit: int
) -> list[Simulation]:
    """A project's simulations, the newest first; those that follow the one of the given time and key."""
    return await db.fetch_all(
        Simulation,
        """
        select id, project_id, user_id, sender, module_address, module_name, function_name,
               args, type_args, result, success, gas_used, network, created_at
        from simulations
        where project_id = :project_id [[ and (created_at, id) < (:at, :key) ]]
        order by created_at desc, id desc
        limit :limit
        """,
        project_id=project_id,
        at=at,
        key=key,
        limit=limit,
    )


async def remove(db: assay.Executor, simulation_id: UUID, user_id: UUID) -> bool:
    """Remove a simulation, if its project is this user's; whether it was."""
    removed = await db.execute(
        "delete from simulations s using projects p where s.id = $1 and p.id = s.project_id and p.user_id = $2",
        simulation_id,
        user_id,
    )
    return removed == 1
