"""What a pool says when no connection was free in time."""

from __future__ import annotations

from collections.abc import Mapping

from assay.config import DatabaseUrl
from assay.errors import Error, PoolTimeout


def exhausted(
    url: DatabaseUrl, seconds: float, sizes: Mapping[str, int], most: int, failure: Error | None, *, who: str = "tasks"
) -> PoolTimeout:
    """The error for one of ``who`` that waited so many seconds in vain.

    Args:
        url: the pool's.
        seconds: how long it waited.
        sizes: ``in_use``, ``opening`` and ``waiting`` of the pool's.
        most: the pool's max_connections.
        failure: why the last attempt to open a connection failed, if it did.
        who: what takes connections, in the plural.
    """
    why = f"; the last attempt to open one failed: {failure}" if failure else ""
    return PoolTimeout(
        f"No connection to {url.place} was free after {seconds:.3g} s: {sizes['in_use']} of at most {most} are in use, "
        f"{sizes['opening']} being opened, {sizes['waiting']} other {who} wait{why}; "
        "hold connections for a shorter time, or raise max_connections (DB_MAX_CONNECTIONS)"
    )
