"""Pages of what is listed, and where they ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from annotated_types import Ge, Le
from fastapi import Depends, Query
from pydantic import BaseModel

from ..common.pages import Cursor
from .api import TriggerView
from .models import ActionResult, Event


class TriggerPage(BaseModel):
    """Triggers, the newest first."""

    triggers: list[TriggerView]
    next: str | None
    """Give it as ``before`` for the page that follows; null on the last."""

    @classmethod
    def of(cls, views: list[TriggerView], size: int) -> TriggerPage:
        """A page from one trigger more than it holds, which tells whether there is another page."""
        page = views[:size]
        last = str(Cursor(page[-1].created_at, page[-1].id)) if len(views) > size else None
        return cls(triggers=page, next=last)


class EventPage(BaseModel):
    """Events, the newest block first."""

    events: list[Event]
    next: str | None
    """Give it as ``before`` for the page that follows; null on the last."""

    @classmethod
    def of(cls, rows: list[Event], size: int) -> EventPage:
        """A page from one event more than it holds, which tells whether there is another page."""
        page = rows[:size]
        return cls(events=page, next=str(Place.of(page[-1])) if len(rows) > size else None)


class ResultPage(BaseModel):
    """Results of actions, the newest first."""

    results: list[ActionResult]
    next: int | None
    """Give it as ``before`` for the page that follows; null on the last."""

    @classmethod
    def of(cls, rows: list[ActionResult], size: int) -> ResultPage:
        """A page from one result more than it holds, which tells whether there is another page."""
        page = rows[:size]
        return cls(results=page, next=page[-1].id if len(rows) > size else None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of events ended: the time of a block, in seconds since 1970, and an event."""

    timestamp: int
    id: int

    @classmethod
    def of(cls, event: Event) -> Place:
        """Where a page ends with this event."""
        return cls(event.timestamp, event.id)

    @property
    def at(self) -> datetime:
        """The time."""
        return datetime.fromtimestamp(self.timestamp, UTC)

    def __str__(self) -> str:
        return f"{self.timestamp}-{self.id}"


def _place(
    before: Annotated[
        str | None, Query(description="The `next` of the page before", pattern=r"^\d{1,10}-\d{1,18}$")
    ] = None,
) -> Place | None:
    if before is None:
        return None
    timestamp, _, number = before.partition("-")
    return Place(int(timestamp), int(number))


BeforeEvent = Annotated[Place | None, Depends(_place)]
BeforeResult = Annotated[int | None, Ge(1), Le(2**63 - 1), Query(description="The `next` of the page before")]
