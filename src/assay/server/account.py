"""The account that the server runs as.

PostgreSQL refuses to run as root (manual section 18.1), so root hands it to an account that is there already; any
other user runs it as themselves. No account is created, and no folder's mode is changed for it.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import ServerError

_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account of the operating system, without further groups."""

    name: str
    uid: int
    gid: int


def service_account() -> Account | None:
    """The account for the server: None is this process's own, which is right for all but root.

    Raises ServerError when this process is root's and the machine has no account to hand the server to.
    """
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise ServerError(
        f"PostgreSQL refuses to run as root, and this machine has no account {' or '.join(_CANDIDATES)} to run it as; "
        "run Assay as another user, or name a server in DATABASE_URL"
    )


def run_as(account: Account | None) -> dict[str, Any]:
    """The arguments of ``subprocess`` that start a process as that account."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def can_enter(account: Account | None, folder: Path) -> bool:
    """Whether the account can reach what is in an existing folder, by the modes of it and every folder above."""
    if account is None:
        return True
    folder = folder.resolve()
    return all(_permits(account, part.stat(), stat.S_IXOTH) for part in (folder, *folder.parents))


def can_run(account: Account | None, program: Path) -> bool:
    """Whether the account can read and execute a file."""
    if account is None:
        return True
    status = program.stat()
    return can_enter(account, program.parent) and _permits(account, status, stat.S_IXOTH | stat.S_IROTH)


def _permits(account: Account, status: os.stat_result, bits: int) -> bool:
    if status.st_uid == account.uid:
        bits <<= 6
    elif status.st_gid == account.gid:
        bits <<= 3
    return status.st_mode & bits == bits
