"""Migrations: SQLx's files, ledger and lock, and a runner that can be killed at any moment.

``await assay.migrate.run(pool, "migrations/")`` at the start of an application applies what is pending.

Names are loaded when they are first used: reading the files needs no driver.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.migrate.bookkeeping import Books, Change, Entry, repair, skip
    from assay.migrate.files import fingerprint, load
    from assay.migrate.model import (
        Direction,
        Event,
        Kind,
        Migration,
        MigrationStatus,
        Moment,
        Progress,
        Report,
        Script,
        State,
        Step,
    )
    from assay.migrate.runner import Source, info, revert, run
    from assay.migrate.target import Target

__all__ = [
    "Books",
    "Change",
    "Direction",
    "Entry",
    "Event",
    "Kind",
    "Migration",
    "MigrationStatus",
    "Moment",
    "Progress",
    "Report",
    "Script",
    "Source",
    "State",
    "Step",
    "Target",
    "fingerprint",
    "info",
    "load",
    "repair",
    "revert",
    "run",
    "skip",
]

_ROOMS = {
    "Books": "bookkeeping",
    "Change": "bookkeeping",
    "Entry": "bookkeeping",
    "repair": "bookkeeping",
    "skip": "bookkeeping",
    "Source": "runner",
    "Target": "target",
    "fingerprint": "files",
    "info": "runner",
    "load": "files",
    "revert": "runner",
    "run": "runner",
}
"""Where a name is defined, if not in ``model``."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'assay.migrate' has no attribute {name!r}")
    found = getattr(import_module(f"assay.migrate.{_ROOMS.get(name, 'model')}"), name)
    globals()[name] = found  # the next time it is found without coming here
    return found
