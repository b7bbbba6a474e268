"""Pages of what is listed."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from fastapi import Query
from pydantic import BaseModel

from ..common.pages import Cursor, last_of_page
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
        last = last_of_page(views, size)
        return cls(triggers=views[:size], next=str(Cursor(last.created_at, last.id)) if last else None)


class EventPage(BaseModel):
    """Events, the newest block first."""

    events: list[Event]
    next: str | None
    """Give it as ``before`` for the page that follows; null on the last."""

    @classmethod
    def of(cls, rows: list[Event], size: int) -> EventPage:
        """A page from one event more than it holds, which tells whether there is another page."""
        last = last_of_page(rows, size)
        return cls(events=rows[:size], next=str(Cursor(last.created_at, last.id)) if last else None)


class ResultPage(BaseModel):
    """Results of actions, the newest first."""

    results: list[ActionResult]
    next: int | None
    """Give it as ``before`` for the page that follows; null on the last."""

    @classmethod
    def of(cls, rows: list[ActionResult], size: int) -> ResultPage:
        """A page from one result more than it holds, which tells whether there is another page."""
        last = last_of_page(rows, size)
        return cls(results=rows[:size], next=last.id if last else None)


BeforeResult = Annotated[int | None, Ge(1), Le(2**63 - 1), Query(description="The `next` of the page before")]
"""Results are in the order of their ids alone."""
