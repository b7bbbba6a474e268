"""A pool of connections, for threads."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, LiteralString, Self, cast

import psycopg

from assay.config import DatabaseUrl
from assay.errors import ConnectionFailed, Error, PoolTimeout, UsageError
from assay.runtime.bouncing import check_settings, refuse_to_keep
from assay.runtime.building import Builder
from assay.runtime.dynamic import query_for
from assay.runtime.observing import Observed, Observer, ObserverFactory, observed_name
from assay.runtime.pool_facts import PoolFacts
from assay.runtime.pool_options import PoolOptions, Reset, read_options, read_pgbouncer, read_url
from assay.runtime.query import Query
from assay.runtime.slow_queries import SlowQueries
from assay.runtime.sync.advisory import AdvisoryLocks
from assay.runtime.sync.bouncing import BouncedSession
from assay.runtime.sync.connecting import open_connection
from assay.runtime.sync.connection import Connection
from assay.runtime.sync.hooks import AfterConnect, Hooks, KeepOrClose
from assay.runtime.sync.listening import Listener
from assay.runtime.sync.patience import patience_of
from assay.runtime.sync.replicas.surface import Replicated
from assay.runtime.sync.reserve import Reserve
from assay.runtime.sync.session import Session
from assay.runtime.sync.watched_reserve import WatchedReserve
from assay.runtime.sync.watched_session import WatchedBouncedSession, WatchedSession

if TYPE_CHECKING:
    from assay.runtime.replicas.options import Replicas


class Pool(PoolFacts, Replicated, AdvisoryLocks):
    """Connections to one database, kept open and shared by threads.

    ::

        with assay.sync.Pool("postgresql://app@db.example/app") as pool:
            count = pool.fetch_one(int, "select count(*) from device")

    Each statement run on the pool itself takes a connection for its own length. ``transaction()`` takes one for a
    block, and so does ``acquire()``. Connections go to threads in the order in which they asked.

    The arguments are those of :class:`assay.Pool`, from the same environment unless given; hooks are plain functions.

    Raises ConfigurationError for a value that cannot be used.
    """

    __slots__ = ("_hooks", "_reserve", "_settings", "_url", "_watched", "name")

    def __new__(
        cls, *args: Any, replicas: Sequence[str | DatabaseUrl] | Replicas | None = None, **options: Any
    ) -> Self:
        """Only with replicas is there anything to choose: without them, a statement pays nothing for it."""
        if not replicas or cls is not Pool:
            return object.__new__(cls)
        from assay.runtime.sync.replicas.pool import ReplicatedPool

        return cast("Self", object.__new__(ReplicatedPool))

    def __init__(
        self,
        url: str | DatabaseUrl | None = None,
        *,
        min_connections: int | None = None,
        max_connections: int | None = None,
        acquire_timeout: float | None = None,
        idle_timeout: float | None = None,
        max_lifetime: float | None = None,
        connect_timeout: float | None = None,
        reset: Reset | None = None,
        server_settings: Mapping[str, str] | None = None,
        pgbouncer: bool | None = None,
        leak_after: float | None = None,
        slow_query: float | None = None,
        after_connect: AfterConnect | None = None,
        before_acquire: KeepOrClose | None = None,
        after_release: KeepOrClose | None = None,
        observers: Sequence[ObserverFactory] = (),
        name: str | None = None,
        replicas: Sequence[str | DatabaseUrl] | Replicas | None = None,
    ) -> None:
        if replicas:
            raise UsageError(f"{type(self).__name__} takes no replicas; give them to assay.sync.Pool itself")
        self._url, bounced = read_pgbouncer(read_url(url))
        options = read_options({
            "min_connections": min_connections,
            "max_connections": max_connections,
            "acquire_timeout": acquire_timeout,
            "idle_timeout": idle_timeout,
            "max_lifetime": max_lifetime,
            "connect_timeout": connect_timeout,
            "reset": reset,
            "pgbouncer": bounced if pgbouncer is None else pgbouncer,
            "leak_after": leak_after,
            "slow_query": slow_query,
        })  # fmt: skip
        self.name = name or observed_name(self._url)
        if options.pgbouncer:
            check_settings(server_settings)
        self._settings = dict(server_settings) if server_settings else None
        self._hooks = Hooks(after_connect, before_acquire, after_release)
        self._reserve, self._watched = self._made_reserve(options, observers)

    @classmethod
    def open(cls, url: str | DatabaseUrl | None = None, **options: Any) -> Self:
        """Make a pool and open its first connections; close it with ``close()``. Arguments are those of the class.

        Raises ConnectionFailed, AuthenticationFailed or UndefinedDatabase, naming host, port and database.
        """
        return cls(url, **options).__enter__()

    def close(self, timeout: float = 10.0) -> None:
        """Hand out no more connections, wait for those in use, close all.

        Args:
            timeout: seconds to wait; connections still in use then are cut. What runs on them is cancelled on the
                server, and fails with ConnectionLost here.
        """
        self._reserve.close(timeout)

    def warm_up(self, *statements: LiteralString, connections: int | None = None) -> None:
        """Open connections and prepare statements before they are needed, such as before a service takes requests.

        Args:
            statements: to prepare in every free connection; those with ``[[ ]]`` or ``{name}`` in them are prepared
                when they are first run.
            connections: how many to have open, at most ``max_connections``; the maximum unless given.

        Raises what opening a connection raises, and a DatabaseError for a statement that the server refuses.
        """
        wanted = self._reserve.options.max_connections if connections is None else connections
        queries = [query for query in map(query_for, statements) if isinstance(query, Query)]
        self._reserve.open_until(wanted)
        sessions = self._reserve.take_all_free()
        try:
            for session in sessions:
                session.prepare(queries)
        finally:
            for session in sessions:
                self._reserve.give_back(session)

    def __enter__(self) -> Self:
        self._reserve.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def acquire(self, timeout: float | None = None) -> Lease:
        """A connection for the length of a block: ``with pool.acquire() as connection``.

        Args:
            timeout: seconds to wait for it; the pool's acquire timeout unless given.
        """
        return Lease(self._reserve, self._url, timeout)

    def listen(self, *channels: str, limit: int = 10_000, keepalive: float = 30.0) -> Listener:
        """The notifications of channels, on a connection of its own that is opened again when it is lost.

        The arguments are those of :meth:`assay.Pool.listen`; see :class:`assay.sync.Listener`.
        """
        if self._reserve.options.pgbouncer:
            raise refuse_to_keep("listen")
        return Listener(self._open_listening, channels, limit=limit, keepalive=keepalive)

    def _open_listening(self) -> Session:
        timeout = self._reserve.options.connect_timeout
        return Session(open_connection(self._url, timeout=timeout, server_settings=self._settings))

    def _locking(self) -> Lease:
        return self.acquire()

    def check(self, timeout: float = 5.0) -> None:
        """Health check: get a connection, and an answer from the server on it, or raise.

        Args:
            timeout: seconds for all of it.

        Raises PoolTimeout, PoolClosed, ConnectionFailed or another Error that names host, port and database.
        """
        until = monotonic() + timeout
        try:
            session = self._lend(timeout)
            try:
                session.command("select 1", timeout=max(until - monotonic(), 0.0))
            finally:
                self.take_back(session)
        except (TimeoutError, PoolTimeout):
            raise PoolTimeout(self._unanswered(timeout)) from None
        except Error as error:
            if self._url.place in str(error):
                raise
            raise ConnectionFailed(f"No answer from {self._url.place}: {error}") from error

    def lend(self) -> Session:
        """A session that nobody else uses."""
        return self._lend(None)

    def _lend(self, timeout: float | None) -> Session:
        return self._reserve.lend(timeout)

    def take_back(self, session: Session) -> None:
        """Take a session back, in whatever state."""
        self._reserve.give_back(session)

    def take_back_later(self, session: Session) -> None:
        """Take a session back in another thread, where this one must not wait, such as while garbage is collected."""
        with suppress(RuntimeError):  # at the end of the interpreter, where nothing more can be done
            threading.Thread(target=self.take_back, args=(session,), daemon=True).start()

    def holds(self, session: Session) -> bool:
        """Whether a session that it lent may still be used: until it is taken back."""
        return True

    def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[Any]]:
        query, values = query_for(sql).bind(args, named)
        session = self._reserve.lend()
        try:
            return session.fetch(query, row, values)
        finally:
            self._reserve.give_back(session)

    def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        query, values = query_for(sql).bind(args, named)
        session = self._reserve.lend()
        try:
            return session.execute(query, values)
        finally:
            self._reserve.give_back(session)

    def _open_session(self) -> Session:
        timeout = self._reserve.options.connect_timeout
        session = self._session(open_connection(self._url, timeout=timeout, server_settings=self._settings))
        try:
            self._hooks.connected(session, self._url)
        except BaseException:
            session.close()
            raise
        return session

    def _session(self, driver: psycopg.Connection[Any]) -> Session:
        bounced, patience = self._reserve.options.pgbouncer, patience_of(self._url, self._settings)
        if self._watched is not None and self._watched.observers:
            watched = WatchedBouncedSession if bounced else WatchedSession
            return watched(driver, self._watched.observers, patience=patience)
        return (BouncedSession if bounced else Session)(driver, patience=patience)

    def _made_reserve(
        self, options: PoolOptions, factories: Sequence[ObserverFactory]
    ) -> tuple[Reserve, WatchedReserve | None]:
        """What holds the connections, and the same once more if it is one that watches them."""
        if not (factories or options.leak_after or options.slow_query):
            return Reserve(self._url, options, self._hooks, self._open_session), None

        def observe() -> tuple[Observer, ...]:
            observed = Observed(self.name, self._url, self.stats)
            slow = (SlowQueries(options.slow_query, observed),) if options.slow_query else ()
            return (*(make(observed) for make in factories), *slow)

        watched = WatchedReserve(self._url, options, self._hooks, self._open_session, observe)
        return watched, watched

    def _holder(self) -> Reserve:
        return self._reserve


class Lease:
    """A connection of the pool for the length of a ``with`` block."""

    __slots__ = ("_connection", "_reserve", "_session", "_timeout", "_url")

    def __init__(self, reserve: Reserve, url: DatabaseUrl, timeout: float | None) -> None:
        self._reserve = reserve
        self._url = url
        self._timeout = timeout
        self._session: Session | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Connection:
        if self._session is not None:
            raise UsageError("This acquire() block is entered already; call acquire() again for another connection")
        self._session = self._reserve.lend(self._timeout)
        self._connection = Connection(self._session, self._url, own=False)
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, connection = self._session, self._connection
        self._session = self._connection = None
        if session is not None and connection is not None:
            connection.detach()
            self._reserve.give_back(session)
