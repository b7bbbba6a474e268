"""Transactions, and savepoints inside of them, as blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Unpack, overload

from assay.errors import ConnectionLost, Error, TransactionError, UsageError
from assay.runtime import blocks
from assay.runtime.building import Builder
from assay.runtime.dynamic import query_for
from assay.runtime.executor import BlockOptions
from assay.runtime.modes import Mode, mode_of
from assay.runtime.sync.attempts import Attempts
from assay.runtime.sync.patience import with_grace
from assay.runtime.sync.queries import Lender, Queries
from assay.runtime.sync.session import Session


class Transactions(Queries):
    """An executor on which transactions can be begun."""

    __slots__ = ()

    @overload
    def transaction(self, *, retry: None = None, **options: Unpack[BlockOptions]) -> Transaction: ...

    @overload
    def transaction(self, *, retry: int, **options: Unpack[BlockOptions]) -> Attempts: ...

    def transaction(self, *, retry: int | None = None, **options: Unpack[BlockOptions]) -> Transaction | Attempts:
        """A block that is committed at its end: ``with db.transaction() as tx``; inside another, a savepoint.

        On a pool it has a connection of its own. The arguments are those of :meth:`assay.Pool.transaction`; with
        ``retry`` it is a loop around a block: see :class:`assay.sync.Attempts`.

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

        with pool.transaction() as tx:
            tx.execute("insert into team (name) values ($1)", name)

    At its end the block is committed; an exception that leaves it, Ctrl-C included, rolls it back. A transaction begun
    inside another is a savepoint: its rollback leaves what came before it in place. When Ctrl-C comes while COMMIT is
    under way, whether it took effect is not known.
    """

    __slots__ = ("_begun", "_lender", "_mode", "_patience", "_savepoint", "_session")

    def __init__(self, lender: Lender, mode: Mode) -> None:
        self._lender = lender
        self._mode = mode
        self._session: Session | None = None
        self._savepoint: int | None = None
        """Its number, if it is one."""
        self._begun = False
        self._patience: float | None = None
        """That of the session before the block."""

    def __enter__(self) -> Transaction:
        if self._begun:
            raise UsageError(blocks.BEGUN_ONCE)
        self._begun = True
        session = self._lender.lend()
        session.depth += 1
        self._patience = session.wire.patience
        try:
            self._savepoint = self._begin(session)
            if self._mode.statement_timeout is not None:
                session.wire.patience = with_grace(self._mode.statement_timeout)
            self._session = session
            return self
        except BaseException:
            self._leave(session)
            session.interrupted = True  # what was begun nevertheless is rolled back before anything else
            self._lender.take_back(session)
            raise

    def __del__(self) -> None:
        """Where a signal handler's exception came just before the end of the block."""
        self.abandon()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not self._is_open():
            return  # what went wrong is told already
        session, self._session = self._active(), None
        try:
            if kind is None:
                self._commit(session)
            else:
                self._roll_back(session)
        finally:
            self._leave(session)
            self._lender.take_back(session)

    def lend(self) -> Session:
        """The session that it runs in."""
        return self._active()

    def take_back(self, session: Session) -> None:
        """Nothing to do: the session stays in use."""

    def holds(self, session: Session) -> bool:
        """Whether its block is open on that session."""
        return self._session is session and self._lender.holds(session)

    def take_back_later(self, session: Session) -> None:
        """Nothing to do: the session stays in use."""

    def writing(self) -> Transaction:
        """The same that may write, not begun yet."""
        return Transaction(self._lender, replace(self._mode, readonly=False))

    def abandon(self) -> None:
        """End it without a word to the server, where nobody can wait: it is rolled back before its session is used."""
        session, self._session = self._session, None
        if session is not None and self._lender.holds(session):
            self._leave(session)
            session.interrupted = True
            self._lender.take_back_later(session)

    def reading_block(self) -> None:
        """None, since cursors can live in this one."""

    def _fetch(
        self, row: Any, sql: str, args: tuple[object, ...], named: dict[str, object]
    ) -> tuple[Builder, Sequence[Any]]:
        query, values = query_for(sql).bind(args, named)
        return self._active().fetch(query, row, values)

    def _execute(self, sql: str, args: tuple[object, ...], named: dict[str, object]) -> str:
        query, values = query_for(sql).bind(args, named)
        return self._active().execute(query, values)

    def _leave(self, session: Session) -> None:
        session.depth -= 1
        if session.wire.patience is not None or not session.footprint:  # or else a SET in the block may last
            session.wire.patience = self._patience

    def _is_open(self) -> bool:
        return self._session is not None and self._lender.holds(self._session)

    def _active(self) -> Session:
        if self._session is None:
            raise UsageError(blocks.outside("with", begun=self._begun))
        if not self._lender.holds(self._session):
            raise UsageError(blocks.ENDED)
        return self._session

    def _begin(self, session: Session) -> int | None:
        if session.depth == 1 and not session.in_transaction:
            session.command(self._mode.begin)
            return None
        if not self._mode.suits_savepoint:
            raise UsageError(blocks.NO_SAVEPOINT)
        session.savepoints += 1
        session.command(self._mode.savepoint(session.savepoints))
        return session.savepoints

    def _commit(self, session: Session) -> None:
        if self._savepoint is not None:
            self._release(session, self._savepoint)
        elif _committed(session) != "COMMIT":
            raise TransactionError(blocks.HAD_FAILED)

    def _release(self, session: Session, number: int) -> None:
        try:
            session.command(self._mode.release(number))
        except BaseException:
            self._roll_back(session)
            raise

    def _roll_back(self, session: Session) -> None:
        """Roll back; where that does not work out, the connection is cut, so that nothing can be committed later."""
        if session.is_closed:
            return
        try:
            session.command(blocks.rollback(self._savepoint), timeout=blocks.ROLLBACK_TIMEOUT)
        except (Error, TimeoutError):
            session.close()
        except BaseException:
            session.close()
            raise


def _committed(session: Session) -> str:
    """The command tag of COMMIT."""
    try:
        return session.command("commit")
    except ConnectionLost as error:
        raise ConnectionLost(blocks.lost_in_commit(error)) from error
