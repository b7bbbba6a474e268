"""What a migration is, and what is said about one: the values that pass between the modules of this package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from assay.errors import UsageError
from assay.migrate.timeouts import NONE, Timeouts


class Kind(StrEnum):
    """Whether a migration can be reverted."""

    SIMPLE = "simple"
    """It has no down file."""
    REVERSIBLE = "reversible"
    """It has a down file."""


@dataclass(frozen=True, slots=True)
class Script:
    """One file of a migration."""

    path: Path
    sql: str
    checksum: bytes
    """The SHA-384 of the file's bytes: 48 bytes."""
    no_transaction: bool
    """Whether it begins with ``-- no-transaction``."""
    timeouts: Timeouts = NONE
    """What its first comments ask of the server."""
    replaces: Mapping[int, bytes] = field(default_factory=dict)
    """The checksums of the files that it stands for, by version."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration as its files describe it."""

    version: int
    """From 0 to 2^63 - 1."""
    description: str
    """The file's name between version and suffix, with spaces for underscores."""
    up: Script
    down: Script | None = None

    @property
    def replaces(self) -> Mapping[int, bytes]:
        """The checksums of the migrations that it stands for, by version; empty unless it was made by squash."""
        return self.up.replaces

    @property
    def kind(self) -> Kind:
        """Reversible if there is a down file."""
        return Kind.REVERSIBLE if self.down else Kind.SIMPLE

    @property
    def path(self) -> Path:
        """The file that applies it."""
        return self.up.path

    @property
    def sql(self) -> str:
        """The text that applies it."""
        return self.up.sql

    @property
    def checksum(self) -> bytes:
        """The SHA-384 of the file that applies it, as the ledger keeps it: 48 bytes."""
        return self.up.checksum

    @property
    def no_transaction(self) -> bool:
        """Whether it is applied statement by statement, outside of a transaction."""
        return self.up.no_transaction


class Direction(StrEnum):
    """Which of a migration's files is run."""

    UP = "up"
    DOWN = "down"

    @property
    def label(self) -> str:
        """The word after the version in what the commands print; SQLx has the same two."""
        return "migrate" if self is Direction.UP else "revert"

    def script(self, migration: Migration) -> Script:
        """The file of a migration for this direction; raises UsageError when it has no down file."""
        script = migration.up if self is Direction.UP else migration.down
        if script is None:
            raise UsageError(f"Migration {migration.version} has no down file, so it cannot be reverted")
        return script


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of the table ``_sqlx_migrations``."""

    version: int
    description: str
    installed_on: datetime
    success: bool
    """False while a ``-- no-transaction`` file is under way, or stopped halfway."""
    checksum: bytes
    execution_time: int
    """Nanoseconds; -1 when it is not known."""


class State(StrEnum):
    """Where a migration stands in a database."""

    PENDING = "pending"
    """It has not been applied."""
    INSTALLED = "installed"
    """It has been applied, and its file is unchanged."""
    CHANGED = "changed"
    """It has been applied, and its file is another one now."""
    MISSING = "missing"
    """It has been applied, and has no file any more."""
    UNFINISHED = "unfinished"
    """A ``-- no-transaction`` file stopped halfway."""


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """A migration, in the files or in the ledger or both, and where it stands."""

    version: int
    description: str
    state: State
    kind: Kind | None
    """None when there is no file."""
    path: Path | None
    """The file that applies it; None when there is none."""
    out_of_order: bool
    """Whether it is pending while a later one has been applied."""
    installed_on: datetime | None = None
    execution_time: int | None = None
    """Nanoseconds; None when it was not applied or the time is not known."""
    checksum: bytes | None = None
    """What the file has; None when there is no file."""
    applied_checksum: bytes | None = None
    """What the ledger has; None when it was not applied."""
    note: str | None = None
    """What is wrong with it, in a sentence, if anything is."""


@dataclass(frozen=True, slots=True)
class Step:
    """A migration that a run applied, reverted, or would."""

    version: int
    description: str
    direction: Direction
    path: Path
    execution_time: int = 0
    """Nanoseconds from the first statement until just before the commit; 0 in a dry run."""
    resumed_at: int | None = None
    """The statement, from 1, at which a file that had stopped halfway went on."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did."""

    steps: tuple[Step, ...]
    """What was applied or reverted, in order; in a dry run, what would be."""
    skipped: tuple[int, ...]
    """Versions that are left as they are because of the target version."""
    notices: tuple[str, ...]
    """What deserves attention, in sentences."""
    dry_run: bool = False


class Moment(StrEnum):
    """What an Event tells."""

    WAITING = "waiting"
    """Another process holds the migration lock; ``text`` says which."""
    STARTED = "started"
    """A file is about to be run, the ``number``-th of ``total``."""
    STATEMENT = "statement"
    """A statement of the file is about to be run, the ``number``-th of ``total``."""
    FINISHED = "finished"
    """A file has been run, and its row is in the ledger."""
    NOTICE = "notice"
    """``text`` deserves attention."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happens while a run is under way."""

    moment: Moment
    step: Step | None = None
    text: str = ""
    number: int = 0
    """From 1, where the moment has one."""
    total: int = 0


Progress: TypeAlias = Callable[[Event], None]
"""Called at each event, on the event loop; it should return quickly."""
