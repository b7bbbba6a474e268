"""How a live database differs from what the migrations build, and the migration that brings them together.

PostgreSQL writes some expressions otherwise once they have been read back, and from one major version to the next. So
where two inventories differ, both schemas are written out, loaded into empty databases on one server, and read there.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from assay.config import DatabaseUrl
from assay.errors import Error
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, first_line, open_connection
from assay.schema.altering import GRANTS
from assay.schema.closing import close
from assay.schema.compare import Difference, compare, differences
from assay.schema.dump import Contents, written_out
from assay.schema.inventory import Inventory, Object, read_inventory, read_objects
from assay.schema.scratch import empty_database
from assay.sql.splitting import split_statements

_NAME = re.compile(r'"(?:[^"]|"")+"|[^", ]+')
_EMPTY_VIEWS = """
select oid::regclass::text as name from pg_class where relkind = 'm' and not relispopulated order by oid
"""
"""Such as a dump leaves them; no other can be created over them before they are filled."""
_FAILURES: tuple[type[Exception], ...] = (Error, *DRIVER_ERRORS)
_NOT_DUMPED = ("version", "valid")
_HEADER = "-- {0}\n-- Written by assay schema diff; read it before it runs, and mind what is marked.\n"


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found."""

    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()
    """What could not be looked at as it should be, in sentences."""
    migration: str = ""
    """The SQL that closes the differences; empty when none was asked for, or there is nothing to close."""
    unclosed: tuple[Difference, ...] = ()
    """What the migration leaves, when it was tried."""


@dataclass(frozen=True, slots=True)
class _Side:
    url: DatabaseUrl
    inventory: Inventory
    dump: str | None = None
    """Its schema as SQL; None when a copy of it could not be made."""


async def find_drift(live: DatabaseUrl, built: DatabaseUrl, *, write: bool = False, reverse: bool = False) -> Drift:
    """What a live database has otherwise than the database that the migrations built.

    Nothing is written on the live database's server. Scratch databases are made on the other one, and dropped.

    Args:
        live: the live database.
        built: the database that the migrations built, on a server where databases can be created.
        write: also write the migration that gives the live database what the migrations build, and try it.
        reverse: the migration is to give what the migrations build what the live database has.

    Raises ConnectionFailed and the like, ServerError when there is no pg_dump.
    """
    one, other = _Side(live, await read_inventory(live)), _Side(built, await read_inventory(built))
    if not compare(one.inventory, _leveled(other.inventory, one.inventory)):
        return Drift(())
    notes: list[str] = []
    async with empty_database(built) as scratch:
        roles = _roles(one.inventory) | _roles(other.inventory)
        one = await _settled(one, scratch, roles, notes)
        other = await _settled(other, scratch, roles, notes)
        live_inventory, built_inventory = _same_versions(one.inventory, other.inventory)
        found = differences(live_inventory, built_inventory)
        if not found or not write:
            return Drift(found, tuple(notes))
        before, after = (built_inventory, live_inventory) if reverse else (live_inventory, built_inventory)
        script = _script(close(before, after), reverse=reverse)
        dump = other.dump if reverse else one.dump
        if dump is None:
            notes.append("The migration was not tried, for there is no copy to try it on")
            return Drift(found, tuple(notes), script)
        async with _copy(scratch, dump, roles) as (copy, _):
            unclosed = await _tried(copy, script, before, after, notes)
        return Drift(found, tuple(notes), script, unclosed)


def _script(statements: tuple[str, ...], *, reverse: bool) -> str:
    title = (
        "Gives what the migrations build what the live database has." if reverse
        else "Gives the live database what the migrations build."
    )  # fmt: skip
    ended = (text if text.startswith("-- not written") else f"{text};" for text in statements)
    return _HEADER.format(title) + "\n" + "\n\n".join(ended) + "\n"


# --- both read on one server


async def _settled(side: _Side, scratch: DatabaseUrl, roles: Iterable[str], notes: list[str]) -> _Side:
    """A side with its inventory as read from a copy of its schema; as it is, with a note, when there can be none."""
    try:
        dump = await written_out(side.url, Contents(privileges=True))
        async with _copy(scratch, dump, roles) as (copy, refused):
            settled = await read_objects(copy)
    except _FAILURES as error:
        notes.append(
            f"{side.url.place} is compared as its server writes it, for it could not be copied: {first_line(error)}"
        )
        return side
    notes += [f"A copy of {side.url.place} lacks a statement: {one}" for one in refused]
    return _Side(side.url, _merged(side.inventory, settled), dump)


@asynccontextmanager
async def _copy(
    scratch: DatabaseUrl, dump: str, roles: Iterable[str]
) -> AsyncIterator[tuple[DriverConnection, list[str]]]:
    """A transaction in which an empty database has a schema, and what of it could not be made, in sentences.

    It is rolled back, and with it the roles that only it has.
    """
    connection = await open_connection(scratch)
    try:
        transaction = connection.transaction()
        await transaction.start()
        for role in sorted(roles):
            await _refusal(connection, f"create role {role}")  # most often because it is there
        refused = await _load(connection, dump)
        for view in await connection.fetch(_EMPTY_VIEWS):
            await _refusal(connection, f"refresh materialized view {view['name']}")
        yield connection, refused
    finally:
        await connection.close()


def _roles(inventory: Inventory) -> set[str]:
    """The roles, as SQL has them, that privileges and policies name."""
    objects = inventory.objects.values()
    granted = {name.removeprefix(GRANTS) for item in objects for name in item.facets if name.startswith(GRANTS)}
    listed = {role for item in objects if item.kind == "policy" for role in _NAME.findall(item.facets["roles"])}
    return (granted | listed) - {"PUBLIC"}


def _merged(raw: Inventory, settled: Inventory) -> Inventory:
    """Objects as the copy has them, with what a dump leaves out as it was."""
    objects = {
        key: replace(item, facets=_facets(item, settled.objects[key]), sql=settled.objects[key].sql)
        if key in settled.objects
        else item
        for key, item in raw.objects.items()
    }
    return replace(raw, objects=objects)


def _facets(raw: Object, settled: Object) -> Mapping[str, str]:
    kept = {name: value for name, value in raw.facets.items() if _is_not_dumped(name)}
    return {name: value for name, value in settled.facets.items() if not _is_not_dumped(name)} | kept


def _is_not_dumped(name: str) -> bool:
    return name.startswith(GRANTS) or name in _NOT_DUMPED


async def _load(connection: DriverConnection, text: str) -> list[str]:
    """Load a script, all at once or else what can be; what was refused, in sentences."""
    parts = split_statements(text)
    if not parts or not await _refusal(connection, text):
        return []
    return [said for part in parts if (said := await _refusal(connection, part.text))]


async def _refusal(connection: DriverConnection, statement: str) -> str:
    """Run a statement; why it could not be, or nothing."""
    try:
        async with connection.transaction():
            await connection.execute(statement)
    except DRIVER_ERRORS as error:
        return f"{first_line(error)} ({' '.join(statement.split())[:60]})"
    return ""


# --- what differs from one major version to the next


def _leveled(inventory: Inventory, other: Inventory) -> Inventory:
    return _same_versions(inventory, other)[0]


def _same_versions(one: Inventory, other: Inventory) -> tuple[Inventory, Inventory]:
    """Inventories without what follows from their servers' major versions alone, if these differ."""
    if one.major == other.major:
        return one, other
    return _without_versions(one), _without_versions(other)


def _without_versions(inventory: Inventory) -> Inventory:
    objects = {key: replace(item, facets=dict(_versionless(item))) for key, item in inventory.objects.items()}
    return replace(inventory, objects=objects)


def _versionless(item: Object) -> list[tuple[str, str]]:
    """An extension's facets without its version, privileges without MAINTAIN, which came with PostgreSQL 17."""
    facets = []
    for name, value in item.facets.items():
        if name.startswith(GRANTS):
            value = ", ".join(part for part in value.split(", ") if not part.startswith("MAINTAIN"))
        if value and not (item.kind == "extension" and name == "version"):
            facets.append((name, value))
    return facets


# --- the migration tried


async def _tried(
    copy: DriverConnection, script: str, before: Inventory, after: Inventory, notes: list[str]
) -> tuple[Difference, ...]:
    """What a migration does not close on a copy; notes say when it could not be tried."""
    copied = await read_objects(copy)
    try:
        if split_statements(script):
            await copy.execute(script)
    except DRIVER_ERRORS as error:
        notes.append(f"The migration fails on a copy of the schema: {first_line(error)}")
        return differences(before, after)
    left = _as_before(await read_objects(copy), copied, before)
    if before.major != after.major:
        left, after = _without_versions(left), _without_versions(after)
    return differences(left, after)


def _as_before(now: Inventory, copied: Inventory, before: Inventory) -> Inventory:
    """What a copy has now, where the migration changed it, and what the original had, where it did not.

    A copy can lack what its server does not know, such as an extension.
    """
    objects = dict(now.objects)
    for key, item in before.objects.items():
        here, there = objects.get(key), copied.objects.get(key)
        if (here and here.facets) == (there and there.facets):
            objects[key] = item
    return replace(now, objects=objects)
