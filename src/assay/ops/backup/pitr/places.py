"""The hidden folder that a data directory is made in, locked for as long as somebody works in it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from assay.ops.backup.together import to_its_end
from assay.server.processes import command_lines

_SIGN = ".restoring-"


@asynccontextmanager
async def hidden(into: Path) -> AsyncIterator[Path]:
    """A new folder beside a data directory's place; unless it was renamed, it is removed again.

    What killed runs left for the same place is removed first: nobody holds its lock any more, and no server runs in it.

    Raises OSError when it cannot be made.
    """
    await asyncio.to_thread(_sweep, into)
    part, lock = _claim(into)
    try:
        yield part
    finally:
        await to_its_end(asyncio.to_thread(shutil.rmtree, part, ignore_errors=True))
        os.close(lock)


def _claim(into: Path) -> tuple[Path, int]:
    """A new folder, and the descriptor that locks it."""
    while True:
        part = into.with_name(f".{into.name}{_SIGN}{secrets.token_hex(4)}")
        part.mkdir(mode=0o700, parents=True)
        lock = _locked(part, for_sure=False)
        if lock is not None and part.exists():  # or else somebody who sweeps was faster
            return part, lock
        if lock is not None:
            os.close(lock)


def _sweep(into: Path) -> None:
    if not into.parent.is_dir():
        return
    for part in into.parent.iterdir():
        if not part.name.startswith(f".{into.name}{_SIGN}"):
            continue
        with suppress(OSError):
            lock = _locked(part, for_sure=True)
            if lock is None:
                continue
            if not _serves(part):
                shutil.rmtree(part, ignore_errors=True)
            os.close(lock)


def _locked(folder: Path, *, for_sure: bool) -> int | None:
    """The descriptor that locks a folder until it is closed, or this process ends; None when somebody else has it.

    A file system may have no locks. Nothing is swept up there, for there it is not sure that nobody has the folder.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if for_sure or isinstance(error, BlockingIOError):
            os.close(handle)
            return None
    return handle


def _serves(data: Path) -> bool:
    """Whether a server still runs in a data directory, as for a moment after its run was killed."""
    return (data / "postmaster.pid").exists() and any(f" -D {data} " in words for _, words in command_lines())
