"""Processes of the operating system: started apart from this one, recognised, waited for and ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from assay.server.account import Account, run_as

_PROC = Path("/proc")
_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")


def environment() -> dict[str, str]:
    """The environment for PostgreSQL's programs: no PG* variable leads them astray, and they speak English."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}


Command: TypeAlias = "Sequence[str | Path]"


def run(
    command: Command,
    *,
    text: str = "",
    account: Account | None = None,
    env: dict[str, str] | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, apart from this terminal, so that Ctrl-C reaches only this process.

    Args:
        command: the program and its arguments.
        text: what it reads from its standard input.
        account: whom it runs as; this process's own unless given.
        env: further variables of its environment.
        timeout: seconds; then ``subprocess.TimeoutExpired``.
    """
    return subprocess.run(  # noqa: S603 - no command here is made of what a stranger may have written
        command,
        input=text,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
        timeout=timeout,
        start_new_session=True,
        cwd="/",
        env={**environment(), **(env or {})},
        **run_as(account),
    )


def start_apart(
    command: Command,
    log: Path,
    account: Account | None = None,
    *,
    env: dict[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> int:
    """Start a process that outlives this one, in a session of its own, and return its id.

    A shell starts it and ends at once, so that it is nobody's child: Ctrl-C does not reach it, and when it ends it is
    not left behind as a zombie of a long-running program that once needed a server.

    Args:
        command: the program and its arguments.
        log: the file that its outputs are added to.
        account: whom it runs as; this process's own unless given.
        env: the whole of its environment; that of PostgreSQL's programs unless given.
        descriptors: open files that it keeps open.
    """
    with log.open("ab") as sink:
        shell = subprocess.run(  # noqa: S603 - as above
            ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sink,
            start_new_session=True,
            cwd="/",
            env=environment() if env is None else env,
            umask=0o077,
            pass_fds=descriptors,
            check=True,
            **run_as(account),
        )
    return int(shell.stdout)


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
