"""What a session on a pool with replicas has written, and so what its reads must have reached."""

from __future__ import annotations

from assay.runtime.replicas.position import Position


class Trail:
    """How far reads must have come to see all that was written before."""

    __slots__ = ("_after", "wait", "wrote")

    def __init__(self, after: Position | None, wait: float) -> None:
        self._after = after
        self.wait = wait
        """Seconds that a read may wait for a replica to come far enough."""
        self.wrote = False
        """Whether there may have been a write since the position was taken."""

    @property
    def after(self) -> Position | None:
        """The position that reads must have reached, unless ``wrote``; None when they may be anywhere."""
        return self._after

    def reach(self, position: Position) -> None:
        """Have reads wait for this position too."""
        self._after = position if self._after is None else max(self._after, position)


def unknown_promotion(position: Position, timeline: int) -> str:
    """For a position on a later timeline than the latest that a pool has seen."""
    return (
        f"The position {position} is on timeline {position.timeline}, and no member of the pool is seen on a "
        f"later one than {timeline}: the primary that gave it is not among them, or not reachable"
    )
