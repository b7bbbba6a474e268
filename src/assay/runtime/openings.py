"""How attempts to open sessions went, and what follows from that: pauses, and outages."""

from __future__ import annotations

import random
from collections.abc import Callable

from assay.errors import ConnectionFailed, Error, OperatorIntervention, ResourceError

RETRY_DELAYS = (0.05, 2.0)
"""Seconds between attempts after one that failed: the first pause, which doubles, and the longest."""
PATIENCE = 5.0
"""Seconds of an outage after which nobody is kept waiting for its end, but told of it at once."""

_PASSING = (ConnectionFailed, OperatorIntervention, ResourceError)
"""What goes away without anybody correcting a URL: the server is down, starting, or full."""


class Openings:
    """Remembers how attempts went.

    An outage is the time from an attempt that failed for a reason that may pass, to one that succeeds. The one session
    tried for at a time shows when it is over.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._down_since: float | None = None
        self.failed = 0
        """How many attempts failed."""
        self.under_way = 0
        """How many sessions are being opened; counted before the work on one starts, so that none is too many."""
        self.last_failure: Error | None = None
        """Why the last attempt failed; None after one that did not."""
        self.resting_until = 0.0
        """When to try again, on the clock."""

    @property
    def is_down(self) -> bool:
        """Whether there is an outage."""
        return self._down_since is not None

    @property
    def is_down_for_long(self) -> bool:
        """Whether there is an outage, for so long that waiting for its end is not worth it."""
        return self._down_since is not None and self._clock() - self._down_since >= PATIENCE

    def succeeded(self) -> None:
        """An attempt succeeded."""
        self._failures, self.last_failure, self.resting_until, self._down_since = 0, None, 0.0, None

    def went_wrong(self, error: Error) -> None:
        """An attempt failed."""
        now = self._clock()
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

    def expiry(self, max_lifetime: float) -> float:
        """When a session opened now is to be replaced.

        Args:
            max_lifetime: in seconds; up to a tenth less by chance, so that sessions opened together are not all
                replaced together. 0 for never.
        """
        if not max_lifetime:
            return float("inf")
        return self._clock() + max_lifetime * random.uniform(0.9, 1.0)  # noqa: S311 - nothing secret
