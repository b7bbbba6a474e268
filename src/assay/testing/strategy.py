"""How a database is copied: the way that turns out to be the faster one.

On a file system in memory ``file_copy`` takes 8 ms and ``wal_log`` 24; on a disk it can be 90 and 30, and more where
the server waits for the disk (manual, CREATE DATABASE).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

_STRATEGIES = ("file_copy", "wal_log")
_FAST = 0.03
"""Seconds; who copies in less need not try the other way."""


class Strategy:
    """Remembers how long each way took."""

    def __init__(self, version: int) -> None:
        """The version is that of ``server_version_num``; before 15 there is one way."""
        self._ways = _STRATEGIES if version >= 150000 else ("",)
        self._took: dict[str, float] = {}

    def choose(self) -> str:
        """The way to take next."""
        fastest = min(self._took, key=self._took.__getitem__, default=None)
        if fastest is not None and self._took[fastest] < _FAST:
            return fastest
        return next((way for way in self._ways if way not in self._took), fastest or self._ways[0])

    @contextmanager
    def timed(self) -> Iterator[str]:
        """Time a block, which copies with the clause that it is given."""
        way = self.choose()
        started = perf_counter()
        yield f" strategy {way}" if way else ""
        self._took[way] = perf_counter() - started
