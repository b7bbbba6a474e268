"""Point in time by pgBackRest, where a project asks for it: its documented commands, run as the server's account.

Where its repository is and what it keeps is said in its own configuration; Assay needs the stanza's name alone
(https://pgbackrest.org/command.html).
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from assay.config import DatabaseUrl
from assay.errors import BackupError
from assay.ops.backup.pitr.archive import SetUp, data_directory, set_up
from assay.ops.backup.programs import run_program, running
from assay.server.account import Account

NAME = "pgbackrest"


class _Moments(msgspec.Struct):
    start: int
    stop: int


class _Sizes(msgspec.Struct):
    size: int


class _Backup(msgspec.Struct):
    label: str
    type: str
    timestamp: _Moments
    info: _Sizes
    error: bool | None = None


class _Status(msgspec.Struct):
    code: int
    message: str


class _Stanza(msgspec.Struct):
    name: str
    status: _Status
    backup: list[_Backup] = []


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup in its repository."""

    label: str
    kind: str
    """``full``, ``diff`` or ``incr``."""
    started: datetime
    finished: datetime
    size: int
    """Bytes of the server's files, before they were compressed."""


@dataclass(frozen=True, slots=True)
class Stanza:
    """A stanza of pgBackRest, which stands for one server, and how its commands are run."""

    program: Path
    name: str
    config: Path | None = None
    """Its configuration; where pgBackRest itself looks for it unless given."""

    def command(self, *arguments: str) -> list[str]:
        """The arguments of a command."""
        config = [f"--config={self.config}"] if self.config is not None else []
        return [f"--stanza={self.name}", *config, "--log-level-console=warn", "--log-level-stderr=error", *arguments]


def find_stanza(name: str, config: Path | None = None) -> Stanza:
    """The stanza of a name.

    Raises BackupError when pgBackRest is not installed.
    """
    found = shutil.which(NAME)
    if found is None:
        raise BackupError("pgBackRest is not installed; install it, or leave out the stanza to do without")
    return Stanza(Path(found), name, config)


async def set_up_stanza(url: DatabaseUrl, stanza: Stanza, *, replace: bool = False, every: int = 60) -> SetUp:
    """Have a server archive through pgBackRest, whose repository is made for it.

    Args:
        url: any database of the server, as a superuser, on the server's own machine.
        stanza: configured with ``pg1-path`` and a repository.
        replace: take the place of another ``archive_command``.
        every: seconds after which even a segment that is not full is archived.

    Raises what ``set_up`` does, and BackupError with pgBackRest's words.
    """
    account = await _owner(url)
    await _run(stanza, account, "stanza-create")
    words = [str(stanza.program), f"--stanza={stanza.name}"]
    words += [f"--config={stanza.config}"] if stanza.config is not None else []
    command = f"{shlex.join(words).replace('%', '%%')} archive-push %p"
    return await set_up(url, None, command, replace=replace, every=every)


async def make_backup(url: DatabaseUrl, stanza: Stanza) -> Kept:
    """Back the server up: a full backup first, then what has changed since, as its configuration says.

    Raises BackupError with pgBackRest's words.
    """
    await _run(stanza, await _owner(url), "backup")
    return (await read_backups(stanza))[0]


async def read_backups(stanza: Stanza) -> tuple[Kept, ...]:
    """The backups of a stanza, the newest first.

    Raises BackupError when the stanza is not in order, with pgBackRest's words.
    """
    async with running(stanza.program, None, stanza.command("--output=json", "info"), piped=True) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        said = await process.stdout.read()
    (found,) = msgspec.json.decode(said, type=list[_Stanza]) or [_Stanza(stanza.name, _Status(1, "missing stanza"))]
    if found.status.code not in (0, 2):  # 2 is that there is no backup yet
        raise BackupError(f"The stanza {stanza.name} is not in order: {found.status.message}; run pitr init")
    kept = [
        Kept(one.label, one.type, _time(one.timestamp.start), _time(one.timestamp.stop), one.info.size)
        for one in found.backup
        if not one.error
    ]
    return tuple(sorted(kept, key=lambda one: one.finished, reverse=True))


async def restore_stanza(stanza: Stanza, moment: datetime, into: Path, account: Account | None) -> None:
    """Make a data directory that, when a server is started on it, replays the log up to a moment and then serves.

    Args:
        stanza: the stanza.
        moment: with its zone.
        into: the data directory, which must not be there yet; its folder is open to the account.
        account: whom the server runs as.

    Raises BackupError when the directory is there, or with pgBackRest's words.
    """
    _make(into, account)
    options = ["--type=time", f"--target={moment.isoformat(' ')}", "--target-action=promote", "--archive-mode=off"]
    try:
        await _run(stanza, account, f"--pg1-path={into}", *options, "restore")
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise


def _make(into: Path, account: Account | None) -> None:
    try:
        into.mkdir(mode=0o700)
        if account is not None:
            os.chown(into, account.uid, account.gid)
    except FileExistsError:
        raise BackupError(f"{into} is there; restore into another folder, or move it away") from None
    except OSError as error:
        raise BackupError(f"{into} cannot be made: {error.strerror}") from None


async def _run(stanza: Stanza, account: Account | None, *arguments: str) -> None:
    words: Sequence[str] = stanza.command(*arguments)
    await run_program(stanza.program, None, words, account=account)


async def _owner(url: DatabaseUrl) -> Account | None:
    """Whom the server runs as, where this process is root's; else this process's own."""
    if os.geteuid() != 0:
        return None
    status = (await data_directory(url)).stat()
    return Account(pwd.getpwuid(status.st_uid).pw_name, status.st_uid, status.st_gid)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
