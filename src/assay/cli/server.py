"""``assay server``: start, stop and look at the embedded server."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from assay.cli.output import format_option, write_json
from assay.config import DatabaseUrl, Settings, load_settings
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.server import Server, ServerStatus

_version = click.option(
    "--server",
    "version",
    metavar="VERSION",
    help="The major version of the server.  [default: that of the project, 18 unless set]",
)


@click.group()
def command() -> None:
    """Start, stop and look at the embedded server.

    Commands that need a server start it by themselves, and it stops when nobody has used it for a while. Its state
    lies in ASSAY_HOME, else in XDG_STATE_HOME/assay or ~/.local/state/assay.
    """


@command.command()
@click.option("--listen", metavar="ADDRESS", help="Listen on TCP too, on this address, with a password.")
@click.option("--port", type=click.IntRange(1, 65535), help="The TCP port.  [default: 54300 plus the version]")
@click.option(
    "--idle-timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Stop after so long without a connection; 0 means never.  [default: that of the project, 900 unless set]",
)
@_version
@format_option()
def start(
    listen: str | None, port: int | None, idle_timeout: float | None, version: str | None, output_format: str
) -> None:
    """Start the server, unless it runs already."""
    settings = load_settings()
    server = _server(settings, version)
    if port is not None and listen is None:
        raise UsageError("--port is for TCP; add --listen 127.0.0.1, or leave it out to use the socket alone")
    idle = settings.server_idle_timeout if idle_timeout is None else idle_timeout
    began = time.perf_counter()
    if listen is None:
        server.ensure_running(idle)
    else:
        server.listen(listen, port or 54300 + int(server.version), idle)
    took = time.perf_counter() - began
    status = server.status()
    if output_format == "json":
        write_json({**_facts(server, status), "seconds": round(took, 3)})
        return
    print(f"PostgreSQL {status.version} is ready ({took:.2f} s)")
    print(f"  {server.tcp_url() or status.url}")


@command.command()
@_version
@format_option()
def stop(version: str | None, output_format: str) -> None:
    """Stop the server, disconnecting its clients."""
    stopped = _server(load_settings(), version).stop()
    if output_format == "json":
        write_json({"stopped": stopped})
    else:
        print("Stopped." if stopped else "It was not running.")


@command.command(short_help="Tell whether the server runs, and where it keeps what.")
@_version
@format_option()
def status(version: str | None, output_format: str) -> None:
    """Tell whether the server runs, and where it keeps what; exits with 1 when it does not run."""
    server = _server(load_settings(), version)
    found = server.status()
    if output_format == "json":
        write_json(_facts(server, found))
    else:
        print(f"PostgreSQL {found.version} {f'runs as process {found.pid}' if found.running else 'does not run'}")
        for name, value in _lines(server, found):
            print(f"  {name:<5} {value}")
    if not found.running:
        sys.exit(1)


@command.command(short_help="Print the server's URL, starting it if need be.")
@_version
@format_option()
def url(version: str | None, output_format: str) -> None:
    """Print the server's URL, starting it if need be; with the password where it listens on TCP."""
    settings = load_settings()
    server = _server(settings, version)
    found = server.ensure_running(settings.server_idle_timeout)
    text = (server.tcp_url() or found).reveal()
    if output_format == "json":
        write_json({"url": text})
    else:
        print(text)


@command.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_version
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PSQL ARGUMENTS]...")
def shell(version: str | None, arguments: tuple[str, ...]) -> None:
    """Open psql on the project's database.

    What follows is passed on to psql: assay server shell -c "select 1".
    """
    from assay.server import for_settings

    settings = load_settings()
    if version is not None:
        settings = replace(settings, server=version, database_url=None)
    database = for_settings(settings)
    psql = _server(settings, version).binary("psql")
    environ = dict(os.environ)
    if database.password:
        environ["PGPASSWORD"] = database.password  # not on the command line, where everybody could read it
    os.execve(psql, ["psql", replace(database, password=None).reveal(), *arguments], environ)  # noqa: S606


def _server(settings: Settings, version: str | None) -> Server:
    from assay.server import Server

    return Server.locate(version or settings.server)


def _facts(server: Server, status: ServerStatus) -> dict[str, Any]:
    tcp = server.tcp_url()
    return {
        "running": status.running,
        "version": status.version,
        "pid": status.pid,
        "url": _text(status.url),
        "tcp": _text(tcp),
        "data": str(status.data),
        "bytes": status.size,
        "log": str(status.log),
    }


def _lines(server: Server, status: ServerStatus) -> list[tuple[str, str]]:
    urls = [("url", _text(status.url)), ("tcp", _text(server.tcp_url()))]
    where = [("data", f"{status.data} ({status.size / 1e6:.0f} MB)"), ("log", str(status.log))]
    return [(name, text) for name, text in urls if text is not None] + where


def _text(url: DatabaseUrl | None) -> str | None:
    return None if url is None else str(url)
