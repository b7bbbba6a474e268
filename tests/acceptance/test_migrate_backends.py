"""Every migration of every backend can be taken back and applied again, and leaves the schema that it built.

Backends are found by their folders, so a new one is covered as soon as it is there. A migration without a down file is
skipped by name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from assay import migrate
from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate.files import DOWN_SUFFIX, UP_SUFFIX
from assay.schema.dump import written_out

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(ROOT.glob("backends/*/migrations"))
ONE_WAY = [
    path
    for folder in FOLDERS
    for path in sorted(folder.glob("*.sql"))
    if not path.name.endswith(DOWN_SUFFIX)
    and not path.with_name(path.name.removesuffix(UP_SUFFIX) + DOWN_SUFFIX).exists()
]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT / "backends"))


async def up(database: DatabaseUrl, folder: Path, target_version: int | None = None) -> str:
    """The schema after a run; skips the test where the server lacks an extension that a migration asks for."""
    try:
        await migrate.run(database, folder, target_version=target_version)
    except MigrationError as error:
        if "is not available" in str(error):
            pytest.skip(str(error).partition("\n")[0])
        raise
    return await written_out(database)


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
async def test_up_down_up_leaves_the_same_schema(database: DatabaseUrl, folder: Path) -> None:
    before = await written_out(database)
    for migration in migrate.load(folder):
        after = await up(database, folder, migration.version)
        if migration.down is not None:
            await migrate.revert(database, folder)
            assert await written_out(database) == before, f"after {migration.down.path}"
            assert await up(database, folder, migration.version) == after, f"after {migration.path}, once more"
        before = after


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
async def test_all_down_and_up_again_leaves_the_same_schema(database: DatabaseUrl, folder: Path) -> None:
    bare = await written_out(database)
    whole = await up(database, folder)
    assert whole != bare
    await migrate.revert(database, folder, target_version=0)
    if all(migration.down for migration in migrate.load(folder)):
        assert await written_out(database) == bare
    assert await up(database, folder) == whole


@pytest.mark.parametrize("path", ONE_WAY, ids=named)
def test_a_migration_without_a_down_file_is_named(path: Path) -> None:
    pytest.skip(f"{named(path)} has no .down.sql, so there is nothing to revert it with")
