"""A single connection to the database."""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import asyncpg

from assay.config import DatabaseUrl
from assay.errors import UsageError
from assay.runtime.advisory import AdvisoryLocks
from assay.runtime.building import Builder
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection
from assay.runtime.dynamic import query_for
from assay.runtime.forks import disown, keep_from_children
from assay.runtime.session import Session
from assay.runtime.transaction import Transaction, Transactions
from assay.sql.footprint import Footprint

if TYPE_CHECKING:
    from assay.runtime.listening import Listener

CLOSE_TIMEOUT = 5.0
"""Seconds to say goodbye in; then the connection is cut."""


async def connect(
    url: str | DatabaseUrl, *, connect_timeout: float = 10.0, server_settings: Mapping[str, str] | None = None
) -> Connection:
    """Open a connection of one's own, outside of any pool; close it with ``close()`` or ``async with``.

    Args:
        url: ``postgresql://user@host:port/database``.
        connect_timeout: seconds until the server must have answered.
        server_settings: settings of the session, such as ``{"statement_timeout": "5s"}``.

    Raises ConnectionFailed, AuthenticationFailed or UndefinedDatabase, naming host, port and database.
    """
    place = url if isinstance(url, DatabaseUrl) else DatabaseUrl.parse(url)
    settings = dict(server_settings) if server_settings else None
    driver = await open_connection(place, timeout=connect_timeout, server_settings=settings)
    connection = Connection(Session(driver), place, own=True)
    keep_from_children(connection)
    return connection


class Connection(Transactions, AdvisoryLocks):
    """A connection, from :func:`assay.connect` or for the length of a ``pool.acquire()`` block.

    One task at a time may use it.
    """

    __slots__ = ("__weakref__", "_loop", "_own", "_session", "_url")

    def __init__(self, session: Session, url: DatabaseUrl, *, own: bool) -> None:
        self._session: Session | None = session
        self._url = url
        self._own = own
        self._loop = get_running_loop()

    @property
    def driver(self) -> DriverConnection:
        """The asyncpg connection, for what Assay does not do itself.

        A pool resets the session before it hands it on: settings, listeners, locks and temporary objects go. What
        asyncpg keeps on its own side, such as ``set_type_codec``, stays; leave that to connections of your own.
        """
        session = self._active()
        session.footprint = max(session.footprint, Footprint.STATE)
        session.lent_driver = True
        return session.driver

    async def close(self) -> None:
        """Close the connection; doing so again does nothing."""
        if not self._own:
            raise UsageError("This connection is its pool's; it goes back at the end of the acquire() block")
        session, self._session = self._session, None
        if session is None:
            return
        try:
            await session.driver.close(timeout=CLOSE_TIMEOUT)
        except DRIVER_ERRORS:
            session.terminate()

    async def __aenter__(self) -> Self:
        self._active()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = "closed" if self._session is None or self._session.driver.is_closed() else "open"
        return f"<Connection to {self._url.place}, {state}>"

    async def lend(self) -> Session:
        """Its session."""
        return self._here()

    def take_back(self, session: Session) -> None:
        """Nothing to do: the session stays in use."""

    def detach(self) -> None:
        """Make it unusable, when its session goes back to the pool."""
        self._session = None

    def disown(self) -> None:
        """Give up its session, in a child that was forked."""
        if self._session is not None:
            disown(self._session)

    def listen(self, *channels: str, limit: int = 10_000, keepalive: float = 30.0) -> Listener:
        """The notifications of channels, on another connection to the same database; see :meth:`assay.Pool.listen`."""
        url = self._url
        from assay.runtime.listening import Listener

        return Listener(lambda: open_connection(url), channels, limit=limit, keepalive=keepalive)

    def _locking(self) -> AbstractAsyncContextManager[Connection]:
        return nullcontext(self)

    def holds(self, session: Session) -> bool:
        """Whether that is its session."""
        return self._session is session

    def reading_block(self) -> Transaction | None:
        """A read-only transaction, not begun yet; None when one is open."""
        return None if self._active().driver.is_in_transaction() else super().reading_block()

    async def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[asyncpg.Record]]:
        query, values = query_for(sql).bind(args, named)
        return await self._here().fetch(query, row, values)

    async def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        query, values = query_for(sql).bind(args, named)
        return await self._here().execute(query, values)

    def _here(self) -> Session:
        """Its session, for a statement; raises UsageError in another event loop than the one that opened it."""
        session = self._active()
        if get_running_loop() is not self._loop and not session.driver.is_closed():
            raise UsageError(
                f"The connection to {self._url.place} was opened in another event loop, and works in no other; "
                "open one in the loop that uses it, such as one in each thread or test"
            )
        return session

    def _active(self) -> Session:
        if self._session is None:
            how = "is closed; open another" if self._own else "went back to its pool; acquire another"
            raise UsageError(f"The connection {how}")
        return self._session
