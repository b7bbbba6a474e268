"""PostgreSQL's client programs, such as pg_dump, run on a database."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from assay.config import EMBEDDED_SERVER, DatabaseUrl
from assay.errors import ServerError
from assay.server.binaries import client_folders, find_programs
from assay.server.starting import run

_VARIABLES = {
    "application_name": "PGAPPNAME",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
    "options": "PGOPTIONS",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "servicefile": "PGSERVICEFILE",
    "sslcert": "PGSSLCERT",
    "sslcrl": "PGSSLCRL",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""Options of a URL and the variables by which libpq knows them (manual, section 34.15)."""


def client_program(name: str, major: int) -> Path:
    """A client program fit for a server: of its own version, else of a newer one, which knows older servers.

    Args:
        name: such as ``pg_dump``.
        major: the server's major version.

    Raises ServerError, which says what to install, when there is none.
    """
    versions = [str(version) for version in range(major, max(major, int(EMBEDDED_SERVER)) + 1)]
    for version in versions:
        found = _installed(name, version)
        if found is not None:
            return found
    raise ServerError(
        f"There is no {name} for PostgreSQL {major} on this machine; install the client programs of that version "
        f"(postgresql-client-{major} on Debian)"
    )


def _installed(name: str, version: str) -> Path | None:
    try:
        return find_programs(version).path(name)
    except ServerError:
        alone = (folder / name for folder in client_folders(version))
        return next((path for path in alone if path.is_file()), None)


def connection_variables(url: DatabaseUrl) -> dict[str, str]:
    """What tells libpq where to connect, as variables, since lists of processes show arguments but not these."""
    parts = {
        "PGHOST": url.host,
        "PGPORT": str(url.port) if url.port is not None else None,
        "PGUSER": url.user,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGCLIENTENCODING": "UTF8",
    }
    options = {_VARIABLES[name]: value for name, value in url.options if name in _VARIABLES}
    return {name: value for name, value in (parts | options).items() if value}


def run_client(program: Path, url: DatabaseUrl, arguments: Sequence[str], *, timeout: float | None = None) -> str:
    """What a client program writes to its standard output. Points in time are written in UTC, wherever the server is.

    Args:
        program: from ``client_program``.
        url: the database it works on.
        arguments: without what says where to connect.
        timeout: seconds; None waits as long as it takes.

    Raises ServerError with the program's last words when it fails or takes too long.
    """
    try:
        env = connection_variables(url) | {"PGTZ": "UTC"}
        done = run([program, "--no-password", *arguments], env=env, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise ServerError(f"{program.name} on {url.place} was not done within {timeout:g} s") from None
    if done.returncode != 0:
        words = _last_words(program.name, done.stderr) or f"it ended with status {done.returncode}"
        raise ServerError(f"{program.name} failed on {url.place}: {words}")
    return done.stdout


def _last_words(name: str, complaint: str) -> str:
    """What a program says of its failure, without the query that it had sent, which may be long."""
    before_query = complaint.partition(f"{name}: detail: Query was: ")[0]
    lines = (before_query.strip() or complaint.strip()).splitlines()
    return "; ".join(line.removeprefix(f"{name}: ").removeprefix("error: ") for line in lines[-3:])
