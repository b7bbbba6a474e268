"""A migration run in one transaction with its row in the ledger: all of it is there afterwards, or nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg

from assay.migrate.failure import commit_failed, statement_failed
from assay.migrate.ledger import TABLE, LedgerTable
from assay.migrate.model import Direction
from assay.migrate.scripts import Ready
from assay.migrate.target import Session
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection
from assay.sql.splitting import Statement

_REMAINS = "Nothing of this file was kept."
_UNSURE = "Run the command again: it finds out what took effect."
_WRITE = "select pg_catalog.pg_logical_emit_message(true, 'assay', '')"
_SHORT = 100_000
"""Characters of a statement that are not worth a message less: with BEGIN before it, it is copied."""
_OF_THE_MESSAGE = frozenset({"22021", "22P05", "53200"})
"""SQLSTATEs with which a message is refused as a whole: for its encoding, and for the memory that it takes."""


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
    session: Session, ledger: LedgerTable, ready: Ready, about_to_run: Callable[[int], None], *, last: bool
) -> int:
    """Run a file and enter it in the ledger; gives the nanoseconds that took.

    ``about_to_run`` is told the number of each statement, from 1.

    BEGIN goes out with the first statement, and the row of the ledger and COMMIT with the last, so that most files
    cost as many messages as they have statements. Only the commit of the ``last`` file waits for the disk, and those
    before it with it: a server that crashes may lose files that were committed in its last second, each whole and with
    its row, and none before those that it keeps. (Manual, section 28.4 "Asynchronous Commit"; decision 0023.)

    Raises MigrationError when the server refuses a statement, ConnectionLost when the connection breaks.
    """
    start = time.perf_counter_ns()
    try:
        async with _rolled_back_on_failure(session.connection):
            entered = await _run_statements(session, ledger, ready, about_to_run, last=last)
            if not entered:
                if ready.changes_settings:
                    await session.restore_settings()
                await session.connection.execute(_end(ledger, ready, time.perf_counter_ns() - start))
    except DRIVER_ERRORS as error:
        raise commit_failed(ready, error, _REMAINS) from error
    return time.perf_counter_ns() - start


async def wait_for_the_disk(connection: DriverConnection) -> None:
    """Make what was committed so far durable, unless the session does not want its commits to be.

    A transaction that writes to the log waits until that, and all before it, is on the disk.
    """
    with suppress(*DRIVER_ERRORS):  # without a connection, the server's own writer does it within a second
        await connection.execute(_WRITE)


def _end(ledger: LedgerTable, ready: Ready, nanoseconds: int, *, since_sent: bool = False) -> str:
    if ready.direction is Direction.UP:
        return f"{ledger.insertion(ready.migration, nanoseconds, since_sent=since_sent)}; commit"
    return f"{ledger.deletion(ready.migration.version)}; commit"


async def _run_statements(
    session: Session, ledger: LedgerTable, ready: Ready, about_to_run: Callable[[int], None], *, last: bool
) -> bool:
    """Begin, and run the statements; says whether the file was entered and committed with the last of them."""
    start = time.perf_counter_ns()
    before, after = await _begin(session, ready, last=last), ""
    for number, statement in enumerate(ready.statements, 1):
        about_to_run(number)
        if number == len(ready.statements) and _can_end_with(session, ready, statement):
            after = f"\n;{_end(ledger, ready, time.perf_counter_ns() - start, since_sent=True)}"
        try:
            await session.connection.execute(f"{before}{statement.text}{after}" if before or after else statement.text)
        except DRIVER_ERRORS as error:
            if after and _failed_at_the_end(session.connection, error, len(before) + len(statement.text)):
                raise
            remains = _UNSURE if after and _is_cut_off(error) else _REMAINS
            raise statement_failed(ready, number, statement, error, remains, ahead=len(before)) from error
        before = ""
    return bool(after)


async def _begin(session: Session, ready: Ready, *, last: bool) -> str:
    """What is to be sent ahead of the first statement in one message; nothing where it went by itself."""
    hurried = () if last else ("set local synchronous_commit = off",)
    begin = "".join(f"{each};" for each in ("begin", *hurried, *ready.script.timeouts.settings(local=True)))
    if session.behind is None and ready.statements and len(ready.statements[0].text) <= _SHORT:
        return begin
    await session.connection.execute(begin)
    await session.check_process()
    return ""


def _can_end_with(session: Session, ready: Ready, statement: Statement) -> bool:
    """Whether what ends the transaction can go out with the last statement."""
    alone = ready.changes_settings or session.behind is not None
    return statement.ended and not alone and len(statement.text) <= _SHORT


def _failed_at_the_end(connection: DriverConnection, error: Exception, length: int) -> bool:
    """Whether not the statement failed but what was sent behind it, of so many characters.

    The server says where in the message it found a fault. Where it does not, a transaction that is over failed in its
    COMMIT: for anything before that, it would wait for the ROLLBACK.
    """
    if not isinstance(error, asyncpg.PostgresError) or _is_cut_off(error):
        return False
    if error.position:
        return int(error.position) > length
    if connection.is_in_transaction():
        return error.table_name == TABLE
    return error.sqlstate not in _OF_THE_MESSAGE


def _is_cut_off(error: Exception) -> bool:
    """Whether the server could not say how the message ended."""
    return not isinstance(error, asyncpg.PostgresError) or error.severity_en in (None, "FATAL", "PANIC")


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
