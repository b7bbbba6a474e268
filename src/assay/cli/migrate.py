"""``assay migrate``: migrations added, run, reverted and listed."""

from __future__ import annotations

import sys
from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.migrate_books import repair, skip
from assay.cli.migrate_lint import lint
from assay.cli.migrate_options import (
    drive,
    folder,
    ignore_missing_option,
    lock_timeout_option,
    source_option,
    url_option,
)
from assay.cli.migrate_plan import plan
from assay.cli.migrate_progress import Narrator, duration
from assay.cli.migrate_rewrite import baseline, squash
from assay.cli.output import format_option, write_json
from assay.cli.places import database

if TYPE_CHECKING:
    from assay.migrate import MigrationStatus, Report, Step


@click.group()
def command() -> None:
    """Add, run, revert, list and settle migrations.

    Files, ledger table, checksums and lock are those of SQLx, so that either tool can work on a database.
    """


@command.command()
@click.argument("description", nargs=-1, required=True)
@click.option("--reversible/--simple", "-r", "reversible", default=None, help="Create a down file too, or none.")
@click.option(
    "--sequential/--timestamp", "-s/-t", "sequential", default=None, help="Count versions up, or use the time in UTC."
)
@source_option
@format_option()
def add(
    description: tuple[str, ...],
    reversible: bool | None,
    sequential: bool | None,
    source: Path | None,
    output_format: str,
) -> None:
    """Create a new, empty migration.

    What is not said is done as in the migrations that are there: a down file if the last one has one; a number if the
    last two follow each other, and a timestamp otherwise.
    """
    from assay.migrate.adding import add as add_migration
    from assay.migrate.model import Kind

    kind = None if reversible is None else Kind.REVERSIBLE if reversible else Kind.SIMPLE
    paths = add_migration(folder(source), " ".join(description), kind=kind, sequential=sequential)
    if output_format == "json":
        write_json({"created": [str(path) for path in paths]})
        return
    for path in paths:
        print(f"Created {path}")


@command.command()
@click.option("--dry-run", is_flag=True, help="Change nothing, and list what would be applied.")
@click.option("--target-version", type=int, metavar="VERSION", help="The last version to apply.")
@ignore_missing_option
@click.option(
    "--allow-out-of-order/--refuse-out-of-order",
    default=True,
    show_default=True,
    help="Apply pending migrations below one that is applied, with a notice, or refuse to.",
)
@lock_timeout_option
@source_option
@url_option
@format_option()
def run(source: Path | None, database_url: str | None, output_format: str, **options: Any) -> None:
    """Apply all pending migrations.

    Each file runs in a transaction with its row in the ledger; one that begins with -- no-transaction runs statement
    by statement, and goes on where it stopped.
    """
    from assay import migrate

    with _narrator(output_format, "Applying", options) as progress:
        report = drive(migrate.run(database(database_url), folder(source), progress=progress, **options))
    _conclude(report, output_format, "Nothing to apply: every migration is installed")


@command.command(short_help="Revert the last migration, or all above a version.")
@click.option("--dry-run", is_flag=True, help="Change nothing, and list what would be reverted.")
@click.option("--target-version", type=int, metavar="VERSION", help="The version to go down to; 0 reverts everything.")
@ignore_missing_option
@lock_timeout_option
@source_option
@url_option
@format_option()
def revert(source: Path | None, database_url: str | None, output_format: str, **options: Any) -> None:
    """Revert the last migration that has a down file, or all above a version."""
    from assay import migrate

    with _narrator(output_format, "Reverting", options) as progress:
        report = drive(migrate.revert(database(database_url), folder(source), progress=progress, **options))
    _conclude(report, output_format, "Nothing to revert: no applied migration has a down file")


_exit_code = click.option(
    "--exit-code", is_flag=True, help="Exit with 1 when anything is pending, changed, missing or unfinished."
)


@command.command()
@_exit_code
@source_option
@url_option
@format_option()
def info(exit_code: bool, source: Path | None, database_url: str | None, output_format: str) -> None:
    """List every migration and where it stands."""
    from assay import migrate

    found = drive(migrate.info(database(database_url), folder(source)))
    if output_format == "json":
        write_json({"migrations": [_status_json(status) for status in found]})
    else:
        for status in found:
            print(_status_text(status))
    if exit_code and any(status.state is not migrate.State.INSTALLED for status in found):
        sys.exit(1)


def _status_text(status: MigrationStatus) -> str:
    state = f"{status.state}, out of order" if status.out_of_order else status.state
    note = f"\n  {status.note}" if status.note is not None else ""
    return f"{status.version}/{state} {status.description}{note}"


def _under_another_name(known: click.Command, name: str) -> click.Command:
    other = copy(known)
    other.name, other.short_help = name, f"The same as {known.name}."
    return other


override = click.Group(
    "override",
    {"skip": skip},
    help="What sqlx-cli has under this name: skip, which is also assay migrate skip.",
    hidden=True,
)

command.add_command(baseline)
command.add_command(_under_another_name(info, "status"), "status")
command.add_command(lint)
command.add_command(override)
command.add_command(plan)
command.add_command(repair)
command.add_command(skip)
command.add_command(squash)


def _narrator(output_format: str, verb: str, options: dict[str, Any]) -> Narrator:
    done = partial(_step_text, dry_run=options["dry_run"]) if output_format == "text" else None
    return Narrator(done, verb)


def _step_text(step: Step, dry_run: bool) -> str:
    from assay.migrate import Direction

    verb, done = ("apply", "Applied") if step.direction is Direction.UP else ("revert", "Reverted")
    name = f"{step.version}/{step.direction.label} {step.description}"
    if dry_run:
        return f"Can {verb} {name}"
    resumed = f", from statement {step.resumed_at} on" if step.resumed_at else ""
    return f"{done} {name} ({_duration(step.execution_time)}{resumed})"


def _duration(nanoseconds: int) -> str:
    milliseconds = nanoseconds / 1e6
    if milliseconds >= 60_000:
        return duration(milliseconds / 1000)
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def _conclude(report: Report, output_format: str, nothing: str) -> None:
    if output_format == "json":
        write_json(_report_json(report))
        return
    if report.skipped:
        print(f"Left out by the target version: {', '.join(map(str, report.skipped))}")
    elif not report.steps:
        print(nothing)


def _report_json(report: Report) -> dict[str, Any]:
    return {
        "dry_run": report.dry_run,
        "steps": [
            {
                "version": step.version,
                "description": step.description,
                "direction": str(step.direction),
                "path": str(step.path),
                "milliseconds": step.execution_time / 1e6,
                "resumed_at": step.resumed_at,
            }
            for step in report.steps
        ],
        "skipped": list(report.skipped),
        "notices": list(report.notices),
    }


def _status_json(status: MigrationStatus) -> dict[str, Any]:
    return {
        "version": status.version,
        "description": status.description,
        "state": str(status.state),
        "kind": None if status.kind is None else str(status.kind),
        "path": None if status.path is None else str(status.path),
        "out_of_order": status.out_of_order,
        "installed_on": None if status.installed_on is None else status.installed_on.isoformat(),
        "milliseconds": None if status.execution_time is None else status.execution_time / 1e6,
        "checksum": None if status.checksum is None else status.checksum.hex(),
        "applied_checksum": None if status.applied_checksum is None else status.applied_checksum.hex(),
        "note": status.note,
    }
