"""The rows of FormaOps, its enums, and what its JSON columns hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, TypeAlias
from uuid import UUID


class UserPlan(StrEnum):
    """What somebody pays for."""

    FREE = "FREE"
    PRO = "PRO"
    ENTERPRISE = "ENTERPRISE"


class PromptStatus(StrEnum):
    """How far a prompt is."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    ARCHIVED = "ARCHIVED"


class ExecutionStatus(StrEnum):
    """How far an execution is."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class ValidationStatus(StrEnum):
    """What came of the validations of an output."""

    PENDING = "PENDING"
    PASSED = "PASSED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class Priority(StrEnum):
    """How urgent an execution is."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class ValidationType(StrEnum):
    """How an output is validated."""

    SCHEMA = "SCHEMA"
    REGEX = "REGEX"
    FUNCTION = "FUNCTION"


class LogLevel(StrEnum):
    """How much a line of a log matters."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


VariableType: TypeAlias = Literal["string", "number", "boolean"]


@dataclass(slots=True)
class Variable:
    """A variable of a template."""

    name: str
    type: VariableType = "string"
    required: bool = True
    default: str | float | bool | None = None
    options: list[str | float | bool] = field(default_factory=list)
    """What it may be; whatever it likes where there are none."""
    description: str | None = None


@dataclass(slots=True)
class TokenUsage:
    """What an execution took of a model."""

    input: int
    output: int
    total: int


@dataclass(slots=True)
class User:
    """Somebody who writes prompts: a row of ``users``."""

    id: UUID
    email: str
    name: str | None
    avatar_url: str | None
    plan: UserPlan
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Prompt:
    """A template: a row of ``prompts``."""

    id: UUID
    name: str
    description: str | None
    template: str
    variables: list[Variable]
    version: int
    status: PromptStatus
    tags: list[str]
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    user_id: UUID


@dataclass(slots=True)
class PromptVersion:
    """A template as it was published: a row of ``prompt_versions``."""

    id: UUID
    version: int
    template: str
    variables: list[Variable]
    change_log: str | None
    created_at: datetime
    prompt_id: UUID


@dataclass(slots=True)
class Execution:
    """A prompt that is run: a row of ``executions``."""

    id: UUID
    inputs: dict[str, Any]
    context: dict[str, Any] | None
    status: ExecutionStatus
    priority: Priority
    edge_function_id: str | None
    output: str | None
    validated_output: Any
    validation_status: ValidationStatus
    token_usage: TokenUsage | None
    latency_ms: int | None
    cost_usd: Decimal | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    user_id: UUID
    prompt_id: UUID


@dataclass(slots=True)
class Claimed:
    """An execution that a worker has taken, with what it takes to run it."""

    id: UUID
    inputs: dict[str, Any]
    context: dict[str, Any] | None
    prompt_id: UUID
    template: str
    variables: list[Variable]
    started_at: datetime


@dataclass(slots=True)
class Outcome:
    """What came of running an execution."""

    output: str
    validated_output: Any
    validation_status: ValidationStatus
    token_usage: TokenUsage
    latency_ms: int
    cost_usd: Decimal


@dataclass(slots=True)
class Validation:
    """What is asked of a prompt's outputs: a row of ``validations``."""

    id: UUID
    name: str
    type: ValidationType
    config: dict[str, Any]
    is_active: bool
    created_at: datetime
    updated_at: datetime
    prompt_id: UUID


@dataclass(slots=True)
class ExecutionLog:
    """A line about an execution: a row of ``execution_logs``."""

    id: UUID
    level: LogLevel
    message: str
    metadata: dict[str, Any] | None
    timestamp: datetime
    execution_id: UUID


@dataclass(slots=True)
class ApiKey:
    """A key that lets a program in, without the key itself: a row of ``api_keys``."""

    id: UUID
    name: str
    last_used: datetime | None
    is_active: bool
    created_at: datetime
    user_id: UUID


@dataclass(slots=True)
class PromptName:
    """Which prompt, for a list."""

    id: UUID
    name: str


@dataclass(slots=True)
class Recent:
    """An execution of a dashboard, with its prompt."""

    id: UUID
    status: ExecutionStatus
    priority: Priority
    validation_status: ValidationStatus
    latency_ms: int | None
    cost_usd: Decimal | None
    created_at: datetime
    prompt: PromptName


@dataclass(slots=True)
class Metrics:
    """A user's executions of a while."""

    count: int
    mean_latency_ms: float | None
    mean_cost_usd: Decimal | None
    total_cost_usd: Decimal
