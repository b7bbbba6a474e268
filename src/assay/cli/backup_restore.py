"""``assay backup restore`` and ``verify``: a backup brought back, for good or to see that it can be."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from assay.cli.backup_options import as_json, jobs_option, opened, rows, store_option, url_option
from assay.cli.output import format_option, write_json
from assay.cli.places import database
from assay.cli.progress import progress_bar

if TYPE_CHECKING:
    from assay.config import DatabaseUrl
    from assay.ops.backup.loading import Loading
    from assay.ops.backup.restore import Restored
    from assay.ops.backup.stores import Store
    from assay.ops.backup.verify import Verified


@click.command(short_help="Restore a backup into a new database.")
@click.argument("backup", default="latest")
@url_option
@store_option
@click.option(
    "--to", "name", metavar="NAME", help="Restore into a database of this name.  [default: the one of the URL]"
)
@click.option("--clean", is_flag=True, help="Replace the database, if there is one of that name.")
@jobs_option("Sessions that load at once.")
@click.option("--no-owner", is_flag=True, help="Everything is to belong to the role that restores.")
@click.option("--no-privileges", is_flag=True, help="Leave out GRANT and REVOKE.")
@format_option()
def restore(
    backup: str, database_url: str | None, store: str | None, name: str | None, clean: bool, jobs: int, no_owner: bool,
    no_privileges: bool, output_format: str,
) -> None:  # fmt: skip
    """Restore a backup, the latest unless its id is given, into a new database.

    The rows are loaded under another name and counted, and the checksums compared; only then the new database gets
    its own. A database that --clean replaces serves until then. What fails leaves everything as it was.
    """
    from assay.ops.backup.loading import Loading

    url = database(database_url)
    target = url.with_database(name) if name else url
    _, _, kept = opened(store)
    done = asyncio.run(_restore(kept, backup, url, target, clean, Loading(jobs, not no_owner, not no_privileges)))
    if output_format == "json":
        write_json({"backup": as_json(done.manifest), "place": done.place, "replaced": done.replaced})
        return
    instead = ", in the place of the one that was there" if done.replaced else ""
    print(f"Restored {done.manifest.id} to {done.place}{instead}: {rows(done.manifest.rows)}")


async def _restore(
    store: Store, backup: str, url: DatabaseUrl, target: DatabaseUrl, clean: bool, loading: Loading
) -> Restored:
    from assay.ops.backup.listing import find_backup
    from assay.ops.backup.restore import restore_backup

    manifest = await find_backup(store, backup, url.place)
    with progress_bar("Restoring") as told:
        return await restore_backup(store, manifest, target, clean=clean, loading=loading, told=told)


@click.command(short_help="Prove that a backup can be restored.")
@click.argument("backup", default="latest")
@url_option
@store_option
@click.option("--content", is_flag=True, help="Compare the rows themselves, not only how many they are.")
@jobs_option("Sessions that load at once.")
@format_option()
def verify(
    backup: str, database_url: str | None, store: str | None, content: bool, jobs: int, output_format: str
) -> None:
    """Prove that a backup, the latest unless its id is given, can be restored.

    Compares the checksums of its files, restores it into a scratch database on the server of the URL, compares that
    table by table with what was counted when it was made, and drops it. Exits with 1 when anything differs.
    """
    _, _, kept = opened(store)
    done = asyncio.run(_verify(kept, backup, database(database_url), content, jobs))
    if output_format == "json":
        write_json(_as_json(done))
    else:
        _show(done)
    sys.exit(1 if done.differences else 0)


async def _verify(store: Store, backup: str, server: DatabaseUrl, content: bool, jobs: int) -> Verified:
    from assay.ops.backup.listing import find_backup
    from assay.ops.backup.verify import verify_backup

    manifest = await find_backup(store, backup, server.place)
    with progress_bar("Verifying") as told:
        return await verify_backup(store, manifest, server, content=content, jobs=jobs, told=told)


def _show(done: Verified) -> None:
    for difference in done.differences:
        print(f"{done.manifest.id}: {difference.text}")
    for note in done.notes:
        print(note)
    count, files = len(done.manifest.tables), len(done.manifest.files)
    what = (
        f"{files} file{'' if files == 1 else 's'}, {count} table{'' if count == 1 else 's'}, {rows(done.manifest.rows)}"
    )
    how = ", contents compared" if done.hashed else ""
    word = "is good" if not done.differences else "differs"
    print(f"{done.manifest.id} {word}: {what}{how}, restored in {done.seconds:.1f} s")


def _as_json(done: Verified) -> dict[str, Any]:
    return {
        "backup": as_json(done.manifest),
        "good": not done.differences,
        "differences": [{"what": one.what, "text": one.text} for one in done.differences],
        "content": done.hashed,
        "notes": list(done.notes),
        "seconds": round(done.seconds, 3),
    }
