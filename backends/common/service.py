"""A service put together: its pool, limits, log, failures and health; and run by a web server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import uvicorn
from fastapi import FastAPI

import assay
from assay.contrib.fastapi import health_router, lifespan

from . import failures
from .database import service_pool
from .limits import BodyLimit, RateLimit
from .logs import RequestLog, log_to
from .options import Service


class Configured(Protocol):
    """The options of a service that has some of its own."""

    @property
    def service(self) -> Service:
        """Those that all have."""
        ...


_Options = TypeVar("_Options", bound=Service | Configured)
MakePool = Callable[[], AbstractAsyncContextManager[assay.Pool]]


def make_app(title: str, summary: str, service: Service, make_pool: MakePool | None = None) -> FastAPI:
    """An application without routes of its own.

    Starting it opens the pool and applies the migrations that are pending; stopping it closes the pool.

    Args:
        title: the service's name.
        summary: what it is for, in a line.
        service: its settings.
        make_pool: gives what opens the pool, where starting takes more than :func:`.database.service_pool` does.
    """
    opening = lifespan(make_pool or (lambda: service_pool(service)))
    app = FastAPI(title=title, summary=summary, version="0.1.0", lifespan=opening)
    # The last added is the first to see a request.
    app.add_middleware(BodyLimit, limit=service.max_body_bytes)
    app.add_middleware(RateLimit, rate=service.rate, burst=service.burst)
    app.add_middleware(RequestLog)
    failures.install(app)
    app.include_router(health_router(timeout=service.health_timeout), responses=failures.RESPONSES)
    return app


def serve(app: FastAPI, service: Service, *, host: str = "127.0.0.1") -> None:
    """Serve until SIGTERM or Ctrl-C: then requests in flight finish, new ones are refused, and the pool is closed."""
    log_to(level=service.log_level)
    uvicorn.run(app, host=host, port=service.port, log_config=None, access_log=False, timeout_graceful_shutdown=30)


def main(load: Callable[[], _Options], create_app: Callable[[_Options], FastAPI]) -> None:
    """What ``python -m`` does with a service: read its options and serve it; an option that cannot be used is named."""
    try:
        options = load()
        app = create_app(options)
    except assay.Error as error:
        sys.exit(f"error: {error}")
    serve(app, options if isinstance(options, Service) else options.service)
