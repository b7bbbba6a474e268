"""Statements and transactions run on a replica, or else on the primary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import asyncpg

from assay.errors import ConnectionFailed, DatabaseError, Error, PoolTimeout, UsageError
from assay.runtime.building import Builder
from assay.runtime.modes import Mode
from assay.runtime.queries import Lender
from assay.runtime.query import Query
from assay.runtime.replicas.faults import is_replicas_fault
from assay.runtime.replicas.proven import Proven
from assay.runtime.replicas.readers import Reader
from assay.runtime.session import Session
from assay.runtime.transaction import Transaction

Answer: TypeAlias = tuple[Builder, Sequence[asyncpg.Record]]


class Reading:
    """Runs what is proven read-only on replicas."""

    def __init__(self, proven: Proven, wake: Callable[[], None]) -> None:
        self._proven = proven
        self._wake = wake
        """Has the members looked at."""

    async def answer(self, reader: Reader, query: Query, row: Any, values: tuple[object, ...]) -> Answer | None:
        """Run a statement on a replica; None when the primary has to run it after all.

        Raises what is wrong with the statement itself, and PoolTimeout.
        """
        session = reader.reserve.take() or await self.borrow(reader)
        if session is None:
            return None
        try:
            found = await session.fetch(query, row, values)
        except (DatabaseError, ConnectionFailed) as error:
            if not is_replicas_fault(error, query, self._proven):
                raise
            reader.member.passed_on += 1
            return None
        finally:
            self.give_back(reader, session)
        reader.member.answered += 1
        return found

    async def borrow(self, reader: Reader) -> Session | None:
        """A session of a replica; None when none can be had. Raises PoolTimeout."""
        try:
            return await reader.reserve.wait()
        except (PoolTimeout, UsageError):
            raise
        except Error:
            reader.member.passed_on += 1
            self._wake()
            return None

    def give_back(self, reader: Reader, session: Session) -> None:
        """Give a session back; one that broke has the members looked at."""
        if session.driver.is_closed():
            self._wake()
        reader.reserve.give_back(session)


class ReplicaLender:
    """Lends sessions of replicas for read-only transactions, and the primary's where there is no replica."""

    def __init__(self, reading: Reading, choose: Callable[[], Reader | None], primary: Lender) -> None:
        self._reading = reading
        self._choose = choose
        self._primary = primary
        self._owners: dict[Session, Reader] = {}

    async def lend(self) -> Session:
        """A session that nobody else uses."""
        reader = self._choose()
        session = await self._reading.borrow(reader) if reader is not None else None
        if reader is None or session is None:
            return await self._primary.lend()
        self._owners[session] = reader
        reader.member.answered += 1
        return session

    def take_back(self, session: Session) -> None:
        """Take it back; this never waits."""
        reader = self._owners.pop(session, None)
        if reader is None:
            self._primary.take_back(session)
        else:
            self._reading.give_back(reader, session)

    def holds(self, session: Session) -> bool:
        """Whether a session that it lent may still be used: until it is taken back."""
        return session in self._owners or self._primary.holds(session)

    def reading_block(self) -> Transaction:
        """A read-only transaction, not begun yet."""
        return Transaction(self, Mode(readonly=True))
