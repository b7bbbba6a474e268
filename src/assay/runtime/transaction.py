"""Transactions, and savepoints inside of them, as blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, get_args

import asyncpg

from assay.errors import Error, TransactionError, UsageError
from assay.runtime.building import Builder
from assay.runtime.dynamic import query_for
from assay.runtime.executor import Isolation
from assay.runtime.queries import Queries
from assay.runtime.session import Session

ROLLBACK_TIMEOUT = 5.0
"""Seconds that the end of a block waits for its rollback; then that is done before the session is used again."""


class Lender(Protocol):
    """What lends a session for as long as a transaction runs."""

    async def lend(self) -> Session:
        """A session that nobody else uses."""
        ...

    def take_back(self, session: Session) -> None:
        """Take it back; this never waits."""
        ...


@dataclass(frozen=True, slots=True)
class Mode:
    """What BEGIN says of a transaction (manual, SQL command BEGIN)."""

    isolation: Isolation | None = None
    """None: as the server is set, ``read committed`` unless somebody changed it."""
    readonly: bool = False
    deferrable: bool = False
    """Wait for a moment in which a read-only serializable transaction cannot fail; pointless for any other."""

    def __post_init__(self) -> None:
        if self.isolation not in (None, *get_args(Isolation)):
            known = ", ".join(map(repr, get_args(Isolation)))
            raise UsageError(f"There is no isolation {self.isolation!r}; it takes {known}")

    @property
    def begin(self) -> str:
        """The statement that begins the transaction."""
        words = ["begin"]
        if self.isolation is not None:
            words.append(f"isolation level {self.isolation}")
        words += ["read only"] * self.readonly + ["deferrable"] * self.deferrable
        return " ".join(words)


class Transaction(Queries):
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
        self._savepoint: str | None = None
        self._begun = False

    async def __aenter__(self) -> Transaction:
        if self._begun:
            raise UsageError("A transaction is begun once; call transaction() again for the next one")
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
        session, self._session = self._active(), None
        try:
            if kind is None:
                await self._commit(session)
            else:
                await self._roll_back(session)
        finally:
            session.depth -= 1
            session.doomed = session.doomed and session.depth > 0
            self._lender.take_back(session)

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False, deferrable: bool = False
    ) -> Transaction:
        """A savepoint; isolation, readonly and deferrable are the outermost transaction's and must be left out."""
        return Transaction(self, Mode(isolation, readonly, deferrable))

    async def lend(self) -> Session:
        """The session that it runs in."""
        return self._active()

    def take_back(self, session: Session) -> None:
        """Nothing to do: the session stays in use."""

    async def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[asyncpg.Record]]:
        query, values = query_for(sql).bind(args, named)
        return await self._active().fetch(query, row, values)

    async def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        query, values = query_for(sql).bind(args, named)
        return await self._active().execute(query, values)

    def _active(self) -> Session:
        if self._session is None:
            state = "has ended" if self._begun else "has not begun"
            raise UsageError(f"The transaction {state}; use it inside of its `async with` block")
        return self._session

    async def _begin(self, session: Session) -> str | None:
        if session.depth == 1 and not session.driver.is_in_transaction():
            await session.command(self._mode.begin)
            return None
        if self._mode != Mode():
            raise UsageError(
                "A transaction inside another is a savepoint: isolation, readonly and deferrable are the outermost's; "
                "leave them out here"
            )
        session.savepoints += 1
        savepoint = f"assay_{session.savepoints}"
        await session.command(f"savepoint {savepoint}")
        return savepoint

    async def _commit(self, session: Session) -> None:
        if session.doomed:
            await self._roll_back(session)
            raise TransactionError(
                "The transaction was rolled back instead of committed: a block inside of it was cancelled so that it "
                "could not be rolled back alone; let a cancellation leave the outermost block"
            )
        if self._savepoint is not None:
            await self._release(session)
        elif await session.command("commit") != "COMMIT":
            raise TransactionError(
                "The transaction was rolled back instead of committed: a statement in it had failed, and the block "
                "went on; let the exception leave the block, or put what may fail into a transaction() inside of it"
            )

    async def _release(self, session: Session) -> None:
        try:
            await session.command(f"release savepoint {self._savepoint}")
        except BaseException:
            await self._roll_back(session)
            raise

    async def _roll_back(self, session: Session) -> None:
        """Roll back, and see to it that nothing of the block is committed later if that cannot be done now.

        A transaction whose rollback is cut short is rolled back before its session is used again; one that holds a
        savepoint whose rollback was cut short cannot be committed any more.
        """
        if session.driver.is_closed():
            return
        command, doomed = "rollback", session.doomed
        if self._savepoint is not None:
            command = f"rollback to savepoint {self._savepoint}; release savepoint {self._savepoint}"
            session.doomed = True
        try:
            async with asyncio.timeout(ROLLBACK_TIMEOUT):
                await session.command(command)
        except TimeoutError:
            return
        except Error:
            session.terminate()
        session.doomed = doomed
