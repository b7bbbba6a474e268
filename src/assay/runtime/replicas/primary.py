"""Sessions of whichever member takes writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from assay.errors import ConnectionFailed, Error, PoolClosed, PoolTimeout
from assay.runtime.forks import keep_from_children
from assay.runtime.replicas.watch import Watch
from assay.runtime.reserve import Reserve
from assay.runtime.session import Session


class Primary:
    """Lends as a reserve does, from the primary's; a task that waits when another member is promoted waits there."""

    def __init__(self, reserve: Reserve, watch: Watch, why: Callable[[], str]) -> None:
        self.reserve = reserve
        """Of the primary, or, while there is none, of the last one."""
        self._watch = watch
        self._why = why
        """Why no member takes writes, in a sentence; empty where one does."""
        self._lends = True
        """Whether that reserve may be used: not when its server turned out to be an old primary."""
        self._owners: dict[Session, Reserve] = {}
        self.running = False
        """Whether the pool is open."""
        keep_from_children(self)

    def take(self) -> Session | None:
        """A free session that needs no question to it."""
        session = self.reserve.take() if self._lends else None
        if session is not None:
            self._owners[session] = self.reserve
        return session

    async def wait(self, timeout: float | None = None) -> Session:  # noqa: ASYNC109 - as a reserve's
        """A session: free, newly opened, or given back by somebody else.

        Raises what a reserve raises; where no member takes writes, ConnectionFailed or PoolTimeout says of each why.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + (self.reserve.options.acquire_timeout if timeout is None else timeout)
        while True:
            reserve = self.reserve
            try:
                self._check()
                session = await reserve.wait(max(until - loop.time(), 0.0))
            except (PoolClosed, PoolTimeout, ConnectionFailed) as error:
                if self.reserve is reserve:
                    await self._bear(error, in_time=loop.time() < until)
            else:
                if self.reserve is reserve and self._lends:
                    self._owners[session] = reserve
                    return session
                reserve.give_back(session)  # it is another member's by now

    def give_back(self, session: Session) -> None:
        """Take a session back; one that broke has the members looked at."""
        if session.driver.is_closed():
            self._watch.wake()
        self._owners.pop(session, self.reserve).give_back(session)

    def follow(self, reserve: Reserve) -> None:
        """Lend from another member's from now on."""
        self.reserve, self._lends = reserve, True

    def stop(self) -> None:
        """Lend nothing until there is a primary again."""
        self._lends = False

    def _check(self) -> None:
        if not self._lends:
            raise PoolClosed("The member that took writes takes none any more, and no other was found in time")

    def disown(self) -> None:
        """Wait for no promotion, in a child that was forked."""
        self.running = False

    async def _bear(self, error: Error, *, in_time: bool) -> None:
        """Raise the error, in words about all members; or wait for the new primary, when the old one was cut off."""
        why = self._why() if self.running else ""
        if why:
            raise (PoolTimeout if isinstance(error, PoolTimeout) else ConnectionFailed)(why) from error
        if not (self.running and in_time and isinstance(error, PoolClosed)):
            self._watch.wake()
            raise error
        await self._watch.fresh()
