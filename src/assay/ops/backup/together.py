"""Tasks that run at the same time and fail as one, and what is not to be left half done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

_T = TypeVar("_T")


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group of which the first error is raised as it is, once the other tasks have been stopped."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def to_its_end(work: Coroutine[Any, Any, _T], *, seconds: float = 15.0) -> _T:
    """Wait for work that is not to be left half done: when this is cancelled, be it again and again, for some seconds.

    Args:
        work: what is to be done.
        seconds: how much longer it may take then.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not task.done() and loop.time() < deadline:
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task], timeout=deadline - loop.time())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
