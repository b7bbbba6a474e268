"""A server asked what it is, and how far it has come."""

from __future__ import annotations

from functools import partial

from assay.errors import InsufficientPrivilege
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.sighting import (
    INSERTED,
    LEDGER,
    LOOK,
    NO_RIGHT,
    REPLAYED,
    Ledger,
    Sighting,
    ledger_of,
    position_of,
    sighting_of,
)
from assay.runtime.sync.session import Session


def look(session: Session, deadline: float) -> Sighting:
    """Ask a server what it is; raises an Error, or TimeoutError, when it does not answer."""
    system, in_recovery, timeline, lsn, has_ledger = _row(session, LOOK, deadline)
    ledger = _ledger(session, deadline) if has_ledger == b"t" else Ledger()
    return sighting_of((int(system), in_recovery == b"t", int(timeline), int(lsn), None), ledger)


def inserted(session: Session) -> Position:
    """Where the log of the primary ends; raises an Error when that cannot be told."""
    return position_of([*map(int, _row(session, INSERTED, None))])


def replayed(session: Session, deadline: float) -> int:
    """How far a replica has come; raises an Error, or TimeoutError, when it does not answer."""
    return int(_row(session, REPLAYED, deadline)[0])


def _ledger(session: Session, deadline: float) -> Ledger:
    try:
        digest, complete = _row(session, LEDGER, deadline)
    except InsufficientPrivilege:
        return NO_RIGHT
    return ledger_of(("" if digest == _NULL else digest.decode(), complete == b"t"))


_NULL = b"0"
"""What NULL is taken for: no place in the log, and no fingerprint."""


def _row(session: Session, sql: str, deadline: float | None) -> list[bytes]:
    """The row of a statement that has one by its form, as text."""
    with session.using(text=sql):
        result = session.ask(partial(session.driver.pgconn.send_query, sql.encode()), sql, deadline=deadline)[-1]
        return [result.get_value(0, column) or _NULL for column in range(result.nfields)]
