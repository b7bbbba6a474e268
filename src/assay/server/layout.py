"""Where a server's files lie.

::

    HOME/18/            made by Assay, this user's
        lock            held while the server is started, stopped or looked after
        used            when it was last asked for, and how long it may idle
        watch           held by the process that stops the server when it has idled long enough
        server.log
        password        of the superuser on TCP, once it was asked for
        data/           the data directory     (both belong to the account that the
        run/            the socket              server runs as, and nobody else enters)

Where root runs Assay and the account of the server cannot get at HOME, ``data`` and ``run`` lie in
``/var/lib/assay/homes/HASH/18`` instead; where the path of the socket would be too long, ``run`` lies in a folder of
its own under ``/tmp``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from assay.errors import ServerError
from assay.server.account import Account, can_enter

SHARED = Path("/var/lib/assay")
"""Root's home for servers when its own is closed to every other account, as ``/root`` is."""

HOMES = SHARED / "homes"
"""Where the data lie of homes that the server's account cannot reach."""

LONGEST_SOCKET = 103
"""Bytes in the path of a Unix socket: 107 on Linux, 103 on macOS (``sun_path`` less its NUL)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one server, and the account that some of them belong to."""

    state: Path
    """The folder that this user writes in."""
    place: Path
    """The folder that holds ``data``, ``run`` and copied programs; most often the same."""
    account: Account | None
    home: Path

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.place / "data"

    @property
    def lock(self) -> Path:
        """The file that is locked while the server's state changes."""
        return self.state / "lock"

    @property
    def used(self) -> Path:
        """The file whose time is when the server was last asked for."""
        return self.state / "used"

    @property
    def watch(self) -> Path:
        """The file that the watching process keeps locked."""
        return self.state / "watch"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.state / "server.log"

    @property
    def password(self) -> Path:
        """The superuser's password on TCP."""
        return self.state / "password"

    def check_owner(self) -> None:
        """Raises ServerError when the existing folders are another user's, who has a server of their own there."""
        for folder in (self.state, self.place):
            if folder.is_dir() and folder.stat().st_uid != os.geteuid():
                raise ServerError(
                    f"{folder} belongs to another user; set ASSAY_HOME to a folder of your own for the embedded server"
                )

    def make(self) -> None:
        """Create the folders that are missing; raises ServerError when one of them is another user's."""
        for folder in (self.state, self.place):
            make_folder(folder, self.account)
        self.check_owner()
        if self.place != self.state:
            self.place.with_name("home").write_text(str(self.home))


def find_home(home: Path | None, environ: Mapping[str, str], account: Account | None) -> Path:
    """The folder for the state of all servers of this user: the one given, else ASSAY_HOME, else the user's own."""
    given = home or (Path(environ["ASSAY_HOME"]) if environ.get("ASSAY_HOME") else None)
    if given is not None:
        return given.expanduser().resolve()
    state = environ.get("XDG_STATE_HOME", "")
    try:
        own = (Path(state) if state.startswith("/") else Path.home() / ".local" / "state") / "assay"
    except RuntimeError:
        raise ServerError(
            "The embedded server has no place for its data: this user has no home folder; set ASSAY_HOME to a folder"
        ) from None
    return own.resolve() if can_enter(account, _existing(own)) else SHARED


def find_layout(home: Path, version: str, account: Account | None) -> Layout:
    """The layout of a version's server in a home, which need not exist yet."""
    state = home / version
    if can_enter(account, _existing(state)):
        return Layout(state, state, account, home)
    key = sha256(os.fsencode(home)).hexdigest()[:16]
    return Layout(state, HOMES / key / version, account, home)


def make_folder(folder: Path, account: Account | None) -> None:
    """Create a folder and the missing ones above it, which only this user and the server's account may enter."""
    if folder.is_dir():
        return
    make_folder(folder.parent, account)
    try:
        folder.mkdir()
    except FileExistsError:
        return
    folder.chmod(0o711 if account else 0o700)


def socket_folder(layout: Layout) -> Path:
    """The folder for the server's socket, created if it is missing, private to the account that runs the server."""
    folder = layout.place / "run"
    # Drivers take a comma for the end of one host among several.
    if len(os.fsencode(folder / ".s.PGSQL.65535")) > LONGEST_SOCKET or "," in str(folder):
        folder = _short_folder(layout)
    if not _made_private(folder, layout.account):
        _check_private(folder, layout.account)
    return folder


def _short_folder(layout: Layout) -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    key = sha256(os.fsencode(layout.place)).hexdigest()[:16]
    if layout.account is None and _is_own(runtime) and len(os.fsencode(runtime)) < 40:
        return Path(runtime) / f"assay-{key}"
    return Path("/tmp") / f"assay-{os.geteuid()}-{key}"  # noqa: S108 - its owner and mode are checked


def _made_private(folder: Path, account: Account | None) -> bool:
    """Create the folder, unless something is there already."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return False
    give(folder, account)
    return True


def give(folder: Path, account: Account | None) -> None:
    """Hand a folder that was just created over to the server's account."""
    if account is None:
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchown(descriptor, account.uid, account.gid)
    finally:
        os.close(descriptor)


def _check_private(folder: Path, account: Account | None) -> None:
    found = folder.lstat()
    owner = account.uid if account else os.geteuid()
    if not stat.S_ISDIR(found.st_mode):
        raise ServerError(f"{folder} is not a folder; it is where the server's socket goes, remove what is there")
    if account and found.st_uid == os.geteuid() and not any(folder.iterdir()):
        give(folder, account)  # its creator was stopped between the two steps
        found = folder.lstat()
    if found.st_uid != owner:
        raise ServerError(
            f"{folder}, where the server's socket goes, belongs to user {found.st_uid} and not to {owner}, "
            "so that user could pose as the server; have it removed, or set ASSAY_HOME to a shorter path"
        )
    if found.st_mode & 0o077:
        raise ServerError(f"{folder}, where the server's socket goes, is open to other users: chmod 700 {folder}")


def _existing(path: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    for folder in (path, *path.parents):
        if folder.is_dir():
            return folder
    return Path("/")


def _is_own(folder: str) -> bool:
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return (
        folder.startswith("/")
        and stat.S_ISDIR(found.st_mode)
        and found.st_uid == os.geteuid()
        and not found.st_mode & 0o077
    )
