"""Workers run as processes of their own, as an operator runs them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backends.erc8004.tests.conftest import BACKEND

from assay.config import DatabaseUrl

Process = asyncio.subprocess.Process
FOR_EVER = {"RETENTION_DAYS": "36500"}
"""The events of tests are old."""


@asynccontextmanager
async def running(url: DatabaseUrl, *arguments: str | Path, **environ: str) -> AsyncIterator[Process]:
    """A worker on a database; it is killed at the end if it still runs."""
    command = [sys.executable, "-m", "backends.erc8004.worker", *map(str, arguments)]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=BACKEND.parents[1],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url.reveal(), **FOR_EVER, **environ},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def finished(process: Process, seconds: float = 60) -> tuple[int, str]:
    """How it ended, and what it wrote."""
    async with asyncio.timeout(seconds):
        _, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def kill_after(process: Process, seconds: float) -> bool:
    """Kill it, as a power cut would, after so long; False when it had ended before."""
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        process.send_signal(signal.SIGKILL)
        await process.wait()
        return True
    return False
