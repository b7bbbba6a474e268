"""Data directories, made whole or not at all."""

from __future__ import annotations

import secrets
import shutil
import time
from pathlib import Path

from assay.errors import ServerError
from assay.server.abandoned import sweep_abandoned
from assay.server.account import Account
from assay.server.binaries import Programs
from assay.server.layout import Layout, give
from assay.server.postmaster import end_everything, failure
from assay.server.starting import run

SETTINGS = """
# For development and tests: nothing here survives a crash of the machine, and nothing waits for the disk.
fsync = off
full_page_writes = off
synchronous_commit = off
shared_buffers = 16MB
max_connections = 200
wal_level = replica
max_wal_size = 256MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
# Statements that fail are their senders' business; a proof makes many.
log_min_messages = log
"""
"""What is added to ``postgresql.conf`` when the data are made; ``alter system`` may change it afterwards."""

ACCESS = """\
# The socket lies in a folder that only its owner may enter. TCP is off unless asked for, and takes a password.
local all all trust
local replication all trust
host all all all scram-sha-256
host replication all all scram-sha-256
"""
"""The whole of ``pg_hba.conf``."""


def ensure(programs: Programs, layout: Layout) -> None:
    """Make the data directory if it is missing; called with the lock held.

    It is made under another name and then renamed, so that one which was interrupted is never taken for a whole one.

    Raises ServerError when the data are another major version's, and when they cannot be made.
    """
    if not _is_whole(layout.data):
        _set_aside(layout.data)
        for left in layout.place.glob("data.new-*"):
            _remove(left)
        if layout.place != layout.state:
            sweep_abandoned()
        _make(programs, layout)
    version = (layout.data / "PG_VERSION").read_text().strip()
    if version != programs.major:
        raise ServerError(
            f"{layout.data} was made by PostgreSQL {version}, and PostgreSQL {programs.major} cannot open it; "
            f"move that folder away to begin anew, or pg_dump it with a PostgreSQL {version}"
        )


def _is_whole(data: Path) -> bool:
    return (data / "PG_VERSION").is_file() and (data / "global" / "pg_control").is_file()


def _set_aside(data: Path) -> None:
    """Keep what is in the way: it is not a server's data, but it is not ours to delete either."""
    if not data.exists():
        return
    if data.is_dir() and not any(data.iterdir()):
        data.rmdir()
        return
    data.rename(data.with_name(f"data.damaged-{secrets.token_hex(4)}"))


def _make(programs: Programs, layout: Layout) -> None:
    folder = layout.place / f"data.new-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    give(folder, layout.account)
    try:
        _run_initdb(programs, layout, folder)
        _append(folder / "postgresql.conf", SETTINGS, layout.account)
        _append(folder / "pg_hba.conf", ACCESS, layout.account, anew=True)
        folder.rename(layout.data)
    except BaseException:
        _remove(folder)
        raise


def _remove(folder: Path, seconds: float = 5.0) -> None:
    """Remove a half-made directory, though an initdb whose starter was killed may still be writing into it."""
    deadline = time.monotonic() + seconds
    while folder.exists() and time.monotonic() < deadline:
        end_everything(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _run_initdb(programs: Programs, layout: Layout, folder: Path) -> None:
    command: list[str | Path] = [programs.path("initdb"), "-D", folder, "-U", "postgres", "--encoding=UTF8"]
    command += ["--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync", "--no-instructions"]
    said = ""
    for locale in _locales(int(programs.major)):
        done = run([*command, *locale], account=layout.account)
        if done.returncode == 0:
            return
        said = done.stderr + done.stdout
        if "invalid locale name" not in said:
            break
    raise failure(said, layout, "The data of the embedded server could not be made")


def _locales(major: int) -> list[list[str]]:
    """Ways to sort by code point and yet know every letter's case, the best first.

    From 17 it is built in (manual section 23.1.4); before, the system's C.UTF-8 does the same, where there is one.
    """
    if major >= 17:
        return [["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]]
    return [["--locale=C.UTF-8"], ["--locale=C"]]


def _append(path: Path, text: str, account: Account | None, *, anew: bool = False) -> None:
    """Write as the account that owns the folder, so that a link planted in it leads nowhere that it may not write."""
    done = run(["/bin/sh", "-c", f'cat {">" if anew else ">>"} "$1"', "sh", path], text=text, account=account)
    if done.returncode != 0:
        raise ServerError(f"{path} could not be written: {done.stderr.strip()}")
