"""Two inventories compared, object by object and facet by facet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from assay.schema.inventory import Inventory, Key, Object

ORDER = (
    "schema", "extension", "collation", "foreign data wrapper", "server", "enum", "composite type", "range type",
    "domain", "sequence", "function", "procedure", "aggregate", "operator", "cast", "table", "foreign table", "column",
    "constraint", "view", "materialized view", "view column", "index", "statistics", "rule", "trigger", "policy",
    "publication", "event trigger",
)  # fmt: skip
"""The kinds, in the order in which they are created and shown where nothing else decides."""


@dataclass(frozen=True, slots=True)
class FacetChange:
    """One thing that is said differently of an object."""

    name: str
    live: str | None
    """None where it is not set."""
    built: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that is not the same in both."""

    live: Object | None
    """None when only the migrations build it."""
    built: Object | None
    """None when only the live database has it."""
    facets: tuple[FacetChange, ...] = ()
    """What differs when both have it."""
    inside: int = 0
    """How many objects come or go with it, which are not named themselves."""

    @property
    def object(self) -> Object:
        """The object, from whichever side has it."""
        found = self.built or self.live
        if found is None:
            raise ValueError("a difference of nothing")
        return found


def compare(live: Inventory, built: Inventory) -> dict[Key, Difference]:
    """Every object that is not the same in both, also those that come with another one."""
    found: dict[Key, Difference] = {}
    for key in {**built.objects, **live.objects}:
        one, other = live.objects.get(key), built.objects.get(key)
        changes = _facets(one.facets, other.facets) if one and other else ()
        if changes or one is None or other is None:
            found[key] = Difference(one, other, changes)
    return found


def differences(live: Inventory, built: Inventory) -> tuple[Difference, ...]:
    """What is to be told: the differences without those that follow from another one, in a readable order."""
    found = compare(live, built)
    counts: dict[Key, int] = {}
    told: list[Difference] = []
    for difference in found.values():
        root = _goes_with(difference, found)
        if root is not None:
            counts[root] = counts.get(root, 0) + (difference.object.kind != "view column")
        else:
            told.extend(_own_part(difference, found))
    counted = (replace(one, inside=counts.get(one.object.key, 0)) for one in told)
    return tuple(sorted(counted, key=_place))


def _facets(live: Mapping[str, str], built: Mapping[str, str]) -> tuple[FacetChange, ...]:
    names = [*built, *(name for name in live if name not in built)]
    return tuple(FacetChange(n, live.get(n), built.get(n)) for n in names if live.get(n) != built.get(n))


def _goes_with(difference: Difference, found: Mapping[Key, Difference]) -> Key | None:
    """What an object that is only on one side comes with, outermost."""
    above = found.get(difference.object.parent or ("", ""))
    if difference.facets or above is None:
        return None
    if _side(above) == _side(difference) or difference.object.kind == "view column":
        return _goes_with(above, found) or above.object.key
    return None


def _own_part(difference: Difference, found: Mapping[Key, Difference]) -> Iterator[Difference]:
    """The difference without what the object inherits; nothing when that is all."""
    source = found.get(difference.object.source or ("", ""))
    if source is None or source.facets == () != difference.facets:
        yield difference
    elif difference.facets:
        rest = tuple(change for change in difference.facets if change not in source.facets)
        if rest:
            yield replace(difference, facets=rest)
    elif _side(source) != _side(difference):
        yield difference


def _side(difference: Difference) -> tuple[bool, bool]:
    return difference.live is None, difference.built is None


def _place(difference: Difference) -> tuple[str, int, str]:
    item = difference.object
    return item.table or item.identity, ORDER.index(item.kind), item.identity
