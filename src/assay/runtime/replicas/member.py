"""A member of a pool: one server, what is known of it, and the connections to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from assay.config import DatabaseUrl
from assay.errors import ConnectionFailed, Error
from assay.runtime.bouncing import open_bounced
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection
from assay.runtime.forks import disown, keep_from_children
from assay.runtime.pool import Pool
from assay.runtime.replicas.known import LOOK_TIMEOUT
from assay.runtime.replicas.looking import look, replayed
from assay.runtime.replicas.membership import Connected
from assay.runtime.replicas.sighting import Sighting
from assay.runtime.reserve import Reserve
from assay.runtime.session import Session


class MemberPool(Pool):
    """Connections to one member, each of which is looked at before it is used."""

    __slots__ = ("_admit",)

    def __init__(
        self,
        url: DatabaseUrl | str | None,
        admit: Callable[[DriverConnection], Awaitable[None]],
        options: dict[str, Any],
    ) -> None:
        super().__init__(url, **options)
        self._admit = admit

    @property
    def url(self) -> DatabaseUrl:
        """Of the member."""
        return self._url

    @property
    def reserve(self) -> Reserve:
        """The sessions."""
        return self._reserve

    async def open_for_looking(self) -> DriverConnection:
        """A connection of the same kind that is not the pool's."""
        timeout, settings = self._reserve.options.connect_timeout, self._settings
        if self._reserve.options.pgbouncer:
            return await open_bounced(self._url, timeout=timeout, settings=settings)
        return await open_connection(self._url, timeout=timeout, server_settings=settings)

    async def _open_session(self) -> Session:
        session = await super()._open_session()
        try:
            await self._admit(session.driver)
        except BaseException:
            session.terminate()
            raise
        return session


class Member(Connected[MemberPool]):
    """One server of a pool. It is looked at through a connection apart, so that a look never waits for a busy pool."""

    def __init__(self, number: int, make_pool: Callable[[int], MemberPool]) -> None:
        super().__init__(number, make_pool)
        self.listening: list[DriverConnection] = []
        """Connections that wait for notifications."""
        self._probe: DriverConnection | None = None
        self._talking = asyncio.Lock()
        self._looking: asyncio.Task[Sighting | str] | None = None
        self._asking: asyncio.Task[int] | None = None
        self._opening: asyncio.Task[None] | None = None
        keep_from_children(self)

    # --- looking

    @property
    def is_being_looked_at(self) -> bool:
        """Whether a look is under way."""
        return self._looking is not None and not self._looking.done()

    def look_soon(self) -> asyncio.Task[Sighting | str]:
        """What it is, or why that cannot be told, as a sentence's end; one look at a time."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return self._looking

    async def _look(self) -> Sighting | str:
        try:
            async with asyncio.timeout(LOOK_TIMEOUT), self._talking:
                seen = await self._see()
        except (Error, TimeoutError) as error:
            self._forget()
            return self.was_missed(error, LOOK_TIMEOUT)
        except BaseException:
            self._forget()
            raise
        return self.was_seen(seen)

    async def _see(self) -> Sighting:
        """Look through the connection there is; when it has broken, through a new one."""
        kept = self._probe
        try:
            return await look(await self._connected())
        except ConnectionFailed:
            if self._probe is not kept or kept is None:
                raise
        self._forget()
        return await look(await self._connected())

    async def ask(self) -> int:
        """How far it has replayed by now; one question at a time serves all who ask."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> int:
        try:
            async with asyncio.timeout(LOOK_TIMEOUT), self._talking:
                self.replayed = await replayed(await self._connected())
        except (Error, TimeoutError):
            self._forget()
        return self.replayed

    async def _connected(self) -> DriverConnection:
        if self._probe is None or self._probe.is_closed():
            self._probe = await self.next_pool.open_for_looking()
        return self._probe

    def _forget(self) -> None:
        self.replayed = 0
        if self._probe is not None:
            self._probe.terminate()
            self._probe = None

    def disown(self) -> None:
        """Leave its connections to the parent, in a child that was forked."""
        if self._probe is not None:
            disown(Session(self._probe))
        self._probe = self._looking = self._asking = self._opening = None

    # --- its pool

    @property
    def holds_connections(self) -> bool:
        """Whether there is anything to cut off."""
        return self.pool is not None or bool(self.listening)

    def open_soon(self) -> asyncio.Task[None]:
        """Open its pool in a task of its own, unless it is open; the task raises what opening raises."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._open())
            self._opening.add_done_callback(_hear)
        return self._opening

    async def _open(self) -> None:
        if self.pool is None:
            pool, self.next_pool = self.next_pool, self._make_pool(self.number)
            await pool.reserve.open()
            self.pool = pool

    async def cut_off(self, timeout: float = 0.0) -> None:  # noqa: ASYNC109 - a deadline for others, not for this call
        """Close its pool, and who listens there; what still runs after the timeout fails with ConnectionLost."""
        for driver in self.listening:
            driver.terminate()
        self.listening = []
        pool, self.pool = self.pool, None
        if pool is not None:
            await pool.close(timeout)

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - as above
        """Close everything."""
        for task in (self._looking, self._asking, self._opening):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self.cut_off(timeout)
        probe, self._probe = self._probe, None
        if probe is not None:
            try:
                await probe.close(timeout=LOOK_TIMEOUT)
            except DRIVER_ERRORS:
                probe.terminate()


def _hear(task: asyncio.Task[None]) -> None:
    """Take note of how a task ended, where nobody may be waiting for it."""
    if not task.cancelled():
        task.exception()
