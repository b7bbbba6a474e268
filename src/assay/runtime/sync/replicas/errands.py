"""Work done by a thread of its own, for whose end others may wait."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class NoThread(RuntimeError):
    """No thread can be had, as at the end of the interpreter."""


class Errand(Generic[T]):
    """Work that has begun.

    Whoever waits may be interrupted at any moment by an exception of a signal handler. That is why there is a queue
    for each, and no condition, which a thread that is struck in the middle of it could leave locked.
    """

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self._work = work
        self._waiters: deque[SimpleQueue[None]] = deque()
        self._over = False
        self._outcome: list[T] = []
        self._failure: BaseException | None = None
        try:
            threading.Thread(target=self._run, name=name, daemon=True).start()
        except RuntimeError as error:
            raise NoThread(*error.args) from error

    def done(self) -> bool:
        """Whether it is over."""
        return self._over

    def result(self) -> T:
        """What came of it, once it is over; raises what it raised."""
        if self._failure is not None:
            raise self._failure
        return self._outcome[0]

    def wait(self, until: float | None = None) -> bool:
        """Wait for its end, until a time on the monotonic clock; whether it is over."""
        waiter: SimpleQueue[None] = SimpleQueue()
        self._waiters.append(waiter)
        if not self._over:
            with suppress(Empty):
                waiter.get(timeout=None if until is None else max(until - monotonic(), 0.0))
        return self._over

    def _run(self) -> None:
        try:
            self._outcome.append(self._work())
        except BaseException as error:
            self._failure = error
        self._over = True
        while self._waiters:
            self._waiters.popleft().put(None)
