"""Connections whose transaction is rolled back when the test is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from weakref import WeakKeyDictionary

from assay.config import DatabaseUrl
from assay.errors import Error, UsageError
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection
from assay.runtime.connection import Connection
from assay.runtime.session import Session
from assay.testing.spoiled import SAVEPOINT, Spoiled, closing, ended, lost, still_running

_NAME = "assay_db"
_CLOSE_TIMEOUT = 2.0
_FAILURES: tuple[type[Exception], ...] = (*DRIVER_ERRORS, Error)

_Keeper = AsyncGenerator[Session, None]
_kept: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[DatabaseUrl, _Keeper]] = WeakKeyDictionary()


class TransactionOfTest(Connection):
    """A connection inside of a transaction that is rolled back at the end of the test.

    ``transaction()`` is a savepoint in it.
    """

    __slots__ = ()

    @property
    def driver(self) -> DriverConnection:
        """The asyncpg connection; its ``transaction()`` is a savepoint too. It is not used again for another test."""
        driver = super().driver
        # asyncpg refuses to nest a transaction in one that it has not begun, so it is told that it has.
        driver._top_xact = driver.transaction()  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way
        return driver

    async def close(self) -> None:
        """Refused: the connection is the test's until its end."""
        raise UsageError(closing(_NAME))


@asynccontextmanager
async def rolled_back(url: DatabaseUrl, *, keep: bool) -> AsyncIterator[Connection]:
    """A connection in a transaction; at the end of the block that is rolled back.

    Args:
        url: the database.
        keep: whether the connection stays open for the next test on this event loop. It is closed with the loop.

    Raises Spoiled at the end when the test ended the transaction itself, lost the connection, or left something
    running on it: then what is in the database is not known.
    """
    session = await _begin(url, keep=keep)
    session.depth = 1  # statements that are interrupted must not roll it back, and blocks in it are savepoints
    connection = TransactionOfTest(session, url, own=False)
    try:
        yield connection
    finally:
        connection.detach()
        try:
            await _end(session)
            session.depth, session.doomed = 0, False
            await _mend(session, keep=keep)
        except _FAILURES as error:
            session.terminate()
            if isinstance(error, Spoiled):
                raise
            raise Spoiled(f"The connection of assay_db could not be rolled back: {error}") from error


async def _begin(url: DatabaseUrl, *, keep: bool) -> Session:
    """A session in a transaction; one that was kept and has been cut meanwhile is replaced."""
    begin = f"begin; savepoint {SAVEPOINT}"
    session = await _session(url, keep=keep)
    try:
        await session.command(begin)
    except Error:
        session.terminate()
        session = await _session(url, keep=keep)
        await session.command(begin)
    return session


async def _end(session: Session) -> None:
    """Roll back to the beginning, and find out whether it is still there."""
    if session.interrupted and not session.busy:
        with suppress(Error):  # a cancellation that comes too late must not hit what follows
            await session.command("select 1")
    if session.driver.is_closed():
        raise lost(_NAME)
    if session.busy:
        raise still_running(_NAME, "task")
    try:
        await session.command(f"rollback to savepoint {SAVEPOINT}; rollback")
    except Error as error:
        raise ended(_NAME, error) from error


async def _mend(session: Session, *, keep: bool) -> None:
    """Undo what outlives a transaction, or else close the connection."""
    if keep and not session.lent_driver:  # who had the driver's connection may have changed the driver too
        try:
            await session.mend(always=False)
        except Error:
            pass
        else:
            return
    await session.driver.close(timeout=_CLOSE_TIMEOUT)


async def _session(url: DatabaseUrl, *, keep: bool) -> Session:
    if not keep:
        return Session(await open_connection(url))
    keepers = _kept.setdefault(asyncio.get_running_loop(), {})
    keeper = keepers.get(url)
    if keeper is not None:
        session = await anext(keeper)
        if not session.driver.is_closed():
            return session
        await keeper.aclose()
    keepers[url] = keeper = _open(url)
    return await anext(keeper)


async def _open(url: DatabaseUrl) -> _Keeper:
    """A session, the same each time; a loop closes its asynchronous generators before it is closed itself."""
    session = Session(await open_connection(url))
    try:
        while True:
            yield session
    finally:
        try:
            await session.driver.close(timeout=_CLOSE_TIMEOUT)
        except DRIVER_ERRORS:
            session.terminate()
