"""``assay migrate squash`` and ``baseline``: migrations made from a schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.migrate_options import drive, folder, source_option, url_option
from assay.cli.output import format_option, write_json
from assay.cli.places import database, from_here
from assay.config import DatabaseUrl, load_settings
from assay.errors import MigrationError
from assay.wording import counted

if TYPE_CHECKING:
    from assay.migrate import Migration
    from assay.schema.squash import Squashed

_server = click.option(
    "--server",
    metavar="URL",
    help="A server for scratch databases.  [default: the embedded server]",
)


@click.command()
@click.option("--through", type=int, metavar="VERSION", help="The last migration to squash.  [default: all]")
@click.option("--with-data", is_flag=True, help="Write the rows that the migrations insert, as INSERT statements.")
@click.option("--dry-run", is_flag=True, help="Write the new file to standard output, and change nothing.")
@_server
@source_option
@format_option()
def squash(
    through: int | None, with_data: bool, dry_run: bool, server: str | None, source: Path | None, output_format: str
) -> None:
    """Make one migration of many, which builds the same schema.

    It is tried on a scratch database before any file is touched. Databases that have had all the migrations that it
    stands for are up to date; assay migrate repair rewrites their ledgers for SQLx.
    """
    from assay.schema.squash import squash as squash_migrations

    place = folder(source)
    chosen = _chosen(place, through)
    made = drive(squash_migrations(_scratch_server(server), chosen, with_data=with_data))
    if not dry_run:
        _replace_files(place, made)
    if output_format == "json":
        write_json({
            "file": str(place / made.name),
            "stands_for": [migration.version for migration in made.migrations],
            "statements": made.statements,
            "sql": made.sql,
            "dry_run": dry_run,
        })  # fmt: skip
    elif dry_run:
        print(made.sql, end="")
    else:
        statements = counted(made.statements, "statement")
        print(f"{place / made.name} stands for {len(made.migrations)} migrations, {statements}")


@click.command()
@click.option("--target-version", type=int, metavar="VERSION", help="The last migration that the database has.")
@_server
@source_option
@url_option
@format_option()
def baseline(
    target_version: int | None, server: str | None, source: Path | None, database_url: str | None, output_format: str
) -> None:
    """Take over a database that has its schema already.

    Where there are migrations, they are recorded as applied if they build what the database has, and the difference
    is shown if not. Where there are none, the first one is written from the database.
    """
    from assay.schema.baseline import baseline as take_over

    url = database(database_url)
    done = drive(take_over(url, folder(source), _scratch_server(server), target_version=target_version))
    if output_format == "json":
        write_json({
            "written": None if done.written is None else str(done.written),
            "recorded": list(done.recorded),
        })  # fmt: skip
        return
    if done.written is not None:
        print(f"Created {from_here(done.written)}")
    for version in done.recorded:
        print(f"Recorded {version} as applied")
    if not done.recorded:
        print("Nothing to record: every migration is recorded")


def _scratch_server(given: str | None) -> DatabaseUrl:
    if given is not None:
        return DatabaseUrl.parse(given)
    from assay.server import Server

    settings = load_settings()
    return Server.locate(settings.server).ensure_running(settings.server_idle_timeout)


def _chosen(place: Path, through: int | None) -> tuple[Migration, ...]:
    from assay.migrate import load
    from assay.migrate.plan import check_target_exists

    migrations = load(place)
    check_target_exists(migrations, through)
    return tuple(each for each in migrations if through is None or each.version <= through)


def _replace_files(place: Path, made: Squashed) -> None:
    from assay.proof.wholefiles import replace_file

    new = place / made.name
    old = [
        script.path for migration in made.migrations for script in (migration.up, migration.down) if script is not None
    ]
    try:
        replace_file(new, made.sql.encode(), 0o644)
        for path in old:
            if path.name != new.name:
                path.unlink()
    except OSError as error:
        raise MigrationError(f"{error.filename} cannot be replaced: {error.strerror}") from None
