"""What a pool says when no connection was free in time, or one did not come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def unreturned(url: DatabaseUrl, in_use: int, timeout: float, places: Sequence[str]) -> str:
    """For the log, when a pool was closed and connections had not come back.

    Args:
        url: the pool's.
        in_use: how many they were.
        timeout: seconds that were waited for them.
        places: where they were taken, as far as that is known.
    """
    known = f"they were taken at {'; '.join(places)}" if places else "leak_after lets a pool know where they were taken"
    return (
        f"The pool for {url.place} was closed with {in_use} connections in use after waiting {timeout:g} s for them, "
        f"and they were cut; {known}"
    )
