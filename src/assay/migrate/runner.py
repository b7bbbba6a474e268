"""Applying, reverting and listing: what ``assay.migrate`` offers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from assay.errors import MigrationError
from assay.migrate.files import as_migrations
from assay.migrate.ledger import LedgerTable, find_ledger
from assay.migrate.lock import migration_lock
from assay.migrate.model import Direction, Event, Migration, MigrationStatus, Moment, Progress, Report, Step
from assay.migrate.opening import LOCK_TIMEOUT, open_target, read_ledger
from assay.migrate.plan import Ledger, Plan, plan_revert, plan_run, statuses
from assay.migrate.scripts import Ready, make_ready
from assay.migrate.stepwise import begin, resume
from assay.migrate.target import Session, Target
from assay.migrate.transactions import run_in_transaction, wait_for_the_disk
from assay.migrate.unfinished import ProgressTable, Unfinished
from assay.sql.splitting import split_statements

Source = Path | str | Sequence[Migration]
"""A folder of migrations, or migrations that ``load`` read."""


async def run(
    target: Target,
    source: Source,
    *,
    target_version: int | None = None,
    ignore_missing: bool = False,
    allow_out_of_order: bool = True,
    dry_run: bool = False,
    lock_timeout: float = LOCK_TIMEOUT,
    progress: Progress | None = None,
) -> Report:
    """Apply what is pending, in the order of versions, each file in a transaction with its row in the ledger.

    Args:
        target: a pool, a connection that is in no transaction, or a ``postgresql://`` URL. One connection does all.
        source: the folder of the migrations.
        target_version: the last version to apply; everything unless given.
        ignore_missing: accept applied migrations that have no file.
        allow_out_of_order: apply a pending migration below one that is applied, with a notice, as SQLx does.
        dry_run: change nothing, and report what would be applied.
        lock_timeout: seconds to wait for another process that is migrating the same database.
        progress: called with an Event as things happen.

    Raises:
        MigrationError: a file, the ledger or a statement is not as it should be; nothing of the file that it is about
            was kept, unless the message says so.
        ConnectionFailed, AuthenticationFailed, UndefinedDatabase: no connection could be made.
    """
    migrations = await asyncio.to_thread(as_migrations, source)

    def plan(ledger: Ledger) -> Plan:
        return plan_run(
            migrations,
            ledger,
            target_version=target_version,
            ignore_missing=ignore_missing,
            allow_out_of_order=allow_out_of_order,
        )

    return await _carry_out(target, Direction.UP, plan, dry_run, lock_timeout, progress)


async def revert(
    target: Target,
    source: Source,
    *,
    target_version: int | None = None,
    ignore_missing: bool = False,
    dry_run: bool = False,
    lock_timeout: float = LOCK_TIMEOUT,
    progress: Progress | None = None,
) -> Report:
    """Revert the last applied migration that has a down file, or all that have one above ``target_version``.

    Args:
        target: as for ``run``.
        source: the folder of the migrations.
        target_version: the version to go down to; 0 reverts everything that has a down file.
        ignore_missing: accept applied migrations that have no file.
        dry_run: change nothing, and report what would be reverted.
        lock_timeout: seconds to wait for another process that is migrating the same database.
        progress: called with an Event as things happen.

    Raises the same as ``run``.
    """
    migrations = await asyncio.to_thread(as_migrations, source)

    def plan(ledger: Ledger) -> Plan:
        return plan_revert(migrations, ledger, target_version=target_version, ignore_missing=ignore_missing)

    return await _carry_out(target, Direction.DOWN, plan, dry_run, lock_timeout, progress)


async def info(target: Target, source: Source) -> tuple[MigrationStatus, ...]:
    """Each migration of the folder and the ledger, by version, and where it stands; nothing is changed or locked.

    Raises MigrationError for files that cannot be read, and the connection's errors as ``run`` does.
    """
    migrations = await asyncio.to_thread(as_migrations, source)
    async with open_target(target) as current:
        table = await find_ledger(current.connection)
        return statuses(migrations, (await read_ledger(current, table))[0])


async def _carry_out(
    target: Target,
    direction: Direction,
    plan: Callable[[Ledger], Plan],
    dry_run: bool,
    lock_timeout: float,
    progress: Progress | None,
) -> Report:
    async with open_target(target) as current:
        if dry_run:
            ledger, _ = await read_ledger(current, await find_ledger(current.connection))
            return await _rehearse(current, direction, plan(ledger), progress)
        async with migration_lock(current.connection, lock_timeout, progress):
            table = await find_ledger(current.connection)
            ledger, unfinished = await read_ledger(current, table)
            work = _Work(current, table, unfinished, progress)
            return await work.carry_out(plan(ledger), direction)


async def _ready(current: Session, direction: Direction, migrations: Iterable[Migration]) -> list[Ready]:
    """Every file split and looked through, before the first is run."""
    conforming = getattr(current.connection.get_settings(), "standard_conforming_strings", "on") == "on"

    def look_through() -> list[Ready]:
        return [make_ready(each, direction, standard_conforming_strings=conforming) for each in migrations]

    return await asyncio.to_thread(look_through)


async def _rehearse(current: Session, direction: Direction, plan: Plan, progress: Progress | None) -> Report:
    todo = await _ready(current, direction, plan.todo)
    notices = (*plan.notices, *(_empty(ready) for ready in todo if not ready.statements))
    steps = tuple(_step(ready) for ready in todo)
    if progress is not None:
        for notice in notices:
            progress(Event(Moment.NOTICE, text=notice))
        for step in steps:
            progress(Event(Moment.FINISHED, step))
    return Report(steps, _versions(plan.skipped), notices, dry_run=True)


def _empty(ready: Ready) -> str:
    doing = "applying" if ready.direction is Direction.UP else "reverting with"
    return f"{ready.script.path} holds no statement; {doing} it changes nothing but the ledger"


def _refuse_to_undo_nothing(ready: Ready) -> None:
    """Raise MigrationError for a down file without a statement, such as add writes, beside an up file that has some."""
    up = ready.migration.up
    if ready.direction is Direction.UP or ready.statements or not split_statements(up.sql):
        return
    raise MigrationError(
        f"{ready.script.path} holds no statement, so nothing that {up.path.name} did would be undone; write the SQL "
        "that undoes it there, or SELECT 1; if nothing is to be undone"
    )


def _step(ready: Ready) -> Step:
    return Step(ready.migration.version, ready.migration.description, ready.direction, ready.script.path)


def _versions(migrations: Iterable[Migration]) -> tuple[int, ...]:
    return tuple(migration.version for migration in migrations)


@dataclass(slots=True)
class _Work:
    """A run that holds the lock."""

    session: Session
    ledger: LedgerTable
    unfinished: Mapping[int, Unfinished]
    progress: Progress | None
    notices: list[str] = field(default_factory=list)

    async def carry_out(self, plan: Plan, direction: Direction) -> Report:
        for text in plan.notices:
            self._notice(text)
        ready = await _ready(self.session, direction, plan.todo)
        for each in ready:
            _refuse_to_undo_nothing(each)
        if any(each.changes_settings for each in ready):
            self.session = await self.session.remember_settings()
        await self.ledger.ensure(self.session.connection)
        if not self.unfinished:  # what was settled by hand is forgotten
            await ProgressTable(self.ledger.schema).drop(self.session.connection)
        try:
            steps = [await self._one(each, number, len(ready)) for number, each in enumerate(ready, 1)]
        except MigrationError:
            await wait_for_the_disk(self.session.connection)
            raise
        return Report(tuple(steps), _versions(plan.skipped), tuple(self.notices))

    async def _one(self, ready: Ready, number: int, total: int) -> Step:
        step = _step(ready)
        self._tell(Event(Moment.STARTED, step, number=number, total=total))
        if not ready.statements:
            self._notice(_empty(ready))
        if ready.cut is not None:
            self._notice(f"{ready.cut}: the transaction of the file ends here, so it is run statement by statement")
        step = await self._until_locked(ready, step, last=number == total)
        self._tell(Event(Moment.FINISHED, step))
        return step

    async def _until_locked(self, ready: Ready, step: Step, *, last: bool) -> Step:
        """Run a file, again when it did not get a lock in the time it gives itself, as often as it allows."""
        timeouts, under_way = ready.script.timeouts, 0

        def about_to_run(number: int) -> None:
            nonlocal under_way
            under_way = number
            if self.progress is not None:
                self.progress(Event(Moment.STATEMENT, step, number=number, total=len(ready.statements)))

        for attempt in count(1):
            try:
                if step.version in self.unfinished or ready.stepwise:
                    return await self._stepwise(ready, step, about_to_run)
                elapsed = await run_in_transaction(self.session, self.ledger, ready, about_to_run, last=last)
                return replace(step, execution_time=elapsed)
            except MigrationError as error:
                pause = timeouts.pause_after(error, attempt)
                if pause is None:
                    raise
                place = ready.place(ready.statements[under_way - 1])
                self._notice(f"{place}: {timeouts.missed_lock(attempt)}; trying again in {pause:.1f} s")
                await asyncio.sleep(pause)
                _, self.unfinished = await read_ledger(self.session, self.ledger)
        raise AssertionError("the count does not end")

    async def _stepwise(self, ready: Ready, step: Step, about_to_run: Callable[[int], None]) -> Step:
        table = ProgressTable(self.ledger.schema)
        before = self.unfinished.get(step.version)
        if before is None:
            file = await begin(self.session, self.ledger, table, ready, self._notice, about_to_run)
        else:
            file = await resume(self.session, self.ledger, table, ready, self._notice, about_to_run, before)
        resumed_at = None if before is None else file.state.done + 1
        return replace(step, execution_time=await file.run(), resumed_at=resumed_at)

    def _notice(self, text: str) -> None:
        self.notices.append(text)
        self._tell(Event(Moment.NOTICE, text=text))

    def _tell(self, event: Event) -> None:
        if self.progress is not None:
            self.progress(event)
