"""The server process: recognised, started, waited for and stopped.

What it says about itself is in ``postmaster.pid`` of its data directory (manual section 65.1; the lines are in
src/include/utils/pidfile.h). The file outlives a server that was killed, so it is believed only as far as a process
with that id is a server on that data, or something answers on the socket.
"""

from __future__ import annotations

import errno
import re
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from assay.errors import ServerError
from assay.server.binaries import Programs
from assay.server.layout import Layout
from assay.server.processes import command_line, command_lines, end, is_alive, working_in
from assay.server.starting import start_apart

DEFAULT_PORT = 5432
"""The port that a socket is named after when there is no TCP."""

_READY = "ready"
_STARTERS = ("postgres", "initdb", "sh")
_LONGEST_START = 120.0
"""Seconds; what takes so long is the recovery of data that a killed server left."""
_PAUSE = 0.005
_GONE = (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR)
_FAST, _IMMEDIATE = signal.SIGINT, signal.SIGQUIT  # manual section 18.5, "Shutting Down the Server"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server process, as it describes itself."""

    pid: int
    port: int
    folder: Path
    """Of its socket."""
    listen: str
    """The address that it listens on with TCP; empty for none."""
    status: str
    """``ready`` once it takes connections."""

    @property
    def socket(self) -> Path:
        """The path of its socket."""
        return self.folder / f".s.PGSQL.{self.port}"


def find(layout: Layout) -> Postmaster | None:
    """The server that is up on this data, or on its way up or down; None when there is none.

    One in another container that shares the folder counts: its process cannot be seen, but its socket answers.
    """
    found = _read(layout.data / "postmaster.pid")
    if found is None or not (is_server(found.pid, layout.data) or answers(found.socket)):
        return None
    return found


def is_server(pid: int, data: Path) -> bool:
    """Whether that process is alive and is a server on that data directory, started by Assay."""
    return is_alive(pid) and f"-D {data} " in command_line(pid)


def answers(path: Path) -> bool:
    """Whether something takes connections on a socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError as error:
            return error.errno not in _GONE
    return True


def start(
    programs: Programs, layout: Layout, folder: Path, *, listen: str, port: int, began: Callable[[], None]
) -> Postmaster:
    """Start a server on data that no server is using, and wait until it takes connections.

    Args:
        programs: where PostgreSQL's programs are.
        layout: where its data are.
        folder: where its socket goes.
        listen: the address to listen on with TCP; empty for none.
        port: the TCP port, after which the socket is named too.
        began: called once there is a process, before it is ready.

    Raises ServerError with the server's own words when it does not come up; nothing of it is left running then.
    """
    _clear(layout, folder)
    said = _rotate(layout.log)
    command: list[str | Path] = [
        programs.path("postgres"),
        "-D",
        layout.data,
        "-k",
        folder,
        "-h",
        listen,
        "-p",
        str(port),
    ]
    try:
        pid = start_apart(command, layout.log, layout.account)
        began()
        return _wait_until_ready(layout, pid, said)
    except BaseException:
        end_everything(layout.data)  # found by what it works on: its id may not be known yet
        raise


def settled(layout: Layout, seconds: float = _LONGEST_START) -> Postmaster | None:
    """The server on this data once it is ready, should it be on its way up; None should it be gone, or go.

    Raises ServerError when it does neither.
    """
    deadline = time.monotonic() + seconds
    while (found := find(layout)) is not None and found.status != _READY:
        if time.monotonic() > deadline:
            raise ServerError(
                f"The server (process {found.pid}) has been {found.status or 'starting'} for more than {seconds:g} "
                f"seconds; stop it with: assay server stop\n  log: {layout.log}"
            )
        time.sleep(_PAUSE)
    return found


def stop(layout: Layout, server: Postmaster) -> None:
    """Stop a server: its clients are disconnected, and what does not end in time is killed.

    Raises ServerError when its process cannot be seen from here.
    """
    if not is_server(server.pid, layout.data):
        raise ServerError(
            f"The server on {layout.data} answers, but its process {server.pid} cannot be seen from here; "
            "stop it in the container or on the machine that it runs in"
        )
    end([server.pid], [(_FAST, 10.0), (_IMMEDIATE, 5.0)])
    end_everything(layout.data)
    if server.folder.parent != layout.place:
        with suppress(OSError):
            server.folder.rmdir()


def end_everything(data: Path) -> None:
    """Kill what still works on a data directory, such as a busy session whose postmaster was killed.

    Such a session holds the shared memory, and no new server would start beside it.
    """
    words = f"-D {data} "
    left = {pid for pid in working_in(data) if _program(command_line(pid)) == "postgres"}
    left |= {pid for pid, line in command_lines() if words in line and _program(line) in _STARTERS}
    end(left, [(_IMMEDIATE, 0.5), (signal.SIGKILL, 5.0)])


def started_versions(layout: Layout) -> list[str]:
    """The full versions of the servers that were started, as the log has it, the latest last."""
    return re.findall(r" starting PostgreSQL (\S+) ", _since(layout.log, 0))


def failure(said: str, layout: Layout, what: str) -> ServerError:
    """The error for a program that failed, out of what it said last."""
    if any("No space left on device" in line and not _about_memory(line) for line in said.splitlines()):
        return ServerError(
            f"{what}: the disk that holds {layout.place} is full; free some space, "
            "or set ASSAY_HOME to a folder on another disk"
        )
    lines = [line for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "HINT:", "error:"))]
    return ServerError(f"{what}: {' / '.join(telling[-3:] or lines[-3:]) or 'it said nothing'}\n  log: {layout.log}")


def _about_memory(line: str) -> bool:
    """Whether it is the kernel's limits that are used up (manual section 18.4), which the server explains itself."""
    return "semaphores" in line or "shared memory" in line


def _program(line: str) -> str:
    """The first word of a command line, without its folder, and without the colon of a title given by itself."""
    return line.partition(" ")[0].rpartition("/")[2].rstrip(":")


def _read(path: Path) -> Postmaster | None:
    try:
        lines = path.read_text(errors="surrogateescape").splitlines()
        pid, port, folder = int(lines[0]), int(lines[3]), lines[4]
    except (OSError, ValueError, IndexError):
        return None
    listen = lines[5] if len(lines) > 5 else ""
    return Postmaster(pid, port, Path(folder), listen, lines[7].strip() if len(lines) > 7 else "") if pid > 1 else None


def _clear(layout: Layout, folder: Path) -> None:
    """Remove what a killed server left: PostgreSQL refuses to start while its ids are those of other processes."""
    end_everything(layout.data)
    for path in (layout.data / "postmaster.pid", *folder.glob(".s.PGSQL.*")):
        path.unlink(missing_ok=True)


def _wait_until_ready(layout: Layout, pid: int, said: int, seconds: float = _LONGEST_START) -> Postmaster:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        found = _read(layout.data / "postmaster.pid")
        if found is not None and found.pid == pid and found.status == _READY:
            return found
        if time.monotonic() > deadline:
            raise failure(_since(layout.log, said), layout, f"The server was not ready after {seconds:g} seconds")
        time.sleep(_PAUSE)
    raise failure(_since(layout.log, said), layout, "The server did not start")


def _rotate(log: Path) -> int:
    """Begin a new log when it has grown, keeping one; its size now, in bytes."""
    size = _size(log)
    if size > 1_000_000:
        log.replace(log.with_suffix(".log.1"))
        return 0
    return size


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _since(log: Path, position: int) -> str:
    try:
        return log.read_bytes()[position:].decode(errors="replace")
    except OSError:
        return ""
