"""Session advisory locks (manual section 13.3.5) held for the length of a block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from assay.errors import LockNotAvailable, UsageError
from assay.runtime.advisory import (
    NOT_IN_TRANSACTION,
    RELEASE_TIMEOUT,
    Lock,
    LockKey,
    lock_of,
    lost_lock,
    not_free,
)
from assay.runtime.modes import Mode
from assay.runtime.query import NO_ROWS
from assay.runtime.sync.session import Session

if TYPE_CHECKING:
    from assay.runtime.sync.connection import Connection


class AdvisoryLocks(ABC):
    """What advisory locks can be taken on."""

    __slots__ = ()

    def advisory_lock(
        self, key: LockKey, *, shared: bool = False, timeout: float | None = None
    ) -> AbstractContextManager[Connection]:
        """Hold a session advisory lock for a block: ``with db.advisory_lock("nightly report") as connection``.

        The arguments and the errors are those of :meth:`assay.Pool.advisory_lock`. Should the connection be lost, the
        server gives the lock to somebody else, and ConnectionLost is raised at the end of the block: a thread cannot
        be stopped in the middle of it.
        """
        return _held(self._locking(), lock_of(key, shared=shared), timeout)

    def try_advisory_lock(self, key: LockKey, *, shared: bool = False) -> AbstractContextManager[Connection | None]:
        """The same without waiting: the block gets None, and no lock, when somebody else holds it."""
        return _held_if_free(self._locking(), lock_of(key, shared=shared))

    @abstractmethod
    def _locking(self) -> AbstractContextManager[Connection]:
        """The connection that holds the lock."""


@contextmanager
def _held(source: AbstractContextManager[Connection], lock: Lock, timeout: float | None) -> Iterator[Connection]:
    mode = Mode(lock_timeout=timeout)
    with source as connection:
        session = _outside_of_transactions(connection)
        _take(session, lock, mode)
        with _guarded(session, lock):
            yield connection


@contextmanager
def _held_if_free(source: AbstractContextManager[Connection], lock: Lock) -> Iterator[Connection | None]:
    with source as connection:
        session = _outside_of_transactions(connection)
        if not _call(session, lock, "pg_try_advisory_lock"):
            yield None
            return
        with _guarded(session, lock):
            yield connection


def _outside_of_transactions(connection: Connection) -> Session:
    session = connection.lend()
    with session.using():
        pass  # what is left of an interrupted statement is rolled back
    if session.in_transaction:
        raise UsageError(NOT_IN_TRANSACTION)
    return session


def _take(session: Session, lock: Lock, mode: Mode) -> None:
    if mode.lock_timeout is None:
        _call(session, lock, "pg_advisory_lock")
        return
    session.command(mode.begin)
    try:
        _call(session, lock, "pg_advisory_lock")
    except LockNotAvailable as error:
        session.command("rollback")
        raise not_free(lock, mode, error) from error
    session.command("commit")  # which a lock of the session outlasts


def _call(session: Session, lock: Lock, function: str) -> Any:
    """Try to take a lock. When that is interrupted, whether the session has it is not known, so it is closed."""
    kept = session.footprint
    try:
        _, records = session.fetch(lock.query(function), NO_ROWS, lock.numbers)
    except (UsageError, LockNotAvailable):
        raise
    except BaseException:
        session.close()
        raise
    finally:
        session.footprint = kept  # since the lock is released here, nothing is left for the pool to undo
    return records[0][0]


@contextmanager
def _guarded(session: Session, lock: Lock) -> Iterator[None]:
    """Release the lock at the end; say so when it was lost before."""
    try:
        yield
        if session.is_closed:
            raise lost_lock(lock)
    finally:
        _let_go(session, lock)


def _let_go(session: Session, lock: Lock) -> None:
    """Release a lock, or close the session."""
    if session.is_closed:
        return
    try:
        text = lock.query("pg_advisory_unlock").statement.text
        for number, value in enumerate(lock.numbers, 1):
            text = text.replace(f"${number}", f"'{value}'")
        if session.in_transaction:
            session.command("rollback", timeout=RELEASE_TIMEOUT)  # a failed one takes no other statement
        session.command(text, timeout=RELEASE_TIMEOUT)
    except Exception:
        session.close()
    except BaseException:
        session.close()
        raise
