"""New sessions for a pool, with pauses after attempts that failed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from assay.errors import Error
from assay.runtime.connecting import DriverConnection
from assay.runtime.session import Session

RETRY_DELAYS = (0.05, 5.0)
"""Seconds between attempts to open one more while some are open: the first pause, which doubles, and the longest."""


class Opener:
    """Opens sessions, and remembers how that went."""

    def __init__(self, open_driver: Callable[[], Coroutine[Any, Any, DriverConnection]], max_lifetime: float) -> None:
        self._open_driver = open_driver
        self._max_lifetime = max_lifetime
        self._failures = 0
        self.under_way = 0
        """How many sessions are being opened; counted before the task for one starts, so that none is too many."""
        self.last_failure: Error | None = None
        """Why the last attempt failed; None after one that did not."""
        self.resting_until = 0.0
        """When to try again, on the event loop's clock."""

    async def open(self) -> Session:
        """A new session, counted as under way before.

        Raises what :func:`assay.runtime.connecting.open_connection` raises.
        """
        try:
            session = Session(await self._open_driver())
        except Error as error:
            self._rest(error)
            raise
        finally:
            self.under_way -= 1
        self._failures, self.last_failure, self.resting_until = 0, None, 0.0
        if self._max_lifetime:
            # Up to a tenth less by chance, so that sessions opened together are not all replaced together.
            lifetime = self._max_lifetime * random.uniform(0.9, 1.0)  # noqa: S311 - nothing secret
            session.expires_at = asyncio.get_running_loop().time() + lifetime
        return session

    def _rest(self, error: Error) -> None:
        self.last_failure = error
        now = asyncio.get_running_loop().time()
        if now >= self.resting_until:  # of several attempts at once, the first to fail sets the pause
            first, longest = RETRY_DELAYS
            self.resting_until = now + min(first * 2**self._failures, longest)
            self._failures += 1
