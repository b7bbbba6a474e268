"""A pool of connections."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, LiteralString, Self, cast

import asyncpg

from assay.config import DatabaseUrl
from assay.errors import ConnectionFailed, Error, PoolTimeout, UsageError
from assay.runtime.advisory import AdvisoryLocks
from assay.runtime.building import Builder
from assay.runtime.connecting import DriverConnection, open_connection
from assay.runtime.connection import Connection
from assay.runtime.dynamic import query_for
from assay.runtime.hooks import AfterConnect, Hooks, KeepOrClose
from assay.runtime.pool_facts import PoolFacts
from assay.runtime.pool_facts import PoolStats as PoolStats
from assay.runtime.pool_options import PoolOptions, Reset, observed_name, read_options, read_pgbouncer, read_url
from assay.runtime.query import Query
from assay.runtime.replicas.surface import Replicated
from assay.runtime.reserve import Reserve
from assay.runtime.session import Session

if TYPE_CHECKING:
    from assay.runtime.listening import Listener
    from assay.runtime.observing import Observer, ObserverFactory
    from assay.runtime.replicas.options import Replicas
    from assay.runtime.watched_reserve import WatchedReserve


class Pool(PoolFacts, Replicated, AdvisoryLocks):
    """Connections to one database, kept open and shared by tasks.

    ::

        async with assay.Pool("postgresql://app@db.example/app") as pool:
            count = await pool.fetch_one(int, "select count(*) from device")

    Each statement run on the pool itself takes a connection for its own length. ``transaction()`` takes one for a
    block, and so does ``acquire()``. Connections go to tasks in the order in which they asked.

    Args:
        url: the database; ``DATABASE_URL`` unless given.
        min_connections: kept open even when nobody uses them; ``DB_MIN_CONNECTIONS``, else 2.
        max_connections: never more than these; ``DB_MAX_CONNECTIONS``, else 10.
        acquire_timeout: seconds to wait for a connection before PoolTimeout; ``DB_ACQUIRE_TIMEOUT``, else 30.
        idle_timeout: seconds of idleness after which connections above the minimum are closed, 0 for never;
            ``DB_IDLE_TIMEOUT``, else 600.
        max_lifetime: seconds after which a connection is replaced, up to a tenth less by chance, 0 for never;
            ``DB_MAX_LIFETIME``, else 1800.
        connect_timeout: seconds that the server may take to accept a connection; ``DB_CONNECT_TIMEOUT``, else 10.
        reset: ``"auto"`` resets a session that ran something which leaves state behind (SET, LISTEN, session advisory
            locks, temporary tables, ...; seen in the statement's words) before somebody else gets it. ``"always"``
            resets after every use, at the cost of a round trip: for functions that leave state behind one's back.
        server_settings: settings of every session, such as ``{"statement_timeout": "5s"}``.
        pgbouncer: True when PgBouncer in transaction mode stands in between; ``pgbouncer=true`` in the URL, else
            ``DB_PGBOUNCER``. What needs a session that is kept (SET, LISTEN, session advisory locks, ...) is then
            refused, and nothing is prepared by name.
        leak_after: seconds after which a connection still held is written to the logger ``assay.pool``, with the place
            where it was taken; ``DB_LEAK_AFTER``, else 0 for never. Looking for that place costs a microsecond or two.
        slow_query: seconds after which a statement is written to the logger ``assay.slow_query``, without the values
            of its arguments; ``DB_SLOW_QUERY``, else 0 for never.
        after_connect: called with each new connection, and again after a reset; what it sets there stays. One that
            raises closes the connection, and that is a PoolError.
        before_acquire: called before a connection is handed out; when it returns False another one is taken.
        after_release: called when a connection comes back, after what was left in it is undone; when it returns False
            the connection is closed.
        observers: what is told of the pool's work, such as ``assay.contrib.prometheus.Prometheus()``.
        name: of the pool, for observers; ``host:port/database`` unless given.
        replicas: URLs of streaming replicas, or :class:`assay.Replicas` with options. Statements proven read-only are
            sent to them; the other arguments hold for each of them too.

    Raises ConfigurationError for a value that cannot be used.
    """

    __slots__ = ("_hooks", "_reserve", "_settings", "_url", "_watched", "name")

    def __new__(
        cls, *args: Any, replicas: Sequence[str | DatabaseUrl] | Replicas | None = None, **options: Any
    ) -> Self:
        """Only with replicas is there anything to choose: without them, a statement pays nothing for it."""
        if not replicas or cls is not Pool:
            return object.__new__(cls)
        from assay.runtime.replicas.pool import ReplicatedPool

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
            raise UsageError(f"{type(self).__name__} takes no replicas; give them to assay.Pool itself")
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
        self._settings = dict(server_settings) if server_settings else None
        self._hooks = Hooks(after_connect, before_acquire, after_release)
        self._watched: WatchedReserve | None = None
        if observers or options.leak_after or options.slow_query:
            self._watched = self._watched_reserve(options, observers)
        self._reserve = self._watched or Reserve(self._url, options, self._hooks, self._open_session)

    @classmethod
    async def open(cls, url: str | DatabaseUrl | None = None, **options: Any) -> Self:
        """Make a pool and open its first connections; close it with ``close()``. Arguments are those of the class.

        Raises ConnectionFailed, AuthenticationFailed or UndefinedDatabase, naming host, port and database.
        """
        return await cls(url, **options).__aenter__()

    async def close(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - a deadline for others, not for this call
        """Hand out no more connections, wait for those in use, close all.

        Args:
            timeout: seconds to wait; connections still in use then are cut. What runs on them is cancelled on the
                server, and fails with ConnectionLost here.
        """
        await self._reserve.close(timeout)

    async def warm_up(self, *statements: LiteralString, connections: int | None = None) -> None:
        """Open connections and prepare statements before they are needed, such as before a service takes requests.

        Args:
            statements: to prepare in every free connection; those with ``[[ ]]`` or ``{name}`` in them are prepared
                when they are first run.
            connections: how many to have open, at most ``max_connections``; the maximum unless given.

        Raises what opening a connection raises, and a DatabaseError for a statement that the server refuses.
        """
        wanted = self._reserve.options.max_connections if connections is None else connections
        queries = [query for query in map(query_for, statements) if isinstance(query, Query)]
        await self._reserve.warm_up(wanted, queries)

    async def __aenter__(self) -> Self:
        await self._reserve.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def acquire(self, timeout: float | None = None) -> Lease:
        """A connection for the length of a block: ``async with pool.acquire() as connection``.

        Args:
            timeout: seconds to wait for it; the pool's acquire timeout unless given.
        """
        return Lease(self._reserve, self._url, timeout)

    async def check(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 - one bound on several steps
        """Health check: get a connection, and an answer from the server on it, or raise.

        Args:
            timeout: seconds for all of it.

        Raises PoolTimeout, PoolClosed, ConnectionFailed or another Error that names host, port and database.
        """
        try:
            async with asyncio.timeout(timeout), self.acquire() as connection:
                await connection.execute("select 1")
        except TimeoutError:
            raise PoolTimeout(self._unanswered(timeout)) from None
        except Error as error:
            if self._url.place in str(error):
                raise
            raise ConnectionFailed(f"No answer from {self._url.place}: {error}") from error

    async def lend(self) -> Session:
        """A session that nobody else uses."""
        return self._reserve.take() or await self._reserve.wait()

    def take_back(self, session: Session) -> None:
        """Take a session back, in whatever state."""
        self._reserve.give_back(session)

    def listen(self, *channels: str, limit: int = 10_000, keepalive: float = 30.0) -> Listener:
        """The notifications of channels, on a connection of its own that is opened again when it is lost.

        That connection is not one of the pool's: it is open until the listener is closed. See :class:`assay.Listener`.

        Args:
            channels: their names, exactly as they are.
            limit: how many notifications are kept for a consumer that is slower than they come.
            keepalive: seconds of silence after which the server is asked whether it is still there.
        """
        from assay.runtime.listening import Listener

        if self._reserve.options.pgbouncer:
            from assay.runtime.bouncing import refuse_to_keep

            raise refuse_to_keep("listen")
        return Listener(self._open_listening, channels, limit=limit, keepalive=keepalive)

    async def _open_listening(self) -> DriverConnection:
        timeout = self._reserve.options.connect_timeout
        return await open_connection(self._url, timeout=timeout, server_settings=self._settings)

    def _locking(self) -> Lease:
        return self.acquire()

    def holds(self, session: Session) -> bool:
        """Whether a session that it lent may still be used: until it is taken back."""
        return True

    async def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[asyncpg.Record]]:
        query, values = query_for(sql).bind(args, named)
        reserve = self._reserve
        session = reserve.take() or await reserve.wait()
        try:
            return await session.fetch(query, row, values)
        finally:
            reserve.give_back(session)

    async def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        query, values = query_for(sql).bind(args, named)
        reserve = self._reserve
        session = reserve.take() or await reserve.wait()
        try:
            return await session.execute(query, values)
        finally:
            reserve.give_back(session)

    def _watched_reserve(self, options: PoolOptions, factories: Sequence[ObserverFactory]) -> WatchedReserve:
        from assay.runtime.watched_reserve import WatchedReserve

        def observe() -> tuple[Observer, ...]:
            return self._observe(factories, options.slow_query)

        return WatchedReserve(self._url, options, self._hooks, self._open_session, observe)

    def _observe(self, factories: Sequence[ObserverFactory], slow_query: float) -> tuple[Observer, ...]:
        from assay.runtime.observing import Observed
        from assay.runtime.slow_queries import SlowQueries

        observed = Observed(self.name, self._url, self.stats)
        slow = (SlowQueries(slow_query, observed),) if slow_query else ()
        return (*(make(observed) for make in factories), *slow)

    async def _open_session(self) -> Session:
        timeout, settings = self._reserve.options.connect_timeout, self._settings
        if self._reserve.options.pgbouncer:
            from assay.runtime.bouncing import open_bounced

            driver = await open_bounced(self._url, timeout=timeout, settings=settings)
        else:
            driver = await open_connection(self._url, timeout=timeout, server_settings=settings)
        session = self._session(driver)
        try:
            await self._hooks.connected(session, self._url)
        except BaseException:
            session.terminate()
            raise
        return session

    def _session(self, driver: DriverConnection) -> Session:
        bounced = self._reserve.options.pgbouncer
        if self._watched is not None and self._watched.observers:
            from assay.runtime.watched_session import WatchedBouncedSession, WatchedSession

            return (WatchedBouncedSession if bounced else WatchedSession)(driver, self._watched.observers)
        if bounced:
            from assay.runtime.bouncing import BouncedSession

            return BouncedSession(driver)
        return Session(driver)

    def _holder(self) -> Reserve:
        return self._reserve


class Lease:
    """A connection of the pool for the length of an ``async with`` block."""

    __slots__ = ("_connection", "_reserve", "_session", "_timeout", "_url")

    def __init__(self, reserve: Reserve, url: DatabaseUrl, timeout: float | None) -> None:
        self._reserve = reserve
        self._url = url
        self._timeout = timeout
        self._session: Session | None = None
        self._connection: Connection | None = None

    async def __aenter__(self) -> Connection:
        if self._session is not None:
            raise UsageError("This acquire() block is entered already; call acquire() again for another connection")
        self._session = self._reserve.take() or await self._reserve.wait(self._timeout)
        self._connection = Connection(self._session, self._url, own=False)
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, connection = self._session, self._connection
        self._session = self._connection = None
        if session is not None and connection is not None:
            connection.detach()
            self._reserve.give_back(session)
