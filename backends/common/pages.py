"""Keyset pages: where a page ended, as a text that the client gives back for the page that follows."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Self, TypedDict
from uuid import UUID

from fastapi import Depends, Query

import assay

from .failures import invalid


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the time and the key of its last row."""

    at: datetime
    id: UUID

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str()`` gave; raises ValueError for anything else."""
        try:
            moment, _, key = base64.urlsafe_b64decode(text.encode("ascii")).decode("ascii").partition(" ")
            return cls(datetime.fromisoformat(moment).astimezone(UTC), UUID(key))
        except (ValueError, OverflowError):
            raise ValueError("this is not a cursor; take the next of the page before") from None

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.at.isoformat()} {self.id}".encode()).decode()


def _cursor(before: Annotated[str | None, Query(description="The `next` of the page before")] = None) -> Cursor | None:
    try:
        return Cursor.parse(before) if before is not None else None
    except ValueError as error:
        invalid(("query", "before"), str(error))


Before = Annotated[Cursor | None, Depends(_cursor)]
"""The page that is asked for, as an argument of a route: after this cursor, or the first."""

Limit = Annotated[int, Query(ge=1, le=100)]
"""How many rows a page has at most."""


class After(TypedDict):
    """Where a page begins, as statements take it."""

    at: datetime | assay.Omitted
    key: UUID | assay.Omitted


def after(before: Cursor | None) -> After:
    """The cursor of a page, for a statement; for the first page there is none."""
    if before is None:
        return After(at=assay.OMIT, key=assay.OMIT)
    return After(at=before.at, key=before.id)
