"""Threads that wait for a session, served in the order in which they came."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict

from assay.errors import Error
from assay.runtime.sync.session import Session


class Waiter:
    """A thread that waits."""

    __slots__ = ("_called", "error", "session")

    def __init__(self) -> None:
        self._called = threading.Event()
        self.session: Session | None = None
        """What it was handed."""
        self.error: Error | None = None
        """Why it will not be handed anything."""

    def call(self) -> None:
        """Wake it up."""
        self._called.set()

    def wait(self, seconds: float) -> None:
        """Sleep until it is called, or for so long."""
        self._called.wait(max(seconds, 0))


class WaitingLine:
    """A first-in, first-out line; whoever uses it holds the pool's lock."""

    def __init__(self) -> None:
        self._waiters: OrderedDict[Waiter, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiters)

    def join(self) -> Waiter:
        """Stand at the end of it."""
        waiter = Waiter()
        self._waiters[waiter] = None
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Stand in it no more."""
        self._waiters.pop(waiter, None)

    def hand(self, session: Session) -> bool:
        """Hand a session to who has waited longest; False when nobody waits."""
        if not self._waiters:
            return False
        waiter, _ = self._waiters.popitem(last=False)
        waiter.session = session
        waiter.call()
        return True

    def fail(self, error: Error) -> None:
        """Let everybody who waits raise a copy of the error."""
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            waiter.error = copy.copy(error)
            waiter.call()
