"""A database that has grown without migrations, taken over as it is."""

from __future__ import annotations

import asyncio
import difflib
from dataclasses import dataclass
from pathlib import Path

from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate import Migration, run, skip
from assay.migrate.adding import add
from assay.migrate.files import load_if_any
from assay.migrate.model import Kind
from assay.proof.wholefiles import replace_file
from assay.schema.dump import dump_schema
from assay.schema.scratch import empty_database


@dataclass(frozen=True, slots=True)
class Baseline:
    """A database whose schema the migrations build, and whose ledger says so."""

    written: Path | None
    """The migration that was written; None when there were migrations that build the same."""
    recorded: tuple[int, ...]
    """The versions that were recorded as applied."""


async def baseline(
    url: DatabaseUrl, folder: Path, server: DatabaseUrl, *, target_version: int | None = None
) -> Baseline:
    """Record migrations as applied in a database that has what they build.

    In a folder without migrations, the first one is written from the database.

    Args:
        url: the database.
        folder: of the migrations; it is created if need be.
        server: where scratch databases can be made, which are dropped again.
        target_version: the last version that the database has; all unless given.

    Raises MigrationError, with the difference, when the database has not what the migrations build.
    """
    found = await dump_schema(url)
    migrations = await asyncio.to_thread(_migrations, folder)
    written = None
    if not migrations:
        if not found.statements:
            raise MigrationError(f"{url.place} is empty, so there is nothing to begin with; add a migration instead")
        (written,) = await asyncio.to_thread(add, folder, "baseline", kind=Kind.SIMPLE)
        await asyncio.to_thread(replace_file, written, found.text.encode(), 0o644)
    async with empty_database(server) as scratch:
        await run(scratch, folder, target_version=target_version)
        built = (await dump_schema(scratch)).text
    if built != found.text:
        lines = difflib.unified_diff(
            built.splitlines(), found.text.splitlines(), "what the migrations build", str(url.database), lineterm=""
        )
        raise MigrationError(
            "The database does not have what the migrations build; assay migrate skip records them all the same\n"
            + "\n".join(lines)
        )
    books = await skip(url, folder, target_version=target_version)
    return Baseline(written, tuple(entry.version for entry in books.entries))


def _migrations(folder: Path) -> tuple[Migration, ...]:
    return load_if_any(folder) if folder.is_dir() else ()
