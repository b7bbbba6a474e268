"""How far behind a replica is, in seconds, told without the clocks of servers.

``pg_last_xact_replay_timestamp()`` compares the clocks of two machines, and counts the time in which nobody wrote as
lag. Instead, the pool remembers where the primary's log ended at each look: a replica that has replayed as much lacks
nothing that was on the primary's disk then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

LONGEST = 3600
"""How many looks are remembered."""


class History:
    """Where the primary's log ended, and when."""

    __slots__ = ("_marks", "_timeline")

    def __init__(self) -> None:
        self._timeline = 0
        self._marks: deque[tuple[int, float]] = deque(maxlen=LONGEST)
        """Places in the log, rising, each with the last time at which the log ended there."""

    @property
    def latest(self) -> int | None:
        """Where the log ended at the last look at a primary; None before one was seen."""
        return self._marks[-1][0] if self._marks else None

    def note(self, timeline: int, lsn: int, when: float) -> None:
        """The primary's log ended there, at that time on the monotonic clock.

        A new timeline begins anew: places on an old one may mean something else.
        """
        if timeline != self._timeline:
            self._timeline = timeline
            self._marks.clear()
        while self._marks and self._marks[-1][0] >= lsn:
            self._marks.pop()
        self._marks.append((lsn, when))

    def reached(self, lsn: int) -> float | None:
        """The latest known time of which a replica that has come so far lacks nothing; None where there is none."""
        index = bisect_right(self._marks, lsn, key=_place) - 1
        return self._marks[index][1] if index >= 0 else None


def _place(mark: tuple[int, float]) -> int:
    return mark[0]
