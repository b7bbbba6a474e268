"""Which migrations are pending, and a scratch database that has had the others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from assay.config import DatabaseUrl
from assay.migrate import Migration, run
from assay.migrate.ledger import find_ledger
from assay.migrate.opening import open_target, read_ledger
from assay.migrate.plan import check_target_exists, plan_run
from assay.schema.scratch import empty_database


@dataclass(frozen=True, slots=True)
class Chosen:
    """The migrations of a folder, as what has been and what is to come."""

    applied: tuple[Migration, ...]
    pending: tuple[Migration, ...]
    """In the order in which they would run."""
    notices: tuple[str, ...] = ()


async def chosen_by_ledger(url: DatabaseUrl, migrations: Sequence[Migration]) -> Chosen:
    """What a database has had, and what it has not; nothing is changed or locked there.

    Raises MigrationError when the ledger and the files do not fit each other, and what ``assay.migrate.info`` raises.
    """
    async with open_target(url) as current:
        ledger, _ = await read_ledger(current, await find_ledger(current.connection))
    plan = plan_run(migrations, ledger)
    versions = {migration.version for migration in plan.todo}
    applied = tuple(migration for migration in migrations if migration.version not in versions)
    return Chosen(applied, plan.todo, plan.notices)


def chosen_since(migrations: Sequence[Migration], since: int | None) -> Chosen:
    """The migrations above a version are pending; the last one alone unless a version is given.

    Raises MigrationError for a version that there is not; 0 stands for none.
    """
    if since is None:
        return Chosen(tuple(migrations[:-1]), tuple(migrations[-1:]))
    if since != 0:
        check_target_exists(migrations, since)
    return Chosen(
        tuple(migration for migration in migrations if migration.version <= since),
        tuple(migration for migration in migrations if migration.version > since),
    )


@asynccontextmanager
async def scratch_with(server: DatabaseUrl, migrations: Sequence[Migration]) -> AsyncIterator[DatabaseUrl]:
    """A new database that has had some migrations, for the length of a block; raises what ``run`` raises."""
    async with empty_database(server) as scratch:
        if migrations:
            await run(scratch, migrations)
        yield scratch
