"""Programs started apart from this process and its terminal: run to their end, or left to outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from assay.errors import ServerError
from assay.server.account import Account, run_as

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
    process: subprocess.Popen[str] | None = None
    try:
        with _becoming(account), _uninterrupted():
            process = subprocess.Popen(  # noqa: S603 - no command here is made of what a stranger may have written
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="surrogateescape",
                start_new_session=True,
                cwd="/",
                env={**environment(), **(env or {})},
                **run_as(account),
            )
        said, complained = process.communicate(text, timeout)
    except BaseException:
        if process is not None:
            _kill_all_of(process)
        raise
    return subprocess.CompletedProcess(command, process.returncode, said, complained)


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
    with open(log, "ab", opener=_private) as sink, _becoming(account), _uninterrupted():
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


def _kill_all_of(process: subprocess.Popen[str]) -> None:
    """Kill a process and what it has started itself, and wait for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with process:
        process.kill()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put Ctrl-C and SIGTERM off until the end of a block: a process that is being started has no id to end it by yet.

    Only the main thread is ever interrupted by them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in before.items() if handler is not None}
    for number in before:
        signal.signal(number, lambda signum, frame: came.append(signum))
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
        for signum in came:
            signal.raise_signal(signum)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _becoming(account: Account | None) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        if account is None:
            raise
        raise ServerError(
            f"PostgreSQL refuses to run as root, and this process may not run it as {account.name} either: its root "
            "lacks the capabilities SETUID and SETGID; run Assay as another user, or set DATABASE_URL"
        ) from error
