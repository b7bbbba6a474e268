"""``assay schema diff``: how a live database differs from what the migrations build."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.output import format_option, write_json
from assay.cli.places import database, from_here
from assay.config import DatabaseUrl, Settings, load_settings
from assay.errors import UsageError
from assay.wording import counted

if TYPE_CHECKING:
    from assay.schema.compare import Difference
    from assay.schema.drift import Drift


@click.command()
@click.option("--database-url", "-D", metavar="URL", help="The live database.  [default: the project's]")
@click.option(
    "--write",
    "-w",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Write the SQL that gives the live database what the migrations build; - for standard output.",
)
@click.option(
    "--reverse", is_flag=True, help="With --write, write the migration that builds what the live database has instead."
)
@format_option()
def diff(database_url: str | None, write: Path | None, reverse: bool, output_format: str) -> None:
    """Tell how a live database differs from what the migrations build.

    Every object that only one of them has is named, and of every other one what is said of it differently. Exits
    with 1 when there is a difference. Nothing is changed: what has to be tried is tried on the embedded server.
    """
    if reverse and write is None:
        raise UsageError("--reverse says what --write is to write; give both")
    settings = load_settings()
    drift = asyncio.run(_find(settings, _live(database_url, settings), write is not None, reverse))
    for note in drift.notes:
        print(f"warning: {note}", file=sys.stderr)
    shown = write is not None and str(write) == "-"
    if output_format == "json":
        write_json(_as_json(drift))
    elif not shown:
        _show(drift)
    if write is not None and drift.migration:
        _write(write, drift, quiet=output_format == "json")
    sys.exit(1 if drift.differences else 0)


async def _find(settings: Settings, live: DatabaseUrl, write: bool, reverse: bool) -> Drift:
    from assay.schema.drift import find_drift

    otherwise = "to compare the database with; assay migrate baseline writes the first one from a database"
    return await find_drift(live, await built_schema(settings, otherwise), write=write, reverse=reverse)


async def built_schema(settings: Settings, otherwise: str) -> DatabaseUrl:
    """A database that the project's migrations built, on the embedded server.

    Args:
        settings: of the project.
        otherwise: how the sentence ends that refuses a project without migrations.

    Raises UsageError when there are none, and what ``assay.proof.basis.find_schema`` raises.
    """
    from assay.proof.basis import find_schema, read_migrations

    if not read_migrations(settings):
        raise UsageError(f"There are no migrations in {from_here(settings.migrations)} {otherwise}")
    return (await find_schema(settings)).url


def _live(url: str | None, settings: Settings) -> DatabaseUrl:
    """The live database; the project's one on the embedded server is not created, for an empty one tells nothing."""
    if url is not None or settings.database_url is not None:
        return database(url)
    from assay.server import Server

    home = Server.locate(settings.server).ensure_running(settings.server_idle_timeout)
    return home.with_database(settings.database)


# --- for people


def _show(drift: Drift) -> None:
    for difference in drift.differences:
        _show_one(difference)
    count = len(drift.differences)
    if not count:
        print("The database has what the migrations build")
    else:
        print(counted(count, "difference"))


def _show_one(difference: Difference) -> None:
    item = difference.object
    inside = f", with {difference.inside} more in it" if difference.inside else ""
    if difference.live is None:
        print(f"- {item.kind} {item.identity}: only the migrations build it{inside}")
    elif difference.built is None:
        print(f"+ {item.kind} {item.identity}: only the live database has it{inside}")
    else:
        print(f"~ {item.kind} {item.identity}")
        for change in difference.facets:
            print(f"    {change.name}")
            print(f"      live:       {_value(change.live)}")
            print(f"      migrations: {_value(change.built)}")


def _value(text: str | None) -> str:
    return "(none)" if text is None else text.replace("\n", "\n                  ")


def _write(path: Path, drift: Drift, *, quiet: bool) -> None:
    from assay.proof.wholefiles import replace_file

    for left in drift.unclosed:
        print(f"warning: the SQL does not close {left.object.kind} {left.object.identity}", file=sys.stderr)
    if str(path) == "-":
        if not quiet:
            sys.stdout.write(drift.migration)
        return
    try:
        replace_file(path, drift.migration.encode(), 0o644)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    if not quiet:
        print(f"{from_here(path)} written")


# --- for programs


def _as_json(drift: Drift) -> dict[str, Any]:
    return {
        "differences": [_one_as_json(one) for one in drift.differences],
        "notes": list(drift.notes),
        "sql": drift.migration or None,
        "not_closed": [_one_as_json(one) for one in drift.unclosed],
    }


def _one_as_json(difference: Difference) -> dict[str, Any]:
    item = difference.object
    where = "migrations" if difference.live is None else "live" if difference.built is None else "both"
    return {
        "kind": item.kind,
        "identity": item.identity,
        "in": where,
        "with": difference.inside,
        "facets": [{"name": one.name, "live": one.live, "migrations": one.built} for one in difference.facets],
    }
