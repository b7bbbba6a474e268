"""The queries in the code that each pending migration breaks."""

from __future__ import annotations

from collections.abc import Iterator

from assay.config import DatabaseUrl, Settings
from assay.migrate.model import Migration
from assay.proof.checking import brought_by_each
from assay.proof.findings import Finding
from assay.schema.lint.pending import Chosen
from assay.schema.lint.rules import finding


def broken_queries(settings: Settings, chosen: Chosen, server: DatabaseUrl) -> Iterator[tuple[Migration, Finding]]:
    """The project's code proven on the schema after each pending migration, less what was wrong before it.

    Args:
        settings: of the project, whose code is proven as it is.
        chosen: what has been applied, and what is pending; where nothing has been, no query can break.
        server: where the schemas are built.

    Raises what ``assay check`` raises.
    """
    done, pending = list(chosen.applied), list(chosen.pending)
    if not done:
        done, pending = pending[:1], pending[1:]
    if not pending:
        return
    steps = [done, *([migration] for migration in pending)]
    for migration, brought in zip(pending, brought_by_each(settings, steps, server), strict=True):
        for found in brought:
            if found.is_error:
                yield migration, _told(found, migration)


def _told(found: Finding, migration: Migration) -> Finding:
    return finding(
        "MIG301",
        found.place,
        f"{migration.path} breaks this query: {found.message} ({found.rule.code})",
        because=found.because,
        fix=found.fix,
    )
