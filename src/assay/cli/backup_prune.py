"""``assay backup prune``: old backups removed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from assay.cli.backup_options import opened, size, store_option
from assay.cli.output import format_option, write_json

if TYPE_CHECKING:
    from assay.ops.backup.retention import Decision


@click.command()
@store_option
@click.option("--days", type=click.IntRange(min=1), help="Remove older ones.  [default: the store's; 30, 90 on S3]")
@click.option(
    "--count", type=click.IntRange(min=1), help="Of each database, keep so many.  [default: the store's; all]"
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@format_option()
def prune(store: str | None, days: int | None, count: int | None, dry_run: bool, output_format: str) -> None:
    """Remove the backups of a store that are too old or too many.

    The last good one of each database always stays, and so does one that is dated in the future. What was never
    finished goes after a day.
    """
    from assay.ops.backup.prune import prune as run

    _, found, kept = opened(store)
    policy = replace(found.policy, days=days or found.policy.days, count=count or found.policy.count)
    pruned = asyncio.run(run(kept, policy, dry_run=dry_run))
    gone = [one for one in pruned.decisions if not one.keep]
    if output_format == "json":
        write_json({
            "store": kept.place,
            "dry_run": dry_run,
            "backups": decided(pruned.decisions),
            "freed": pruned.freed,
        })  # fmt: skip
        return
    tell(pruned.decisions, dry_run)
    verb = "would be" if dry_run else "were"
    print(f"{len(gone)} of {len(pruned.decisions)} backups {verb} removed from {kept.place}, {size(pruned.freed)}")


def tell(decisions: Iterable[Decision], dry_run: bool) -> None:
    """Print what became of each backup, and why."""
    for one in decisions:
        word = "keep" if one.keep else "would go" if dry_run else "removed"
        print(f"{one.backup.id}  {word:<8}  {one.why}")


def decided(decisions: Iterable[Decision]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [{"id": one.backup.id, "keep": one.keep, "why": one.why} for one in decisions]
