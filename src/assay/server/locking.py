"""Locks between processes, on files."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from assay.errors import ServerError


@contextmanager
def holding(path: Path, purpose: str, *, timeout: float = 60.0) -> Iterator[None]:
    """Hold the lock of a file for a block; the system lets go of it should this process die.

    Args:
        path: the file, created if it is missing; while held, it names the holder.
        purpose: what the holder is doing, as the others will read it: "starting the server".
        timeout: seconds to wait for another holder; then ServerError names it.
    """
    deadline = time.monotonic() + timeout
    pause = 0.002
    while (descriptor := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise ServerError(f"{_holder(path)} has held {path} for more than {timeout:g} seconds; {_remedy(path)}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
    try:
        sign(descriptor, purpose)
        yield
    finally:
        os.ftruncate(descriptor, 0)
        os.close(descriptor)


def sign(descriptor: int, purpose: str, pid: int | None = None) -> None:
    """Write who holds a lock, this process unless given, and for what, into its file."""
    with suppress(OSError):  # on a full disk the holder stays anonymous
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{pid or os.getpid()} {purpose}\n".encode(), 0)


def try_lock(path: Path) -> int | None:
    """The open descriptor of a file whose lock was free and is now held until it is closed; None if it was not."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The folder may have been removed and made anew meanwhile; then this is a lock on nothing.
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock of a file."""
    if not path.exists():
        return False
    descriptor = try_lock(path)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None


def holder_pid(path: Path) -> int | None:
    """The process id that the holder of a lock wrote into its file; None when there is none."""
    try:
        word = path.read_text().partition(" ")[0]
    except OSError:
        return None
    return int(word) if word.strip().isdecimal() else None


def _holder(path: Path) -> str:
    pid = holder_pid(path)
    purpose = path.read_text().strip().partition(" ")[2] if pid else ""
    return f"Process {pid} ({purpose or 'busy'})" if pid else "Another process"


def _remedy(path: Path) -> str:
    pid = holder_pid(path)
    return f"wait for it, or end it with: kill {pid}" if pid else "wait for it, or end it"
