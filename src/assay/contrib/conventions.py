"""The names of OpenTelemetry's database conventions (https://opentelemetry.io/docs/specs/semconv/database/)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from assay.runtime.pool import PoolStats

CONNECTION = "db.client.connection"
DURATION = "db.client.operation.duration"
TIMEOUTS = f"{CONNECTION}.timeouts"
SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
"""The bounds of the histograms' buckets, as the conventions advise for the duration of operations."""
TIMES = {
    "create_time": "The time it took to create a new connection",
    "wait_time": "The time it took to obtain an open connection from the pool",
    "use_time": "The time between borrowing a connection and returning it to the pool",
}
"""Histograms in seconds, by what follows ``db.client.connection.``."""


@dataclass(frozen=True, slots=True)
class Size:
    """A number that is read from a pool when somebody asks for it."""

    name: str
    unit: str
    text: str
    read: Callable[[PoolStats], Mapping[str, int]]
    """The numbers by the connections' state; by ``""`` where there is but one."""


SIZES = (
    Size(
        f"{CONNECTION}.count",
        "{connection}",
        "Connections that are open, by state",
        lambda stats: {"idle": stats.idle, "used": stats.open - stats.idle},
    ),
    Size(f"{CONNECTION}.max", "{connection}", "Connections allowed", lambda stats: {"": stats.max_connections}),
    Size(f"{CONNECTION}.idle.min", "{connection}", "Idle connections kept", lambda stats: {"": stats.min_connections}),
    Size(
        f"{CONNECTION}.idle.max", "{connection}", "Idle connections allowed", lambda stats: {"": stats.max_connections}
    ),
    Size(f"{CONNECTION}.pending_requests", "{request}", "Tasks that wait", lambda stats: {"": stats.waiting}),
)
