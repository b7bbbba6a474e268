"""The members of a pool in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from assay.runtime.replicas.topology import Role

if TYPE_CHECKING:
    from assay.runtime.pool import PoolStats
    from assay.runtime.replicas.known import Known


@dataclass(frozen=True, slots=True)
class MemberStats:
    """A member of a pool at one moment; what is counted is counted since the pool was opened."""

    place: str
    """Host, port and database."""
    role: Role
    reason: str
    """Why a member is not asked, as a sentence's end that follows the place; empty where it is."""
    timeline: int | None
    """What it was last seen on; None where it was not seen."""
    lag_seconds: float | None
    """Seconds that a replica was behind the primary at most, at the last look; None where that cannot be told."""
    lag_bytes: int | None
    """Bytes of log that a replica had yet to replay then; None where that cannot be told."""
    answered: int
    """Statements that it answered as a replica."""
    passed_on: int
    """Statements that failed there in a way that let the primary run them instead."""
    connections: PoolStats | None
    """Its connections; None while none are held."""


def total(parts: Sequence[PoolStats]) -> PoolStats:
    """The sum of several pools, of which there is at least one."""
    kind = type(parts[0])
    return kind(**{part.name: sum(getattr(one, part.name) for one in parts) for part in fields(kind)})


def stats_of(member: Known, connections: PoolStats | None) -> MemberStats:
    """A member in numbers."""
    standing = member.standing
    return MemberStats(
        place=member.place,
        role=standing.role,
        reason=standing.reason,
        timeline=member.timeline,
        lag_seconds=standing.lag_seconds,
        lag_bytes=standing.lag_bytes,
        answered=member.answered,
        passed_on=member.passed_on,
        connections=connections,
    )
