"""``assay migrate``: add, run, revert and list migrations."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from assay.cli.output import format_option, write_json
from assay.cli.places import database, from_here
from assay.config import load_settings

if TYPE_CHECKING:
    from assay.migrate import Event, MigrationStatus, Progress, Report, Step

_T = TypeVar("_T")

_source = click.option(
    "--source",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the migrations.  [default: that of the project, migrations unless set]",
)
_url = click.option(
    "--database-url",
    "-D",
    metavar="URL",
    help="The database.  [default: DATABASE_URL, or else the embedded server]",
)
_ignore_missing = click.option("--ignore-missing", is_flag=True, help="Accept applied migrations that have no file.")
_lock_timeout = click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another process that is migrating the same database.",
)


@click.group()
def command() -> None:
    """Add, run, revert and list migrations.

    Files, ledger table, checksums and lock are those of SQLx, so that either tool can work on a database.
    """


@command.command()
@click.argument("description", nargs=-1, required=True)
@click.option("--reversible/--simple", "-r", "reversible", default=None, help="Create a down file too, or none.")
@click.option(
    "--sequential/--timestamp", "-s/-t", "sequential", default=None, help="Count versions up, or use the time in UTC."
)
@_source
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
    paths = add_migration(_folder(source), " ".join(description), kind=kind, sequential=sequential)
    if output_format == "json":
        write_json({"created": [str(path) for path in paths]})
        return
    for path in paths:
        print(f"Created {path}")


@command.command()
@click.option("--dry-run", is_flag=True, help="Change nothing, and list what would be applied.")
@click.option("--target-version", type=int, metavar="VERSION", help="The last version to apply.")
@_ignore_missing
@click.option(
    "--allow-out-of-order/--refuse-out-of-order",
    default=True,
    show_default=True,
    help="Apply pending migrations below one that is applied, with a notice, or refuse to.",
)
@_lock_timeout
@_source
@_url
@format_option()
def run(source: Path | None, database_url: str | None, output_format: str, **options: Any) -> None:
    """Apply all pending migrations.

    Each file runs in a transaction with its row in the ledger; one that begins with -- no-transaction runs statement
    by statement, and goes on where it stopped.
    """
    from assay import migrate

    report = _drive(
        migrate.run(database(database_url), _folder(source), progress=_narrator(output_format, options), **options)
    )
    _conclude(report, output_format, "Nothing to apply: every migration is installed")


@command.command()
@click.option("--dry-run", is_flag=True, help="Change nothing, and list what would be reverted.")
@click.option("--target-version", type=int, metavar="VERSION", help="The version to go down to; 0 reverts everything.")
@_ignore_missing
@_lock_timeout
@_source
@_url
@format_option()
def revert(source: Path | None, database_url: str | None, output_format: str, **options: Any) -> None:
    """Revert the last migration that has a down file, or all above a version."""
    from assay import migrate

    report = _drive(
        migrate.revert(database(database_url), _folder(source), progress=_narrator(output_format, options), **options)
    )
    _conclude(report, output_format, "Nothing to revert: no applied migration has a down file")


@command.command()
@_source
@_url
@format_option()
def info(source: Path | None, database_url: str | None, output_format: str) -> None:
    """List every migration and where it stands."""
    from assay import migrate

    found = _drive(migrate.info(database(database_url), _folder(source)))
    if output_format == "json":
        write_json({"migrations": [_status_json(status) for status in found]})
        return
    for status in found:
        state = f"{status.state}, out of order" if status.out_of_order else status.state
        print(f"{status.version}/{state} {status.description}")
        if status.note is not None:
            print(f"  {status.note}")


def _folder(source: Path | None) -> Path:
    return source if source is not None else from_here(load_settings().migrations)


def _drive(work: Coroutine[Any, Any, _T]) -> _T:
    """Run to the end; SIGTERM stops it as Ctrl-C does, between two steps, so that it can roll back and let go."""

    async def stoppable() -> _T:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    before = signal.getsignal(signal.SIGTERM)
    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _narrator(output_format: str, options: dict[str, Any]) -> Progress:
    """What prints events as they happen: what is done to standard output, all else to standard error."""
    from assay.migrate import Moment

    def narrate(event: Event) -> None:
        if event.moment in (Moment.WAITING, Moment.NOTICE):
            print(event.text, file=sys.stderr)
        elif event.moment is Moment.FINISHED and event.step is not None and output_format == "text":
            print(_step_text(event.step, options["dry_run"]), flush=True)

    return narrate


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
