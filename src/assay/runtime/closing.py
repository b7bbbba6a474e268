"""Connections closed: with a word of goodbye, or at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

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
    try:
        if session.busy and not session.driver.is_closed():
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CANCEL_TIMEOUT):
                    await _cancel(session)
    finally:
        session.terminate()


async def _cancel(session: Session) -> None:
    """Send the request to cancel a statement (manual section 54.2.8); it has a connection of its own."""
    driver: Any = session.driver
    # Or else what waits for the statement would see it cancelled, or the connection lost, by chance.
    driver._transport.pause_reading()  # noqa: SLF001
    # The driver has no public way to cancel a statement but to cancel the task that waits for it.
    send, protocol = cast("Any", asyncpg.connect_utils)._cancel, driver._protocol  # noqa: SLF001
    key = {"backend_pid": protocol.backend_pid, "backend_secret": protocol.backend_secret}
    await send(loop=asyncio.get_running_loop(), addr=driver._addr, params=driver._params, **key)  # noqa: SLF001
