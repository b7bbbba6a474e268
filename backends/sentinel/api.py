"""What goes in and out of Sentinel over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from annotated_types import Ge, Le, MaxLen, MinLen, Predicate
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

from ..common.json_values import storable_json
from ..common.pages import Cursor
from ..common.texts import LongText, Text, storable
from .models import ApiKey, Project, ProverRun, Simulation, Status, User

_Row = TypeVar("_Row", Project, Simulation, ProverRun, ApiKey)
_View = TypeVar("_View", bound="View")

Network: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,50}$")]
"""Such as testnet, mainnet or devnet."""
Address: TypeAlias = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{1,64}$")]
"""Of an account or a module."""
Count: TypeAlias = Annotated[int, Ge(0), Le(2**63 - 1)]


JsonObject: TypeAlias = Annotated[dict[str, Any], AfterValidator(storable_json)]
JsonArray: TypeAlias = Annotated[list[Any], AfterValidator(storable_json)]


def _to_come(moment: datetime) -> datetime:
    if moment <= datetime.now(UTC):
        raise ValueError("a key expires in the future")
    return moment


class In(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """What a client is shown of a row."""

    model_config = ConfigDict(from_attributes=True)


class UserView(View):
    """Whoever asks."""

    id: UUID
    email: str
    name: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: User) -> UserView:
        """The view of a row."""
        return cls.model_validate(user)


class UserChange(In):
    """Another name, or none."""

    name: Text | None


class ProjectIn(In):
    """A project to begin."""

    name: Text
    description: LongText | None = None
    network: Network = "testnet"


class ProjectChange(In):
    """What of a project is to change; what is left out stays."""

    name: Text | None = None
    description: LongText | None = None
    network: Network | None = None


class ProjectView(View):
    """A project."""

    id: UUID
    name: str
    description: str | None
    network: str
    created_at: datetime
    updated_at: datetime


class SimulationIn(In):
    """A call of an entry function that was simulated."""

    sender: Address
    module_address: Address
    module_name: Text
    function_name: Text
    args: JsonArray | None = None
    type_args: Annotated[list[Text], MaxLen(100)] | None = None
    result: JsonObject
    success: bool
    gas_used: Count | None = None
    network: Network = "testnet"


class SimulationView(View):
    """A simulation."""

    id: UUID
    project_id: UUID
    sender: str
    module_address: str
    module_name: str
    function_name: str
    args: list[Any] | None
    type_args: list[str] | None
    result: dict[str, Any]
    success: bool
    gas_used: int | None
    network: str
    created_at: datetime


class ProverRunIn(In):
    """A run of the Move prover."""

    module_name: Text
    move_code: Annotated[str, MinLen(1), MaxLen(1 << 20), Predicate(storable)]
    status: Status
    duration_ms: Count | None = None
    result: JsonObject


class ProverRunView(View):
    """A run of the Move prover."""

    id: UUID
    project_id: UUID
    module_name: str
    move_code: str
    status: Status
    duration_ms: int | None
    result: dict[str, Any]
    created_at: datetime


class ApiKeyIn(In):
    """A key to make."""

    name: Text
    expires_at: Annotated[AwareDatetime, AfterValidator(_to_come)] | None = None


class ApiKeyChange(In):
    """Another name for a key."""

    name: Text


class ApiKeyView(View):
    """A key, without the key itself."""

    id: UUID
    name: str
    key_prefix: str
    last_used_at: datetime | None
    created_at: datetime
    expires_at: datetime | None


class NewApiKeyView(ApiKeyView):
    """A key that was just made."""

    key: str
    """The key; it is shown this once."""


class Page(BaseModel, Generic[_View]):
    """Rows, the newest first."""

    items: list[_View]
    next: str | None
    """Give it as ``before`` for the page that follows; null on the last."""


def page_of(rows: Sequence[_Row], size: int, view: Callable[[_Row], _View]) -> Page[_View]:
    """A page from one row more than it holds, which tells whether there is another page."""
    shown = rows[:size]
    cursor = Cursor(shown[-1].created_at, shown[-1].id) if len(rows) > size else None
    return Page(items=[view(row) for row in shown], next=str(cursor) if cursor else None)
