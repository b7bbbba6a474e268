"""What a session on a pool with replicas has written, and so what its reads must have reached."""

from __future__ import annotations

from threading import Lock

from assay.runtime.replicas.position import Position


class Trail:
    """How far reads must have come to see all that was written before; for any number of tasks or threads."""

    __slots__ = ("_after", "_covered", "_lock", "_writes", "wait")

    def __init__(self, after: Position | None, wait: float) -> None:
        self._lock = Lock()
        """Held for moments."""
        self._after = after
        self.wait = wait
        """Seconds that a read may wait for a replica to come far enough."""
        self._writes = 0
        """How many writes there may have been, and below, how many of them the position covers."""
        self._covered = 0

    @property
    def wrote(self) -> bool:
        """Whether there may have been a write since the position was taken."""
        return self._covered < self._writes

    @property
    def after(self) -> Position | None:
        """The position that reads must have reached, unless ``wrote``; None when they may be anywhere."""
        return self._after

    @property
    def mark(self) -> int:
        """What a position that is taken from now on covers, for :meth:`reach`."""
        return self._writes

    def has_written(self) -> None:
        """There may have been a write just now."""
        with self._lock:
            self._writes += 1

    def reach(self, position: Position, mark: int) -> None:
        """Have reads wait for this position too, which covers every write up to the mark.

        Until then other reads know of the writes: one that began meanwhile must not be content with less.
        """
        with self._lock:
            self._after = position if self._after is None else max(self._after, position)
            self._covered = max(self._covered, mark)


def unknown_promotion(position: Position, timeline: int) -> str:
    """For a position on a later timeline than the latest that a pool has seen."""
    return (
        f"The position {position} is on timeline {position.timeline}, and no member of the pool is seen on a "
        f"later one than {timeline}: the primary that gave it is not among them, or not reachable"
    )
