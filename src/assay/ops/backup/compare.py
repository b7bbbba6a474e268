"""A restored database compared with the manifest of what was backed up."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from assay.config import DatabaseUrl
from assay.ops.backup.databases import schema_seal
from assay.ops.backup.manifest import Contents, Manifest, SchemaSeal
from assay.ops.contents import TableContents, contents_of
from assay.runtime.connecting import DRIVER_ERRORS, open_connection, translate

_INSERTED = "select format('%I.%I', schemaname, relname), n_tup_ins - n_tup_del from pg_stat_user_tables"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a restored database has otherwise."""

    what: str
    """A table, quoted and qualified, or a kind of objects."""
    text: str
    """A sentence's part: ``public.person has 3 rows, 4 were backed up``."""


async def compare_tables(manifest: Manifest, restored: DatabaseUrl, *, content: bool = False) -> tuple[Difference, ...]:
    """The tables that hold something else than was backed up.

    Args:
        manifest: of the backup.
        restored: the database that it was restored into.
        content: compare the hashes of their rows too, where the manifest has them.

    Raises ConnectionFailed and the like.
    """
    if manifest.contents is Contents.SCHEMA:
        return ()
    found = await contents_of(restored, content=content)
    differences = [one for table in manifest.tables if (one := _difference(table, found.get(table.name), content))]
    ((large,),) = await _fetch(restored, "select count(*) from pg_largeobject_metadata")
    if large != manifest.large_objects:
        differences.append(_counted("large objects", f"there are {large} large objects", manifest.large_objects))
    return tuple(differences)


async def compare_loaded(manifest: Manifest, restored: DatabaseUrl) -> tuple[Difference, ...]:
    """The same for a database that was just loaded, by the server's own count of what was inserted into each table.

    That costs nothing, where reading the tables takes a fifth of the time that loading them did. Where that count
    differs, or is not kept (``track_counts``), the tables are read after all.

    Raises ConnectionFailed and the like.
    """
    inserted = {row[0]: row[1] for row in await _fetch(restored, _INSERTED)}
    if all(inserted.get(table.name) == table.rows for table in manifest.tables):
        return ()
    return await compare_tables(manifest, restored)


async def compare_schemas(manifest: Manifest, restored: DatabaseUrl) -> tuple[Difference, ...]:
    """The kinds of objects of which a restored database has others than were backed up.

    Raises ConnectionFailed and the like.
    """
    connection = await open_connection(restored)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            seal = await schema_seal(connection)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()
    return _kinds(manifest.schema, seal)


def _kinds(backed_up: SchemaSeal, restored: SchemaSeal) -> tuple[Difference, ...]:
    differences = []
    for kind in sorted(backed_up.kinds.keys() | restored.kinds.keys()):
        before, after = backed_up.kinds.get(kind, (0, "")), restored.kinds.get(kind, (0, ""))
        if before != after:
            what = "with other names or types" if before[0] == after[0] else f"{before[0]} were backed up"
            differences.append(Difference(kind, f"there are {after[0]} objects of the kind {kind}, {what}"))
    return tuple(differences)


def _difference(table: TableContents, found: TableContents | None, content: bool) -> Difference | None:
    if found is None:
        return Difference(table.name, f"{table.name} is not there")
    if found.rows != table.rows:
        return _counted(table.name, f"{table.name} has {found.rows} rows", table.rows)
    if content and table.content is not None and found.content != table.content:
        return Difference(table.name, f"{table.name} has as many rows as were backed up, but not the same")
    return None


def _counted(what: str, found: str, expected: int) -> Difference:
    return Difference(what, f"{found}, {expected} were backed up")


async def _fetch(url: DatabaseUrl, sql: str) -> list[asyncpg.Record]:
    connection = await open_connection(url)
    try:
        return await connection.fetch(sql)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()
