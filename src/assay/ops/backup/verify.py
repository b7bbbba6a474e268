"""A backup proven: its checksums, then a restore into a scratch database that is compared with the manifest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import perf_counter

from assay.config import DatabaseUrl
from assay.errors import DatabaseError, UsageError
from assay.ops.backup.compare import Difference, compare_schemas, compare_tables
from assay.ops.backup.create import Told, archive_name
from assay.ops.backup.databases import being_filled, server_major
from assay.ops.backup.fetching import fetched, find_damage
from assay.ops.backup.loading import Loading, check_version, load
from assay.ops.backup.manifest import Contents, Manifest, Properties
from assay.ops.backup.stores import Store


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of it."""

    manifest: Manifest
    differences: tuple[Difference, ...]
    seconds: float
    hashed: bool
    """Whether contents were compared, not only the number of rows."""
    notes: tuple[str, ...] = ()
    """What was not compared, in sentences."""


async def verify_backup(
    store: Store,
    manifest: Manifest,
    server: DatabaseUrl,
    *,
    content: bool = False,
    jobs: int = 1,
    told: Told | None = None,
) -> Verified:
    """Restore a backup into a scratch database, compare it with the manifest table by table, and drop it again.

    Owners and privileges are left out, so that the roles need not be there.

    Args:
        store: where the backup is.
        manifest: of the backup.
        server: any database of the server for the scratch database; for a backup of data alone, one that has
            the tables.
        content: compare hashes of the rows; the backup must have been made with them.
        jobs: sessions that load at once.
        told: told the progress, in tables.

    Raises BackupError when the store cannot be read or pg_restore fails.
    """
    if content and not manifest.hashed and manifest.tables:
        raise UsageError(
            f"The backup {manifest.id} has no hashes of its contents to compare; "
            "make one with assay backup create --content"
        )
    started = perf_counter()
    major = await server_major(server)
    check_version(manifest, server, major)
    schema_of = server if manifest.contents is Contents.DATA else None
    loading = Loading(jobs=jobs, owners=False, privileges=False)
    async with fetched(store, manifest) as folder:
        damaged = await find_damage(manifest, folder)
        if damaged:
            return Verified(manifest, damaged, perf_counter() - started, content)
        async with _scratch(server, manifest) as (scratch, sorting):
            archive = folder / archive_name(manifest.archive)
            await load(manifest, archive, scratch, loading, major=major, schema_of=schema_of, told=told)
            differences = list(await compare_tables(manifest, scratch, content=content))
            unlike = _not_compared(manifest, major)
            if not unlike:
                differences += await compare_schemas(manifest, scratch)
    return Verified(manifest, tuple(differences), perf_counter() - started, content, (*sorting, *unlike))


@asynccontextmanager
async def _scratch(server: DatabaseUrl, manifest: Manifest) -> AsyncIterator[tuple[DatabaseUrl, tuple[str, ...]]]:
    """A scratch database that sorts as the one that was backed up, or else, with a note, in another way."""
    async with AsyncExitStack() as stack:
        notes: tuple[str, ...] = ()
        try:
            scratch = await stack.enter_async_context(being_filled(server, manifest.properties))
        except DatabaseError as error:
            if "locale" not in error.message:
                raise
            plain = Properties(manifest.properties.encoding, "C", "C")
            scratch = await stack.enter_async_context(being_filled(server, plain))
            notes = (
                f"The scratch database sorts by C, for its server does not know the backup's own: {error.message}",
            )
        yield scratch, notes


def _not_compared(manifest: Manifest, major: int) -> tuple[str, ...]:
    """Why the schema is not compared; nothing when it is."""
    if manifest.contents is Contents.DATA:
        return ("A backup of data alone has no schema to compare",)
    if major != manifest.server_major:
        return (f"The schema was not compared, for PostgreSQL {major} describes it in other words",)
    return ()
