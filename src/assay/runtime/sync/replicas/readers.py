"""The replicas that may answer now, and the wait for one that has come far enough."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, sleep
from typing import TypeAlias

from assay.runtime.replicas import choice
from assay.runtime.replicas.choice import ASK_TIMEOUT, PAUSES, Choice, reached
from assay.runtime.replicas.position import Position
from assay.runtime.sync.replicas.member import Member
from assay.runtime.sync.reserve import Reserve

Reader: TypeAlias = choice.Reader[Member, Reserve]


class Readers(Choice[Member, Reserve]):
    """Replicas within the bounds."""

    def choose_after(self, position: Position, wait: float) -> Reader | None:
        """A replica that has replayed up to a position; None where there is none.

        Args:
            position: given by a primary.
            wait: seconds for a replica to come that far.
        """
        now = monotonic()
        until, pause = now + wait, PAUSES[0]
        while candidates := self.good(position, now):
            found = reached(candidates, position) or _asked(candidates, position, until - now)
            now = monotonic()
            if found is not None or now >= until:
                return found
            sleep(min(pause, until - now))
            pause = min(pause * 2, PAUSES[1])
        return None


def _asked(readers: Sequence[Reader], position: Position, left: float) -> Reader | None:
    """The same, after asking them how far they have come."""
    until = monotonic() + max(left, ASK_TIMEOUT)
    for question in [reader.member.ask() for reader in readers]:
        question.wait(until)
    return reached(readers, position)
