"""Transactions that are run again when the server could not put them in an order with others."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from assay.errors import DeadlockDetected, SerializationFailure, UsageError

if TYPE_CHECKING:
    from assay.runtime.transaction import Transaction

RETRY_DELAYS = (0.01, 1.0)
"""Seconds before a block is run again: what the first pause is at most, which doubles, and the longest.

Each pause is drawn evenly from 0 up to that ("full jitter"), so that transactions that met do not meet again.
"""

WORTH_ANOTHER = (SerializationFailure, DeadlockDetected)
"""After these nothing of a transaction took effect (manual section 13.5). A connection lost in COMMIT is not here."""


class Attempts:
    """The attempts at a transaction: the first, and one more for each that failed in a way worth another.

    ::

        async for attempt in pool.transaction(isolation="serializable", retry=5):
            async with attempt as tx:
                await tx.execute("update account set balance = balance - :amount where id = :id", amount=5, id=1)

    A block that ends without an exception is committed and is the last one. SerializationFailure and
    DeadlockDetected, from a statement or from COMMIT, roll it back, and it is run again after a short pause, in which
    no connection is held; from the last attempt they pass on. Every other exception passes on at once, and so does
    ConnectionLost: when that comes from COMMIT, whether the transaction took effect is not known.
    """

    __slots__ = ("_attempt", "_begin", "_left", "_number")

    def __init__(self, begin: Callable[[], Transaction], retry: int) -> None:
        self._begin = begin
        self._left = retry + 1
        self._number = 0
        self._attempt: Attempt | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        last = self._attempt
        if last is not None:
            last.check()
            if not last.wants_another:
                raise StopAsyncIteration
            await asyncio.sleep(pause(self._number))
        self._number += 1
        self._left -= 1
        self._attempt = Attempt(self._begin(), self._number, may_fail=self._left > 0)
        return self._attempt

    if not TYPE_CHECKING:  # for type checkers it is no context manager, so that they refuse it as one

        async def __aenter__(self):
            raise UsageError(_HOW)

        async def __aexit__(self, *given):
            """Never reached."""


_HOW = (
    "A block that is to be run again needs a loop around it: "
    "`async for attempt in db.transaction(retry=...):` and inside of that `async with attempt as tx:`"
)


class Attempt:
    """One attempt at a transaction, to be entered with ``async with``."""

    __slots__ = ("_entered", "_may_fail", "_transaction", "number", "wants_another")

    def __init__(self, transaction: Transaction, number: int, *, may_fail: bool) -> None:
        self._transaction = transaction
        self._may_fail = may_fail
        self._entered = False
        self.number = number
        """From 1."""
        self.wants_another = False
        """Whether it failed, and another follows."""

    async def __aenter__(self) -> Transaction:
        self._entered = True
        return await self._transaction.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            await self._transaction.__aexit__(kind, error, trace)
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


def pause(failures: int) -> float:
    """Seconds to wait after so many attempts have failed."""
    first, longest = RETRY_DELAYS
    return random.uniform(0, min(first * 2.0 ** min(failures - 1, 30), longest))  # noqa: S311 - nothing secret
