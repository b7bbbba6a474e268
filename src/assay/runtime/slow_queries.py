"""Slow statements written to the log, without the values of their arguments."""

from __future__ import annotations

import logging

from assay.runtime.observing import Call, Observed

LONGEST = 2000
"""Characters of a statement that are written."""

_log = logging.getLogger("assay.slow_query")


class SlowQueries:
    """Writes what takes longer than a limit to the logger ``assay.slow_query``, as a warning.

    The record also has the attributes ``query_name``, ``seconds`` and ``pool_name``, for logs of fields. Values that
    stand in the SQL itself are written as they stand; arguments are written as their types and lengths only.
    """

    def __init__(self, limit: float, pool: Observed) -> None:
        self._limit = limit
        self._pool = pool.name

    def ran(self, call: Call) -> None:
        """Write it, if it took long."""
        if call.seconds < self._limit:
            return
        failed = f" and failed with {type(call.error).__name__}" if call.error is not None else ""
        sql = " ".join(call.sql.split())
        sql = sql if len(sql) <= LONGEST else sql[:LONGEST] + "..."
        fields = {"query_name": call.name, "seconds": call.seconds, "pool_name": self._pool}
        _log.warning(
            "Slow query %s took %.3f s (slow from %g s)%s: %s; arguments: %s",
            *(call.name, call.seconds, self._limit, failed, sql, call.shapes() or "none"),
            extra=fields,
        )

    def opened(self, seconds: float) -> None:
        """Nothing to write."""

    def waited(self, seconds: float) -> None:
        """Nothing to write: a pool's stats tell."""

    def timed_out(self) -> None:
        """Nothing to write: the task is told."""

    def used(self, seconds: float) -> None:
        """Nothing to write."""

    def closed(self) -> None:
        """Nothing to write."""
