"""The rows of Sentinel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

Status: TypeAlias = Literal["passed", "failed", "timeout", "error"]
"""How a run of the prover ended."""

Result: TypeAlias = dict[str, Any]
"""What a simulation or the prover gave, in full."""


@dataclass(slots=True)
class User:
    """Somebody who signed in: a row of ``users``."""

    id: UUID
    clerk_id: str
    email: str
    name: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Project:
    """What a user works on: a row of ``projects``."""

    id: UUID
    user_id: UUID
    name: str
    description: str | None
    network: str
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class NewSimulation:
    """A call of an entry function that was simulated."""

    project_id: UUID
    user_id: UUID
    sender: str
    module_address: str
    module_name: str
    function_name: str
    args: list[Any] | None
    type_args: list[str] | None
    result: Result
    success: bool
    gas_used: int | None
    network: str


@dataclass(slots=True)
class Simulation:
    """A call of an entry function that was simulated: a row of ``simulations``."""

    id: UUID
    project_id: UUID
    user_id: UUID | None
    sender: str
    module_address: str
    module_name: str
    function_name: str
    args: list[Any] | None
    type_args: list[str] | None
    result: Result
    success: bool
    gas_used: int | None
    network: str
    created_at: datetime


@dataclass(slots=True)
class NewProverRun:
    """A run of the Move prover."""

    project_id: UUID
    user_id: UUID
    module_name: str
    move_code: str
    status: Status
    duration_ms: int | None
    result: Result


@dataclass(slots=True)
class ProverRun:
    """A run of the Move prover: a row of ``prover_runs``."""

    id: UUID
    project_id: UUID
    user_id: UUID | None
    module_name: str
    move_code: str
    status: Status
    duration_ms: int | None
    result: Result
    created_at: datetime


@dataclass(slots=True)
class ApiKey:
    """A key that lets a tool in, without the key itself: a row of ``api_keys``."""

    id: UUID
    user_id: UUID
    name: str
    key_prefix: str
    """Its first eight characters, for display."""
    last_used_at: datetime | None
    created_at: datetime
    expires_at: datetime | None


@dataclass(slots=True)
class Holder:
    """Whose key it is, and the hash that was found."""

    user_id: UUID
    key_hash: str
    expired: bool
