"""What the databases of tests are made of: migrations and seeds, read once."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from assay.config import DatabaseUrl, Settings
from assay.migrate.files import fingerprint, load_if_any
from assay.migrate.model import Migration
from assay.ops.seed import load, seed_files
from assay.runtime.connecting import DriverConnection, open_connection

_FORM = "assay testing 1"
"""Changed when the same files make another template than before."""

_OWN_RELATIONS = """
select string_agg(format('%I.%I', n.nspname, c.relname), ', ')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and not c.relisshared and n.nspname !~ '^pg_(toast|temp)'
  and pg_has_role(c.relowner, 'usage')
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Migrations and seed files; the same content has the same fingerprint."""

    migrations: tuple[Migration, ...]
    seeds: tuple[Path, ...]
    fingerprint: str

    async def build(self, url: DatabaseUrl) -> None:
        """Fill an empty database.

        Raises MigrationError, UsageError and DatabaseError, which name file and line.
        """
        if self.migrations:
            from assay.migrate import run  # most sessions find their template built

            await run(url, self.migrations)
        async for _ in load(url, self.seeds, once=True):
            pass
        connection = await open_connection(url)
        try:
            await _pack(connection)
        finally:
            await connection.close()
        # The first connection after that leaves a file behind that spares all others, also those to copies, work.
        await (await open_connection(url)).close()


def read_recipe(settings: Settings, environments: tuple[str, ...] | None) -> Recipe:
    """Read the project's migrations, and the seeds of the environments; None is for no seeds at all.

    Raises MigrationError for a migration and UsageError for seeds that are not as they should be.
    """
    migrations = load_if_any(settings.migrations) if settings.migrations.is_dir() else ()
    seeds = () if environments is None else _seeds(settings.seeds, environments)
    digest = sha256(_FORM.encode())
    digest.update(fingerprint(migrations).encode())
    for file in seeds:
        digest.update(sha256(file.read_bytes()).digest())
    return Recipe(migrations, seeds, f"{_FORM}|{digest.hexdigest()}")


def _seeds(folder: Path, environments: tuple[str, ...]) -> tuple[Path, ...]:
    files = [file for name in environments or (None,) for file in seed_files(folder, name)]
    return tuple(dict.fromkeys(files))


async def _pack(connection: DriverConnection) -> None:
    """Make the database small, since its files are copied for every test, and let the planner know its tables.

    Relation by relation: the ones that are shared between databases would have to be locked.
    """
    relations = await connection.fetchval(_OWN_RELATIONS)
    if relations:
        await connection.execute(f"vacuum (full, freeze, analyze) {relations}")
