"""Keyset pages: where a page ended, as a text that the client gives back for the page that follows."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Generic, TypedDict, TypeVar
from uuid import UUID

from fastapi import Depends, Query

import assay

from .failures import invalid

_Key = TypeVar("_Key", UUID, int)
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Cursor(Generic[_Key]):
    """Where a page ended: the time and the key of its last row."""

    at: datetime
    id: _Key

    @classmethod
    def parse(cls, text: str, key: Callable[[str], _Key]) -> Cursor[_Key]:
        """Read what ``str()`` gave, the key by ``key``; raises ValueError for anything else."""
        try:
            moment, _, last = base64.urlsafe_b64decode(text.encode("ascii")).decode("ascii").partition(" ")
            return Cursor(datetime.fromisoformat(moment).astimezone(UTC), key(last))
        except (ValueError, OverflowError):
            raise ValueError("this is not a cursor; take the next of the page before") from None

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.at.isoformat()} {self.id}".encode()).decode()


def large(text: str) -> int:
    """A key of type bigint; raises ValueError for what is none."""
    number = int(text)
    if not 0 <= number < 2**63:
        raise ValueError(f"a key is a number from 0 to 2^63 - 1, not {text}")
    return number


_Given = Annotated[str | None, Query(description="The `next` of the page before")]


def _parsed(before: str | None, key: Callable[[str], _Key]) -> Cursor[_Key] | None:
    try:
        return Cursor[_Key].parse(before, key) if before is not None else None
    except ValueError as error:
        invalid(("query", "before"), str(error))


def _before(before: _Given = None) -> Cursor[UUID] | None:
    return _parsed(before, UUID)


def _before_number(before: _Given = None) -> Cursor[int] | None:
    return _parsed(before, large)


Before = Annotated[Cursor[UUID] | None, Depends(_before)]
"""The page that is asked for, as an argument of a route: after this cursor, or the first."""

BeforeNumber = Annotated[Cursor[int] | None, Depends(_before_number)]
"""The same for rows whose key is a bigint."""

Limit = Annotated[int, Query(ge=1, le=100)]
"""How many rows a page has at most."""


class After(TypedDict, Generic[_Key]):
    """Where a page begins, as statements take it."""

    at: datetime | assay.Omitted
    key: _Key | assay.Omitted


def after(before: Cursor[_Key] | None) -> After[_Key]:
    """The cursor of a page, for a statement; for the first page there is none."""
    if before is None:
        return After[_Key](at=assay.OMIT, key=assay.OMIT)
    return After[_Key](at=before.at, key=before.id)


def last_of_page(rows: Sequence[_Row], size: int) -> _Row | None:
    """The last of the first ``size`` rows, when there are more: where the page ends that another one follows.

    A route reads one row more than it shows, which tells whether there is another page.
    """
    return rows[size - 1] if len(rows) > size else None
