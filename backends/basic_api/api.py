"""What goes in and out of Basic API over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel

from assay import OMIT, Omitted, PoolStats

from ..common.texts import Text
from ..common.views import Email, In, View
from .models import NewUser, User


class UserIn(In):
    """Somebody to be added."""

    name: Text
    email: Email

    def row(self) -> NewUser:
        """As the statements take it."""
        return NewUser(self.name, self.email)


class UsersIn(In):
    """Several people to be added, all or none."""

    users: Annotated[list[UserIn], MinLen(1), MaxLen(1000)]


class UserChange(In):
    """What of somebody is to change; what is left out stays."""

    name: Text | None = None
    email: Email | None = None

    def given(self) -> tuple[str | Omitted, str | Omitted]:
        """Name and email as the statement takes them."""
        return (OMIT if self.name is None else self.name, OMIT if self.email is None else self.email)


class UserView(View):
    """Somebody who uses the service."""

    id: int
    name: str
    email: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: User) -> UserView:
        """The view of a row."""
        return cls.model_validate(user)


class UserPage(BaseModel):
    """People, the newest first."""

    users: list[UserView]
    next: int | None
    """Give it as ``before`` for the page that follows; null on the last."""

    @classmethod
    def of(cls, users: list[User], size: int) -> UserPage:
        """A page from one row more than it holds, which tells whether there is another page."""
        page = users[:size]
        return cls(users=[UserView.of(user) for user in page], next=page[-1].id if len(users) > size else None)


class Metrics(BaseModel):
    """The pool since the service was started."""

    open: int
    in_use: int
    waiting: int
    """Requests that wait for a connection now."""
    acquired: int
    waited: int
    """Requests that had to wait."""
    wait_seconds: float
    """Seconds that they waited, all together."""
    timeouts: int
    """Requests that waited in vain."""

    @classmethod
    def of(cls, stats: PoolStats) -> Metrics:
        """The view of the pool's own numbers."""
        return cls.model_validate(stats, from_attributes=True)
