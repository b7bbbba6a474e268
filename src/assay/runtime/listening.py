"""Notifications (manual, SQL commands LISTEN and NOTIFY), on a connection that is opened again when it is lost."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self, TypeAlias

from assay.errors import ConnectionFailed, OperatorIntervention, ResourceError, UsageError
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, translate
from assay.runtime.loops import call_in
from assay.sql.quoting import quote_identifier

RECONNECT_DELAYS = (0.1, 15.0)
"""Seconds before the connection is opened again: what the first pause is at most, which doubles, and the longest.

Each pause is drawn evenly from 0 up to that, so that many listeners do not come back together.
"""
KEEPALIVE_TIMEOUT = 5.0
"""Seconds that the server has to answer in when it is asked whether it is still there."""
CLOSE_TIMEOUT = 2.0
"""Seconds to say goodbye in; then the connection is cut."""

WORTH_ANOTHER = (ConnectionFailed, ResourceError, OperatorIntervention)
"""What may pass: no answer, no connection to spare, a server that starts or stops."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message that a transaction sent with NOTIFY and committed."""

    channel: str
    payload: str
    """Empty when none was given."""
    pid: int
    """Of the server's process that sent it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Notifications may have been missed here: read what they would have told of from the tables."""

    reason: Literal["reconnected", "overflow"]
    """The connection was lost and is there again; or more notifications came than the listener may keep."""
    seconds: float = 0.0
    """How long there was no connection, as far as was noticed."""
    lost: int | None = None
    """How many notifications were dropped; None when that is not known."""


Heard: TypeAlias = Notification | Gap


def check_listening(channels: tuple[str, ...], limit: int, keepalive: float) -> None:
    """Raise UsageError for what cannot be listened to."""
    if not channels:
        raise UsageError("There is no channel to listen to; name at least one")
    for channel in channels:
        quote_identifier(channel)  # which refuses what no channel can be called
    if limit < 1 or not keepalive > 0:
        raise UsageError("limit takes a number of notifications from 1, and keepalive seconds of more than 0")


def pause(failures: int) -> float:
    """Seconds to wait after so many attempts to open the connection again have failed."""
    first, longest = RECONNECT_DELAYS
    return random.uniform(0, min(first * 2.0 ** min(failures, 30), longest))  # noqa: S311 - nothing secret


class Inbox:
    """What came and was not taken yet. It refers to no listener, so that one can go while its connection is there."""

    def __init__(self, limit: int) -> None:
        self.items: deque[Heard] = deque()
        self.arrived = asyncio.Event()
        self._limit = limit
        self._dropped = 0

    def receive(self, _connection: object, pid: int, channel: object, payload: object) -> None:
        """Keep a notification; one too many, and what follows it until the rest is taken, is counted alone."""
        if self._dropped or len(self.items) >= self._limit:
            self._dropped += 1
        else:
            self.items.append(Notification(str(channel), str(payload), pid))
        self.arrived.set()

    def wake(self, _connection: object = None) -> None:
        """Let whoever waits look at the connection."""
        self.arrived.set()

    def take(self) -> Heard | None:
        """The next item, if there is one."""
        if self.items:
            return self.items.popleft()
        if self._dropped:
            gap, self._dropped = Gap("overflow", lost=self._dropped), 0
            return gap
        return None


class Listener:
    """The notifications of some channels, as they come: an asynchronous iterator.

    ::

        async with pool.listen("job") as heard:
            await run_all_jobs(pool)  # what was there before; from here on nothing is missed without a Gap
            async for item in heard:
                match item:
                    case assay.Notification(payload=number):
                        await run_job(pool, int(number))
                    case assay.Gap():
                        await run_all_jobs(pool)

    It has a connection of its own, outside of any pool's. From the beginning of the block it listens; without a block,
    from the first item that is asked for. When the connection is lost it is opened again, after pauses that grow, for
    as long as it takes, and a :class:`assay.Gap` says so. At most ``limit`` notifications are kept for a consumer that
    is slower than they come; what is more is dropped, and a Gap says how many.

    It ends when it is closed: by its block, or by ``aclose()`` from another task. Raises what opening a connection
    raises: of the first one everything, later on what a later attempt would not cure, such as AuthenticationFailed.
    """

    __slots__ = ("_channels", "_closed", "_driver", "_inbox", "_keepalive", "_loop", "_open", "_silent_since")

    def __init__(
        self,
        open_driver: Callable[[], Awaitable[DriverConnection]],
        channels: tuple[str, ...],
        *,
        limit: int,
        keepalive: float,
    ) -> None:
        self._driver: DriverConnection | None = None
        check_listening(channels, limit, keepalive)
        self._open = open_driver
        self._channels = dict.fromkeys(channels)
        self._keepalive = keepalive
        self._inbox = Inbox(limit)
        self._closed = False
        self._silent_since = 0.0
        self._loop: asyncio.AbstractEventLoop

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Heard:
        while not self._closed:
            item = self._inbox.take()
            if item is not None:
                return item
            await self._wait()
        raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        if self._closed or self._driver is not None:
            raise UsageError("This listener has begun; call listen() again for another one")
        await self._connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop listening, and close the connection; doing so again does nothing."""
        self._closed = True
        self._inbox.wake()
        driver, self._driver = self._driver, None
        if driver is None or driver.is_closed():
            return
        try:
            await driver.close(timeout=CLOSE_TIMEOUT)
        except DRIVER_ERRORS:
            driver.terminate()

    def __del__(self) -> None:
        if self._driver is not None and not self._driver.is_closed():
            call_in(self._loop, self._driver.terminate)

    # --- the connection

    async def _wait(self) -> None:
        """Wait for an item, or see to the connection."""
        if self._driver is None:
            await self._connect()
        elif self._driver.is_closed():
            await self._reconnect()
        else:
            self._inbox.arrived.clear()
            try:
                async with asyncio.timeout(self._keepalive):
                    await self._inbox.arrived.wait()
            except TimeoutError:
                await self._ask(self._driver)
            self._silent_since = self._loop.time()

    async def _ask(self, driver: DriverConnection) -> None:
        """Cut a connection on which the server does not answer; no other sign of that need ever come."""
        try:
            async with asyncio.timeout(KEEPALIVE_TIMEOUT):
                await driver.execute("select 1")
        except DRIVER_ERRORS:  # TimeoutError is one of them, as an OSError
            driver.terminate()

    async def _connect(self) -> None:
        self._loop = asyncio.get_running_loop()
        driver = await self._open()
        try:
            driver.add_termination_listener(self._inbox.wake)
            for channel in self._channels:
                await driver.add_listener(channel, self._inbox.receive)
        except DRIVER_ERRORS as error:
            driver.terminate()
            raise translate(error) from error
        except BaseException:
            driver.terminate()
            raise
        if self._closed:  # by another task, in the meantime
            driver.terminate()
            return
        self._driver, self._silent_since = driver, self._loop.time()

    async def _reconnect(self) -> None:
        failures = 0
        lost_at = self._silent_since
        while not self._closed:
            await asyncio.sleep(pause(failures))
            try:
                await self._connect()
            except WORTH_ANOTHER:
                failures += 1
                continue
            gap = Gap("reconnected", seconds=self._loop.time() - lost_at)
            self._inbox.items.appendleft(gap)  # before what has been heard on the new connection
            return
