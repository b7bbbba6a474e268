"""What a database has, object by object, as PostgreSQL itself writes it out.

Everything is read from the system catalogs (manual chapter 52) with ``pg_catalog`` as the search path, so that every
name comes out qualified. Who may not use an object can still read what it is. Assay's own tables and what belongs to
an extension are left out, and so are owners, user mappings, subscriptions and tablespaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import msgspec

from assay.config import DatabaseUrl
from assay.migrate.ledger import TABLE as LEDGER
from assay.migrate.unfinished import TABLE as UNFINISHED
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection, translate
from assay.schema import inventory_edges, inventory_others, inventory_relations, inventory_types

Key: TypeAlias = tuple[str, str]
"""The kind of an object and its identity."""
Address: TypeAlias = tuple[int, int, int]
"""Catalog, row and column, as pg_depend has them (manual section 52.18)."""

_SESSION = "; ".join(
    f"set local {setting}"
    for setting in (
        "search_path to pg_catalog", "jit to off", "timezone to 'UTC'", "datestyle to 'ISO, MDY'", "lc_monetary to 'C'",
        "intervalstyle to postgres", "bytea_output to hex", "extra_float_digits to 1", "quote_all_identifiers to off",
        "standard_conforming_strings to on",
    )
)  # fmt: skip
"""Servers, databases and roles may have other settings, by which constants are written otherwise."""
_QUERIES = (*inventory_types.QUERIES, *inventory_relations.QUERIES, *inventory_others.QUERIES)


@dataclass(frozen=True, slots=True)
class Object:
    """One object of a schema."""

    kind: str
    """``table``, ``column``, ``materialized view`` and so on."""
    identity: str
    """Its qualified name as SQL has it; ``touch ON public.person`` for what has a name within a table only."""
    facets: Mapping[str, str]
    """What there is to say of it, by name: ``type``, ``default``, ``comment``, ``grants to reader``; no facet that is
    not set."""
    sql: str
    """The statements that create it, without comment and privileges; empty for what comes with its parent."""
    name: str = ""
    """Its own name, quoted."""
    table: str = ""
    """The relation that it is part of, quoted and qualified; empty for what stands alone."""
    definition: str = ""
    """A column as CREATE TABLE would have it."""
    parent: Key | None = None
    """What it is in, and goes with."""
    source: Key | None = None
    """What it is inherited from."""

    @property
    def key(self) -> Key:
        """By which it is found in an inventory."""
        return self.kind, self.identity


@dataclass(frozen=True, slots=True)
class Inventory:
    """All objects of a database."""

    objects: Mapping[Key, Object]
    major: int = 0
    """Of the server."""
    needs: Mapping[Key, frozenset[Key]] = field(default_factory=dict)
    """What each object could not be there without, as far as PostgreSQL records it."""
    casts: frozenset[tuple[str, str]] = frozenset()
    """From which type to which the server has a cast, without limits such as lengths."""

    def dependents(self) -> dict[Key, set[Key]]:
        """``needs`` the other way around."""
        found: dict[Key, set[Key]] = {}
        for key, needed in self.needs.items():
            for one in needed:
                found.setdefault(one, set()).add(key)
        return found


async def read_inventory(url: DatabaseUrl) -> Inventory:
    """All objects of a database.

    Raises ConnectionFailed and the like, and DatabaseError when the catalogs cannot be read.
    """
    connection = await open_connection(url)
    try:
        # One snapshot, so that an object that is dropped meanwhile is in all answers or in none.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await read_objects(connection)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()


async def read_objects(connection: DriverConnection) -> Inventory:
    """The same on a connection, whose transaction it leaves with other settings, of the search path too."""
    await connection.execute(_SESSION)
    major = connection.get_server_version().major
    rows: list[Any] = []
    for query in _QUERIES:
        rows += await connection.fetch(query.since(major))
    rows = [row for row in rows if row["name"] not in (LEDGER, UNFINISHED) and not _is_own(row["tab"])]
    addresses = {_address(row, ""): (row["kind"], row["identity"]) for row in rows}
    objects = [_object(row, addresses) for row in rows]
    aliases = {_address(row, ""): _address(row, "p") for row in await connection.fetch(inventory_edges.ALIASES)}
    edges = await connection.fetch(inventory_edges.EDGES)
    needs = _needs(addresses, aliases, ((_address(row, ""), _address(row, "p")) for row in edges))
    for item in objects:
        if item.parent:
            needs.setdefault(item.key, set()).add(item.parent)
    whole = _with_columns(objects)
    casts = frozenset((row["source"], row["target"]) for row in await connection.fetch(inventory_edges.CASTS))
    return Inventory({one.key: one for one in whole}, major, {key: frozenset(of) for key, of in needs.items()}, casts)


def _is_own(table: str | None) -> bool:
    return (table or "").rpartition(".")[2] in (LEDGER, UNFINISHED)


def _address(row: Any, prefix: str) -> Address:
    return row[f"{prefix}cls"] or 0, row[f"{prefix}id"] or 0, row[f"{prefix}sub"] or 0


def _object(row: Mapping[str, Any], addresses: Mapping[Address, Key]) -> Object:
    return Object(
        row["kind"],
        row["identity"],
        dict(sorted(msgspec.json.decode(row["facets"], type=dict[str, str]).items())),
        row["sql"],
        row["name"],
        row["tab"] or "",
        row["definition"] or "",
        addresses.get(_address(row, "p")),
        addresses.get((row["cls"], row["sid"], row["ssub"])) if row["sid"] else None,
    )


def _with_columns(objects: Iterable[Object]) -> list[Object]:
    """The statement of each table completed by its columns: what comes before them is in ``sql``, after them in
    ``definition``."""
    objects = list(objects)
    columns: dict[str, list[str]] = {}
    for item in objects:
        if item.kind == "column" and item.definition and not item.source:
            columns.setdefault(item.table, []).append(f"    {item.definition}")
    return [
        _completed(item, columns.get(item.identity, [])) if item.kind.endswith("table") else item for item in objects
    ]


def _completed(item: Object, columns: list[str]) -> Object:
    inside = " (\n" + ",\n".join(columns) + "\n)" if columns else " ()"
    if " PARTITION OF " in item.sql and "partition of" in item.facets:
        inside = ""
    return replace(item, sql=item.sql + inside + item.definition)


def _needs(
    addresses: Mapping[Address, Key], aliases: Mapping[Address, Address], edges: Iterable[tuple[Address, Address]]
) -> dict[Key, set[Key]]:
    needs: dict[Key, set[Key]] = {}
    for dependent, needed in edges:
        one, other = _resolved(dependent, addresses, aliases), _resolved(needed, addresses, aliases)
        if one and other and one != other and not _is_ownership(one, other):
            needs.setdefault(one, set()).add(other)
    return needs


def _is_ownership(one: Key, other: Key) -> bool:
    return one[0] == "sequence" and other[0] in ("column", "table")


def _resolved(address: Address, addresses: Mapping[Address, Key], aliases: Mapping[Address, Address]) -> Key | None:
    for _ in range(4):  # an array of the row type of a view, at most
        catalog, row, _column = address
        for candidate in (address, (catalog, row, 0)):
            if candidate in addresses:
                return addresses[candidate]
        if address not in aliases:
            return None
        address = aliases[address]
    return None
