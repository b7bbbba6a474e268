"""The archive of the write-ahead log: a server set up to fill it, and how far it is filled."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from assay.config import DatabaseUrl
from assay.errors import BackupError
from assay.ops.backup.pitr.base import Base, list_bases
from assay.ops.backup.pitr.segments import is_segment, missing, segment_of
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection, translate
from assay.sql.quoting import quote_literal

WAL = "wal"
"""The folder of the segments, in that of the archive."""
ENTIRE_WAIT = 30.0
"""Seconds in which a segment must have been archived."""

_SETTINGS = """
select name, setting, pending_restart from pg_settings
where name in ('archive_mode', 'archive_command', 'archive_library', 'wal_level', 'data_directory', 'archive_timeout')
"""
_ARCHIVER = """
select archived_count, last_archived_wal, last_archived_time, failed_count, last_failed_wal, last_failed_time,
    pg_walfile_name(pg_current_wal_lsn()) as current
from pg_stat_archiver
"""
_LEVELS = ("replica", "logical")


@dataclass(frozen=True, slots=True)
class SetUp:
    """What was done to a server."""

    command: str
    """Its ``archive_command``."""
    restart: bool
    """Whether it archives only after it has been restarted."""
    archived: str | None
    """The segment that was archived as a proof; None when it must be restarted first."""


@dataclass(frozen=True, slots=True)
class Status:
    """How far an archive is filled."""

    archiving: bool
    """Whether the server fills it."""
    problem: str
    """What keeps it from being filled, in a sentence; empty when nothing does."""
    last_segment: str | None
    last_time: datetime | None
    """When it was archived, by the server's clock: what was committed before can be restored."""
    segments: int
    missing: tuple[str, ...]
    """Segments that a restore from the oldest base backup would need and not find."""
    bases: tuple[Base, ...]
    """The newest first."""


def archive_command(folder: Path) -> str:
    """What the server runs for every segment (manual section 25.3.1).

    It copies to another name, has that written to the disk, and links it to its own: a segment is in the archive whole
    or not, and one that is there is never overwritten. The same segment once more is no failure, since a server that
    crashed asks again. It needs a shell, ``cp``, ``cmp``, ``sync`` and ``ln``, and nothing of Assay.
    """
    target = f"{shlex.quote(str(folder / WAL)).replace('%', '%%')}/%f"
    return (
        f't={target}; if test -f "$t"; then cmp -s \'%p\' "$t"; else cp \'%p\' "$t.part" && sync "$t.part" && '
        'ln "$t.part" "$t"; s=$?; rm -f "$t.part"; exit $s; fi'
    )


def restore_command(folder: Path) -> str:
    """What a server that is being restored runs for every segment that it needs."""
    return f"cp {shlex.quote(str(folder / WAL)).replace('%', '%%')}/%f '%p'"


async def set_up(
    url: DatabaseUrl, folder: Path | None, command: str, *, replace: bool = False, every: int = 60
) -> SetUp:
    """Have a server archive its write-ahead log.

    Settings are changed with ALTER SYSTEM. A server that archives already is tried: it finishes a segment, which must
    arrive.

    Args:
        url: any database of it, as a superuser, on the server's own machine.
        folder: the archive, which is made and given to the server's account; None when the command needs none.
        command: from ``archive_command``.
        replace: take the place of another ``archive_command``.
        every: seconds after which even a segment that is not full is archived; 0 for never.

    Raises BackupError when the role is no superuser, or the server is elsewhere, archives in another way or cannot.
    """
    async with _connected(url) as connection:
        settings = await _settings(connection)
        if "data_directory" not in settings:  # which others may not see either
            raise BackupError("Setting a server up to archive takes a superuser; name one in the database URL")
        _check_other(settings, command, replace)
        if folder is not None:
            _make(folder, Path(settings["data_directory"]["setting"]))
        wanted = {"archive_mode": "on", "archive_command": command, "archive_timeout": str(every)}
        if settings["wal_level"]["setting"] not in _LEVELS:
            wanted["wal_level"] = "replica"
        for name, value in wanted.items():
            await connection.execute(f"alter system set {name} = {quote_literal(value)}")
        await connection.execute("select pg_reload_conf()")
        restart = settings["archive_mode"]["setting"] == "off" or "wal_level" in wanted
        archived = None if restart else await _prove(connection, command)
    return SetUp(command, restart, archived)


async def data_directory(url: DatabaseUrl) -> Path:
    """Where the server's data lie, on its machine.

    Raises InsufficientPrivilege for a role that may not know.
    """
    async with _connected(url) as connection:
        return Path(await connection.fetchval("show data_directory"))


async def flush(url: DatabaseUrl) -> str:
    """Have what a server has written so far archived now; the name of the last segment.

    Raises BackupError when it does not arrive.
    """
    async with _connected(url) as connection:
        return await _finish_segment(connection)


async def read_status(url: DatabaseUrl, folder: Path) -> Status:
    """How far an archive is filled, by the server and by the files.

    Raises ConnectionFailed and the like, BackupError when the archive cannot be read.
    """
    async with _connected(url) as connection:
        settings = await _settings(connection)
        (found,) = await connection.fetch(_ARCHIVER)
    bases = list_bases(folder)
    names = _segments(folder)
    gaps: tuple[str, ...] = ()
    if bases:
        oldest = bases[-1]
        gaps = missing(names, segment_of(oldest.timeline, oldest.start, oldest.segment_size), oldest.segment_size)
    on = settings["archive_mode"]["setting"] != "off"
    return Status(
        on, _problem(found, on=on), found["last_archived_wal"], found["last_archived_time"], len(names), gaps, bases
    )


def _problem(found: Any, *, on: bool) -> str:
    if not on:
        return "The server does not archive; run assay backup pitr init, and restart it"
    failed, done = found["last_failed_time"], found["last_archived_time"]
    if failed is not None and (done is None or failed > done):
        return f"The server could not archive {found['last_failed_wal']}; its log says why"
    return ""


def _check_other(settings: dict[str, Any], command: str, replace: bool) -> None:
    theirs = settings["archive_command"]["setting"]
    if settings.get("archive_library", {"setting": ""})["setting"]:
        raise BackupError("The server archives by a library (archive_library); reset that setting first")
    if theirs not in ("", "(disabled)", command) and not replace:
        raise BackupError(
            f"The server archives in another way: archive_command is {theirs!r}; add --replace to change it"
        )


def _make(folder: Path, data: Path) -> None:
    """The folder of the archive, which belongs to the server's account."""
    try:
        owner = data.stat()
    except OSError:
        raise BackupError(
            f"The server's data directory {data} is not on this machine; run this on the server's own"
        ) from None
    try:
        for path in (folder, folder / WAL):
            path.mkdir(mode=0o711 if path == folder else 0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder / WAL, owner.st_uid, owner.st_gid)
    except OSError as error:
        raise BackupError(f"The archive {folder} cannot be made: {error.strerror}") from None


async def _prove(connection: DriverConnection, command: str) -> str:
    deadline = time.monotonic() + ENTIRE_WAIT
    while await connection.fetchval("select current_setting('archive_command')") != command:
        if time.monotonic() > deadline:
            raise BackupError("The server has not taken its new archive_command; is it set on its command line?")
        await asyncio.sleep(0.02)
    return await _finish_segment(connection)


async def _finish_segment(connection: DriverConnection) -> str:
    """Have the server finish the segment that it writes to, and wait until that is archived."""
    # Written first, for a segment that has nothing new in it is not finished.
    await connection.execute("select pg_create_restore_point('assay')")
    name: str = await connection.fetchval("select pg_walfile_name(pg_switch_wal())")
    before = await connection.fetchval("select failed_count from pg_stat_archiver")
    deadline = time.monotonic() + ENTIRE_WAIT
    while True:
        (found,) = await connection.fetch(_ARCHIVER)
        if (found["last_archived_wal"] or "") >= name:
            return name
        if found["failed_count"] > before + 1 or time.monotonic() > deadline:
            raise BackupError(f"The server could not archive {name}; its log says why. Is the archive writable for it?")
        await asyncio.sleep(0.05)


async def _settings(connection: DriverConnection) -> dict[str, Any]:
    return {row["name"]: row for row in await connection.fetch(_SETTINGS)}


def _segments(folder: Path) -> list[str]:
    try:
        return [path.name for path in (folder / WAL).iterdir() if is_segment(path.name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BackupError(f"The archive {folder} cannot be read: {error.strerror}") from None


@asynccontextmanager
async def _connected(url: DatabaseUrl) -> AsyncIterator[DriverConnection]:
    connection = await open_connection(url)
    try:
        yield connection
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()
