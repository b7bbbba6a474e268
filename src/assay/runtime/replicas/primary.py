"""Sessions of whichever member takes writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from assay.errors import ConnectionFailed, Error, PoolClosed
from assay.runtime.reserve import Reserve
from assay.runtime.session import Session


class Primary:
    """Lends as a reserve does, from the primary's; a task that waits when another member is promoted waits there."""

    def __init__(self, reserve: Reserve, wake: Callable[[], None], why: Callable[[], str]) -> None:
        self.reserve = reserve
        """Of the primary, or, while there is none, of the last one."""
        self._wake = wake
        """Has the members looked at."""
        self._why = why
        """Why no member takes writes, in a sentence."""
        self._owners: dict[Session, Reserve] = {}
        self.running = False
        """Whether the pool is open."""

    def take(self) -> Session | None:
        """A free session that needs no question to it."""
        session = self.reserve.take()
        if session is not None:
            self._owners[session] = self.reserve
        return session

    async def wait(self, timeout: float | None = None) -> Session:  # noqa: ASYNC109 - as a reserve's
        """A session: free, newly opened, or given back by somebody else.

        Raises what a reserve raises; ConnectionFailed says of every member why it takes no writes.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + (self.reserve.options.acquire_timeout if timeout is None else timeout)
        while True:
            reserve = self.reserve
            try:
                session = await reserve.wait(max(until - loop.time(), 0.0))
            except (PoolClosed, ConnectionFailed) as error:
                if self.reserve is reserve:
                    raise self._explained(error) from error
            else:
                self._owners[session] = reserve
                return session

    def give_back(self, session: Session) -> None:
        """Take a session back; one that broke has the members looked at."""
        if session.driver.is_closed():
            self._wake()
        self._owners.pop(session, self.reserve).give_back(session)

    def _explained(self, error: Error) -> Error:
        self._wake()
        if not self.running:
            return error
        return ConnectionFailed(self._why())
