"""``assay migrate plan``: what would run, and what it would lock."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from assay.cli.migrate_options import drive, folder, source_option, url_option
from assay.cli.output import format_option, write_json
from assay.cli.places import database
from assay.config import DatabaseUrl, load_settings

server_option = click.option(
    "--server",
    metavar="URL",
    help="A server for scratch databases.  [default: the embedded server]",
)
assume_rows_option = click.option(
    "--assume-rows",
    type=click.IntRange(min=0),
    metavar="N",
    help="How many rows the tables have that no statistics tell of.",
)


@click.command(short_help="List what would run, statement by statement.")
@click.option(
    "--since",
    type=int,
    metavar="VERSION",
    help="Take the migrations above this version for pending, whatever the database has had; ask no database.",
)
@assume_rows_option
@server_option
@source_option
@url_option
@format_option()
def plan(
    since: int | None,
    assume_rows: int | None,
    server: str | None,
    source: Path | None,
    database_url: str | None,
    output_format: str,
) -> None:
    """List what would run, statement by statement, with the locks it takes.

    The pending migrations are run on a scratch database that has had the others, and each statement is watched: which
    tables it locks and against what, which it rewrites or reads from end to end, which indexes it builds. Of the
    database itself only its ledger and the sizes of its tables are read.
    """
    from assay.migrate import load
    from assay.schema.lint.pending import chosen_by_ledger, chosen_since
    from assay.schema.lint.plan import LockPlan, plan_locks, to_text

    migrations = load(folder(source))
    live = database(database_url) if since is None or database_url is not None else None

    async def work() -> LockPlan:
        if live is not None and since is None:
            chosen = await chosen_by_ledger(live, migrations)
        else:
            chosen = chosen_since(migrations, since)
        return await plan_locks(scratch_server(server), chosen, live, assume_rows)

    found = drive(work())
    if output_format == "json":
        write_json(found.to_json())
        return
    for notice in found.notices:
        print(notice, file=sys.stderr)
    for line in to_text(found):
        print(line)


def scratch_server(given: str | None) -> DatabaseUrl:
    """The server of ``--server``, or else the embedded one, started if need be."""
    if given is not None:
        return DatabaseUrl.parse(given)
    from assay.server import Server

    settings = load_settings()
    return Server.locate(settings.server).ensure_running(settings.server_idle_timeout)
