"""New sessions for a pool, with pauses after attempts that failed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from assay.errors import ConnectionFailed, Error, OperatorIntervention, ResourceError
from assay.runtime.session import Session

RETRY_DELAYS = (0.05, 2.0)
"""Seconds between attempts after one that failed: the first pause, which doubles, and the longest."""
PATIENCE = 5.0
"""Seconds of an outage after which tasks are not kept waiting for its end, but told of it at once."""

_PASSING = (ConnectionFailed, OperatorIntervention, ResourceError)
"""What goes away without anybody correcting a URL: the server is down, starting, or full."""


class Opener:
    """Opens sessions, and remembers how that went.

    An outage is the time from an attempt that failed for a reason that may pass, to one that succeeds. The one session
    tried for at a time shows when it is over.
    """

    def __init__(self, open_session: Callable[[], Coroutine[Any, Any, Session]]) -> None:
        self._open_session = open_session
        self._failures = 0
        self._down_since: float | None = None
        self.failed = 0
        """How many attempts failed."""
        self.under_way = 0
        """How many sessions are being opened; counted before the task for one starts, so that none is too many."""
        self.last_failure: Error | None = None
        """Why the last attempt failed; None after one that did not."""
        self.resting_until = 0.0
        """When to try again, on the event loop's clock."""

    @property
    def is_down(self) -> bool:
        """Whether there is an outage."""
        return self._down_since is not None

    @property
    def is_down_for_long(self) -> bool:
        """Whether there is an outage, for so long that waiting for its end is not worth it."""
        return self._down_since is not None and asyncio.get_running_loop().time() - self._down_since >= PATIENCE

    async def open(self, max_lifetime: float) -> Session:
        """A new session, counted as under way before.

        Args:
            max_lifetime: seconds after which it is to be replaced; 0 for never.

        Raises what :func:`assay.runtime.connecting.open_connection` raises, and PoolError for a hook that fails.
        """
        try:
            session = await self._open_session()
        except Error as error:
            self._rest(error)
            raise
        finally:
            self.under_way -= 1
        self._failures, self.last_failure, self.resting_until, self._down_since = 0, None, 0.0, None
        if max_lifetime:
            # Up to a tenth less by chance, so that sessions opened together are not all replaced together.
            lifetime = max_lifetime * random.uniform(0.9, 1.0)  # noqa: S311 - nothing secret
            session.expires_at = asyncio.get_running_loop().time() + lifetime
        return session

    def _rest(self, error: Error) -> None:
        now = asyncio.get_running_loop().time()
        self.last_failure = error
        self.failed += 1
        if not isinstance(error, _PASSING):
            self._down_since = None
        elif self._down_since is None:
            self._down_since = now
        if now >= self.resting_until:  # of several attempts at once, the first to fail sets the pause
            first, longest = RETRY_DELAYS
            self.resting_until = now + min(first * 2 ** min(self._failures, 16), longest)
            self._failures += 1
