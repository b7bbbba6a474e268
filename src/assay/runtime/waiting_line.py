"""Tasks that wait for a session, served in the order in which they came."""

from __future__ import annotations

import asyncio
import copy
from collections import OrderedDict
from collections.abc import Callable

from assay.errors import Error
from assay.runtime.session import Session


class WaitingLine:
    """A first-in, first-out line; a session handed to a task that is just being cancelled comes back."""

    def __init__(self, give_back: Callable[[Session], None]) -> None:
        self._give_back = give_back
        self._waiters: OrderedDict[asyncio.Future[Session], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiters)

    async def wait(self, deadline: float, too_late: Callable[[], Error], arrived: Callable[[], None]) -> Session:
        """Wait to be handed a session.

        Args:
            deadline: on the event loop's clock.
            too_late: makes the error to raise then.
            arrived: called once the task stands in the line.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Session] = loop.create_future()
        self._waiters[waiter] = None
        alarm = loop.call_at(deadline, self._expire, waiter, too_late)
        try:
            arrived()
            return await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._give_back(waiter.result())
            raise
        finally:
            alarm.cancel()
            self._waiters.pop(waiter, None)

    def hand(self, session: Session) -> bool:
        """Hand a session to who has waited longest; False when nobody waits."""
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():
                waiter.set_result(session)
                return True
        return False

    def fail(self, error: Error) -> None:
        """Let everybody who waits raise a copy of the error."""
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():
                waiter.set_exception(copy.copy(error))

    def _expire(self, waiter: asyncio.Future[Session], too_late: Callable[[], Error]) -> None:
        if not waiter.done():
            self._waiters.pop(waiter, None)
            waiter.set_exception(too_late())
