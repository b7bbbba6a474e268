"""Backups removed that a policy does not keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from assay.ops.backup.listing import list_backups
from assay.ops.backup.retention import Decision, Policy, decide
from assay.ops.backup.stores import Store


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a policy did to a store."""

    decisions: tuple[Decision, ...]
    """Of every backup, the newest first."""
    freed: int
    """Bytes of those that went."""


async def prune(store: Store, policy: Policy, *, dry_run: bool = False, now: datetime | None = None) -> Pruned:
    """Remove the backups that a policy does not keep, each by its manifest first.

    Args:
        store: the store.
        policy: how long backups are kept.
        dry_run: remove nothing.
        now: when it is; the machine's clock unless given.

    Raises BackupError when the store cannot be read or written; those that went by then are gone.
    """
    listed = {one.id: one for one in await list_backups(store)}
    decisions = decide([one.dated for one in listed.values()], policy, now or datetime.now(UTC))
    going = [one.backup.id for one in decisions if not one.keep]
    if not dry_run:
        for backup_id in going:
            await store.remove_all(backup_id)
    return Pruned(decisions, sum(listed[backup_id].size for backup_id in going))
