"""A migration run in one transaction with its row in the ledger: all of it is there afterwards, or nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from assay.migrate.failure import commit_failed, statement_failed
from assay.migrate.ledger import LedgerTable
from assay.migrate.model import Direction
from assay.migrate.scripts import Ready
from assay.migrate.target import Session
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection

_REMAINS = "Nothing of this file was kept."


@asynccontextmanager
async def atomic(connection: DriverConnection) -> AsyncIterator[None]:
    """A transaction around a block; rolled back when the block is left by an exception, also by a cancellation."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except BaseException:
        with suppress(*DRIVER_ERRORS):  # a broken connection is rolled back by the server
            await transaction.rollback()
        raise
    await transaction.commit()


async def run_in_transaction(session: Session, ledger: LedgerTable, ready: Ready) -> int:
    """Run a file and enter it in the ledger; gives the nanoseconds that took, without the commit.

    Raises MigrationError when the server refuses a statement, ConnectionLost when the connection breaks.
    """
    start = time.perf_counter_ns()
    try:
        async with atomic(session.connection):
            await session.check_process()
            for setting in ready.script.timeouts.settings(local=True):
                await session.connection.execute(setting)
            await _run_statements(session.connection, ready)
            if ready.changes_settings:
                await session.restore_settings()
            elapsed = time.perf_counter_ns() - start
            if ready.direction is Direction.UP:
                await ledger.insert(session.connection, ready.migration, True, elapsed)
            else:
                await ledger.delete(session.connection, ready.migration.version)
    except DRIVER_ERRORS as error:
        raise commit_failed(ready, error, _REMAINS) from error
    return elapsed


async def _run_statements(connection: DriverConnection, ready: Ready) -> None:
    for number, statement in enumerate(ready.statements, 1):
        try:
            await connection.execute(statement.text)
        except DRIVER_ERRORS as error:
            raise statement_failed(ready, number, statement, error, _REMAINS) from error
