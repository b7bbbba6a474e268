"""Base backups: copies of a whole server by pg_basebackup, each with a file that says that it is complete."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from assay._version import __version__
from assay.config import DatabaseUrl
from assay.errors import BackupError
from assay.ops.backup.manifest import is_id, new_id
from assay.ops.backup.programs import run_program
from assay.proof.wholefiles import replace_file
from assay.runtime.connecting import DRIVER_ERRORS, open_connection, translate
from assay.server.client_programs import client_program

BASES = "base"
"""The folder of the base backups, in that of the archive."""
DATA = "data"
ABOUT = "base.json"
"""What says that a base backup is complete, and what it is of."""
_ASKED = """
select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
    (select rolname from pg_roles where oid = 10) as superuser, clock_timestamp() as clock,
    pg_size_bytes(current_setting('wal_segment_size')) as segment_size,
    (select min(spcname) from pg_tablespace where spcname not in ('pg_default', 'pg_global')) as tablespace
"""


@dataclass(frozen=True, slots=True)
class Base:
    """A complete base backup."""

    id: str
    started: datetime
    finished: datetime
    """By the server's clock: the first moment that it can be restored to."""
    server_version: str
    server_major: int
    superuser: str
    """The role that the cluster was made with."""
    timeline: int
    start: str
    """The position in the write-ahead log that a restore begins at."""
    end: str
    segment_size: int
    """Bytes of a segment of the log."""
    size: int
    """Bytes."""
    assay: str


@dataclass(frozen=True, slots=True)
class _Asked:
    version: str
    major: int
    superuser: str
    clock: datetime
    segment_size: int


class _Range(msgspec.Struct, rename={"timeline": "Timeline", "start": "Start-LSN", "end": "End-LSN"}):
    timeline: int
    start: str
    end: str


class _BackupManifest(msgspec.Struct, rename={"ranges": "WAL-Ranges"}):
    """What is read of PostgreSQL's own manifest (manual chapter 77)."""

    ranges: list[_Range]


async def make_base(url: DatabaseUrl, folder: Path, *, now: datetime | None = None) -> Base:
    """Copy a whole server into an archive, and check the copy with pg_verifybackup.

    Args:
        url: any database of it, as a role with REPLICATION.
        folder: the archive.
        now: when it is; the machine's clock unless given.

    Raises BackupError when pg_basebackup or the check fails; what was copied is then removed.
    """
    asked = await _ask(url)
    target = folder / BASES / new_id("base", now or datetime.now(UTC))
    try:
        target.mkdir(parents=True, mode=0o700)
        arguments = ["--no-password", "--checkpoint=fast", "--wal-method=stream", "--manifest-checksums=SHA256"]
        program = client_program("pg_basebackup", asked.major)
        await run_program(program, url, [*arguments, f"--pgdata={target / DATA}"])
        await check_copy(target / DATA, asked.major)
        finished = (await _ask(url)).clock
        wal = _range(target / DATA / "backup_manifest")
        size = sum(path.stat().st_size for path in (target / DATA).rglob("*") if path.is_file())
        base = Base(
            id=target.name, started=asked.clock, finished=finished, server_version=asked.version,
            server_major=asked.major, superuser=asked.superuser, timeline=wal.timeline, start=wal.start, end=wal.end,
            segment_size=asked.segment_size, size=size, assay=__version__,
        )  # fmt: skip
        replace_file(target / ABOUT, msgspec.json.format(msgspec.json.encode(base), indent=2) + b"\n", 0o600)
    except BaseException as error:
        await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
        if isinstance(error, OSError):
            raise BackupError(f"The archive {folder} cannot be written to: {error.strerror}") from None
        raise
    return base


def list_bases(folder: Path) -> tuple[Base, ...]:
    """The complete base backups of an archive, the newest first.

    Raises BackupError when the archive cannot be read.
    """
    try:
        places = [path / ABOUT for path in (folder / BASES).iterdir() if is_id(path.name)]
        bases = [msgspec.json.decode(path.read_bytes(), type=Base) for path in places if path.is_file()]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise BackupError(f"The archive {folder} cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise BackupError(f"A base backup in {folder / BASES} is damaged: {error}") from None
    return tuple(sorted(bases, key=lambda base: base.finished, reverse=True))


def data_of(folder: Path, base: Base) -> Path:
    """The copied data directory of a base backup."""
    return folder / BASES / base.id / DATA


async def check_copy(data: Path, major: int) -> None:
    """Compare a copied data directory with the manifest that pg_basebackup wrote.

    Raises BackupError, naming the file, when one is missing or differs.
    """
    # In the folder, by a dot: the program hands the path on to a shell, which would read a dollar in it.
    await run_program(client_program("pg_verifybackup", major), None, ["--exit-on-error", "."], folder=data)


async def _ask(url: DatabaseUrl) -> _Asked:
    connection = await open_connection(url)
    try:
        (found,) = await connection.fetch(_ASKED)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()
    if found["tablespace"] is not None:
        raise BackupError(
            f"The server has the tablespace {found['tablespace']}, whose folder a restored copy would share with it; "
            "use pgBackRest, which moves tablespaces (--stanza)"
        )
    version = found["version"].partition(" ")[0]
    return _Asked(version, found["major"], found["superuser"], found["clock"], found["segment_size"])


def _range(path: Path) -> _Range:
    ranges = msgspec.json.decode(path.read_bytes(), type=_BackupManifest).ranges
    if not ranges:
        raise BackupError(f"{os.fspath(path)} does not say where the write-ahead log begins")
    return ranges[-1]
