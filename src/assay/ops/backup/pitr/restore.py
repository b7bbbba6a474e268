"""A server restored to a moment: a base backup copied, the write-ahead log replayed, and only then put in place."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from assay.config import DatabaseUrl
from assay.errors import BackupError, Error
from assay.ops.backup.pitr.archive import restore_command
from assay.ops.backup.pitr.base import Base, check_copy, data_of, list_bases
from assay.ops.backup.pitr.places import hidden
from assay.ops.backup.programs import running
from assay.runtime.connecting import open_connection
from assay.server import Server
from assay.server.account import Account, can_enter, service_account

_NOT_COPIED = ("postmaster.pid", "postmaster.opts", "standby.signal", "recovery.signal")
_AFTERWARDS = """
# Restored to a moment by Assay. It does not archive, for the server that it is a copy of may still fill that archive:
# once it serves, set up an archive of its own with assay backup pitr init.
archive_mode = 'off'
"""
_HOT = "select pg_is_in_recovery(), pg_last_xact_replay_timestamp()"


@dataclass(frozen=True, slots=True)
class Recovered:
    """A data directory as it was at a moment."""

    folder: Path
    base: Base
    moment: datetime
    """That was asked for."""
    last_commit: datetime | None
    """When the last transaction in it was committed; None when there was none after the base backup."""


async def restore_to(folder: Path, moment: datetime, into: Path) -> Recovered:
    """Restore the newest base backup that was finished by a moment, and replay the log up to it.

    The data directory is made under another name beside its own, in which a server without TCP replays the log. It gets
    its own name when that server has been stopped in order. What a killed run left of the same directory is removed.

    Args:
        folder: the archive, on this machine.
        moment: with its zone. What was committed at it or before is there, what came later is not.
        into: the data directory, which must not be there yet.

    Raises BackupError when no base backup is old enough, the log does not reach the moment, or the folder cannot be
    made; nothing is left then.
    """
    base = _choose(list_bases(folder), moment, folder)
    into = _place(into)
    account = service_account()
    try:
        async with hidden(into) as part:
            await asyncio.to_thread(_copy, data_of(folder, base), part, account)
            await check_copy(part, base.server_major)
            (part / "recovery.signal").touch()
            _give(part / "recovery.signal", account)
            targets = {"restore_command": restore_command(folder), "recovery_target_time": moment.isoformat(" ")}
            last = await replay(part, base, account, targets)
            _finish(part, account)
            part.rename(into)
    except OSError as error:
        raise BackupError(f"{into} cannot be made: {error.strerror}") from None
    return Recovered(into, base, moment, last)


async def replay(
    data: Path, base: Base, account: Account | None, targets: dict[str, str], *, seconds: float = 86_400
) -> datetime | None:
    """Start a server on a data directory, wait until it has replayed the log and takes writes, and stop it.

    Args:
        data: the directory, with ``recovery.signal``.
        base: what it was restored from.
        account: whom the server runs as.
        targets: its recovery settings (manual section 19.5.6).
        seconds: how long that may take.

    Returns when its last transaction was committed. Raises BackupError with the server's words when it ends too soon.
    """
    with tempfile.TemporaryDirectory(prefix="assay-pitr-") as name:
        place = Path(name)
        _configure(place, base, account)
        # Where the account can run it, which a virtual environment under /root is closed to.
        program = Server.locate(str(base.server_major)).binary("postgres")
        async with running(program, None, _arguments(data, place, targets), account=account) as process:
            url = DatabaseUrl(base.superuser, None, str(place), None, "template1")
            last = None
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while process.returncode is None:
                        recovering, last = await _progress(url)
                        if recovering is False:
                            break
                        await asyncio.sleep(0.05)
            with suppress(OSError, ValueError, IndexError):
                os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGINT)
        return last


async def _progress(url: DatabaseUrl) -> tuple[bool | None, datetime | None]:
    """Whether the server still replays, and its last commit; None while it takes no connections."""
    try:
        connection = await open_connection(url, timeout=5)
    except Error:
        return None, None
    try:
        (found,) = await connection.fetch(_HOT)
        return found[0], found[1]
    finally:
        await connection.close()


def _arguments(data: Path, place: Path, targets: dict[str, str]) -> Sequence[str | Path]:
    settings = {
        "config_file": str(place / "postgresql.conf"),
        "hba_file": str(place / "pg_hba.conf"),
        "ident_file": str(place / "pg_ident.conf"),
        "unix_socket_directories": str(place),
        "listen_addresses": "",
        "port": "5432",
        # Read only at the end: a server that answers sooner would have to have the settings of the one it is a copy of.
        "hot_standby": "off",
        "archive_mode": "off",
        "archive_command": "",
        "logging_collector": "off",
        "log_destination": "stderr",
        "lc_messages": "C",
        "ssl": "off",
        "shared_preload_libraries": "",
        "recovery_target_action": "promote",
        "recovery_target_timeline": "latest",
        **targets,
    }
    return ["-D", data, *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))]


def _configure(place: Path, base: Base, account: Account | None) -> None:
    """A configuration of our own: that of the data directory may be elsewhere, as on Debian, and asks for passwords."""
    for name, text in (("postgresql.conf", ""), ("pg_hba.conf", "local all all trust\n"), ("pg_ident.conf", "")):
        (place / name).write_text(text)
        _give(place / name, account)
    _give(place, account)


def _choose(bases: Sequence[Base], moment: datetime, folder: Path) -> Base:
    if moment.tzinfo is None:
        raise BackupError("The moment has no zone; give it as 2026-11-20T14:30:00+01:00")
    for base in bases:
        if base.finished <= moment:
            return base
    oldest = f"the oldest was finished at {bases[-1].finished.isoformat(' ')}" if bases else "there is none"
    raise BackupError(f"No base backup in {folder} was finished by {moment.isoformat(' ')}: {oldest}")


def _place(into: Path) -> Path:
    into = into.absolute()
    if into.exists():
        raise BackupError(f"{into} is there; restore into another folder, or move it away")
    return into


def _copy(source: Path, target: Path, account: Account | None) -> None:
    if not can_enter(account, target.parent):
        name = account.name if account is not None else "this account"
        raise BackupError(f"{target.parent} is closed to {name}, which the server runs as; restore into another folder")
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_COPIED), dirs_exist_ok=True)
    target.chmod(0o700)
    if account is not None:
        for path in (target, *target.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _finish(data: Path, account: Account | None) -> None:
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.write(_AFTERWARDS)
    _give(data / "postgresql.auto.conf", account)


def _give(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)
