"""A backup restored: loaded under another name, counted, and only then given its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from assay.config import DatabaseUrl
from assay.errors import BackupError, UsageError
from assay.ops.backup.compare import Difference, compare_loaded
from assay.ops.backup.create import Told, archive_name
from assay.ops.backup.databases import being_filled, exists, put_in_place, server_major
from assay.ops.backup.fetching import fetched, find_damage
from assay.ops.backup.loading import Loading, check_version, load, load_settings_of_database
from assay.ops.backup.manifest import Contents, Manifest
from assay.ops.backup.stores import Store
from assay.ops.backup.together import together
from assay.sql.quoting import quote_identifier


@dataclass(frozen=True, slots=True)
class Restored:
    """A database that a backup was restored into."""

    manifest: Manifest
    place: str
    replaced: bool
    """Whether a database of that name went."""


async def restore_backup(
    store: Store,
    manifest: Manifest,
    target: DatabaseUrl,
    *,
    clean: bool = False,
    loading: Loading | None = None,
    told: Told | None = None,
) -> Restored:
    """Restore a backup into a new database.

    It is loaded into a database whose name says that it is not finished, which is renamed when all its tables have the
    rows that were counted. Until then a database that is to be replaced stays as it is, and serves.

    Args:
        store: where the backup is.
        manifest: of the backup.
        target: the database; it must not be there, unless it is to be replaced.
        clean: replace the database.
        loading: how.
        told: told the progress, in tables.

    Raises BackupError when the backup is damaged, the database is there, or pg_restore fails; nothing is left then.
    """
    loading = loading or Loading()
    if not target.database:
        raise UsageError("The URL names no database to restore into")
    quote_identifier(target.database)  # before anything is done, for a name that no database can have
    there = await exists(target)
    if there and not clean:
        raise BackupError(f"{target.place} is there; restore into another one, or with --clean, which replaces it")
    if manifest.contents is Contents.DATA and not there:
        raise BackupError(
            f"The backup {manifest.id} has data alone, and {target.place} is not there to take the tables from; "
            "build it with the migrations first, then restore with --clean"
        )
    async with fetched(store, manifest) as folder, together() as group:
        checking = group.create_task(_check(manifest, folder))
        await _fill(_Filling(manifest, folder, target, loading, told), checking, replace=clean)
    return Restored(manifest, target.place, there)


async def _check(manifest: Manifest, folder: Path) -> None:
    for damage in await find_damage(manifest, folder):
        raise BackupError(f"The backup {manifest.id} is damaged: {damage.text}; use another one")


@dataclass(frozen=True, slots=True)
class _Filling:
    manifest: Manifest
    folder: Path
    """Of the backup, on this machine."""
    target: DatabaseUrl
    loading: Loading
    told: Told | None

    @property
    def archive(self) -> Path:
        return self.folder / archive_name(self.manifest.archive)


async def _fill(filling: _Filling, checking: asyncio.Task[None], *, replace: bool) -> None:
    """Load while the checksums are compared; nothing gets the database's name before both are done."""
    major = await server_major(filling.target)
    check_version(filling.manifest, filling.target, major)
    async with being_filled(filling.target, filling.manifest.properties) as filled:
        try:
            await _load(filling, filled, major)
        except BackupError:
            await checking  # an archive that is damaged explains it
            raise
        await checking
        await put_in_place(filled, filling.target.database or "", replace=replace)


async def _load(filling: _Filling, filled: DatabaseUrl, major: int) -> None:
    manifest, loading = filling.manifest, filling.loading
    schema_of = filling.target if manifest.contents is Contents.DATA else None
    await load(manifest, filling.archive, filled, loading, major=major, schema_of=schema_of, told=filling.told)
    differences = await compare_loaded(manifest, filled)
    if differences:
        raise BackupError(_surprise(manifest, differences))
    if manifest.contents is not Contents.DATA:
        await load_settings_of_database(filling.archive, filled, loading, major=max(major, manifest.program_major))


def _surprise(manifest: Manifest, differences: tuple[Difference, ...]) -> str:
    more = f", and {len(differences) - 1} more" if differences[1:] else ""
    return (
        f"The backup {manifest.id} was loaded, but {differences[0].text}{more}; nothing was restored. "
        "A trigger or rule that acts on restored rows does that"
    )
