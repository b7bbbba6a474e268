"""Session advisory locks (manual section 13.3.5) held for the length of a block."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

from assay.errors import ConnectionLost, LockNotAvailable, UsageError
from assay.runtime.dynamic import query_for
from assay.runtime.modes import Mode
from assay.runtime.query import NO_ROWS, Query
from assay.runtime.session import Session

if TYPE_CHECKING:
    from assay.runtime.connection import Connection

LockKey: TypeAlias = int | tuple[int, int] | str

NOT_IN_TRANSACTION = (
    "A session advisory lock must be held until the transaction is committed: take it before the transaction begins, "
    "or take pg_advisory_xact_lock inside of it"
)
RELEASE_TIMEOUT = 5.0
"""Seconds that the end of a block waits for its lock to be released; then the connection is cut, which releases it."""


@dataclass(frozen=True, slots=True)
class Lock:
    """An advisory lock, and how it is taken."""

    numbers: tuple[int, ...]
    """One number of 64 bits, or two of 32."""
    shown: str
    shared: bool = False

    def query(self, function: str) -> Query:
        """The call of one of the server's functions for it."""
        types = ("$1::bigint",) if len(self.numbers) == 1 else ("$1::integer", "$2::integer")
        suffix = "_shared" if self.shared else ""
        query = query_for(f"select pg_catalog.{function}{suffix}({', '.join(types)})")
        assert isinstance(query, Query)  # noqa: S101 - it has no clauses
        return query


def lock_of(key: LockKey, *, shared: bool = False) -> Lock:
    """The lock that a key names.

    A number of 64 bits is the key itself, and so are two of 32 bits, which are other locks. A text is the first eight
    bytes of the SHA-256 of its UTF-8, as a signed number, the highest byte first; in SQL
    ``('x' || left(encode(sha256(convert_to(key, 'UTF8')), 'hex'), 16))::bit(64)::bigint``. Raises UsageError for
    anything else.
    """
    match key:
        case str() if key:
            number = int.from_bytes(sha256(key.encode()).digest()[:8], "big", signed=True)
            return Lock((number,), repr(key), shared)
        case int() if not isinstance(key, bool) and -(2**63) <= key < 2**63:
            return Lock((key,), str(key), shared)
        case (int(a), int(b)) if all(-(2**31) <= part < 2**31 for part in (a, b)):
            return Lock((a, b), f"({a}, {b})", shared)
    raise UsageError(f"{key!r} is no key of an advisory lock; it takes a text, an integer of 64 bits or two of 32")


class AdvisoryLocks(ABC):
    """What advisory locks can be taken on."""

    __slots__ = ()

    def advisory_lock(
        self, key: LockKey, *, shared: bool = False, timeout: float | None = None
    ) -> AbstractAsyncContextManager[Connection]:
        """Hold a session advisory lock for a block: ``async with db.advisory_lock("nightly report") as connection``.

        The block gets the connection that holds the lock; on a pool that is one of its own. The lock is released at
        the end of the block, whatever ends it; when the release cannot be confirmed, the connection is cut.

        Should the connection be lost, the server gives the lock to somebody else: the block is then cancelled, and
        ConnectionLost is raised.

        Args:
            key: a text, an integer of 64 bits, or two of 32; see :func:`assay.runtime.advisory.lock_of`.
            shared: together with others that share it.
            timeout: seconds to wait for the lock before LockNotAvailable; without limit unless given.

        Raises UsageError inside of a transaction, whose commit the lock would have to outlast.
        """
        return _held(self._locking(), lock_of(key, shared=shared), timeout)

    def try_advisory_lock(
        self, key: LockKey, *, shared: bool = False
    ) -> AbstractAsyncContextManager[Connection | None]:
        """The same without waiting: the block gets None, and no lock, when somebody else holds it."""
        return _held_if_free(self._locking(), lock_of(key, shared=shared))

    @abstractmethod
    def _locking(self) -> AbstractAsyncContextManager[Connection]:
        """The connection that holds the lock."""


@asynccontextmanager
async def _held(
    source: AbstractAsyncContextManager[Connection],
    lock: Lock,
    timeout: float | None,  # noqa: ASYNC109 - the server's
) -> AsyncIterator[Connection]:
    mode = Mode(lock_timeout=timeout)
    async with source as connection:
        session = await _outside_of_transactions(connection)
        await _take(session, lock, mode)
        async with _guarded(session, lock):
            yield connection


@asynccontextmanager
async def _held_if_free(
    source: AbstractAsyncContextManager[Connection], lock: Lock
) -> AsyncIterator[Connection | None]:
    async with source as connection:
        session = await _outside_of_transactions(connection)
        if not await _call(session, lock, "pg_try_advisory_lock"):
            yield None
            return
        async with _guarded(session, lock):
            yield connection


async def _outside_of_transactions(connection: Connection) -> Session:
    session = await connection.lend()
    await session.settle()
    if session.driver.is_in_transaction():
        raise UsageError(NOT_IN_TRANSACTION)
    return session


async def _take(session: Session, lock: Lock, mode: Mode) -> None:
    if mode.lock_timeout is None:
        await _call(session, lock, "pg_advisory_lock")
        return
    await session.command(mode.begin)
    try:
        await _call(session, lock, "pg_advisory_lock")
    except LockNotAvailable as error:
        await session.command("rollback")
        raise not_free(lock, mode, error) from error
    await session.command("commit")  # which a lock of the session outlasts


def not_free(lock: Lock, mode: Mode, error: LockNotAvailable) -> LockNotAvailable:
    """The error for a lock that somebody else held for too long."""
    return LockNotAvailable(
        f"The advisory lock {lock.shown} was not free within {mode.lock_timeout:g} s", sqlstate=error.sqlstate
    )


async def _call(session: Session, lock: Lock, function: str) -> Any:
    """Try to take a lock. When that is interrupted, whether the session has it is not known, so it is let go."""
    kept, held = session.footprint, lock.numbers in session.locks
    try:
        _, records = await session.fetch(lock.query(function), NO_ROWS, lock.numbers)
    except (UsageError, LockNotAvailable):
        raise
    except BaseException:
        if held:  # once more: what is released might be the other hold
            session.terminate()
        else:
            await _let_go(session, lock)
        raise
    finally:
        session.footprint = kept  # since the lock is released here, nothing is left for the pool to undo
    return records[0][0]


@asynccontextmanager
async def _guarded(session: Session, lock: Lock) -> AsyncIterator[None]:
    """Release the lock at the end; cancel the block, and say why, when the connection is lost."""
    session.locks.append(lock.numbers)
    try:
        async with _cancelled_with(session, lock):
            yield
    finally:
        session.locks.remove(lock.numbers)
        await _let_go(session, lock)


@asynccontextmanager
async def _cancelled_with(session: Session, lock: Lock) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    alarm = asyncio.timeout(None)

    def lost(_: object) -> None:
        if not alarm.expired():
            alarm.reschedule(loop.time())

    try:
        async with alarm:
            session.driver.add_termination_listener(lost)
            try:
                yield
            finally:
                session.driver.remove_termination_listener(lost)
    except TimeoutError:
        if not alarm.expired():
            raise
        raise lost_lock(lock) from None
    if session.driver.is_closed():
        raise lost_lock(lock)


def lost_lock(lock: Lock) -> ConnectionLost:
    """The error for a block whose lock went with its connection."""
    return ConnectionLost(
        f"The connection that held the advisory lock {lock.shown} was lost while its block ran; "
        "somebody else may have had the lock since"
    )


async def _let_go(session: Session, lock: Lock) -> None:
    """Release a lock, or cut the connection."""
    if session.driver.is_closed():
        return
    try:
        async with asyncio.timeout(RELEASE_TIMEOUT):
            await session.fetch(lock.query("pg_advisory_unlock"), NO_ROWS, lock.numbers)
    except Exception:
        session.terminate()
    except BaseException:
        session.terminate()
        raise
