"""Connections closed: with a word of goodbye, or at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import asyncpg.connect_utils

from assay.runtime.connecting import DRIVER_ERRORS
from assay.runtime.session import Session

CLOSE_TIMEOUT = 2.0
"""Seconds in which a session must have said goodbye; then it is cut."""
CANCEL_TIMEOUT = 2.0
"""Seconds in which the server must have taken the request to cancel a statement."""


async def see_off(session: Session) -> None:
    """Close a session that nobody uses."""
    try:
        await session.driver.close(timeout=CLOSE_TIMEOUT)
    except DRIVER_ERRORS:
        session.terminate()


async def cut(session: Session) -> None:
    """Close a session at once, and cancel the statement that it runs: a server that works does not look whether
    anybody still listens.

    What waits for the statement fails with ConnectionLost, even when the server cannot be reached any more.
    """
    cancel = _cancellation(session) if session.busy and not session.driver.is_closed() else None
    session.terminate()
    if cancel is not None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CANCEL_TIMEOUT):
                await cancel()


def _cancellation(session: Session) -> Callable[[], Coroutine[Any, Any, None]]:
    """What sends the request to cancel (manual section 54.2.8); it needs a connection of its own."""
    driver: Any = session.driver
    # The driver has no public way to cancel a statement but to cancel the task that waits for it.
    protocol, address, parameters = driver._protocol, driver._addr, driver._params  # noqa: SLF001
    process, secret = protocol.backend_pid, protocol.backend_secret
    loop = asyncio.get_running_loop()

    async def cancel() -> None:
        module: Any = asyncpg.connect_utils
        await module._cancel(  # noqa: SLF001
            loop=loop, addr=address, params=parameters, backend_pid=process, backend_secret=secret
        )

    return cancel
