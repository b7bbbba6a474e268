"""One module a table: what the service answers about it."""

from __future__ import annotations

from uuid import UUID

from fastapi import HTTPException

from ...common import failures

SIGNED_IN = {**failures.RESPONSES, **failures.also(401, "Nobody has signed in")}


def missing(what: str, key: UUID) -> HTTPException:
    """The answer when there is no such row, or it is somebody else's: 404."""
    return HTTPException(404, f"you have no {what} {key}")


def not_found(what: str) -> dict[int | str, dict[str, object]]:
    """That answer, for OpenAPI."""
    return failures.also(404, f"You have no such {what}")
