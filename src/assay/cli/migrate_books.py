"""``assay migrate skip`` and ``repair``: the ledger put right without running a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.migrate_options import (
    drive,
    folder,
    ignore_missing_option,
    lock_timeout_option,
    source_option,
    tell_waiting,
    url_option,
)
from assay.cli.output import format_option, write_json
from assay.cli.places import database
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.migrate import Books, Entry


@click.command(short_help="Record migrations as applied without running them.")
@click.argument("versions", nargs=-1, type=int, metavar="[VERSION]...")
@click.option("--target-version", type=int, metavar="VERSION", help="The last version to record.")
@click.option("--dry-run", is_flag=True, help="Change nothing, and list what would be recorded.")
@ignore_missing_option
@lock_timeout_option
@source_option
@url_option
@format_option()
def skip(
    versions: tuple[int, ...], source: Path | None, database_url: str | None, output_format: str, **options: Any
) -> None:
    """Record migrations as applied without running them: those named, or all that are pending.

    For a database that has what they build already.
    """
    from assay import migrate

    if versions and options["target_version"] is not None:
        raise UsageError("Name versions, or a --target-version, not both")
    books = drive(
        migrate.skip(database(database_url), folder(source), versions, progress=tell_waiting, **options),
    )
    _show(books, output_format, "Nothing to skip: every migration is recorded")


@click.command(short_help="Correct the record of applied migrations.")
@click.option("--accept-edits", is_flag=True, help="Take over files that were edited after they were applied.")
@click.option("--forget-missing", is_flag=True, help="Delete the rows of migrations that have no file.")
@click.option("--dry-run", is_flag=True, help="Change nothing, and list what would be done.")
@lock_timeout_option
@source_option
@url_option
@format_option()
def repair(source: Path | None, database_url: str | None, output_format: str, **options: Any) -> None:
    """Correct the record of applied migrations where it does not fit the files.

    Differences in line endings or a byte order mark alone are taken over. What else differs is listed, and left as it
    is unless an option asks for it. No migration is run. Exits with 1 when something is left.
    """
    from assay import migrate

    books = drive(migrate.repair(database(database_url), folder(source), progress=tell_waiting, **options))
    _show(books, output_format, "Nothing to repair" if not books.left else None)
    if books.left:
        sys.exit(1)


def _show(books: Books, output_format: str, nothing: str | None) -> None:
    if output_format == "json":
        write_json({
            "dry_run": books.dry_run,
            "entries": [
                {"version": entry.version, "description": entry.description, "change": str(entry.change)}
                for entry in books.entries
            ],
            "left": list(books.left),
        })  # fmt: skip
        return
    for entry in books.entries:
        print(_told(entry, books.dry_run))
    if not books.entries and nothing is not None:
        print(nothing)
    for sentence in books.left:
        print(sentence)


def _told(entry: Entry, dry_run: bool) -> str:
    from assay.migrate import Change

    done, would = {
        Change.RECORD: ("Recorded {} as applied", "Would record {} as applied"),
        Change.CORRECT: ("Took over the checksum of {}", "Would take over the checksum of {}"),
        Change.FORGET: ("Forgot {}", "Would forget {}"),
    }[entry.change]
    return (would if dry_run else done).format(f"{entry.version} {entry.description}")
