"""The embedded server: started when it is needed, shared by every process of the user."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from assay.config import EMBEDDED_SERVER, DatabaseUrl
from assay.errors import ServerError
from assay.server import cluster, idle, postmaster
from assay.server.account import service_account
from assay.server.binaries import Programs, check_version, find_programs
from assay.server.client import ask
from assay.server.copying import runnable
from assay.server.layout import Layout, find_home, find_layout, socket_folder
from assay.server.locking import holding
from assay.server.postmaster import DEFAULT_PORT, Postmaster
from assay.sql.quoting import quote_identifier, quote_literal


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of an embedded server."""

    running: bool
    version: str
    """Of the running server, else of the programs that would be started: ``18.6``; the major one if neither tells."""
    pid: int | None
    url: DatabaseUrl | None
    """Of the maintenance database, while the server runs."""
    data: Path
    size: int
    """Bytes that the data take on disk; 0 when there are none yet."""
    log: Path


@dataclass(frozen=True, slots=True)
class Server:
    """An embedded server of one major version, running or not. Safe to use from many processes at once."""

    version: str
    layout: Layout

    @classmethod
    def locate(cls, version: str = EMBEDDED_SERVER, home: Path | None = None) -> Server:
        """The server of a major version; nothing is started, created or looked for yet.

        Args:
            version: ``"18"`` for the wheel's (else the system's), another for one that the system has.
            home: the folder of its state; ASSAY_HOME, XDG_STATE_HOME/assay or ~/.local/state/assay unless given.
        """
        account = service_account()
        folder = find_home(home, os.environ, account)
        return cls(check_version(version), find_layout(folder, version, account))

    def ensure_running(self, idle_timeout: float = 900.0) -> DatabaseUrl:
        """Start the server unless it runs, and return the URL of its maintenance database ``postgres``.

        Args:
            idle_timeout: seconds without a connection after which it stops by itself; 0 means never. While it runs,
                the longest that anyone asked for holds.

        Raises ServerError, saying what to do, when there is no server to be had.
        """
        with _plainly():
            return self._url(self._ensure(idle_timeout))

    def listen(self, address: str, port: int, idle_timeout: float = 900.0) -> DatabaseUrl:
        """Start the server with TCP, and return the URL for it, which has a password.

        Raises ServerError when it runs already without, or elsewhere: its clients are not to be cut off.
        """
        with _plainly():
            server = self._ensure(idle_timeout, address, port)
            if (server.listen, server.port) != (address, port):
                where = f"on {server.listen}:{server.port}" if server.listen else "without TCP"
                raise ServerError(f"The server runs already, {where}; stop it first with: assay server stop")
            return self._tcp_url(server)

    def stop(self) -> bool:
        """Stop the server, disconnecting its clients; whether it was running. Nothing of it is left running."""
        if not self.layout.state.is_dir():
            return False
        self.layout.check_owner()
        with _plainly(), holding(self.layout.lock, "stopping the server"):
            found = postmaster.find(self.layout)
            if found is not None:
                postmaster.stop(self.layout, found)
            postmaster.end_everything(self.layout.data)
            idle.end_watcher(self.layout)
            return found is not None

    def status(self) -> ServerStatus:
        """What there is, without starting or changing anything."""
        found = postmaster.find(self.layout)
        return ServerStatus(
            running=found is not None,
            version=self._full_version(found),
            pid=found.pid if found else None,
            url=self._url(found) if found else None,
            data=self.layout.data,
            size=_size(self.layout.data),
            log=self.layout.log,
        )

    def tcp_url(self) -> DatabaseUrl | None:
        """The URL with the password, while the server runs and listens on TCP; else None."""
        found = postmaster.find(self.layout)
        return self._tcp_url(found) if found and found.listen else None

    def ensure_database(self, name: str, idle_timeout: float = 900.0) -> DatabaseUrl:
        """Start the server unless it runs, create the database unless it exists, and return its URL."""
        quoted = quote_identifier(name)
        with _plainly():
            server = self._ensure(idle_timeout)
            if not self._has(server, name):
                try:
                    ask(self.programs(), server, f"create database {quoted}")
                except ServerError:
                    # Another process may have created it in between; then this one has nothing to complain about.
                    if not self._has(server, name):
                        raise
            return self._url(server).with_database(name)

    def binary(self, name: str) -> Path:
        """The path of a PostgreSQL program such as ``pg_dump``, of the server's own version."""
        return self.programs().path(name)

    def programs(self) -> Programs:
        """PostgreSQL's programs, where the server's account can run them."""
        return runnable(find_programs(self.version), self.layout)

    def _ensure(self, idle_timeout: float, listen: str = "", port: int = DEFAULT_PORT) -> Postmaster:
        layout = self.layout
        layout.make()
        with holding(layout.lock, "starting the server"):
            running = self._usable()
            idle.mark_used(layout, idle_timeout, anew=running is None)
            if running is not None:
                idle.ensure_watcher(layout, self.version)
                return running
            programs = self.programs()
            folder = socket_folder(layout)
            cluster.ensure(programs, layout)
            began = partial(idle.ensure_watcher, layout, self.version)
            server = postmaster.start(programs, layout, folder, listen=listen, port=port, began=began)
            if listen:
                self._set_password(server)
            return server

    def _usable(self) -> Postmaster | None:
        """The server that runs and takes connections; one that cannot any more is stopped."""
        found = postmaster.settled(self.layout)
        if found is None or postmaster.answers(found.socket):
            return found
        postmaster.stop(self.layout, found)
        return None

    def _has(self, server: Postmaster, name: str) -> bool:
        return bool(ask(self.programs(), server, "select 1 from pg_database where datname = :'name'", {"name": name}))

    def _set_password(self, server: Postmaster) -> None:
        """Give the superuser a password for TCP: the one it had before, so that a URL stays right."""
        path = self.layout.password
        if not path.is_file():
            new = path.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_text(secrets.token_urlsafe(24))
            new.replace(path)
        ask(self.programs(), server, f"alter role postgres password {quote_literal(path.read_text())}")

    def _url(self, server: Postmaster) -> DatabaseUrl:
        port = server.port if server.port != DEFAULT_PORT else None
        return DatabaseUrl("postgres", None, str(server.folder), port, "postgres")

    def _tcp_url(self, server: Postmaster) -> DatabaseUrl:
        host = "127.0.0.1" if server.listen in ("*", "0.0.0.0") else server.listen  # noqa: S104
        return replace(self._url(server), host=host, port=server.port, password=self.layout.password.read_text())

    def _full_version(self, running: Postmaster | None) -> str:
        # Asking the server would be a use of it; and its programs may have been upgraded since it was started.
        told = postmaster.started_versions(self.layout) if running else []
        if told:
            return told[-1]
        with suppress(ServerError):
            return find_programs(self.version).version()
        return self.version


@contextmanager
def _plainly() -> Iterator[None]:
    """Turn what the system refused into an error that says what to do."""
    try:
        yield
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        remedy = (
            "free some space, or set ASSAY_HOME to a folder on another disk"
            if error.errno == errno.ENOSPC
            else "set ASSAY_HOME to a folder that this user can write to"
        )
        why = (error.strerror or str(error)).lower()
        raise ServerError(f"The embedded server cannot use its folder, {why}{where}; {remedy}") from error


def _size(folder: Path) -> int:
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                deeper = entry.is_dir(follow_symlinks=False)
                total += _size(Path(entry.path)) if deeper else entry.stat(follow_symlinks=False).st_blocks * 512
    return total
