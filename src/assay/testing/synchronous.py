"""What the synchronous fixtures do, on psycopg.

One connection a process is kept for the tests that roll back; it is of the thread that runs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from assay.config import DatabaseUrl, Settings
from assay.errors import Error, UsageError
from assay.runtime.sync.connecting import open_connection
from assay.runtime.sync.session import Session
from assay.sync import Connection, Pool
from assay.testing.leftovers import CLOSE_TIMEOUT, warn_of_use
from assay.testing.lending import shared_database, spoil
from assay.testing.spoiled import SAVEPOINT, Spoiled, closing, ended, lost, still_running
from assay.testing.workshop import Lent

_NAME = "assay_sync_db"
_MEND_TIMEOUT = 5.0

_kept: dict[DatabaseUrl, Session] = {}


class TransactionOfTest(Connection):
    """A connection inside of a transaction that is rolled back at the end of the test.

    ``transaction()`` is a savepoint in it.
    """

    __slots__ = ()

    def close(self) -> None:
        """Refused: the connection is the test's until its end."""
        raise UsageError(closing(_NAME))


def provide_db(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Connection]:
    """The work of ``assay_sync_db``."""
    lent = shared_database(request, settings)
    try:
        with rolled_back(lent.url, keep=lent.is_shared) as connection:
            yield connection
    except Spoiled as error:
        message = str(error)
    else:
        return
    spoil(request, lent)
    pytest.fail(message, pytrace=False)


def provide_pool(lent: Lent) -> Iterator[Pool]:
    """The work of ``assay_sync_pool``."""
    pool = Pool.open(lent.url, min_connections=1)
    try:
        yield pool
    finally:
        used = pool.stats().in_use
        pool.close(CLOSE_TIMEOUT)
        warn_of_use(used, "assay_sync_pool", "join the threads that it starts")


@contextmanager
def rolled_back(url: DatabaseUrl, *, keep: bool) -> Iterator[Connection]:
    """A connection in a transaction, as :func:`assay.testing.rollback.rolled_back` has it."""
    session = _session(url) if keep else Session(open_connection(url))
    session.command(f"begin; savepoint {SAVEPOINT}")
    session.depth = 1  # statements that are interrupted must not roll it back, and blocks in it are savepoints
    connection = TransactionOfTest(session, url, own=False)
    try:
        yield connection
    finally:
        connection.detach()
        try:
            _end(session)
            session.depth = 0
            _mend(session, keep=keep)
        except Spoiled:
            session.close()
            raise


def close_kept() -> None:
    """Close what is kept for other tests."""
    while _kept:
        _kept.popitem()[1].close()


def _session(url: DatabaseUrl) -> Session:
    session = _kept.get(url)
    if session is None or session.is_closed:
        session = _kept[url] = Session(open_connection(url))
    return session


def _end(session: Session) -> None:
    """Roll back, and find out whether what is rolled back is what was begun."""
    if session.is_closed:
        raise lost(_NAME)
    try:
        session.command(f"rollback to savepoint {SAVEPOINT}; rollback")
    except UsageError as error:
        raise still_running(_NAME, "thread") from error
    except Error as error:
        raise ended(_NAME, error) from error


def _mend(session: Session, *, keep: bool) -> None:
    """Undo what outlives a transaction, or else close the connection."""
    if keep:
        with suppress(Error, TimeoutError):
            session.mend(always=False, timeout=_MEND_TIMEOUT)
            return
    session.close()
