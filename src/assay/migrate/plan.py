"""What is to be done, from the files and the ledger alone.

Everything that speaks against a run is found here, before anything is changed. The rules are those of sqlx-cli 0.9
(``sqlx-cli/src/migrate.rs``), except that SQLx notices an edited file only when its turn comes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from assay.errors import MigrationError
from assay.migrate.edits import describe_edit
from assay.migrate.model import Direction, LedgerRow, Migration, MigrationStatus, State
from assay.migrate.squashed import has_all, has_some


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do."""

    todo: tuple[Migration, ...]
    """The migrations to apply or revert, in the order to do it in."""
    skipped: tuple[Migration, ...]
    """Those that the target version leaves out."""
    notices: tuple[str, ...]
    """What deserves attention, in sentences."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a database says of its migrations."""

    rows: Mapping[int, LedgerRow]
    """The rows of ``_sqlx_migrations`` by version; empty when there is no such table."""
    under_way: Mapping[int, Direction]
    """The versions whose ``-- no-transaction`` file Assay began and did not finish."""

    @property
    def latest(self) -> int | None:
        """The highest version that has been applied."""
        return max((row.version for row in self.rows.values() if row.success), default=None)


def plan_run(
    migrations: Sequence[Migration],
    ledger: Ledger,
    *,
    target_version: int | None = None,
    ignore_missing: bool = False,
    allow_out_of_order: bool = True,
) -> Plan:
    """What applying is to do: the pending migrations up to the target version, and one that stopped halfway.

    Raises MigrationError when the ledger and the files do not fit each other.
    """
    check_target_exists(migrations, target_version)
    check_fits(migrations, ledger, ignore_missing=ignore_missing)
    _check_target_reached(ledger, target_version)
    waiting = pending(migrations, ledger)
    todo = [migration for migration in waiting if target_version is None or migration.version <= target_version]
    notices = _out_of_order(todo, ledger, allow_out_of_order)
    return Plan(tuple(todo), tuple(waiting[len(todo) :]), tuple(notices))


def pending(migrations: Sequence[Migration], ledger: Ledger) -> list[Migration]:
    """The migrations that have not been applied, or not to their end."""
    return [migration for migration in migrations if not _applied(migration, ledger)]


def check_fits(migrations: Sequence[Migration], ledger: Ledger, *, ignore_missing: bool) -> None:
    """Raise MigrationError when files and ledger do not fit each other: edited, missing, or begun otherwise."""
    _check_unfinished(migrations, ledger, Direction.UP)
    _check_squashed(migrations, ledger)
    _check_missing(migrations, ledger, ignore_missing)
    _check_edits(migrations, ledger)


def plan_revert(
    migrations: Sequence[Migration],
    ledger: Ledger,
    *,
    target_version: int | None = None,
    ignore_missing: bool = False,
) -> Plan:
    """What reverting is to do: the last migration that has a down file, or all of those above the target version.

    Raises MigrationError when the ledger and the files do not fit each other. An edited file is no reason: to revert
    it, edit it and apply it again is how a migration is worked on.
    """
    if target_version != 0:
        check_target_exists(migrations, target_version)
    _check_unfinished(migrations, ledger, Direction.DOWN)
    _check_missing(migrations, ledger, ignore_missing)
    if target_version is not None and target_version > (ledger.latest or 0):
        raise MigrationError(
            f"Version {target_version} is above the latest that is applied, {ledger.latest or 0}, "
            "so there is nothing to revert to; assay migrate run goes up to it"
        )
    applied = [migration for migration in reversed(migrations) if migration.version in ledger.rows]
    above = [migration for migration in applied if target_version is None or migration.version > target_version]
    todo = [migration for migration in above if migration.down]
    if target_version is None:
        todo = todo[:1]
    skipped = [] if target_version is None else [m for m in applied if m.down and m.version <= target_version]
    lowest = todo[-1].version if target_version is None and todo else -1
    staying = [migration for migration in above if not migration.down and migration.version > lowest]
    return Plan(tuple(todo), tuple(skipped), tuple(_stays(migration) for migration in staying))


def statuses(migrations: Sequence[Migration], ledger: Ledger) -> tuple[MigrationStatus, ...]:
    """Each migration of the files and the ledger, by version, and where it stands."""
    files = {migration.version: migration for migration in migrations}
    versions = sorted(files.keys() | (ledger.rows.keys() - stood_for(migrations, ledger)))
    return tuple(_status(version, files.get(version), ledger.rows.get(version), ledger) for version in versions)


def _as_applied(migration: Migration, row: LedgerRow) -> bool:
    """Whether a file is what was applied, or stands for it."""
    return row.checksum in (migration.checksum, migration.replaces.get(migration.version))


def _applied(migration: Migration, ledger: Ledger) -> bool:
    row = ledger.rows.get(migration.version)
    return row is not None and row.success


def check_target_exists(migrations: Iterable[Migration], target_version: int | None) -> None:
    """Raise MigrationError when a version is named that has no file."""
    versions = {migration.version for migration in migrations}
    if target_version is not None and target_version not in versions:
        span = f"; the versions go from {min(versions)} to {max(versions)}" if versions else ""
        raise MigrationError(f"There is no migration {target_version} to stop at{span}")


def _check_target_reached(ledger: Ledger, target_version: int | None) -> None:
    if target_version is not None and ledger.latest is not None and target_version < ledger.latest:
        raise MigrationError(
            f"Version {target_version} is below the latest that is applied, {ledger.latest}; "
            f"assay migrate revert --target-version {target_version} goes down to it"
        )


def _check_unfinished(migrations: Iterable[Migration], ledger: Ledger, direction: Direction) -> None:
    """Refuse what stopped halfway and cannot be taken up again by this run."""
    versions = {migration.version for migration in migrations}
    for row in ledger.rows.values():
        if row.success:
            continue
        began = ledger.under_way.get(row.version)
        if began is None:
            raise MigrationError(_foreign_failure(row))
        if row.version not in versions:
            raise MigrationError(
                f'Migration {row.version} "{row.description}" stopped halfway and has no file any more; '
                "restore its file, so that the rest of it can be run"
            )
        if began is not direction:
            verb, command = ("applied", "run") if began is Direction.UP else ("reverted", "revert")
            raise MigrationError(
                f'Migration {row.version} "{row.description}" was being {verb} and stopped halfway; '
                f"finish that first with assay migrate {command}"
            )


def _foreign_failure(row: LedgerRow) -> str:
    return (
        f'Migration {row.version} "{row.description}" is marked as not successful in _sqlx_migrations, '
        "and there is no record of how far it came; look at what it left in the database, then delete that row "
        "to have it applied from its start, or set success to true if all of it is there"
    )


def stood_for(migrations: Iterable[Migration], ledger: Ledger) -> set[int]:
    """The versions in the ledger that a squashed migration stands for."""
    return {version for migration in migrations if has_all(migration, ledger.rows) for version in migration.replaces}


def _check_squashed(migrations: Iterable[Migration], ledger: Ledger) -> None:
    """Refuse a squashed migration where the database is only part of the way to it."""
    for migration in migrations:
        some = has_some(migration, ledger.rows)
        if some:
            raise MigrationError(
                f"{migration.path} stands for {len(migration.replaces)} migrations, and this database has "
                f"{len(some)} of them, or has had them otherwise; apply the others first, from the revision before "
                "they were squashed"
            )


def _check_missing(migrations: Iterable[Migration], ledger: Ledger, ignore: bool) -> None:
    versions = {migration.version for migration in migrations} | stood_for(migrations, ledger)
    missing = sorted(row.version for row in ledger.rows.values() if row.success and row.version not in versions)
    if missing and not ignore:
        names = _listed([f'{version} "{ledger.rows[version].description}"' for version in missing])
        was, has = ("was", "has no file") if len(missing) == 1 else ("were", "have no files")
        raise MigrationError(
            f"Migration {names} {was} applied to this database and {has} here; restore what is missing, "
            "or accept it with --ignore-missing (ignore_missing=True)"
        )


def _check_edits(migrations: Iterable[Migration], ledger: Ledger) -> None:
    edits = [
        describe_edit(migration.up, ledger.rows[migration.version].checksum)
        for migration in migrations
        if _applied(migration, ledger) and not _as_applied(migration, ledger.rows[migration.version])
    ]
    if edits:
        raise MigrationError("\n".join(edits))


def _out_of_order(todo: Iterable[Migration], ledger: Ledger, allowed: bool) -> list[str]:
    late = [migration for migration in todo if _is_late(migration.version, ledger)]
    if late and not allowed:
        names = _listed([str(migration.path) for migration in late])
        raise MigrationError(
            f"{names} would be applied out of order, after version {ledger.latest}; "
            "give it a version above that, or allow it with --allow-out-of-order (allow_out_of_order=True)"
        )
    return [
        f"{migration.path} is out of order: version {ledger.latest} was applied before it, "
        "while a new database gets it first"
        for migration in late
    ]


def _is_late(version: int, ledger: Ledger) -> bool:
    return version not in ledger.rows and ledger.latest is not None and version < ledger.latest


def _stays(migration: Migration) -> str:
    return f"{migration.path} has no down file, so version {migration.version} stays applied"


def _status(version: int, migration: Migration | None, row: LedgerRow | None, ledger: Ledger) -> MigrationStatus:
    state, note = _state(migration, row, ledger)
    description = migration.description if migration else row.description if row else ""
    return MigrationStatus(
        version=version,
        description=description,
        state=state,
        kind=migration.kind if migration else None,
        path=migration.path if migration else None,
        out_of_order=_is_late(version, ledger),
        installed_on=row.installed_on if row else None,
        execution_time=row.execution_time if row and row.execution_time >= 0 else None,
        checksum=migration.checksum if migration else None,
        applied_checksum=row.checksum if row else None,
        note=note,
    )


def _state(migration: Migration | None, row: LedgerRow | None, ledger: Ledger) -> tuple[State, str | None]:
    if row is None:
        return State.PENDING, None
    if not row.success:
        began = ledger.under_way.get(row.version)
        return State.UNFINISHED, _foreign_failure(row) if began is None else _HALFWAY[began]
    if migration is None:
        return State.MISSING, "applied, and there is no file for it"
    if not _as_applied(migration, row):
        return State.CHANGED, describe_edit(migration.up, row.checksum)
    return State.INSTALLED, None


_HALFWAY = {
    Direction.UP: "stopped halfway while it was being applied; assay migrate run goes on with it",
    Direction.DOWN: "stopped halfway while it was being reverted; assay migrate revert goes on with it",
}


def _listed(names: Collection[str]) -> str:
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last
