"""The rows of erc8004, and what their JSON columns hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import msgspec
from annotated_types import Ge, Le, MaxLen, Predicate

from ..common.texts import storable

Registry: TypeAlias = Literal["identity", "reputation", "validation"]
ActionType: TypeAlias = Literal["telegram", "rest", "mcp"]
ConditionType: TypeAlias = Literal["field", "ema", "count"]
Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "in", "contains"]
ResultStatus: TypeAlias = Literal["success", "failed", "retrying"]

Json: TypeAlias = dict[str, Any]

# Each with its limits twice: for pydantic, which reads requests, and for msgspec, which reads files.
Number: TypeAlias = Annotated[int, Ge(0), Le(2**31 - 1), msgspec.Meta(ge=0, le=2**31 - 1)]
Signed: TypeAlias = Annotated[int, Ge(-(2**31)), Le(2**31 - 1), msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Large: TypeAlias = Annotated[int, Ge(0), Le(2**63 - 1), msgspec.Meta(ge=0, le=2**63 - 1)]
Name: TypeAlias = Annotated[str, MaxLen(255), Predicate(storable), msgspec.Meta(max_length=255, pattern=r"^[^\x00]*\Z")]
"""A text that is indexed."""
Words: TypeAlias = Annotated[
    str, MaxLen(1 << 16), Predicate(storable), msgspec.Meta(max_length=1 << 16, pattern=r"^[^\x00]*\Z")
]


@dataclass(slots=True, kw_only=True)
class NewEvent:
    """An event as a chain has it: a row of ``events`` before it has an id."""

    chain_id: Number
    block_number: Large
    block_hash: Name
    transaction_hash: Name
    log_index: Number
    registry: Registry
    event_type: Name
    timestamp: Large
    """Of the block, in seconds since 1970."""
    agent_id: Large | None = None
    owner: Name | None = None
    token_uri: Words | None = None
    metadata_key: Words | None = None
    metadata_value: Words | None = None
    client_address: Name | None = None
    feedback_index: Large | None = None
    score: Signed | None = None
    tag1: Words | None = None
    tag2: Words | None = None
    file_uri: Words | None = None
    file_hash: Name | None = None
    validator_address: Name | None = None
    request_hash: Name | None = None
    response: Signed | None = None
    response_uri: Words | None = None
    response_hash: Name | None = None
    tag: Words | None = None


@dataclass(slots=True, kw_only=True)
class Event(NewEvent):
    """A row of ``events``."""

    id: int
    created_at: datetime
    """The block's time, too: what the table is partitioned by."""


@dataclass(slots=True)
class User:
    """A row of ``users``, less the password's hash."""

    id: UUID
    username: str
    email: str
    created_at: datetime
    updated_at: datetime
    last_login_at: datetime | None
    is_active: bool


@dataclass(slots=True)
class Credentials:
    """What a sign-in is checked against."""

    id: UUID
    password_hash: str
    is_active: bool


@dataclass(slots=True)
class Trigger:
    """A row of ``triggers``."""

    id: UUID
    user_id: UUID
    name: str
    description: str | None
    chain_id: int
    registry: Registry
    enabled: bool
    is_stateful: bool
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Condition:
    """A row of ``trigger_conditions``."""

    id: int
    trigger_id: UUID
    condition_type: ConditionType
    field: str
    operator: Operator
    value: str
    config: Json | None


@dataclass(slots=True)
class Action:
    """A row of ``trigger_actions``."""

    id: int
    trigger_id: UUID
    action_type: ActionType
    priority: int
    config: Json


class Memory(msgspec.Struct, omit_defaults=True):
    """What a stateful condition remembers."""

    ema: float | None = None
    seen: int = 0
    """Events that went into the average, or that were counted since ``since``."""
    since: int | None = None
    """When the window began, in the time of blocks: seconds since 1970."""


State: TypeAlias = dict[str, Memory]
"""``trigger_state.state_data``: memories by the id of their condition."""


@dataclass(slots=True)
class Checkpoint:
    """A row of ``checkpoints``."""

    chain_id: int
    last_block_number: int
    last_block_hash: str
    updated_at: datetime


@dataclass(slots=True)
class Job:
    """An action that is due, with what it takes to do it."""

    id: UUID
    trigger_id: UUID
    trigger_name: str
    action_type: ActionType
    config: Json
    event_id: int
    event_created_at: datetime
    attempts: int
    """That were made before."""


@dataclass(slots=True)
class ActionResult:
    """A row of ``action_results``."""

    id: int
    job_id: UUID
    trigger_id: UUID | None
    event_id: int
    event_created_at: datetime
    action_type: ActionType
    status: ResultStatus
    executed_at: datetime
    duration_ms: int | None
    error_message: str | None
    response_data: Json | None
    retry_count: int


@dataclass(slots=True)
class EventStatistics:
    """The events of an hour."""

    hour: datetime
    chain_id: int
    registry: Registry
    event_type: str
    total: int


@dataclass(slots=True)
class ActionMetrics:
    """The attempts at actions of an hour. Those that will be tried again are in ``total`` alone."""

    hour: datetime
    action_type: ActionType
    total: int
    success: int
    failed: int
    mean_ms: float | None
    p95_ms: float | None
