"""What a pool knows of one of its servers."""

from __future__ import annotations

from assay.errors import ConnectionFailed, Error
from assay.runtime.replicas.sighting import Sighting
from assay.runtime.replicas.topology import Role, Standing

LOOK_TIMEOUT = 2.0
"""Seconds that a member has to say what it is; then it counts as unreachable."""


class Known:
    """A member of a pool, as far as it was seen."""

    def __init__(self, number: int, place: str) -> None:
        self.number = number
        self.place = place
        self.standing = Standing(Role.UNREACHABLE)
        self.replayed = 0
        """Of a replica, how far it has come at least."""
        self.timeline: int | None = None
        """What it was last seen on."""
        self.answered = 0
        """How many statements it answered as a replica."""
        self.passed_on = 0
        """How many statements failed here in a way that let the primary run them."""
        self.missed = 0
        """How many looks in a row it did not answer."""
        self.failure: Error | None = None
        """Why, at the last of them."""
        self.absence = "was not seen yet"
        """The same as a sentence's end."""

    def __str__(self) -> str:
        return f"{self.place} {self.standing}"

    @property
    def is_lost(self) -> bool:
        """Whether it is sure enough that it does not answer. A busy program of ours may have missed an answer."""
        return self.missed > 1 or (self.missed == 1 and isinstance(self.failure, ConnectionFailed))

    def was_seen(self, seen: Sighting) -> Sighting:
        """Remember what it answered at a look."""
        self.missed, self.failure, self.timeline = 0, None, seen.timeline
        self.replayed = seen.lsn if seen.in_recovery else 0
        return seen

    def was_missed(self, error: Exception, timeout: float) -> str:
        """Remember why it did not answer in so many seconds, and say so as a sentence's end."""
        self.missed += 1
        self.failure = error if isinstance(error, Error) else None
        why = error.message if isinstance(error, Error) else f"nothing in {timeout:g} s"
        self.absence = f"does not answer: {why}"
        return self.absence
