"""Transactions, and savepoints inside of them, as blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Unpack, overload

import asyncpg

from assay.errors import ConnectionLost, Error, TransactionError, UsageError
from assay.runtime import blocks
from assay.runtime.attempts import Attempts
from assay.runtime.building import Builder
from assay.runtime.dynamic import query_for
from assay.runtime.executor import BlockOptions
from assay.runtime.modes import Mode, mode_of
from assay.runtime.queries import Lender, Queries
from assay.runtime.session import Session


class Transactions(Queries):
    """An executor on which transactions can be begun."""

    __slots__ = ()

    @overload
    def transaction(self, *, retry: None = None, **options: Unpack[BlockOptions]) -> Transaction: ...

    @overload
    def transaction(self, *, retry: int, **options: Unpack[BlockOptions]) -> Attempts: ...

    def transaction(self, *, retry: int | None = None, **options: Unpack[BlockOptions]) -> Transaction | Attempts:
        """A block that is committed at its end: ``async with db.transaction() as tx``; inside another, a savepoint.

        On a pool it has a connection of its own.

        Args:
            retry: how many times to run the block again after a serialization failure or a deadlock. Since a block
                cannot be run again by itself, it is then a loop: see :class:`assay.Attempts`.
            options: ``isolation``, ``readonly``, ``deferrable``, ``statement_timeout``, ``lock_timeout`` and
                ``idle_timeout``, as :class:`assay.runtime.executor.BlockOptions` describes them.

        Raises UsageError for a value that cannot be used.
        """
        mode = mode_of(options, retry)
        if retry is None:
            return Transaction(self, mode)
        return Attempts(lambda: Transaction(self, mode), retry)

    def reading_block(self) -> Transaction | None:
        """A read-only transaction, not begun yet."""
        return Transaction(self, Mode(readonly=True))


class Transaction(Transactions):
    """A transaction, or a savepoint inside of one, while its block runs.

    ::

        async with pool.transaction() as tx:
            await tx.execute("insert into team (name) values ($1)", name)

    At its end the block is committed; an exception or a cancellation that leaves it rolls it back. A transaction begun
    inside another is a savepoint: its rollback leaves what came before it in place. When the task is cancelled while
    COMMIT is under way, whether it took effect is not known.
    """

    __slots__ = ("_begun", "_lender", "_mode", "_savepoint", "_session")

    def __init__(self, lender: Lender, mode: Mode) -> None:
        self._lender = lender
        self._mode = mode
        self._session: Session | None = None
        self._savepoint: int | None = None
        """Its number, if it is one."""
        self._begun = False

    async def __aenter__(self) -> Transaction:
        if self._begun:
            raise UsageError(blocks.BEGUN_ONCE)
        self._begun = True
        session = await self._lender.lend()
        session.depth += 1
        try:
            self._savepoint = await self._begin(session)
        except BaseException:
            session.depth -= 1
            self._lender.take_back(session)
            raise
        self._session = session
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not self._is_open():
            return  # what went wrong is told already
        session, self._session = self._active(), None
        try:
            if kind is None:
                await self._commit(session)
            else:
                await self._roll_back(session, cancelled=isinstance(error, asyncio.CancelledError))
        finally:
            session.depth -= 1
            session.doomed = session.doomed and session.depth > 0
            self._lender.take_back(session)

    async def lend(self) -> Session:
        """The session that it runs in."""
        return self._active()

    def take_back(self, session: Session) -> None:
        """Nothing to do: the session stays in use."""

    def holds(self, session: Session) -> bool:
        """Whether its block is open on that session."""
        return self._session is session and self._lender.holds(session)

    def writing(self) -> Transaction:
        """The same that may write, not begun yet."""
        return Transaction(self._lender, replace(self._mode, readonly=False))

    def abandon(self) -> None:
        """End it without waiting, where nobody can wait: it is rolled back before its session is used again."""
        session, self._session = self._session, None
        if session is not None and self._lender.holds(session):
            session.depth -= 1
            session.interrupted = True
            self._lender.take_back(session)

    def reading_block(self) -> None:
        """None, since cursors can live in this one."""

    async def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[asyncpg.Record]]:
        query, values = query_for(sql).bind(args, named)
        return await self._active().fetch(query, row, values)

    async def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        query, values = query_for(sql).bind(args, named)
        return await self._active().execute(query, values)

    def _is_open(self) -> bool:
        return self._session is not None and self._lender.holds(self._session)

    def _active(self) -> Session:
        if self._session is None:
            raise UsageError(blocks.outside("async with", begun=self._begun))
        if not self._lender.holds(self._session):
            raise UsageError(blocks.ENDED)
        return self._session

    async def _begin(self, session: Session) -> int | None:
        if session.depth == 1 and not session.driver.is_in_transaction():
            await session.command(self._mode.begin)
            return None
        if not self._mode.suits_savepoint:
            raise UsageError(blocks.NO_SAVEPOINT)
        session.savepoints += 1
        await session.command(self._mode.savepoint(session.savepoints))
        return session.savepoints

    async def _commit(self, session: Session) -> None:
        if session.doomed:
            await self._roll_back(session)
            raise TransactionError(
                "The transaction was rolled back instead of committed: a block inside of it was cancelled so that it "
                "could not be rolled back alone; let a cancellation leave the outermost block"
            )
        if self._savepoint is not None:
            await self._release(session, self._savepoint)
        elif await _committed(session) != "COMMIT":
            raise TransactionError(blocks.HAD_FAILED)

    async def _release(self, session: Session, number: int) -> None:
        try:
            await session.command(self._mode.release(number))
        except BaseException:
            await self._roll_back(session)
            raise

    async def _roll_back(self, session: Session, *, cancelled: bool = False) -> None:
        """Roll back, and see to it that nothing of the block is committed later if that cannot be done now.

        A transaction whose rollback is cut short is rolled back before its session is used again; one that holds a
        savepoint whose rollback was cut short cannot be committed any more.
        """
        if session.driver.is_closed():
            return
        hurried = cancelled and self._savepoint is None
        doomed = session.doomed
        session.doomed = doomed or self._savepoint is not None
        try:
            async with asyncio.timeout(blocks.CANCELLED_ROLLBACK_TIMEOUT if hurried else blocks.ROLLBACK_TIMEOUT):
                await session.command(blocks.rollback(self._savepoint))
        except TimeoutError:
            return
        except Error:
            session.terminate()
        session.doomed = doomed


async def _committed(session: Session) -> str:
    """The command tag of COMMIT."""
    try:
        return await session.command("commit")
    except ConnectionLost as error:
        raise ConnectionLost(blocks.lost_in_commit(error)) from error
