"""What goes in and out of Sentinel over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from annotated_types import Ge, Le, MaxLen, MinLen, Predicate
from pydantic import AfterValidator, AwareDatetime, StringConstraints

from ..common.texts import LongText, Text, storable
from ..common.views import In, JsonArray, JsonObject, View
from .models import Status, User

Network: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,50}$")]
"""Such as testnet, mainnet or devnet."""
Address: TypeAlias = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{1,64}$")]
"""Of an account or a module."""
Count: TypeAlias = Annotated[int, Ge(0), Le(2**63 - 1)]


def _to_come(moment: datetime) -> datetime:
    if moment <= datetime.now(UTC):
        raise ValueError("a key expires in the future")
    return moment


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
