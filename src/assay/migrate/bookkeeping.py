"""The ledger put right without running a file: migrations skipped, checksums corrected, rows forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from assay.errors import MigrationError
from assay.migrate.edits import describe_edit, is_edited
from assay.migrate.files import as_migrations
from assay.migrate.ledger import UNKNOWN_TIME, LedgerTable, find_ledger
from assay.migrate.lock import migration_lock
from assay.migrate.model import Migration, Progress
from assay.migrate.opening import LOCK_TIMEOUT, open_target, read_ledger
from assay.migrate.plan import Ledger, check_fits, check_target_exists, pending, stood_for
from assay.migrate.runner import Source
from assay.migrate.target import Session, Target
from assay.migrate.transactions import atomic


class Change(StrEnum):
    """What is done to a row of the ledger."""

    RECORD = "record"
    """It is added, as if the migration had been applied."""
    CORRECT = "correct"
    """Its checksum becomes that of the file."""
    FORGET = "forget"
    """It is deleted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the ledger that is put right."""

    version: int
    description: str
    change: Change


@dataclass(frozen=True, slots=True)
class Books:
    """What was put right, and what was not."""

    entries: tuple[Entry, ...]
    left: tuple[str, ...] = ()
    """What is still wrong and was not asked for, in sentences."""
    dry_run: bool = False


_Planner: TypeAlias = Callable[[Ledger], Books]


async def skip(
    target: Target,
    source: Source,
    versions: Collection[int] = (),
    *,
    target_version: int | None = None,
    ignore_missing: bool = False,
    dry_run: bool = False,
    lock_timeout: float = LOCK_TIMEOUT,
    progress: Progress | None = None,
) -> Books:
    """Record migrations as applied without running them, as ``sqlx migrate override skip`` does.

    Args:
        target: as for ``run``.
        source: the folder of the migrations.
        versions: which; all that are pending unless given.
        target_version: the last of all that are pending; not together with ``versions``.
        ignore_missing: accept applied migrations that have no file.
        dry_run: change nothing, and report what would be recorded.
        lock_timeout: seconds to wait for another process that is migrating the same database.
        progress: called with an Event while waiting.

    Raises MigrationError for a version that has no file or has been applied, and when files and ledger do not fit
    each other; what ``run`` raises when there is no connection.
    """
    migrations = await asyncio.to_thread(as_migrations, source)

    def plan(ledger: Ledger) -> Books:
        check_target_exists(migrations, target_version)
        check_fits(migrations, ledger, ignore_missing=ignore_missing)
        chosen = _chosen(migrations, ledger, versions, target_version)
        return Books(tuple(_entry(migration, Change.RECORD) for migration in chosen), dry_run=dry_run)

    return await _settle(target, plan, migrations, dry_run, lock_timeout, progress)


async def repair(
    target: Target,
    source: Source,
    *,
    accept_edits: bool = False,
    forget_missing: bool = False,
    dry_run: bool = False,
    lock_timeout: float = LOCK_TIMEOUT,
    progress: Progress | None = None,
) -> Books:
    """Correct the ledger where it does not fit the files.

    A file that differs from what was applied in line endings or a byte order mark alone gets its new checksum, and
    the rows that a squashed migration stands for become its one. What else differs is left, and told,
    unless it is asked for.

    Args:
        target: as for ``run``.
        source: the folder of the migrations.
        accept_edits: take over the checksums of files that were edited; what was edited is not run.
        forget_missing: delete the rows of applied migrations that have no file.
        dry_run: change nothing, and report what would be done.
        lock_timeout: seconds to wait for another process that is migrating the same database.
        progress: called with an Event while waiting.

    Raises what ``run`` raises when there is no connection.
    """
    migrations = await asyncio.to_thread(as_migrations, source)

    def plan(ledger: Ledger) -> Books:
        return _repairs(migrations, ledger, accept_edits, forget_missing, dry_run)

    return await _settle(target, plan, migrations, dry_run, lock_timeout, progress)


def _chosen(
    migrations: Sequence[Migration], ledger: Ledger, versions: Collection[int], target_version: int | None
) -> list[Migration]:
    waiting = pending(migrations, ledger)
    if not versions:
        return [each for each in waiting if target_version is None or each.version <= target_version]
    by_version = {migration.version: migration for migration in migrations}
    for version in sorted(versions):
        check_target_exists(migrations, version)
        if by_version[version] not in waiting:
            raise MigrationError(f"Migration {version} has been applied, so there is nothing to skip")
    return [by_version[version] for version in sorted(set(versions))]


def _repairs(
    migrations: Sequence[Migration], ledger: Ledger, accept_edits: bool, forget_missing: bool, dry_run: bool
) -> Books:
    files = {migration.version: migration for migration in migrations}
    replaced = stood_for(migrations, ledger)
    entries: list[Entry] = []
    left: list[str] = []
    for row in ledger.rows.values():
        migration = files.get(row.version)
        if not row.success:
            continue  # what stopped halfway is for run and revert
        if migration is None:
            forgotten = forget_missing or row.version in replaced
            entries += [Entry(row.version, row.description, Change.FORGET)] if forgotten else []
            left += [] if forgotten else [_missing(row.version, row.description)]
        elif migration.checksum != row.checksum:
            accepted = accept_edits or row.version in replaced or not is_edited(migration.up, row.checksum)
            entries += [_entry(migration, Change.CORRECT)] if accepted else []
            left += [] if accepted else [f"{describe_edit(migration.up, row.checksum)}, or accept it: --accept-edits"]
    return Books(tuple(entries), tuple(left), dry_run)


def _missing(version: int, description: str) -> str:
    return (
        f'Migration {version} "{description}" was applied to this database and has no file here; '
        "restore the file, or forget the row: --forget-missing"
    )


def _entry(migration: Migration, change: Change) -> Entry:
    return Entry(migration.version, migration.description, change)


async def _settle(
    target: Target,
    plan: _Planner,
    migrations: Sequence[Migration],
    dry_run: bool,
    lock_timeout: float,
    progress: Progress | None,
) -> Books:
    async with open_target(target) as current:
        if dry_run:
            return plan((await read_ledger(current, await find_ledger(current.connection)))[0])
        async with migration_lock(current.connection, lock_timeout, progress):
            table = await find_ledger(current.connection)
            books = plan((await read_ledger(current, table))[0])
            await _write(current, table, books, {migration.version: migration for migration in migrations})
            return books


async def _write(current: Session, table: LedgerTable, books: Books, files: Mapping[int, Migration]) -> None:
    connection = current.connection
    async with atomic(connection):
        await current.check_process()
        if books.entries:
            await table.ensure(connection)
        for entry in books.entries:
            match entry.change:
                case Change.RECORD:
                    await table.insert(connection, files[entry.version], True, UNKNOWN_TIME)
                case Change.CORRECT:
                    await table.correct(connection, entry.version, files[entry.version].checksum)
                case Change.FORGET:
                    await table.delete(connection, entry.version)
