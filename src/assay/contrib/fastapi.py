"""A pool in a FastAPI application: opened and closed with it, given to routes, its health shown; extra ``fastapi``.

::

    app = FastAPI(lifespan=lifespan(assay.Pool))
    app.include_router(health_router())
    answer_unavailable(app)

    @app.get("/devices/{key}")
    async def show_device(pool: PoolDependency, key: str) -> Device: ...

There is no dependency that gives a transaction: what follows the ``yield`` of a dependency runs after the answer is
sent, so a client would be told of a success before COMMIT. Write ``async with pool.transaction()`` in the route.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, Request, Response

from assay.contrib.starlette import UNAVAILABLE, Health, answer_unavailable, lifespan, look_at, pool_of
from assay.runtime.pool import Pool

__all__ = [
    "UNAVAILABLE",
    "Health",
    "PoolDependency",
    "answer_unavailable",
    "health_router",
    "lifespan",
    "pool_of",
]

PoolDependency: TypeAlias = Annotated[Pool, Depends(pool_of)]
"""The application's pool, as an argument of a route."""

_FAILING: dict[int | str, dict[str, Any]] = {503: {"model": Health, "description": "The database does not answer"}}


def health_router(path: str = "/health", *, timeout: float = 2.0) -> APIRouter:
    """A router with one route, which answers 200 when the database does, and else 503 with the reason.

    Args:
        path: of the route.
        timeout: seconds to wait for the database.
    """
    router = APIRouter()

    async def health(request: Request, response: Response) -> Health:
        """Whether the database answers in time, and which database that is."""
        found = await look_at(pool_of(request), timeout)
        response.status_code = 200 if found.status == "ok" else 503
        return found

    router.add_api_route(path, health, response_model=Health, responses=_FAILING)
    return router
