"""A pool in a Starlette application: opened and closed with it, its health shown, its exhaustion answered with 503.

::

    app = Starlette(lifespan=lifespan(assay.Pool), routes=[Route("/health", health(timeout=2.0)), ...])
    answer_unavailable(app)

``pool_of(request)`` is the pool then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from assay.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    Error,
    OperatorIntervention,
    PoolError,
    ResourceError,
    UndefinedDatabase,
    UsageError,
)
from assay.runtime.pool import Pool

UNAVAILABLE: tuple[type[Error], ...] = (
    PoolError,
    ConnectionFailed,
    AuthenticationFailed,
    UndefinedDatabase,
    ResourceError,
    OperatorIntervention,
)
"""What says that the database is busy, away or cannot be used now, and nothing about the request."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the database answers."""

    status: Literal["ok", "failing"]
    database: str
    """Which database, by name and host."""
    error: str | None = None


def lifespan(
    make_pool: Callable[[], AbstractAsyncContextManager[Pool]],
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """What opens a pool when the application starts, and closes it when it stops.

    Args:
        make_pool: gives a pool to open, such as ``assay.Pool`` itself for the database at ``DATABASE_URL``, or any
            async context manager that gives an open one.
    """

    @asynccontextmanager
    async def run(app: Any) -> AsyncIterator[None]:
        async with make_pool() as pool:
            app.state.pool = pool
            yield

    return run


def pool_of(connection: HTTPConnection) -> Pool:
    """The pool of the application that a request or a web socket came to. Raises UsageError when it has none."""
    pool = getattr(connection.app.state, "pool", None)
    if not isinstance(pool, Pool):
        raise UsageError("The application has no pool; make it with lifespan=lifespan(assay.Pool), and start it")
    return pool


async def look_at(pool: Pool, timeout: float) -> Health:  # noqa: ASYNC109 - passed on
    """Ask the database for an answer within so many seconds."""
    try:
        await pool.check(timeout)
    except Error as error:
        return Health("failing", pool.place, str(error))
    return Health("ok", pool.place)


def health(timeout: float = 2.0) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers 200 when the database does, and else 503 with the reason; both as :class:`Health`.

    Args:
        timeout: seconds to wait for the database.
    """

    async def endpoint(request: Request) -> Response:
        found = await look_at(pool_of(request), timeout)
        return JSONResponse(asdict(found), 200 if found.status == "ok" else 503)

    return endpoint


def answer_unavailable(app: Starlette, *, retry_after: int = 1) -> None:
    """Answer 503 when no connection is free or the database cannot be used, and say when to try again.

    Args:
        retry_after: seconds, for the header ``Retry-After``.
    """

    async def answer(request: Request, error: Exception) -> Response:
        detail = "The database is busy or cannot be reached; try again shortly"
        return JSONResponse({"detail": detail}, 503, {"Retry-After": str(retry_after)})

    for kind in UNAVAILABLE:
        app.add_exception_handler(kind, answer)
