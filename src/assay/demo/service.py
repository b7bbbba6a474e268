"""A backend's service, run in this process on a port of its own, and visited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from assay.config import DatabaseUrl, read_dotenv
from assay.demo.workshop import load_module
from assay.errors import Error

if TYPE_CHECKING:
    from fastapi import FastAPI


@dataclass(frozen=True, slots=True)
class Visited:
    """A service that was run, and what it was asked."""

    address: str
    exchanges: Sequence[Any]
    """Each an ``Exchange`` of the backends' ``common/story.py``."""


async def visit(backend: Path, url: DatabaseUrl) -> Visited:
    """Run the service of a copy of a backend on the given database, and its story over HTTP.

    Raises Error, as the story does, when an answer is not what it must be.
    """
    app, story = make_app(backend, url), load_module(backend, "story").story
    async with (
        running(app) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as client,
    ):
        # A story that takes a pool does there what is a worker's part.
        further = [app.state.pool] if "pool" in signature(story).parameters else []
        return Visited(address, await story(client, *further))


def make_app(backend: Path, url: DatabaseUrl) -> FastAPI:
    """The service of a copy of the backend, with the settings of its ``.env.example`` but on the given database."""
    environ = {**read_dotenv(backend / ".env.example"), "DATABASE_URL": url.reveal()}
    options = load_module(backend, "options").load(environ)
    app: FastAPI = load_module(backend, "app").create_app(options)
    return app


@contextlib.asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application on a free port of the loopback address, and give its URL; it is stopped afterwards.

    Raises what the application's start raises.
    """
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    async with app.router.lifespan_context(app):
        task = asyncio.create_task(server.serve())
        try:
            await _started(server, task)
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


class _Server(uvicorn.Server):
    """A server that leaves signals to the process: Ctrl-C ends the whole demo."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    while not server.started:
        if task.done():
            raise Error("The web server did not start")
        await asyncio.sleep(0.002)
