"""``assay db``: create, drop and reset the project's database."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from assay.cli.connecting import connecting_options, no_dotenv_option, reachable
from assay.cli.output import format_option, write_json
from assay.config import DatabaseUrl, load_settings
from assay.errors import UsageError

_DATABASE_HELP = "The database.  [default: DATABASE_URL, or else the project's on the embedded server]"
_url = connecting_options(_DATABASE_HELP)
_source = click.option(
    "--source",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the migrations.  [default: that of the project, migrations unless set]",
)
_yes = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
_force = click.option("--force", "-f", is_flag=True, help="Disconnect other clients first.")


@click.group()
def command() -> None:
    """Create, drop and reset the project's database."""


@command.command()
@_url
@format_option()
def create(database_url: str | None, output_format: str) -> None:
    """Create the database, unless it is there."""
    url = reachable(_target(database_url))
    created = _create(url)
    if output_format == "json":
        write_json({"database": url.database, "created": created})
    else:
        print(f"Created {url.place}" if created else f"There is {url.place} already")


@command.command()
@_yes
@_force
@_url
@format_option()
def drop(yes: bool, force: bool, database_url: str | None, output_format: str) -> None:
    """Drop the database with all that is in it, if it is there."""
    url = reachable(_target(database_url))
    dropped = _agreed(url, yes) and _drop(url, force)
    if output_format == "json":
        write_json({"database": url.database, "dropped": dropped})
    else:
        print(f"Dropped {url.place}" if dropped else f"Nothing was dropped: {url.place}")


@command.command()
@_yes
@_force
@_source
@_url
@format_option()
@click.pass_context
def reset(
    ctx: click.Context, yes: bool, force: bool, source: Path | None, database_url: str | None, output_format: str
) -> None:
    """Drop the database, create it anew, and apply all migrations.

    With --output-format json, the answer is that of migrate run.
    """
    url = reachable(_target(database_url))
    if not _agreed(url, yes):
        print("Nothing was dropped.", file=sys.stderr)
        return
    _drop(url, force)
    _set_up(ctx, url, source, output_format)


@command.command(short_help="Create the database, and apply pending migrations.")
@_source
@_url
@format_option()
@click.pass_context
def setup(ctx: click.Context, source: Path | None, database_url: str | None, output_format: str) -> None:
    """Create the database unless it is there, and apply what migrations are pending.

    With --output-format json, the answer is that of migrate run.
    """
    _set_up(ctx, reachable(_target(database_url)), source, output_format)


@command.command()
@click.option("--reveal", is_flag=True, help="Show the password.")
@click.option("--database-url", "-D", metavar="URL", help=_DATABASE_HELP)
@no_dotenv_option
@format_option()
def url(reveal: bool, database_url: str | None, output_format: str) -> None:
    """Print the URL of the project's database, without its password."""
    found = _target(database_url)
    text = found.reveal() if reveal else str(found)
    if output_format == "json":
        write_json({"url": text})
    else:
        print(text)


def _target(given: str | None) -> DatabaseUrl:
    """The database that is meant, which need not exist; the embedded server is started where it lies on it."""
    if given is not None:
        return _named(DatabaseUrl.parse(given))
    settings = load_settings()
    if settings.database_url is not None:
        return _named(settings.database_url)
    from assay.server import Server

    server = Server.locate(settings.server).ensure_running(settings.server_idle_timeout)
    return server.with_database(settings.database)


def _named(url: DatabaseUrl) -> DatabaseUrl:
    if not url.database:
        raise UsageError("The database URL names no database; give it as postgresql://user@host:port/database")
    return url


def _agreed(url: DatabaseUrl, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"Dropping {url.place} needs a yes, and there is no terminal to ask on; add --yes")
    return click.confirm(f"Drop {url.place} with all that is in it?", err=True)


def _create(url: DatabaseUrl) -> bool:
    from assay.server import create_database

    return asyncio.run(create_database(url))


def _drop(url: DatabaseUrl, force: bool) -> bool:
    from assay.server import drop_database

    return asyncio.run(drop_database(url, force=force))


def _set_up(ctx: click.Context, url: DatabaseUrl, source: Path | None, output_format: str) -> None:
    from assay.cli.migrate import run

    if _create(url) and output_format == "text":
        print(f"Created {url.place}")
    ctx.invoke(run, source=source, database_url=url.reveal(), output_format=output_format)
