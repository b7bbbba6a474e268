"""Gathers what the site says: from the catalogs, and from the report of a check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from assay.config import DatabaseUrl
from assay.schema.altering import GRANTS
from assay.schema.docs.model import Facts, Item, Query, RoutinePage, TableLink, TablePage, TypePage, Use
from assay.schema.inventory import Inventory, Object, read_inventory
from assay.schema.models.names import module_name, unlike
from assay.schema.structure.model import Relation, Structure
from assay.schema.structure.reader import read_structure

_PARTS = ("constraint", "index", "trigger", "policy", "rule", "statistics")
_TYPES = ("enum", "domain", "composite type", "range type")
_ROUTINES = ("function", "procedure", "aggregate")
_TOLD_ELSEWHERE = frozenset({"comment", "definition", "partition of"})


async def gather(
    url: DatabaseUrl, title: str, reported: Iterable[Mapping[str, Any]], notes: Iterable[str] = ()
) -> Facts:
    """All facts about a database.

    Args:
        url: the database.
        title: of the site.
        reported: the queries of the code, as the report of a check tells them.
        notes: what is not on the site, and why.

    Raises ConnectionFailed and the like, and DatabaseError when the catalogs cannot be read.
    """
    structure, inventory = await read_structure(url), await read_inventory(url)
    queries = tuple(sorted(map(_query, reported), key=lambda query: (query.path, query.line, query.sql)))
    links = _links(structure)
    parts = _by_table(inventory)
    tables = tuple(_table(relation, structure, inventory, parts, links, queries) for relation in structure.whole())
    types = tuple(_type(item, structure, links) for item in _of_kinds(inventory, _TYPES))
    routines = tuple(_routine(item) for item in _of_kinds(inventory, _ROUTINES))
    return Facts(title, inventory.major, structure, tables, types, routines, queries, tuple(notes))


def _query(found: Mapping[str, Any]) -> Query:
    described = found.get("description") or {}
    return Query(
        found["path"],
        found["line"],
        found["method"],
        found.get("sql") or "",
        frozenset(described.get("reads", ())),
        frozenset(described.get("writes", ())),
    )


def _links(structure: Structure) -> dict[tuple[str, str], TableLink]:
    """The page of each table; a partition's is its table's."""
    taken: set[str] = {"index"}
    links: dict[tuple[str, str], TableLink] = {}
    for relation in structure.whole():
        slug = unlike(module_name(relation.label), taken)
        taken.add(slug)
        links[relation.address] = TableLink(relation.label, f"tables/{slug}.html")
    for relation in structure.relations:
        whole = relation
        while whole.partition_of is not None and (above := structure.get(whole.partition_of)) is not None:
            whole = above
        links.setdefault(relation.address, TableLink(relation.label, links[whole.address].file))
    return links


def _by_table(inventory: Inventory) -> dict[str, list[Object]]:
    """The parts of each table, by its identity."""
    found: dict[str, list[Object]] = {}
    for item in inventory.objects.values():
        if item.kind in _PARTS:
            found.setdefault(item.table, []).append(item)
    return found


def _of_kinds(inventory: Inventory, kinds: tuple[str, ...]) -> list[Object]:
    found = [item for item in inventory.objects.values() if item.kind in kinds]
    return sorted(found, key=lambda item: (kinds.index(item.kind), item.identity))


# --- tables


def _table(
    relation: Relation,
    structure: Structure,
    inventory: Inventory,
    parts: Mapping[str, list[Object]],
    links: Mapping[tuple[str, str], TableLink],
    queries: tuple[Query, ...],
) -> TablePage:
    own = _object(inventory, relation)
    facets = dict(own.facets) if own is not None else {}
    return TablePage(
        relation,
        links[relation.address].file,
        {kind: tuple(_items(kind, parts.get(relation.identity, []))) for kind in _PARTS},
        {name: value for name, value in sorted(facets.items()) if name not in _TOLD_ELSEWHERE},
        facets.get("definition", "") if relation.is_view else "",
        tuple(each for each in structure.relations if each.partition_of == relation.address),
        tuple((_link(links, key.target), key) for key in relation.foreign_keys),
        tuple((links[other.address], key) for other, key in structure.references(relation)),
        tuple(_sources(relation, structure, inventory, links)),
        tuple(links[view.address] for view in structure.whole() if relation in _read_by(view, structure, inventory)),
        tuple(_uses(relation, queries)),
    )


def _object(inventory: Inventory, relation: Relation) -> Object | None:
    kinds = (relation.kind, "table")
    return next((found for kind in kinds if (found := inventory.objects.get((kind, relation.identity)))), None)


def _link(links: Mapping[tuple[str, str], TableLink], address: tuple[str, str]) -> TableLink:
    return links.get(address) or TableLink(".".join(address), "")


def _items(kind: str, objects: Iterable[Object]) -> Iterator[Item]:
    chosen = [item for item in objects if item.kind == kind]
    if kind != "constraint":  # those come in the order of their own kinds
        chosen.sort(key=attrgetter("name"))
    for item in chosen:
        definition = item.facets.get("definition") or item.sql
        facets = {name: value for name, value in item.facets.items() if name not in ("definition", "comment")}
        yield Item(item.name, definition, item.facets.get("comment", ""), facets)


def _read_by(view: Relation, structure: Structure, inventory: Inventory) -> list[Relation]:
    """The tables and views that a view's query reads."""
    if not view.is_view:
        return []
    names = {
        inventory.objects[key].table or key[1]
        for key in inventory.needs.get((view.kind, view.identity), frozenset())
        if key in inventory.objects and key[0] in ("column", "view column", "table", "view", "materialized view")
    }
    return [relation for relation in structure.whole() if relation.identity in names and relation != view]


def _sources(
    relation: Relation, structure: Structure, inventory: Inventory, links: Mapping[tuple[str, str], TableLink]
) -> Iterator[TableLink]:
    for source in _read_by(relation, structure, inventory):
        yield links[source.address]


def _uses(relation: Relation, queries: Iterable[Query]) -> Iterator[Use]:
    own = f"{relation.schema}.{relation.name}"
    order = {column.name: index for index, column in enumerate(relation.columns)}

    def columns(names: frozenset[str]) -> tuple[bool, tuple[str, ...]]:
        mine = {name for name in names if name == own or name.startswith(f"{own}.")}
        found = {name.removeprefix(f"{own}.") for name in mine} & order.keys()
        return bool(mine), tuple(sorted(found, key=order.__getitem__))

    for query in queries:
        (reading, reads), (writing, writes) = columns(query.reads), columns(query.writes)
        if reading or writing:
            yield Use(query, reads, writes, reading, writing)


# --- types and routines


def _type(item: Object, structure: Structure, links: Mapping[tuple[str, str], TableLink]) -> TypePage:
    names = {item.identity, item.name} if _is_visible(item, structure) else {item.identity}
    used = tuple(
        (links[relation.address], column.name)
        for relation in structure.whole()
        for column in relation.columns
        if column.type.removesuffix("[]") in names
    )
    facets = {name: value for name, value in item.facets.items() if name != "comment" and not name.startswith(GRANTS)}
    return TypePage(item.kind, item.identity, facets, item.sql, item.facets.get("comment", ""), used)


def _is_visible(item: Object, structure: Structure) -> bool:
    schema = item.identity.removesuffix(f".{item.name}")
    return schema == "public" or any(each.visible and each.schema == schema for each in structure.relations)


def _routine(item: Object) -> RoutinePage:
    return RoutinePage(
        item.kind, item.identity, item.facets.get("definition") or item.sql, item.facets.get("comment", "")
    )
