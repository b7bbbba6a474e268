"""What goes in and out of the services over HTTP, where it is the same for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, Protocol, TypeAlias, TypeVar
from uuid import UUID

from annotated_types import MaxLen, Predicate
from fastapi import HTTPException
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from . import failures
from .json_values import storable_json
from .pages import Cursor, last_of_page
from .texts import storable

_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"

Email: TypeAlias = Annotated[
    str, StringConstraints(pattern=_EMAIL, max_length=255), Predicate(storable), AfterValidator(str.lower), MaxLen(255)
]
"""An address with one @ and a dot behind it, in small letters; only a message to it could tell whether it is one."""

JsonObject: TypeAlias = Annotated[dict[str, Any], AfterValidator(storable_json)]
JsonArray: TypeAlias = Annotated[list[Any], AfterValidator(storable_json)]


class Row(Protocol):
    """A row of a list, the newest first."""

    id: UUID
    created_at: datetime


_Row = TypeVar("_Row", bound=Row)
_View = TypeVar("_View", bound=BaseModel)


class In(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """What a client is shown of a row."""

    model_config = ConfigDict(from_attributes=True)


class Page(BaseModel, Generic[_View]):
    """Rows, the newest first."""

    items: list[_View]
    next: str | None
    """Give it as ``before`` for the page that follows; null on the last."""


def page_of(rows: Sequence[_Row], size: int, view: Callable[[_Row], _View]) -> Page[_View]:
    """A page from one row more than it holds, which tells whether there is another page."""
    last = last_of_page(rows, size)
    return Page(items=[view(row) for row in rows[:size]], next=str(Cursor(last.created_at, last.id)) if last else None)


def missing(what: str, key: UUID) -> HTTPException:
    """The answer when there is no such row, or it is somebody else's: 404."""
    return HTTPException(404, f"you have no {what} {key}")


def not_found(what: str) -> dict[int | str, dict[str, object]]:
    """That answer, for OpenAPI."""
    return failures.also(404, f"You have no such {what}")
