"""Migrations: SQLx's files, ledger and lock, and a runner that can be killed at any moment.

``await assay.migrate.run(pool, "migrations/")`` at the start of an application applies what is pending.
"""

from __future__ import annotations

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
    "Direction",
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
    "revert",
    "run",
]
