"""A single connection to the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Self

import psycopg

from assay.config import DatabaseUrl
from assay.errors import UsageError
from assay.runtime.building import Builder
from assay.runtime.dynamic import query_for
from assay.runtime.sync.advisory import AdvisoryLocks
from assay.runtime.sync.connecting import open_connection
from assay.runtime.sync.listening import Listener
from assay.runtime.sync.patience import patience_of
from assay.runtime.sync.session import Session
from assay.runtime.sync.transaction import Transaction, Transactions
from assay.sql.footprint import Footprint


def connect(
    url: str | DatabaseUrl, *, connect_timeout: float = 10.0, server_settings: Mapping[str, str] | None = None
) -> Connection:
    """Open a connection of one's own, outside of any pool; close it with ``close()`` or ``with``.

    Args:
        url: ``postgresql://user@host:port/database``.
        connect_timeout: seconds until the server must have answered.
        server_settings: settings of the session, such as ``{"statement_timeout": "5s"}``.

    Raises ConnectionFailed, AuthenticationFailed or UndefinedDatabase, naming host, port and database.
    """
    place = url if isinstance(url, DatabaseUrl) else DatabaseUrl.parse(url)
    driver = open_connection(place, timeout=connect_timeout, server_settings=server_settings)
    return Connection(Session(driver, patience=patience_of(place, server_settings)), place, own=True)


class Connection(Transactions, AdvisoryLocks):
    """A connection, from :func:`assay.sync.connect` or for the length of a ``pool.acquire()`` block.

    One thread at a time may use it.
    """

    __slots__ = ("_own", "_session", "_url")

    def __init__(self, session: Session, url: DatabaseUrl, *, own: bool) -> None:
        self._session: Session | None = session
        self._url = url
        self._own = own

    @property
    def driver(self) -> psycopg.Connection[Any]:
        """The psycopg connection, in autocommit, for what Assay does not do itself; its cursors take ``$1``, ``$2``.

        A pool closes the session afterwards instead of handing it on, since what is set there, such as handlers and
        adapters, cannot all be undone.
        """
        session = self._active()
        session.footprint = max(session.footprint, Footprint.STATE)
        session.lent_driver = True
        return session.driver

    def close(self) -> None:
        """Close the connection; doing so again does nothing."""
        if not self._own:
            raise UsageError("This connection is its pool's; it goes back at the end of the acquire() block")
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def __enter__(self) -> Self:
        self._active()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._session is None or self._session.is_closed else "open"
        return f"<Connection to {self._url.place}, {state}>"

    def lend(self) -> Session:
        """Its session."""
        return self._active()

    def take_back(self, session: Session) -> None:
        """Nothing to do: the session stays in use."""

    def take_back_later(self, session: Session) -> None:
        """Nothing to do: the session stays in use."""

    def holds(self, session: Session) -> bool:
        """Whether it still has that session."""
        return self._session is session

    def detach(self) -> None:
        """Make it unusable, when its session goes back to the pool."""
        self._session = None

    def listen(self, *channels: str, limit: int = 10_000, keepalive: float = 30.0) -> Listener:
        """The notifications of channels, on another connection to the same database; see :meth:`assay.Pool.listen`."""
        url = self._url
        return Listener(lambda: Session(open_connection(url)), channels, limit=limit, keepalive=keepalive)

    def _locking(self) -> AbstractContextManager[Connection]:
        return nullcontext(self)

    def reading_block(self) -> Transaction | None:
        """A read-only transaction, not begun yet; None when one is open."""
        return None if self._active().in_transaction else super().reading_block()

    def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[Any]]:
        query, values = query_for(sql).bind(args, named)
        return self._active().fetch(query, row, values)

    def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        query, values = query_for(sql).bind(args, named)
        return self._active().execute(query, values)

    def _active(self) -> Session:
        if self._session is None:
            how = "is closed; open another" if self._own else "went back to its pool; acquire another"
            raise UsageError(f"The connection {how}")
        return self._session
