"""A migration run in one transaction with its row in the ledger: all of it is there afterwards, or nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from assay.migrate.failure import commit_failed, statement_failed
from assay.migrate.ledger import LedgerTable
from assay.migrate.model import Direction
from assay.migrate.scripts import Ready
from assay.migrate.target import Session
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection

_REMAINS = "Nothing of this file was kept."
_SHORT = 100_000
"""Characters of a statement that are not worth a message less: with BEGIN before it, it is copied."""


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


async def run_in_transaction(
    session: Session, ledger: LedgerTable, ready: Ready, about_to_run: Callable[[int], None]
) -> int:
    """Run a file and enter it in the ledger; gives the nanoseconds that took, without the commit.

    ``about_to_run`` is told the number of each statement, from 1.

    BEGIN goes out with the first statement, and COMMIT with the row of the ledger, so that a file costs one message
    more than it has statements.

    Raises MigrationError when the server refuses a statement, ConnectionLost when the connection breaks.
    """
    start = time.perf_counter_ns()
    try:
        async with _rolled_back_on_failure(session.connection):
            await _run_statements(session, ready, about_to_run)
            if ready.changes_settings:
                await session.restore_settings()
            elapsed = time.perf_counter_ns() - start
            await session.connection.execute(f"{_entry(ledger, ready, elapsed)}; commit")
    except DRIVER_ERRORS as error:
        raise commit_failed(ready, error, _REMAINS) from error
    return elapsed


def _entry(ledger: LedgerTable, ready: Ready, elapsed: int) -> str:
    if ready.direction is Direction.UP:
        return ledger.insertion(ready.migration, elapsed)
    return ledger.deletion(ready.migration.version)


async def _run_statements(session: Session, ready: Ready, about_to_run: Callable[[int], None]) -> None:
    before = await _begin(session, ready)
    for number, statement in enumerate(ready.statements, 1):
        about_to_run(number)
        try:
            await session.connection.execute(before + statement.text if before else statement.text)
        except DRIVER_ERRORS as error:
            raise statement_failed(ready, number, statement, error, _REMAINS, ahead=len(before)) from error
        before = ""


async def _begin(session: Session, ready: Ready) -> str:
    """What is to be sent ahead of the first statement in one message; nothing where it went by itself."""
    begin = "".join(f"{each};" for each in ("begin", *ready.script.timeouts.settings(local=True)))
    if session.behind is None and ready.statements and len(ready.statements[0].text) <= _SHORT:
        return begin
    await session.connection.execute(begin)
    await session.check_process()
    return ""


@asynccontextmanager
async def _rolled_back_on_failure(connection: DriverConnection) -> AsyncIterator[None]:
    """End the transaction that a block has begun, should an exception leave the block."""
    try:
        yield
    except BaseException as error:
        # While a statement is being cancelled, the driver does not know whether it has begun a transaction.
        unsure = not isinstance(error, Exception)
        if not connection.is_closed() and (unsure or connection.is_in_transaction()):
            with suppress(*DRIVER_ERRORS):
                await connection.execute("rollback")
        raise
