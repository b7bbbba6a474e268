"""``assay backup``: backups made and listed."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from assay.cli.backup_options import as_json, jobs_option, opened, rows, size, store_option, url_option
from assay.cli.backup_pitr import pitr
from assay.cli.backup_prune import prune
from assay.cli.backup_restore import restore, verify
from assay.cli.output import format_option, write_json
from assay.cli.places import database
from assay.cli.progress import progress_bar

if TYPE_CHECKING:
    from assay.config import DatabaseUrl
    from assay.ops.backup.create import Wanted
    from assay.ops.backup.listing import Listed
    from assay.ops.backup.manifest import Manifest
    from assay.ops.backup.stores import Store


@click.group()
def command() -> None:
    """Make, check, restore and prune backups."""


command.add_command(pitr)
command.add_command(prune)
command.add_command(restore)
command.add_command(verify)


@command.command()
@url_option
@store_option
@click.option("--schema-only", "only", flag_value="schema", help="Leave out the rows.")
@click.option("--data-only", "only", flag_value="data", help="Leave out the schema.")
@click.option(
    "--format",
    "archive",
    type=click.Choice(["custom", "directory"]),
    default="custom",
    show_default=True,
    help="One file, or a folder that several jobs write.",
)
@jobs_option("Processes that write a directory.")
@click.option("--content", is_flag=True, help="Hash the rows of every table, for verify --content.")
@click.option("--compress", metavar="METHOD", help="As pg_dump takes it, such as 9, zstd:3, none.  [default: its own]")
@format_option()
def create(
    database_url: str | None, store: str | None, only: str | None, archive: str, jobs: int, content: bool,
    compress: str | None, output_format: str,
) -> None:  # fmt: skip
    """Back the database up to a store.

    pg_dump of the server's own version writes the archive; every table is counted in the same snapshot. The manifest is
    written last, so a run that was stopped leaves nothing that looks complete.
    """
    from assay.ops.backup.create import Wanted
    from assay.ops.backup.manifest import Archive, Contents

    wanted = Wanted(Contents(only or "all"), Archive(archive), jobs, content, compress)
    wanted.check()
    _, _, kept = opened(store)
    manifest = asyncio.run(_create(database(database_url), kept, wanted))
    skew = abs(manifest.server_clock - manifest.started)
    if skew > timedelta(minutes=1):
        print(
            f"warning: this machine's clock and the server's are {skew.total_seconds():.0f} s apart; backups are kept "
            "and removed by this machine's",
            file=sys.stderr,
        )
    if output_format == "json":
        write_json(as_json(manifest))
        return
    seconds = (manifest.finished - manifest.started).total_seconds()
    print(f"{manifest.id}  {size(manifest.size)}, {_held(manifest)}")
    print(f"Backed up {manifest.place} to {kept.place} in {seconds:.1f} s")


async def _create(url: DatabaseUrl, store: Store, wanted: Wanted) -> Manifest:
    from assay.ops.backup.create import create_backup

    with progress_bar("Backing up") as told:
        return await create_backup(url, store, wanted, told=told)


def _held(manifest: Manifest) -> str:
    if manifest.contents == "schema":
        return "the schema alone"
    count = len(manifest.tables)
    only = ", data alone" if manifest.contents == "data" else ""
    return f"{rows(manifest.rows)} in {count} table{'' if count == 1 else 's'}{only}"


@command.command(name="list")
@store_option
@format_option()
def list_(store: str | None, output_format: str) -> None:
    """List the backups of a store, the newest first.

    Shows complete ones, incomplete ones, which are under way or were stopped, and corrupt ones: a file is missing, is
    not of its size, or the manifest was changed. Exits with 1 when one is corrupt.
    """
    from assay.ops.backup.listing import list_backups
    from assay.ops.backup.retention import State

    _, _, kept = opened(store)
    listed = asyncio.run(list_backups(kept))
    if output_format == "json":
        write_json({"store": kept.place, "backups": [_listed_as_json(one) for one in listed]})
    else:
        for one in listed:
            _show(one)
        print(f"{len(listed)} backup{'' if len(listed) == 1 else 's'} in {kept.place}")
    sys.exit(1 if any(one.state is State.CORRUPT for one in listed) else 0)


def _show(one: Listed) -> None:
    held = f", {_held(one.manifest)}, PostgreSQL {one.manifest.server_version}" if one.manifest else ""
    print(f"{one.id}  {one.state:<10}  {size(one.size)}{held}")
    if one.why:
        print(f"    {one.why}")


def _listed_as_json(one: Listed) -> dict[str, Any]:
    about = as_json(one.manifest) if one.manifest is not None else {"id": one.id, "size": one.size}
    return {**about, "state": str(one.state), "why": one.why or None}
