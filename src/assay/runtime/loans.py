"""The connections of a pool that are lent: since when, where they were taken, and who is told of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from types import FrameType
from typing import Generic, TypeVar

from assay.errors import PoolTimeout
from assay.runtime.observing import Observer

_log = logging.getLogger("assay.pool")

S = TypeVar("S")


@dataclass(slots=True)
class Loan:
    """A session that somebody holds."""

    since: float
    place: str
    """File, line and function that took it, and the task or thread."""
    told: bool = False


class Loans(Generic[S]):
    """Takes down what is lent, and tells observers while the pool is open."""

    def __init__(self, observe: Callable[[], Sequence[Observer]], held: MutableMapping[S, Loan]) -> None:
        self._observe = observe
        self._held = held
        self.observers: Sequence[Observer] = ()

    def begin(self) -> None:
        """The pool is being opened."""
        self.observers = self._observe()

    def end(self) -> None:
        """Nothing more will come."""
        observers, self.observers = self.observers, ()
        for observer in observers:
            observer.closed()

    def opened(self, started: float) -> None:
        """A session was opened, which began at that time."""
        for observer in self.observers:
            observer.opened(perf_counter() - started)

    def lent(self, session: S, waited: float, place: str) -> None:
        """A session was lent, after so many seconds."""
        self._held[session] = Loan(perf_counter(), place)
        for observer in self.observers:
            observer.waited(waited)

    def failed(self, error: Exception) -> None:
        """None could be lent."""
        if isinstance(error, PoolTimeout):
            for observer in self.observers:
                observer.timed_out()

    def given_back(self, session: S) -> None:
        """A session came back."""
        loan = self._held.pop(session, None)
        if loan is not None:
            for observer in self.observers:
                observer.used(perf_counter() - loan.since)

    def places(self) -> list[str]:
        """Where the sessions in use were taken, and how long ago; the longest held first."""
        now = perf_counter()
        loans = sorted([*self._held.values()], key=lambda loan: loan.since)
        return [f"{loan.place}, {now - loan.since:.3g} s ago" for loan in loans]

    def warn(self, limit: float, pool: str, usage: Callable[[], str]) -> None:
        """Write to the log, once of each, what is held for longer than so many seconds.

        Args:
            limit: in seconds.
            pool: the place of its database.
            usage: how many are in use and waited for, in a sentence.
        """
        for loan in [*self._held.values()]:
            held = perf_counter() - loan.since
            if held >= limit and not loan.told:
                loan.told = True
                _log.warning(
                    "A connection of the pool for %s has been in use for %.3g s; it was taken at %s. %s",
                    *(pool, held, loan.place, usage()),
                )


def place_of(frame: FrameType | None, holder: str) -> str:
    """Where Assay was called from, and by whom, in words."""
    if frame is None:
        return f"no function, but {holder} itself"
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}, by {holder}"
