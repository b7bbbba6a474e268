"""Services under test: started in this process or under a web server, and Assay's commands on copies of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

BACKENDS = Path(__file__).parents[1]
ADDRESS = "192.0.2.7"
"""Where the client of :func:`visited` seems to be (RFC 5737)."""

_LEFT_BEHIND = shutil.ignore_patterns("tests", "__pycache__", ".env", ".assay")


@asynccontextmanager
async def visited(app: FastAPI, *, raise_app_exceptions: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that runs in this process; it is started before and stopped after."""
    transport = httpx.ASGITransport(app, client=(ADDRESS, 50000), raise_app_exceptions=raise_app_exceptions)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        yield client


@asynccontextmanager
async def under_uvicorn(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client, over TCP, of a service under uvicorn."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", log_config=None))
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:
            if running.done():
                running.result()
            await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def exhausted(app: FastAPI, connections: int) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service whose connections, so many, are all in use."""
    async with visited(app) as client, AsyncExitStack() as stack:
        for _ in range(connections):
            await stack.enter_async_context(app.state.pool.acquire())
        yield client


def copy_backend(backend: Path, folder: Path) -> Path:
    """A service's files in a folder of their own with what all share, less tests, settings and the offline cache."""
    backends = folder / "backends"
    backends.mkdir()
    shutil.copy(BACKENDS / "__init__.py", backends)
    shutil.copytree(BACKENDS / "common", backends / "common", ignore=_LEFT_BEHIND)
    return Path(shutil.copytree(backend, backends / backend.name, ignore=_LEFT_BEHIND))


def run_assay(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run ``assay`` in a folder with nothing of this process's environment but where programs and state are."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "ASSAY_HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "assay", *arguments],
        cwd=folder,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def replace_once(path: Path, old: str, new: str) -> None:
    """Change a file at one place, which must be there once."""
    text = path.read_text()
    assert text.count(old) == 1, f"{path.name} has {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))
