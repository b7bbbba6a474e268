"""A file run statement by statement, so that it can be taken up again where it stopped.

Files that begin with ``-- no-transaction`` are, and those that end their transaction themselves.

Each statement shares a transaction with the note that it is done. One that cannot, such as CREATE INDEX CONCURRENTLY,
is announced before and noted after; when the note is missing later, ``recovery`` finds out what became of it. BEGIN and
COMMIT in the file work as they stand: what was noted between them is undone with them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import asyncpg

from assay.errors import MigrationError
from assay.migrate.failure import commit_failed, statement_failed
from assay.migrate.ledger import UNKNOWN_TIME, LedgerTable
from assay.migrate.model import Direction
from assay.migrate.recovery import drop_abandoned, recover, relations_before, runs_alone, took_effect_before
from assay.migrate.scripts import Ready, commits, controls_transaction
from assay.migrate.target import Session
from assay.migrate.transactions import atomic
from assay.migrate.unfinished import NOTHING, ProgressTable, Unfinished, digest_of, extended
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection
from assay.sql.splitting import Statement, plain_text

_NOT_IN_A_TRANSACTION = ("25001", "2D000")
"""The statement cannot run inside a transaction, or ends one itself; it has done nothing yet, or nothing that stays."""


@dataclass(slots=True)
class Stepwise:
    """One such file under way."""

    session: Session
    ledger: LedgerTable
    table: ProgressTable
    ready: Ready
    notice: Callable[[str], None]
    about_to_run: Callable[[int], None]
    """Told the number of each statement, from 1."""
    state: Unfinished
    """How far it has come, as the session sees it."""
    interrupted: bool = False
    """Whether the next statement may have run before."""

    @property
    def connection(self) -> DriverConnection:
        """The connection of the run."""
        return self.session.connection

    async def run(self) -> int:
        """Run what is left of the file and settle the ledger; gives the nanoseconds that took."""
        start = time.perf_counter_ns()
        try:
            for setting in self.ready.script.timeouts.settings(local=False):
                await self.connection.execute(setting)
            if self.ready.cut is not None and self.state.done == 0:
                await self.connection.execute("begin")
            for number in range(self.state.done + 1, len(self.ready.statements) + 1):
                self.about_to_run(number)
                await self._step(number, self.ready.statements[number - 1])
            await self._commit()
        except BaseException:
            await self._leave_transaction()
            await self.put_settings_back()
            raise
        elapsed = time.perf_counter_ns() - start
        await self._finish(elapsed)
        return elapsed

    async def _step(self, number: int, statement: Statement) -> None:
        await self.session.check_process()
        after = self.after(number)
        try:
            if controls_transaction(statement) or self.connection.is_in_transaction():
                await self._in_own_transaction(statement, after)
            elif runs_alone(statement.text) or not await self._noted(statement, after):
                await self._alone(statement, after)
        except DRIVER_ERRORS as error:
            raise statement_failed(self.ready, number, statement, error, await self._what_remains()) from error
        self.state, self.interrupted = after, False

    async def _commit(self) -> None:
        """End the transaction that is open at the end of a file whose own ended early, as SQLx does."""
        if self.connection.is_in_transaction():
            try:
                await self.connection.execute("commit")
            except DRIVER_ERRORS as error:
                raise commit_failed(self.ready, error, await self._what_remains()) from error

    async def _noted(self, statement: Statement, after: Unfinished) -> bool:
        """Run a statement in a transaction with its note; False when it cannot be in one."""
        try:
            async with atomic(self.connection):
                await self.connection.execute(statement.text)
                await self.table.write(self.connection, after)
        except asyncpg.PostgresError as error:
            if error.sqlstate in _NOT_IN_A_TRANSACTION:
                return False
            raise
        return True

    async def _alone(self, statement: Statement, after: Unfinished) -> None:
        """Run a statement outside of any transaction."""
        self.tell_dropped(await drop_abandoned(self.connection, statement.text))
        before = await relations_before(self.connection, statement.text)
        self.state = replace(self.state, running=statement.text, before=before)
        await self.table.write(self.connection, self.state)
        try:
            await self.connection.execute(statement.text)
        except asyncpg.PostgresError as error:
            if self.connection.is_closed() or not (
                self.interrupted and took_effect_before(statement.text, error.sqlstate or "")
            ):
                raise
        await self.table.write(self.connection, after)

    async def _in_own_transaction(self, statement: Statement, after: Unfinished) -> None:
        """Run a statement of a transaction that the file itself begins or ends."""
        if commits(statement) and self.connection.is_in_transaction():
            await self.table.write(self.connection, after)
            await self.connection.execute(statement.text)
        else:
            await self.connection.execute(statement.text)
            await self.table.write(self.connection, after)

    async def _what_remains(self) -> str:
        """After a failure: settle what it left, and say what of the file is in the database."""
        if self.connection.is_closed():
            return "Run the command again: it finds out what took effect and goes on from there."
        await self._leave_transaction()
        self.state = (await self.table.read(self.connection))[self.state.version]
        if self.state.running is not None:
            recovered = await recover(self.connection, self.state, finish=False)
            self.tell_dropped(recovered.dropped)
            if not recovered.finished and not recovered.halfway:
                self.state = replace(self.state, running=None, before=())
                await self.table.write(self.connection, self.state)
        done, total = self.state.done, len(self.ready.statements)
        if done == 0 and self.state.running is None:
            await self._forget()
            return "Nothing of this file has taken effect."
        have = "has" if done == 1 else "have"
        return (
            f"{done} of its {total} statements {have} taken effect; correct the file from statement {done + 1} on and "
            "run the command again: it goes on there."
        )

    async def _forget(self) -> None:
        """Leave the database as it was before the file was begun."""
        async with atomic(self.connection):
            if self.ready.direction is Direction.UP:
                await self.ledger.delete(self.connection, self.state.version)
            else:
                await self.ledger.keep(self.connection, self.state.version)
            await self.table.drop(self.connection)

    async def _finish(self, elapsed: int) -> None:
        if self.ready.changes_settings:
            await self.session.restore_settings()
        async with atomic(self.connection):
            if self.ready.direction is Direction.UP:
                await self.ledger.finish(self.connection, self.ready.migration, elapsed)
            else:
                await self.ledger.delete(self.connection, self.state.version)
            await self.table.drop(self.connection)

    async def _leave_transaction(self) -> None:
        if not self.connection.is_closed() and self.connection.is_in_transaction():
            with suppress(*DRIVER_ERRORS):
                await self.connection.execute("rollback")

    async def put_settings_back(self) -> None:
        """On a connection that was lent, leave nothing behind of what the file set before it failed."""
        if self.ready.changes_settings and not self.connection.is_closed():
            with suppress(*DRIVER_ERRORS):
                await self.session.restore_settings()

    def after(self, number: int) -> Unfinished:
        """How far the file has come when the statement of that number, the next one, is done."""
        digest = extended(self.state.digest, self.ready.statements[number - 1])
        return Unfinished(self.state.version, self.ready.direction, number, digest)

    def tell_dropped(self, indexes: tuple[str, ...]) -> None:
        """Say which invalid indexes were dropped."""
        for name in indexes:
            self.notice(f"Dropped the invalid index {name}, left over from an attempt that did not finish")


async def begin(
    session: Session,
    ledger: LedgerTable,
    table: ProgressTable,
    ready: Ready,
    notice: Callable[[str], None],
    about_to_run: Callable[[int], None],
) -> Stepwise:
    """Start a file: from now on, and until it is finished, its ledger row says that it is not successful."""
    connection, version = session.connection, ready.migration.version
    state = Unfinished(version, ready.direction, 0, NOTHING)
    async with atomic(connection):
        await table.drop(connection)  # it may be left from a file whose ledger row was deleted by hand
        await table.ensure(connection)
        await table.write(connection, state)
        if ready.direction is Direction.UP:
            await ledger.insert(connection, ready.migration, False, UNKNOWN_TIME)
        else:
            await ledger.reopen(connection, version)
    return Stepwise(session, ledger, table, ready, notice, about_to_run, state)


async def resume(
    session: Session,
    ledger: LedgerTable,
    table: ProgressTable,
    ready: Ready,
    notice: Callable[[str], None],
    about_to_run: Callable[[int], None],
    state: Unfinished,
) -> Stepwise:
    """Take a file up again where it stopped.

    Raises MigrationError when the statements that have taken effect are not the file's first ones any more.
    """
    _refuse_changed_past(ready, state)
    under_way = Stepwise(session, ledger, table, ready, notice, about_to_run, state)
    try:
        for statement in filter(_sets_session, ready.statements[: state.done]):
            await session.connection.execute(statement.text)
        if state.running is not None:
            await _settle(under_way, state.running)
        if ready.direction is Direction.UP:
            await ledger.reopen(session.connection, state.version, ready.migration.checksum)
    except BaseException:
        await under_way.put_settings_back()
        raise
    return under_way


async def _settle(under_way: Stepwise, running: str) -> None:
    """Find out what became of the statement that was running when the file stopped."""
    state, connection = under_way.state, under_way.connection
    recovered = await recover(connection, state)
    under_way.tell_dropped(recovered.dropped)
    rest = under_way.ready.statements[state.done :]
    same = bool(rest) and plain_text(rest[0].text) == plain_text(running)
    if recovered.finished and not same:
        raise MigrationError(
            f"{under_way.ready.script.path}: statement {state.done + 1} took effect in the run that stopped, and is "
            f"another one now; put it back as it was: {_shortened(plain_text(running))}"
        )
    under_way.interrupted = same and not recovered.finished
    if recovered.finished:
        under_way.state = under_way.after(state.done + 1)
    elif not same:
        under_way.state = replace(state, running=None, before=())
    await under_way.table.write(connection, under_way.state)


def _refuse_changed_past(ready: Ready, state: Unfinished) -> None:
    script = ready.script
    if not ready.stepwise:
        raise MigrationError(
            f"{script.path} was begun statement by statement, and stopped halfway; put back the line "
            "-- no-transaction, or the COMMIT, that made it so, so that the rest can be run"
        )
    done = ready.statements[: state.done]
    if len(done) < state.done or digest_of(done) != state.digest:
        what = "first statement has" if state.done == 1 else f"first {state.done} statements have"
        raise MigrationError(
            f"{script.path}: its {what} taken effect in this database, and the file does not begin with the same any "
            "more; put back what was there, and change only what follows"
        )


def _sets_session(statement: Statement) -> bool:
    """Whether a statement sets something that those after it may rely on; it is harmless to run again."""
    if statement.words[:1] in (("set",), ("reset",)):
        return statement.words[1:2] not in (("local",), ("transaction",), ("constraints",))
    return statement.words[:1] == ("select",) and "set_config" in statement.text.lower()


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else text[:197] + "..."
