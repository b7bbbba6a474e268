"""Which member of a pool is the primary, and which are replicas that may answer: decided from what was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from assay.runtime.replicas.lag import History
from assay.runtime.replicas.position import show_lsn
from assay.runtime.replicas.sighting import Sighting


class Role(StrEnum):
    """What a member is to its pool."""

    PRIMARY = "primary"
    """It takes writes, and whatever is not proven read-only."""
    REPLICA = "replica"
    """It answers what is proven read-only."""
    BEHIND = "behind"
    """A replica that is not asked for now: too far behind, or with another schema."""
    STALE = "stale"
    """It was the primary before a promotion, or follows such a one: what it has may never have happened."""
    FOREIGN = "foreign"
    """A server of another system identifier: no copy of this primary."""
    UNREACHABLE = "unreachable"
    """It does not answer."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member is, and why."""

    role: Role
    reason: str = ""
    """Why it is not asked, as the end of a sentence that begins with the member's place."""
    lag_seconds: float | None = None
    """Seconds that its answers were behind at most; None where that cannot be told."""
    lag_bytes: int | None = None
    """Bytes of the log that it had yet to replay; None where that cannot be told."""
    fresh_at: float = 0.0
    """A time, on the monotonic clock, before which nothing is that it lacks."""

    def __str__(self) -> str:
        return self.reason or ("is the primary" if self.role is Role.PRIMARY else "is a replica that answers")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is asked of a replica."""

    max_lag: float | None
    max_lag_bytes: int | None
    migrations: str | None
    """The fingerprint of the migrations that statements were proven for; None where nothing is proven."""


@dataclass(frozen=True, slots=True)
class Topology:
    """The members at one moment, by their number in the pool."""

    system: int = 0
    """The system identifier of the pool's servers; 0 before a primary was seen."""
    timeline: int = 0
    """The latest timeline that any of them was seen on."""
    primary: int | None = None
    standings: tuple[Standing, ...] = ()
    seen: Mapping[int, Sighting] = field(default_factory=lambda: MappingProxyType({}))


def decide(before: Topology, seen: Sequence[Sighting | str], history: History, now: float, bounds: Bounds) -> Topology:
    """What the members are.

    The primary is the one server out of recovery on the latest timeline: each promotion begins a new one, and so tells
    the new primary from an old one that has come back (manual section 25.3.6).

    Args:
        before: what they were at the last look.
        seen: what each was seen as, or why it was not, as a sentence's end.
        history: how far the primary was when; it is brought up to date.
        now: when the look began, on the monotonic clock.
        bounds: what is asked of a replica.
    """
    present = {number: one for number, one in enumerate(seen) if isinstance(one, Sighting)}
    system = before.system or _system_of(present)
    ours = {number: one for number, one in present.items() if one.system == system}
    timeline = max((before.timeline, *(one.timeline for one in ours.values())))
    primary = _primary(before, ours, timeline)
    if primary is not None:
        history.note(timeline, ours[primary].lsn, now)
    known = Topology(system, timeline, primary, (), MappingProxyType(ours))
    standings = tuple(_standing(known, number, one, history, now, bounds) for number, one in enumerate(seen))
    return Topology(system, timeline, primary, standings, known.seen)


def _system_of(present: Mapping[int, Sighting]) -> int:
    """That of the first primary, in the order in which the members were given."""
    return next((one.system for one in present.values() if not one.in_recovery), 0)


def _primary(before: Topology, ours: Mapping[int, Sighting], timeline: int) -> int | None:
    """The primary; None where there is none, or where two claim to be and neither was it before."""
    found = [number for number, one in ours.items() if not one.in_recovery and one.timeline == timeline]
    if before.primary in found:
        return before.primary
    return found[0] if len(found) == 1 else None


def _standing(
    known: Topology, number: int, seen: Sighting | str, history: History, now: float, bounds: Bounds
) -> Standing:
    if isinstance(seen, str):
        return Standing(Role.UNREACHABLE, seen)
    if number == known.primary:
        return Standing(Role.PRIMARY)
    if not known.system:
        return Standing(Role.BEHIND, "is in recovery, and no primary was seen that it could be a replica of")
    if seen.system != known.system:
        return Standing(Role.FOREIGN, _foreign(known, seen))
    if seen.timeline < known.timeline:
        return Standing(Role.STALE, _stale(known, seen))
    if not seen.in_recovery:
        return Standing(Role.STALE, f"is a second primary on timeline {seen.timeline}; one of the two must be stopped")
    return _replica(known, seen, history, now, bounds)


def _foreign(known: Topology, seen: Sighting) -> str:
    return (
        f"is no replica of this primary: its system identifier is {seen.system}, the primary's {known.system}; "
        "correct the URL, or make the replica anew with pg_basebackup"
    )


def _stale(known: Topology, seen: Sighting) -> str:
    if seen.in_recovery:
        return (
            f"was last seen on timeline {seen.timeline}, and the primary is on {known.timeline}; it is used when it is "
            "seen to follow the promotion, which roles in pg_monitor are told sooner"
        )
    return (
        f"is an old primary, on timeline {seen.timeline} where {known.timeline} is the latest; stop it, and make it a "
        "replica of the new one (pg_rewind)"
    )


def _replica(known: Topology, seen: Sighting, history: History, now: float, bounds: Bounds) -> Standing:
    fresh_at = history.reached(seen.lsn)
    seconds = None if fresh_at is None else max(0.0, now - fresh_at)
    size = None if history.latest is None else max(0, history.latest - seen.lsn)
    why = _other_schema(seen, bounds) or _too_far(seen, seconds, size, bounds)
    role = Role.BEHIND if why else Role.REPLICA
    return Standing(role, why, seconds, size, float("-inf") if fresh_at is None else fresh_at)


def _other_schema(seen: Sighting, bounds: Bounds) -> str:
    if bounds.migrations is None:
        return "is asked for nothing: there is no list of statements proven read-only"
    if seen.ledger.obstacle:
        return f"cannot be held against the proofs: {seen.ledger.obstacle}"
    if seen.ledger.fingerprint == bounds.migrations:
        return ""
    return (
        "has had other migrations than those that the list of statements proven read-only was written for; "
        "run assay prepare for these migrations, or apply them"
    )


def _too_far(seen: Sighting, seconds: float | None, size: int | None, bounds: Bounds) -> str:
    if bounds.max_lag is not None and (seconds is None or seconds > bounds.max_lag):
        shown = "an unknown time" if seconds is None else f"{seconds:.3g} s"
        return f"is {shown} behind, at {show_lsn(seen.lsn)}; the bound is max_lag = {bounds.max_lag:g} s"
    if bounds.max_lag_bytes is not None and (size is None or size > bounds.max_lag_bytes):
        shown = "unknown" if size is None else f"{size:,}"
        return f"is {shown} bytes of log behind; the bound is max_lag_bytes = {bounds.max_lag_bytes:,}"
    return ""
