"""Statements and transactions run on a replica, or else on the primary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from assay.errors import ConnectionFailed, DatabaseError, Error, PoolTimeout, UsageError
from assay.runtime.building import Builder
from assay.runtime.modes import Mode
from assay.runtime.query import Query
from assay.runtime.replicas.faults import is_replicas_fault
from assay.runtime.replicas.proven import Proven
from assay.runtime.sync.queries import Lender
from assay.runtime.sync.replicas.primary import give_back
from assay.runtime.sync.replicas.readers import Reader
from assay.runtime.sync.session import Session
from assay.runtime.sync.transaction import Transaction

Answer: TypeAlias = tuple[Builder, Sequence[Any]]


class Reading:
    """Runs what is proven read-only on replicas."""

    def __init__(self, proven: Proven, wake: Callable[[], None]) -> None:
        self._proven = proven
        self._wake = wake
        """Has the members looked at."""

    def answer(self, reader: Reader, query: Query, row: Any, values: tuple[object, ...]) -> Answer | None:
        """Run a statement on a replica; None when the primary has to run it after all.

        Raises what is wrong with the statement itself, and PoolTimeout.
        """
        session = self.borrow(reader)
        if session is None:
            return None
        try:
            found = session.fetch(query, row, values)
        except (DatabaseError, ConnectionFailed) as error:
            if not is_replicas_fault(error, query, self._proven):
                raise
            reader.member.count(answered=False)
            return None
        finally:
            give_back(session, self._wake)
        reader.member.count(answered=True)
        return found

    def borrow(self, reader: Reader) -> Session | None:
        """A session of a replica; None when none can be had. Raises PoolTimeout."""
        try:
            return reader.reserve.lend()
        except (PoolTimeout, UsageError):
            raise
        except Error:
            reader.member.count(answered=False)
            self._wake()
            return None


class ReplicaLender:
    """Lends sessions of replicas for read-only transactions, and the primary's where there is no replica."""

    def __init__(self, reading: Reading, choose: Callable[[], Reader | None], primary: Lender) -> None:
        self._reading = reading
        self._choose = choose
        self._primary = primary

    def lend(self) -> Session:
        """A session that nobody else uses."""
        reader = self._choose()
        session = self._reading.borrow(reader) if reader is not None else None
        if reader is None or session is None:
            return self._primary.lend()
        reader.member.count(answered=True)
        return session

    def take_back(self, session: Session) -> None:
        """Take it back, wherever it is from."""
        self._primary.take_back(session)

    def take_back_later(self, session: Session) -> None:
        """Take it back without waiting for anything."""
        self._primary.take_back_later(session)

    def holds(self, session: Session) -> bool:
        """Whether a session that it lent may still be used: until it is taken back."""
        return self._primary.holds(session)

    def reading_block(self) -> Transaction:
        """A read-only transaction, not begun yet."""
        return Transaction(self, Mode(readonly=True))
