"""Base backups that a policy does not keep, and the log that only they needed, removed from an archive."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assay.errors import BackupError
from assay.ops.backup.manifest import is_id
from assay.ops.backup.pitr.archive import WAL
from assay.ops.backup.pitr.base import ABOUT, BASES, list_bases
from assay.ops.backup.pitr.segments import is_segment, segment_of
from assay.ops.backup.retention import Dated, Decision, Policy, State, decide


@dataclass(frozen=True, slots=True)
class PrunedArchive:
    """What a policy did to an archive."""

    decisions: tuple[Decision, ...]
    """Of every base backup, the newest first."""
    segments: int
    """Of the log, that went."""


async def prune_archive(
    folder: Path, policy: Policy, *, dry_run: bool = False, now: datetime | None = None
) -> PrunedArchive:
    """Remove base backups, each by the file first that says that it is complete, then the log before the oldest left.

    Segments of every timeline go by their place in the log, and histories of timelines stay, as with pg_archivecleanup.

    Args:
        folder: the archive.
        policy: how long base backups are kept; the last one always is.
        dry_run: remove nothing.
        now: when it is; the machine's clock unless given.

    Raises BackupError when the archive cannot be read or written.
    """
    try:
        return await asyncio.to_thread(_prune, folder, policy, dry_run, now or datetime.now(UTC))
    except OSError as error:
        raise BackupError(f"The archive {folder} cannot be pruned: {error.filename}: {error.strerror}") from None


def _prune(folder: Path, policy: Policy, dry_run: bool, now: datetime) -> PrunedArchive:
    decisions = decide(_dated(folder), policy, now)
    going = [one.backup.id for one in decisions if not one.keep]
    needless = _needless(folder, going)
    if not dry_run:
        for name in going:
            (folder / BASES / name / ABOUT).unlink(missing_ok=True)
            shutil.rmtree(folder / BASES / name)
        for path in needless:
            path.unlink(missing_ok=True)
    return PrunedArchive(decisions, len(needless))


def _dated(folder: Path) -> list[Dated]:
    complete = {base.id: base for base in list_bases(folder)}
    dated = [Dated(base.id, base.finished, State.COMPLETE, BASES) for base in complete.values()]
    if not (folder / BASES).is_dir():
        return dated
    for path in (folder / BASES).iterdir():
        if is_id(path.name) and path.name not in complete:
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            dated.append(Dated(path.name, changed, State.INCOMPLETE, BASES))
    return dated


def _needless(folder: Path, going: Sequence[str]) -> list[Path]:
    """The segments before the oldest base backup that stays; none when none stays."""
    staying = [base for base in list_bases(folder) if base.id not in going]
    if not staying or not (folder / WAL).is_dir():
        return []
    first = min(segment_of(base.timeline, base.start, base.segment_size)[8:] for base in staying)
    return [path for path in sorted((folder / WAL).iterdir()) if is_segment(path.name[:24]) and path.name[8:24] < first]
