"""What goes in and out of erc8004 over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeAlias
from uuid import UUID

from annotated_types import MaxLen, MinLen, Predicate
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from ..common.texts import LongText, Text, storable
from . import conditions
from .models import (
    Action,
    ActionType,
    Condition,
    ConditionType,
    Json,
    Large,
    Name,
    NewEvent,
    Number,
    Operator,
    Registry,
    Trigger,
)
from .telling import ActionError, check_action

NOBODY = UUID(int=0)


def _plausible(moment: datetime) -> datetime:
    if not datetime(1970, 1, 1, tzinfo=UTC) <= moment <= datetime(2200, 1, 1, tzinfo=UTC):
        raise ValueError("times are between the years 1970 and 2200")
    return moment


Moment: TypeAlias = Annotated[AwareDatetime, AfterValidator(_plausible)]
Password: TypeAlias = Annotated[str, MinLen(8), MaxLen(200), Predicate(storable)]


class Strict(BaseModel):
    """A body that holds what it takes and nothing else."""

    model_config = ConfigDict(extra="forbid")


class SignUp(Strict):
    """Somebody who wants to be a user."""

    username: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    email: Annotated[str, Field(pattern=r"^[^@\s\x00-\x1f]{1,100}@[^@\s\x00-\x1f]{1,100}$"), Predicate(storable)]
    password: Password


class SignIn(Strict):
    """A user who signs in."""

    username: Text
    password: Annotated[str, MaxLen(200), Predicate(storable)]


class SessionView(BaseModel):
    """What a user signs in for."""

    token: str
    """Send it as ``Authorization: Bearer …``."""
    expires_in: int
    """Seconds that it is good for."""


class ConditionBody(Strict):
    """A condition, as a user sets it up."""

    condition_type: ConditionType = "field"
    field: Text
    operator: Operator
    value: Annotated[str, MaxLen(4096), Predicate(storable)]
    """A number or a text; for ``in`` a list in JSON."""
    config: Json | None = None

    @model_validator(mode="after")
    def _can_be_asked(self) -> ConditionBody:
        try:
            conditions.read(
                Condition(0, NOBODY, self.condition_type, self.field, self.operator, self.value, self.config)
            )
        except conditions.ConditionError as error:
            raise ValueError(str(error)) from None
        return self


class ActionBody(Strict):
    """An action, as a user sets it up."""

    action_type: ActionType
    priority: Number = 1
    config: Json

    @model_validator(mode="after")
    def _can_be_done(self) -> ActionBody:
        try:
            check_action(self.action_type, self.config)
        except ActionError as error:
            raise ValueError(str(error)) from None
        return self


class TriggerBody(Strict):
    """A trigger, as a user sets it up."""

    name: Text
    description: LongText | None = None
    chain_id: Number
    registry: Registry
    enabled: bool = True
    conditions: Annotated[list[ConditionBody], MaxLen(50)] = []
    actions: Annotated[list[ActionBody], MinLen(1), MaxLen(20)]


class Switch(Strict):
    """Whether a trigger is on."""

    enabled: bool


class ConditionView(BaseModel):
    """A condition of a trigger."""

    id: int
    condition_type: ConditionType
    field: str
    operator: Operator
    value: str
    config: Json | None


class ActionView(BaseModel):
    """An action of a trigger."""

    id: int
    action_type: ActionType
    priority: int
    config: Json


class TriggerView(BaseModel):
    """A trigger with its conditions and actions."""

    id: UUID
    name: str
    description: str | None
    chain_id: int
    registry: Registry
    enabled: bool
    is_stateful: bool
    created_at: datetime
    updated_at: datetime
    conditions: list[ConditionView]
    actions: list[ActionView]

    @classmethod
    def of(cls, trigger: Trigger, asked: list[Condition], done: list[Action]) -> TriggerView:
        """The view of a trigger; conditions and actions of others are left out."""
        return cls(
            id=trigger.id,
            name=trigger.name,
            description=trigger.description,
            chain_id=trigger.chain_id,
            registry=trigger.registry,
            enabled=trigger.enabled,
            is_stateful=trigger.is_stateful,
            created_at=trigger.created_at,
            updated_at=trigger.updated_at,
            conditions=[_condition(one) for one in asked if one.trigger_id == trigger.id],
            actions=[_action(one) for one in done if one.trigger_id == trigger.id],
        )


def _condition(row: Condition) -> ConditionView:
    return ConditionView(
        id=row.id,
        condition_type=row.condition_type,
        field=row.field,
        operator=row.operator,
        value=row.value,
        config=row.config,
    )


def _action(row: Action) -> ActionView:
    return ActionView(id=row.id, action_type=row.action_type, priority=row.priority, config=row.config)


class BatchBody(Strict):
    """Events of a chain: whole blocks of them."""

    block_number: Large
    """The last block that is in it, which may be one without events."""
    block_hash: Name
    events: Annotated[list[NewEvent], MaxLen(20_000)]


class Added(BaseModel):
    """What came of a batch."""

    added: int
    """Events that were new."""


class McpToken(Strict):
    """A token of an agent's MCP server. It is never shown again."""

    token: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,2000}$")]


class MemoryView(BaseModel):
    """What a condition remembers."""

    ema: float | None
    seen: int
    since: int | None


class StateView(BaseModel):
    """What a stateful trigger remembers, by the ids of its conditions."""

    conditions: dict[str, MemoryView]
