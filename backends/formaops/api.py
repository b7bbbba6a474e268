"""What goes in and out of FormaOps over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from annotated_types import MaxLen
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from ..common.json_values import storable_json
from ..common.pages import Cursor, last_of_page
from ..common.texts import LongText, Text
from ..common.views import Email, In, JsonObject, View
from .models import (
    ExecutionLog,
    ExecutionStatus,
    LogLevel,
    Priority,
    PromptStatus,
    UserPlan,
    ValidationStatus,
    ValidationType,
    Variable,
)

Value: TypeAlias = Annotated[str | float | bool | None, AfterValidator(storable_json)]
Tags: TypeAlias = Annotated[list[Text], MaxLen(50)]


class UserIn(In):
    """Somebody who signs up."""

    email: Email
    name: Text | None = None


class UserChange(In):
    """What of somebody is to change; what is left out stays."""

    name: Text | None = None
    avatar_url: Text | None = None


class UserView(View):
    """Somebody."""

    id: UUID
    email: str
    name: str | None
    avatar_url: str | None
    plan: UserPlan
    created_at: datetime
    updated_at: datetime


class SignedUp(BaseModel):
    """Somebody new, with the first key."""

    user: UserView
    key: str
    """Lets their programs in, in ``X-API-Key``; it is shown this once."""


class ApiKeyIn(In):
    """A key to make."""

    name: Text


class ApiKeyChange(In):
    """Whether a key lets anybody in."""

    is_active: bool


class ApiKeyView(View):
    """A key, without the key itself."""

    id: UUID
    name: str
    last_used: datetime | None
    is_active: bool
    created_at: datetime


class NewApiKeyView(ApiKeyView):
    """A key that was just made."""

    key: str
    """The key; it is shown this once."""


class VariableIn(In):
    """A variable of a template."""

    name: Text
    type: Annotated[str, StringConstraints(pattern="^(string|number|boolean)$")] = "string"
    required: bool = True
    default: Value = None
    options: Annotated[list[Annotated[str | float | bool, AfterValidator(storable_json)]], MaxLen(100)] = Field(
        default_factory=list
    )
    description: Text | None = None


class PromptIn(In):
    """A draft."""

    name: Text
    description: LongText | None = None
    template: LongText
    variables: Annotated[list[VariableIn], MaxLen(100)] = Field(default_factory=list)
    tags: Tags = Field(default_factory=list)


class PromptChange(In):
    """What of a prompt is to change; what is left out stays."""

    name: Text | None = None
    description: LongText | None = None
    template: LongText | None = None
    variables: Annotated[list[VariableIn], MaxLen(100)] | None = None
    tags: Tags | None = None


class PromptView(View):
    """A prompt."""

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


class PublishIn(In):
    """Why a prompt is published."""

    change_log: LongText | None = None


class VersionView(View):
    """A prompt as it was published."""

    id: UUID
    version: int
    template: str
    variables: list[Variable]
    change_log: str | None
    created_at: datetime


class VersionPage(BaseModel):
    """Versions, the newest first."""

    items: list[VersionView]
    next: int | None
    """Give it as ``before`` for the page that follows; null on the last."""


class ValidationIn(In):
    """What is to be asked of outputs: config has ``schema``, ``pattern`` or ``function``."""

    name: Text
    type: ValidationType
    config: JsonObject


class ValidationChange(In):
    """Whether it is asked."""

    is_active: bool


class ValidationView(View):
    """What is asked of outputs."""

    id: UUID
    name: str
    type: ValidationType
    config: dict[str, Any]
    is_active: bool
    created_at: datetime
    updated_at: datetime


class ExecutionIn(In):
    """A prompt to be run."""

    inputs: JsonObject = Field(default_factory=dict)
    context: JsonObject | None = None
    priority: Priority = Priority.NORMAL


class Usage(View):
    """What a run took of a model, in tokens."""

    input: int
    output: int
    total: int


class ExecutionView(View):
    """A prompt that is run."""

    id: UUID
    prompt_id: UUID
    inputs: dict[str, Any]
    context: dict[str, Any] | None
    status: ExecutionStatus
    priority: Priority
    output: str | None
    validated_output: Any
    validation_status: ValidationStatus
    token_usage: Usage | None
    latency_ms: int | None
    cost_usd: Decimal | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class LogView(View):
    """A line about an execution."""

    id: UUID
    level: LogLevel
    message: str
    metadata: dict[str, Any] | None
    timestamp: datetime


class LogPage(BaseModel):
    """Lines, the newest first."""

    items: list[LogView]
    next: str | None
    """Give it as ``before`` for the page that follows; null on the last."""

    @classmethod
    def of(cls, rows: Sequence[ExecutionLog], size: int) -> LogPage:
        """A page from one row more than it holds."""
        last = last_of_page(rows, size)
        items = [LogView.model_validate(row) for row in rows[:size]]
        return cls(items=items, next=str(Cursor(last.timestamp, last.id)) if last else None)


class PromptRef(View):
    """Which prompt."""

    id: UUID
    name: str


class RecentView(View):
    """An execution, with its prompt."""

    id: UUID
    status: ExecutionStatus
    priority: Priority
    validation_status: ValidationStatus
    latency_ms: int | None
    cost_usd: Decimal | None
    created_at: datetime
    prompt: PromptRef


class MetricsView(View):
    """The executions of the last 24 hours."""

    count: int
    mean_latency_ms: float | None
    mean_cost_usd: Decimal | None
    total_cost_usd: Decimal


class Dashboard(BaseModel):
    """What a user sees first."""

    recent: list[RecentView]
    """The last 20."""
    metrics: MetricsView


def variables_of(given: Sequence[VariableIn]) -> list[Variable]:
    """As the rows have them."""
    return [Variable(**one.model_dump()) for one in given]
