"""pg_dump, pg_restore and their like, run beside this process and never longer than it lives."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from assay.config import DatabaseUrl
from assay.errors import BackupError
from assay.ops.backup.together import to_its_end
from assay.server.account import Account, run_as
from assay.server.client_programs import connection_variables
from assay.server.starting import environment

Heard: TypeAlias = "Callable[[str], None]"
"""Is told every line that a program writes to its standard error."""

_WATCHED = """
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
(
    read -r _ <&3
    kill "$program"
    for _ in 1 2 3 4 5; do sleep 1; done
    kill -KILL 0
) >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$program"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"""
"""Ends the program as soon as this process is gone, however it went: then its end of the pipe is closed.

A program that does not obey in five seconds is killed with all that it started in its session: pg_dump first tells the
server that it goes, and waits for one that does not answer.
"""
_OBEYED = 7.0
"""Seconds in which the shell has ended the program, by force if need be."""
_VARIABLES = (
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSSLCERT",
    "PGSSLKEY",
)
_LONGEST_LINE = 4_000
_TELLING = ("error:", "fatal:", "FATAL:", "detail:", "DETAIL:", "hint:", "HINT:")


async def run_program(
    program: Path,
    url: DatabaseUrl | None,
    arguments: Sequence[str | Path],
    *,
    heard: Heard | None = None,
    account: Account | None = None,
    folder: Path | None = None,
) -> None:
    """Run a program to its end. When this is cancelled, or the process is killed, the program ends too.

    Args:
        program: from ``client_program``.
        url: what it connects to, by way of variables; None when it does not.
        arguments: without what says where to connect.
        heard: told what it says meanwhile.
        account: whom it runs as; this process's own unless given.
        folder: where it runs.

    Raises BackupError with the program's words when it fails.
    """
    async with running(program, url, arguments, heard=heard, account=account, folder=folder):
        pass


@asynccontextmanager
async def running(
    program: Path,
    url: DatabaseUrl | None,
    arguments: Sequence[str | Path],
    *,
    heard: Heard | None = None,
    account: Account | None = None,
    folder: Path | None = None,
    piped: bool = False,
) -> AsyncIterator[Process]:
    """The same for the length of a block, which reads what the program writes when it is ``piped``."""
    variables = {**_of_environment(), **connection_variables(url)} if url is not None else {}
    process = await _started(asyncio.ensure_future(asyncio.create_subprocess_exec(
        "/bin/sh", "-c", _WATCHED, "sh", program, *arguments,
        stdin=PIPE, stdout=PIPE if piped else DEVNULL, stderr=PIPE, start_new_session=True, cwd=folder or "/",
        umask=0o077, env={**environment(), **variables}, **run_as(account),
    )))  # fmt: skip
    last: deque[str] = deque(maxlen=30)
    listening = asyncio.ensure_future(_listen(process, last, heard))
    try:
        yield process
        await listening
        status = await process.wait()
    except BaseException:
        await to_its_end(_end(process, listening))
        raise
    finally:
        _let_go(process)
    if status:
        raise BackupError(_failure(program, url, last, status))


async def output_of(program: Path, arguments: Sequence[str | Path]) -> str:
    """What a program that connects to nothing writes to its standard output.

    Raises BackupError with the program's words when it fails.
    """
    async with running(program, None, arguments, piped=True) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        return (await process.stdout.read()).decode()


async def _started(starting: asyncio.Future[Process]) -> Process:
    """Wait for a start to its end even when cancelled.

    asyncio gives up a start half done by killing the shell alone: the program would be left at a pipe nobody reads.
    """
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await to_its_end(_end_what_starts(starting))
        raise


async def _end_what_starts(starting: asyncio.Future[Process]) -> None:
    with suppress(OSError):  # there was nothing to start
        await _end(await starting)


def _of_environment() -> dict[str, str]:
    """What the URL may leave to variables, as it does for the connections of this process."""
    return {name: os.environ[name] for name in _VARIABLES if name in os.environ}


async def _listen(process: Process, last: deque[str], heard: Heard | None) -> None:
    """Read standard error line by line; a line of any length is no trouble, and only its beginning is kept.

    When whoever is told fails, the program is ended, and what it still says is read all the same: it would wait for
    that, and whoever reads what it writes would wait for it.
    """
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    rest, failure = b"", None
    while chunk := await process.stderr.read(65_536):
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[:_LONGEST_LINE]
        said = [line[:_LONGEST_LINE].decode(errors="replace") for line in lines]
        last.extend(said)
        if failure is None and heard is not None:
            failure = _told(heard, said)
            if failure is not None:
                _let_go(process)
    last.append(rest.decode(errors="replace"))
    if failure is not None:
        raise failure


def _told(heard: Heard, said: list[str]) -> Exception | None:
    try:
        for line in said:
            heard(line)
    except Exception as error:  # it is raised when the program has ended
        return error
    return None


def _let_go(process: Process) -> None:
    """Close the pipe that keeps the program running."""
    if process.stdin is not None:
        process.stdin.close()


async def _end(process: Process, listening: asyncio.Future[None] | None = None) -> None:
    """Have the shell end the program; when that does not help, kill both."""
    _let_go(process)
    if not await _ended(process, _OBEYED):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await _ended(process, 5.0)
    if listening is not None:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _ended(process: Process, seconds: float) -> bool:
    """Whether a program ends in time. What it still had to say is read and forgotten, so that its pipe closes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while process.stdout is not None and await process.stdout.read(65_536):
                pass
            await process.wait()
            return True
    return False


def _failure(program: Path, url: DatabaseUrl | None, last: deque[str], status: int) -> str:
    """A sentence of what the program complained of; what it tells of its progress is left out."""
    lines = [line.strip() for line in last if line.strip()]
    telling = [line for line in lines if any(word in line for word in _TELLING) and not _is_beside(line)]
    words = [line.removeprefix(f"{program.name}: ").removeprefix("error: ") for line in telling or lines[-2:]]
    where = f" on {url.place}" if url is not None else ""
    advice = next((advice for sign, advice in _ADVICE.items() if any(sign in line for line in lines)), "")
    return f"{program.name} failed{where}: {'; '.join(words[-4:]) or f'it ended with status {status}'}{advice}"


def _is_beside(line: str) -> bool:
    """Whether it is what a server that is not up yet told those who asked whether it is."""
    return "the database system is" in line or "Hot standby mode is disabled" in line


_ADVICE = {
    "No space left on device": "; free some space there, or use another store",
    "File too large": "; the store or a limit of this process allows no larger file",
    "password authentication failed": "; is the password in the database URL right?",
    "server version mismatch": "; install the client programs of the server's version",
    "row-level security": "; a backup needs a role that bypasses row security, such as the tables' owner",
    "must be owner of": "; restore with --no-owner",
    'role "': "; create the role first, or restore with --no-owner --no-privileges",
}
