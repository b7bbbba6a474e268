"""Single statements sent to the embedded server through psql, where there is no event loop."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from assay.errors import ServerError
from assay.server.binaries import Programs
from assay.server.postmaster import Postmaster
from assay.server.starting import run


def ask(
    programs: Programs,
    server: Postmaster,
    sql: str,
    variables: Mapping[str, str] | None = None,
    *,
    timeout: float = 60.0,
) -> list[list[str]]:
    """The rows of a statement in the maintenance database, as text.

    Args:
        programs: where psql is.
        server: the server to ask, over its socket.
        sql: read from standard input, so that no list of processes shows it.
        variables: psql's own, for ``:'name'`` and ``:"name"`` in the SQL.
        timeout: seconds until the answer must be there.

    Raises ServerError with psql's words when the statement fails, and when no answer comes.
    """
    command: list[str | Path] = [programs.path("psql"), "-XAtqw", "-F", "\t", "-v", "ON_ERROR_STOP=1"]
    command += ["-h", server.folder, "-p", str(server.port), "-U", "postgres", "-d", "postgres"]
    for name, value in (variables or {}).items():
        command += ["-v", f"{name}={value}"]
    try:
        done = run(command, text=sql, env={"PGCLIENTENCODING": "UTF8", "PGCONNECT_TIMEOUT": "10"}, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise ServerError(f"The embedded server did not answer within {timeout:g} seconds") from None
    if done.returncode != 0:
        raise ServerError(f"The embedded server refused: {done.stderr.strip()}")
    return [line.split("\t") for line in done.stdout.splitlines()]
