"""Pending migrations run on a scratch database, with a look before and after every statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg

from assay.config import DatabaseUrl
from assay.migrate import Direction, Migration
from assay.migrate.failure import commit_failed, statement_failed
from assay.migrate.recovery import runs_alone
from assay.migrate.scripts import Ready, controls_transaction, make_ready
from assay.migrate.transactions import atomic
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection
from assay.schema.lint.alone import run_alone
from assay.schema.lint.look import Difference, Look, look, told_locks
from assay.schema.lint.model import Effect, Lock, MeasuredFile
from assay.sql.splitting import Statement, plain_text

_NOT_IN_A_TRANSACTION = ("25001", "2D000")
_REMAINS = "It was tried on a scratch database, so nothing of yours was changed."


async def measure(url: DatabaseUrl, pending: Sequence[Migration]) -> tuple[MeasuredFile, ...]:
    """Run migrations on a database that has the schema of those before them, and tell what each statement did.

    Args:
        url: a scratch database, whose tables are taken for those of the live system.
        pending: the migrations, in order.

    Raises MigrationError, with the place, when the server refuses a statement.
    """
    connection = await open_connection(url)
    try:
        base = await look(connection)
        return tuple([await _File(url, connection, base, make_ready(each, Direction.UP)).run() for each in pending])
    finally:
        with suppress(*DRIVER_ERRORS):
            await connection.close(timeout=5)


@dataclass(slots=True)
class _File:
    url: DatabaseUrl
    connection: DriverConnection
    base: Look
    ready: Ready
    effects: list[Effect] = field(default_factory=list)

    async def run(self) -> MeasuredFile:
        if self.ready.stepwise:
            await self._stepwise()
        else:
            await self._in_transaction(self.ready.statements)
        await self.connection.execute("reset session authorization; reset all")
        return MeasuredFile(self.ready, tuple(self.effects))

    async def _in_transaction(self, statements: Iterable[Statement]) -> None:
        try:
            async with atomic(self.connection):
                for number, statement in enumerate(statements, 1):
                    await self._step(number, statement)
        except DRIVER_ERRORS as error:
            raise commit_failed(self.ready, error, _REMAINS) from error

    async def _stepwise(self) -> None:
        if self.ready.cut is not None:
            await self.connection.execute("begin")
        for number, statement in enumerate(self.ready.statements, 1):
            if controls_transaction(statement):
                await self._execute(number, statement)
            elif self.connection.is_in_transaction():
                await self._step(number, statement)
            elif runs_alone(statement.text) or not await self._in_own(number, statement):
                await self._alone(number, statement)
        if self.connection.is_in_transaction():
            await self.connection.execute("commit")

    async def _in_own(self, number: int, statement: Statement) -> bool:
        """Run a statement in a transaction of its own; False when it cannot be in one."""
        try:
            async with atomic(self.connection):
                await self._step(number, statement, passing=_NOT_IN_A_TRANSACTION)
        except asyncpg.PostgresError as error:
            if error.sqlstate in _NOT_IN_A_TRANSACTION:
                return False
            raise statement_failed(self.ready, number, statement, error, _REMAINS) from error
        return True

    async def _step(self, number: int, statement: Statement, passing: tuple[str, ...] = ()) -> None:
        before = await look(self.connection)
        await self._execute(number, statement, passing)
        difference = Difference(self.base, before, await look(self.connection))
        self.effects.append(self._effect(number, statement, difference, difference.locks(), alone=False))

    async def _alone(self, number: int, statement: Statement) -> None:
        before = await look(self.connection)
        try:
            seen = await run_alone(self.url, self.connection, statement.text, self.base)
        except DRIVER_ERRORS as error:
            raise statement_failed(self.ready, number, statement, error, _REMAINS) from error
        difference = Difference(self.base, before, await look(self.connection))
        on_tables = [(relation, mode) for relation, mode in seen if not self._is_index(relation)]
        locks = told_locks(self.base, on_tables)
        self.effects.append(self._effect(number, statement, difference, locks, alone=True))

    async def _execute(self, number: int, statement: Statement, passing: tuple[str, ...] = ()) -> None:
        try:
            await self.connection.execute(statement.text)
        except DRIVER_ERRORS as error:
            if getattr(error, "sqlstate", None) in passing:
                raise
            raise statement_failed(self.ready, number, statement, error, _REMAINS) from error

    def _effect(
        self, number: int, statement: Statement, found: Difference, locks: tuple[Lock, ...], *, alone: bool
    ) -> Effect:
        return Effect(
            number=number,
            place=self.ready.place(statement),
            text=plain_text(statement.text),
            words=statement.words,
            alone=alone,
            locks=locks,
            held=() if alone else found.held(),
            rewritten=tuple(sorted(found.rewritten())),
            scanned=tuple(sorted(found.scanned())),
            built=tuple(sorted(found.built(), key=lambda each: each.index)),
            dropped=tuple(found.dropped()),
            required=tuple(found.required()),
            lock_timeout=found.before.lock_timeout,
        )

    def _is_index(self, relation: int) -> bool:
        known = self.base.relations.get(relation)
        return known is not None and known.is_index
