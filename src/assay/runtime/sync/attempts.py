"""Transactions that are run again when the server could not put them in an order with others."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from assay.errors import UsageError
from assay.runtime.attempts import WORTH_ANOTHER, pause

if TYPE_CHECKING:
    from assay.runtime.sync.transaction import Transaction

_HOW = (
    "A block that is to be run again needs a loop around it: "
    "`for attempt in db.transaction(retry=...):` and inside of that `with attempt as tx:`"
)


class Attempts:
    """The attempts at a transaction: the first, and one more for each that failed in a way worth another.

    ::

        for attempt in pool.transaction(isolation="serializable", retry=5):
            with attempt as tx:
                tx.execute("update account set balance = balance - :amount where id = :id", amount=5, id=1)

    What is said of :class:`assay.Attempts` holds here too.
    """

    __slots__ = ("_attempt", "_begin", "_left", "_number")

    def __init__(self, begin: Callable[[], Transaction], retry: int) -> None:
        self._begin = begin
        self._left = retry + 1
        self._number = 0
        self._attempt: Attempt | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Attempt:
        last = self._attempt
        if last is not None:
            last.check()
            if not last.wants_another:
                raise StopIteration
            time.sleep(pause(self._number))
        self._number += 1
        self._left -= 1
        self._attempt = Attempt(self._begin(), self._number, may_fail=self._left > 0)
        return self._attempt

    if not TYPE_CHECKING:  # for type checkers it is no context manager, so that they refuse it as one

        def __enter__(self):
            raise UsageError(_HOW)

        def __exit__(self, *given):
            """Never reached."""


class Attempt:
    """One attempt at a transaction, to be entered with ``with``."""

    __slots__ = ("_entered", "_may_fail", "_transaction", "number", "wants_another")

    def __init__(self, transaction: Transaction, number: int, *, may_fail: bool) -> None:
        self._transaction = transaction
        self._may_fail = may_fail
        self._entered = False
        self.number = number
        """From 1."""
        self.wants_another = False
        """Whether it failed, and another follows."""

    def __enter__(self) -> Transaction:
        self._entered = True
        return self._transaction.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            self._transaction.__exit__(kind, error, trace)
        except WORTH_ANOTHER:
            self.wants_another = self._may_fail
            if not self._may_fail:
                raise
        else:
            self.wants_another = self._may_fail and isinstance(error, WORTH_ANOTHER)
        return self.wants_another

    def check(self) -> None:
        """Raise UsageError when its block was never entered, since the loop would then have no end."""
        if not self._entered:
            raise UsageError(_HOW)
