"""Many migrations made one that builds the same."""

from __future__ import annotations

import asyncio
import difflib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate import Migration, run
from assay.migrate.ledger import TABLE as LEDGER
from assay.migrate.squashed import replaced_header
from assay.runtime.connecting import open_connection
from assay.schema.dump import Contents, dump_schema
from assay.schema.scratch import empty_database
from assay.sql.quoting import quote_identifier

_FILLED = """
select n.nspname || '.' || c.relname as name, n.nspname as schema, c.relname as table
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relname <> $1
  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
order by 1
"""


@dataclass(frozen=True, slots=True)
class Squashed:
    """Several migrations as one."""

    sql: str
    """The text of the file."""
    migrations: tuple[Migration, ...]
    """What it stands for, in order."""
    statements: int

    @property
    def name(self) -> str:
        """The name of the file: the last version, so that a database that has had it has had the file."""
        return f"{self.migrations[-1].path.name.partition('_')[0]}_squashed.sql"


async def squash(server: DatabaseUrl, migrations: Sequence[Migration], *, with_data: bool = False) -> Squashed:
    """One migration that builds the same schema as some, tried on a scratch database.

    Args:
        server: where scratch databases can be made, which are dropped again.
        migrations: the first ones of a folder, two or more.
        with_data: write the rows that they insert as INSERT statements.

    Raises MigrationError when they insert rows and ``with_data`` is not given, when what comes out does not build the
    same, and what ``run`` and ``dump_schema`` raise.
    """
    if len(migrations) < 2:
        raise MigrationError("There are fewer than two migrations, so there is nothing to squash")
    contents = Contents(privileges=True, data=with_data)
    async with empty_database(server) as scratch:
        await run(scratch, migrations)
        filled = [] if with_data else await _filled(scratch)
        if filled:
            raise MigrationError(_rows(filled))
        built = await dump_schema(scratch, contents)
    text = replaced_header(migrations) + built.text
    await _check_builds(server, text, built.text, contents)
    return Squashed(text, tuple(migrations), built.statements)


async def _check_builds(server: DatabaseUrl, text: str, expected: str, contents: Contents) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread((Path(folder) / "1_squashed.sql").write_text, text, "utf-8")
        async with empty_database(server) as scratch:
            await run(scratch, folder)
            found = (await dump_schema(scratch, contents)).text
    if found != expected:
        lines = difflib.unified_diff(expected.splitlines(), found.splitlines(), "before", "after", lineterm="", n=0)
        raise MigrationError("One file does not build the same schema:\n" + "\n".join(list(lines)[:20]))


async def _filled(url: DatabaseUrl) -> list[tuple[str, int]]:
    """The tables that have rows, and how many."""
    connection = await open_connection(url)
    try:
        tables = await connection.fetch(_FILLED, LEDGER)
        counts = [
            await connection.fetchval(
                f"select count(*) from {quote_identifier(table['schema'])}.{quote_identifier(table['table'])}"  # noqa: S608 - names, quoted
            )
            for table in tables
        ]
    finally:
        await connection.close()
    return [(table["name"], count) for table, count in zip(tables, counts, strict=True) if count]


def _rows(filled: Sequence[tuple[str, int]]) -> str:
    names = ", ".join(f"{name} ({count})" for name, count in filled)
    return f"The migrations also insert rows, into {names}; --with-data writes them as INSERT statements"
