"""One module a table: what the service answers about it."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from fastapi import HTTPException

import assay

from ...common import failures
from ...common.pages import Cursor

SIGNED_IN = {**failures.RESPONSES, **failures.also(401, "Nobody has signed in")}


class After(TypedDict):
    """Where a page begins, as statements take it."""

    at: datetime | assay.Omitted
    key: UUID | assay.Omitted


def after(before: Cursor | None) -> After:
    """The cursor of a page, for a statement; for the first page there is none."""
    if before is None:
        return After(at=assay.OMIT, key=assay.OMIT)
    return After(at=before.at, key=before.id)


def missing(what: str, key: UUID) -> HTTPException:
    """The answer when there is no such row, or it is somebody else's: 404."""
    return HTTPException(404, f"you have no {what} {key}")


def not_found(what: str) -> dict[int | str, dict[str, object]]:
    """That answer, for OpenAPI."""
    return failures.also(404, f"You have no such {what}")
