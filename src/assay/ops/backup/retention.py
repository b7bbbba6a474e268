"""Which backups a policy keeps: a pure function of what there is and what time it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

UNFINISHED_FOR = timedelta(days=1)
"""So long an incomplete backup may still be under way; then it is taken for what a killed run left."""
AHEAD = timedelta(hours=1)
"""So far a backup may be ahead of the clock; what is further was made by, or is looked at by, a wrong clock."""


class State(StrEnum):
    """What a listing shows of a backup."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    """It has no manifest: it is under way, or its run was stopped."""
    CORRUPT = "corrupt"
    """Its manifest cannot be believed, or a file is missing or of another size."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long backups are kept. None sets no limit."""

    days: int | None = None
    """Older ones go."""
    count: int | None = None
    """Of each database and kind of contents, so many of the newest stay."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A backup as far as a policy looks at it."""

    id: str
    created: datetime
    state: State
    series: str
    """Backups of one series can stand for each other: the same database, and the same of it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether one backup stays, and why."""

    backup: Dated
    keep: bool
    why: str


def decide(backups: Iterable[Dated], policy: Policy, now: datetime) -> tuple[Decision, ...]:
    """What a policy does to backups, the newest first.

    - The newest complete backup of each series stays, however old.
    - What is older than ``days`` goes; what is exactly so old stays.
    - Of each series, the newest ``count`` complete ones stay.
    - An incomplete one goes after a day, one whose files do not fit its manifest goes by age alone, and neither counts
      as one that was kept.
    - One that is dated in the future stays and does not count: a wrong clock must not make it the last good one.

    Args:
        backups: in any order.
        policy: how long they are kept.
        now: the time, with its zone.
    """
    ordered = sorted(backups, key=lambda one: (one.created, one.id), reverse=True)
    counted = _places([one for one in ordered if one.state is State.COMPLETE and one.created <= now + AHEAD])
    return tuple(_decide(one, policy, now, counted) for one in ordered)


def _places(ordered: Sequence[Dated]) -> dict[str, int]:
    """The place of each good backup in its series, from 0 for the newest."""
    seen: dict[str, int] = {}
    places = {}
    for one in ordered:
        places[one.id] = seen.setdefault(one.series, 0)
        seen[one.series] += 1
    return places


def _decide(one: Dated, policy: Policy, now: datetime, places: dict[str, int]) -> Decision:
    age = now - one.created
    if age < -AHEAD:
        return Decision(one, True, "it is dated in the future; is a clock wrong?")
    if one.state is State.INCOMPLETE:
        over = age > UNFINISHED_FOR
        return Decision(one, not over, "it was never finished" if over else "it may still be under way")
    place = places.get(one.id)
    if place == 0:
        return Decision(one, True, "it is the last good one")
    if policy.days is not None and age > timedelta(days=policy.days):
        return Decision(one, False, f"it is older than {policy.days} days")
    if place is not None and policy.count is not None and place >= policy.count:
        return Decision(one, False, f"there are {policy.count} newer ones")
    return Decision(one, True, "it is within the policy")
