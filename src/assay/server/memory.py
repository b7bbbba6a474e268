"""Servers whose data lie in memory, for tests: fast, and gone with the machine's next start.

Such a server has a home of its own, ``/dev/shm/assay-UID-HASH``, beside the one on disk that it is named after. When
it has idled long enough and is stopped, its data are removed, unless databases of failed tests are kept in it.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from assay.server.account import Account, can_enter, service_account
from assay.server.layout import Layout, find_home, make_folder

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what is found there is used only when it is our own
NEEDED = 1_000_000_000
"""Bytes that must be free: a server takes about 130 million, a database 8 million and more."""

_MARK, _KEPT = "volatile", "kept"


def memory_home(home: Path | None = None, folder: Path = SHARED_MEMORY) -> Path | None:
    """The folder in memory that stands in for a home on disk; None where memory has no room, or is not ours to use.

    Args:
        home: as for ``Server.locate``.
        folder: where the file system in memory is mounted.
    """
    account = service_account()
    disk = find_home(home, os.environ, account)
    place = folder / f"assay-{os.geteuid()}-{sha256(os.fsencode(disk)).hexdigest()[:12]}"
    with suppress(OSError):
        if place.is_dir() or _has_room(folder, account):
            make_folder(place, account)
            found = place.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022:
                (place / _MARK).touch()
                return place
    return None


def keep(home: Path) -> None:
    """Let the data outlive the server's stop."""
    with suppress(OSError):
        (home / _KEPT).touch()


def let_go(home: Path) -> None:
    """Nothing in the data is worth keeping any more."""
    with suppress(OSError):
        (home / _KEPT).unlink()


def remove_if_volatile(layout: Layout) -> None:
    """Free the memory of a server that is stopped; called with its lock held."""
    if (layout.home / _MARK).is_file() and not (layout.home / _KEPT).is_file():
        shutil.rmtree(layout.data, ignore_errors=True)


def _has_room(folder: Path, account: Account | None) -> bool:
    usable = folder.is_dir() and os.access(folder, os.W_OK) and can_enter(account, folder)
    return usable and shutil.disk_usage(folder).free >= NEEDED
