"""Processes of the operating system: recognised, waited for and ended."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from assay.server.starting import run

_PROC = Path("/proc")


def is_alive(pid: int) -> bool:
    """Whether a process is there and has not ended; a zombie has."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    if _state(pid) != "Z":
        return True
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return False


def command_line(pid: int) -> str:
    """The arguments of a process, separated by spaces; empty when it is gone or not to be seen."""
    if _PROC.joinpath("self").exists():
        try:
            return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="surrogateescape")
        except OSError:
            return ""
    return _ps(pid, "command=") + " "


def command_lines() -> Iterator[tuple[int, str]]:
    """The id and the arguments of every process that is to be seen."""
    if _PROC.joinpath("self").exists():
        yield from ((pid, command_line(pid)) for pid in _pids())
        return
    for line in run(["ps", "-A", "-ww", "-o", "pid=,command="]).stdout.splitlines():
        pid, _, words = line.strip().partition(" ")
        yield int(pid), words.strip() + " "


def wait_for_exit(pid: int, seconds: float) -> bool:
    """Wait until a process has ended, at most so long; whether it has."""
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if not _told_of_exit(pid, left):
            time.sleep(min(left, 0.02))
    return True


def end(pids: Iterable[int], signals: Sequence[tuple[signal.Signals, float]]) -> list[int]:
    """Send processes one signal after another, with seconds to wait after each; the ids of those still there."""
    left = [pid for pid in pids if is_alive(pid)]
    for name, seconds in signals:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, name)
        deadline = time.monotonic() + seconds
        left = [pid for pid in left if not wait_for_exit(pid, max(0.0, deadline - time.monotonic()))]
    return left


def working_in(folder: Path) -> list[int]:
    """The processes whose working folder is the given one, as that of every process of a server is its data."""
    target = os.path.realpath(folder)
    if not _PROC.joinpath("self").exists():
        return _working_by_lsof(target)
    found = []
    for pid in _pids():
        with suppress(OSError):
            if str((_PROC / str(pid) / "cwd").readlink()) in (target, f"{target} (deleted)"):
                found.append(pid)
    return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]


def _state(pid: int) -> str:
    if _PROC.joinpath("self").exists():
        try:
            return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return "Z"
    return _ps(pid, "state=")[:1]


def _ps(pid: int, column: str) -> str:
    return run(["ps", "-ww", "-o", column, "-p", str(pid)]).stdout.strip()


def _told_of_exit(pid: int, seconds: float) -> bool:
    """Sleep until the system reports the end of a process or the time is over; False where it cannot report it."""
    if sys.platform != "linux":
        return False
    try:
        descriptor = os.pidfd_open(pid)
    except (OSError, AttributeError):  # gone meanwhile, or a Python built without it
        return False
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll(seconds * 1000)
    finally:
        os.close(descriptor)
    return True


def _working_by_lsof(folder: str) -> list[int]:
    command = ["lsof", "-a", "-c", "postgres", "-d", "cwd", "-Fpn"]
    try:
        answer = run(command)
    except FileNotFoundError:
        return []
    found, pid = [], 0
    for line in answer.stdout.splitlines():
        if line.startswith("p"):
            pid = int(line[1:])
        elif line == f"n{folder}":
            found.append(pid)
    return found
