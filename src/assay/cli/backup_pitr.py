"""``assay backup pitr``: a server archived as it goes, and restored to any moment."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli import backup_pgbackrest
from assay.cli.backup_options import size, url_option
from assay.cli.backup_prune import decided, tell
from assay.cli.output import format_option, write_json
from assay.cli.places import database
from assay.config import load_settings
from assay.errors import Error, UsageError

if TYPE_CHECKING:
    from assay.config import DatabaseUrl
    from assay.ops.backup.pitr.archive import Status
    from assay.ops.backup.pitr.base import Base
    from assay.ops.backup.pitr.restore import Recovered

archive_option = click.option(
    "--archive",
    "-a",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the archive, on the server's machine.  [default: archive in [tool.assay.backup.pitr]]",
)
stanza_option = click.option(
    "--stanza", metavar="NAME", help="Leave the work to pgBackRest.  [default: stanza in [tool.assay.backup.pitr]]"
)


@click.group()
def pitr() -> None:
    """Archive a whole server as it goes, and restore it to a moment."""


@pitr.command()
@url_option
@archive_option
@stanza_option
@click.option("--replace", is_flag=True, help="Take the place of another archive_command.")
@click.option(
    "--every",
    type=click.IntRange(min=0),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Archive even a segment that is not full after so long; 0 for never.",
)
@format_option()
def init(
    database_url: str | None, archive: Path | None, stanza: str | None, replace: bool, every: int, output_format: str
) -> None:
    """Have the server archive its write-ahead log.

    Run it on the server's machine, as a superuser of the database. It sets archive_mode, archive_command and
    archive_timeout with ALTER SYSTEM. A server that does not archive yet must be restarted, and this says so; of one
    that does, a segment is archived as a proof.
    """
    from assay.ops.backup.pitr.archive import archive_command, set_up

    url = database(database_url)
    if name := _stanza(archive, stanza):
        backup_pgbackrest.init(url, name, replace, every, output_format)
        return
    folder = _folder(archive)
    done = asyncio.run(set_up(url, folder, archive_command(folder), replace=replace, every=every))
    if output_format == "json":
        write_json({
            "archive": str(folder), "archive_command": done.command, "restart": done.restart, "archived": done.archived,
        })  # fmt: skip
    elif done.restart:
        print(f"Set up to archive to {folder}. Restart the server, then make a base backup: assay backup pitr base")
    else:
        print(f"The server archives to {folder}; {done.archived} has arrived")


@pitr.command(short_help="Copy the whole server into the archive.")
@url_option
@archive_option
@stanza_option
@format_option()
def base(database_url: str | None, archive: Path | None, stanza: str | None, output_format: str) -> None:
    """Copy the whole server into the archive, with pg_basebackup, and check the copy with pg_verifybackup.

    A restore begins from such a copy; the newer it is, the less of the log has to be replayed.
    """
    from assay.ops.backup.pitr.base import make_base

    if name := _stanza(archive, stanza):
        backup_pgbackrest.base(database(database_url), name, output_format)
        return
    folder = _folder(archive)
    made = asyncio.run(make_base(database(database_url), folder))
    if output_format == "json":
        write_json(_as_json(made))
        return
    seconds = (made.finished - made.started).total_seconds()
    print(f"{made.id}  {size(made.size)}, PostgreSQL {made.server_version}, made and checked in {seconds:.1f} s")


@pitr.command(short_help="Show from when to when the server can be restored.")
@url_option
@archive_option
@stanza_option
@format_option()
def status(database_url: str | None, archive: Path | None, stanza: str | None, output_format: str) -> None:
    """Show from when to when the server can be restored, and what is in the way.

    Exits with 1 when the server does not archive, cannot, or a segment is missing.
    """
    from assay.ops.backup.pitr.archive import read_status

    if name := _stanza(archive, stanza):
        sys.exit(1 if backup_pgbackrest.status(name, output_format) else 0)
    folder = _folder(archive)
    found = asyncio.run(read_status(database(database_url), folder))
    problems = _problems(found)
    if output_format == "json":
        write_json({
            "archive": str(folder),
            "archiving": found.archiving,
            "problems": problems,
            "from": found.bases[-1].finished.isoformat() if found.bases else None,
            "to": found.last_time.isoformat() if found.last_time else None,
            "segments": found.segments,
            "missing": list(found.missing),
            "bases": [_as_json(one) for one in found.bases],
        })  # fmt: skip
    else:
        _show(found, problems)
    sys.exit(1 if problems else 0)


@pitr.command(short_help="Remove base backups that are too old or too many.")
@archive_option
@click.option("--days", type=click.IntRange(min=1), help="Remove base backups that are older.  [default: 30]")
@click.option("--count", type=click.IntRange(min=1), help="Keep so many base backups.  [default: all]")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@format_option()
def prune(archive: Path | None, days: int | None, count: int | None, dry_run: bool, output_format: str) -> None:
    """Remove base backups that are too old or too many, and the log that only they needed.

    The last base backup always stays. pgBackRest removes its own, as its configuration says.
    """
    from assay.ops.backup.pitr.prune import prune_archive
    from assay.ops.backup.retention import Policy
    from assay.ops.backup.settings import LOCAL_DAYS

    folder = _folder(archive)
    done = asyncio.run(prune_archive(folder, Policy(days or LOCAL_DAYS, count), dry_run=dry_run))
    if output_format == "json":
        write_json({
            "archive": str(folder), "dry_run": dry_run, "segments": done.segments, "bases": decided(done.decisions),
        })  # fmt: skip
        return
    tell(done.decisions, dry_run)
    print(f"{done.segments} segments of the log {'would be' if dry_run else 'were'} removed from {folder}")


@pitr.command()
@click.option(
    "--to", "moment", required=True, metavar="TIMESTAMP", help="The moment, such as 2026-11-20T14:30:00+01:00."
)
@click.option(
    "--into",
    required=True,
    type=click.Path(path_type=Path),
    help="The data directory to make, which must not be there yet.",
)
@click.option(
    "--database-url", "-D", metavar="URL", help="The server itself, if it runs: what it has is archived first."
)
@archive_option
@stanza_option
@format_option()
def restore(
    moment: str, into: Path, database_url: str | None, archive: Path | None, stanza: str | None, output_format: str
) -> None:
    """Make a data directory as the server's was at a moment.

    What was committed by then is in it, and what came later is not. It is made beside its place, a server without TCP
    replays the log in it, and it gets its name when that is done. The running server is left alone: stop it, and
    start one on the new directory.
    """
    at = _moment(moment)
    if name := _stanza(archive, stanza):
        backup_pgbackrest.restore(name, at, into, output_format)
        return
    folder = _folder(archive)
    url = database(database_url) if database_url else None
    done = asyncio.run(_restore(url, folder, at, into))
    if output_format == "json":
        write_json({
            "folder": str(done.folder), "base": done.base.id, "moment": done.moment.isoformat(),
            "last_commit": done.last_commit.isoformat() if done.last_commit else None,
        })  # fmt: skip
        return
    last = f"its last commit is of {done.last_commit}" if done.last_commit else "nothing was committed since"
    print(f"Restored {done.base.id} to {done.folder} as it was at {done.moment.isoformat(' ')}; {last}")
    print("Start a server on it; set up an archive of its own with assay backup pitr init.")


async def _restore(url: DatabaseUrl | None, folder: Path, moment: datetime, into: Path) -> Recovered:
    from assay.ops.backup.pitr.archive import flush
    from assay.ops.backup.pitr.restore import restore_to

    if url is not None:
        try:
            await flush(url)
        except Error as error:
            print(f"warning: what the server has not archived yet is not restored: {error}", file=sys.stderr)
    return await restore_to(folder, moment, into)


def _stanza(archive: Path | None, stanza: str | None) -> str | None:
    """The stanza, unless a folder is named."""
    from assay.ops.backup.settings import pitr_settings

    if archive is not None and stanza is not None:
        raise UsageError("--archive is a folder that Assay fills, --stanza is pgBackRest's; give one of them")
    return stanza if stanza is not None or archive is not None else pitr_settings(load_settings()).stanza


def _folder(archive: Path | None) -> Path:
    from assay.ops.backup.settings import pitr_settings

    folder = archive or pitr_settings(load_settings()).archive
    if folder is None:
        raise UsageError('Say where the archive is: --archive, or archive = "/srv/archive" in [tool.assay.backup.pitr]')
    return folder.absolute()


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a moment; give it as 2026-11-20T14:30:00+01:00") from None
    return moment.astimezone() if moment.tzinfo is None else moment


def _problems(found: Status) -> list[str]:
    problems = [found.problem] if found.problem else []
    if not found.bases:
        problems.append("There is no base backup; make one with assay backup pitr base")
    if found.missing:
        more = f" and {len(found.missing) - 1} more" if found.missing[1:] else ""
        problems.append(f"The archive lacks {found.missing[0]}{more}; make a base backup, so that it is not needed")
    return problems


def _show(found: Status, problems: list[str]) -> None:
    for one in found.bases:
        since = one.finished.isoformat(" ", "seconds")
        print(f"{one.id}  {size(one.size)}, PostgreSQL {one.server_version}, from {since}")
    last = found.last_time.isoformat(" ", "seconds") if found.last_time else "never"
    print(f"{found.segments} segments, the last archived {last}")
    for problem in problems:
        print(problem)


def _as_json(base: Base) -> dict[str, Any]:
    return {
        "id": base.id,
        "started": base.started.isoformat(),
        "finished": base.finished.isoformat(),
        "server_version": base.server_version,
        "size": base.size,
    }
