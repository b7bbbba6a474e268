"""When one index does all that another does.

The relation is a law, not a measure: whatever query or constraint the one index serves, the other serves as well. Sizes
are not looked at, so the other may be the larger one. Sources: manual sections 11.3 (multicolumn), 11.4 (ordering, and
scans backwards), 11.8 (partial), 11.9 (index-only scans and INCLUDE), 11.10 (operator classes) and 65.1 (btree).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.schema.advice.model import Index, IndexKey


@dataclass(frozen=True, slots=True)
class Redundant:
    """An index that can be dropped, and one that stays and does its work."""

    index: Index
    kept: Index

    @property
    def same_keys(self) -> bool:
        """Whether both have the same keys; else the one has more of them."""
        return len(self.index.keys) == len(self.kept.keys)


def covers(other: Index, index: Index) -> bool:
    """Whether ``other`` serves every query and constraint that ``index`` serves; an index covers itself."""
    return (
        other.valid
        and (other.table, other.method, other.predicate) == (index.table, index.method, index.predicate)
        and (_btree_fits(other, index) if index.method == "btree" else _same(other, index))
        and _included(index) <= _returned(other)
        and (not index.unique or _as_unique(other, index))
    )


def redundant(indexes: Sequence[Index]) -> Iterator[Redundant]:
    """The indexes of a table that can all be dropped together, each with one that is not among them.

    Of several that do the same, one stays: that of a constraint before others, then the older one.
    """
    beaten_by = {
        index.oid: [other for other in indexes if other is not index and _beats(other, index)] for index in indexes
    }
    gone = {index.oid for index in indexes if index.droppable and index.valid and beaten_by[index.oid]}
    for index in indexes:
        if index.oid in gone:
            yield Redundant(index, min((o for o in beaten_by[index.oid] if o.oid not in gone), key=_rank))


def _beats(other: Index, index: Index) -> bool:
    """A strict partial order, so that following it upwards from any index ends at one that stays."""
    return covers(other, index) and (not covers(index, other) or _rank(other) < _rank(index))


def _rank(index: Index) -> tuple[bool, bool, bool, int]:
    return index.droppable, not index.primary, not index.constraint, index.oid


def _btree_fits(other: Index, index: Index) -> bool:
    """Whether the keys of the one are the first of the other, in the same order or all the other way around."""
    if len(index.keys) > len(other.keys):
        return False
    pairs = list(zip(other.keys, index.keys, strict=False))
    if not all(_same_order(one, two) for one, two in pairs):
        return False
    turned = {(one.descending != two.descending, one.nulls_first != two.nulls_first) for one, two in pairs}
    return turned in ({(False, False)}, {(True, True)})


def _same_order(one: IndexKey, two: IndexKey) -> bool:
    return _identity(one) == _identity(two) and one.options == two.options


def _identity(key: IndexKey) -> tuple[int, str, int, int, int]:
    return key.column, "" if key.column else key.text, key.family, key.input_type, key.collation


def _same(other: Index, index: Index) -> bool:
    """Whether two indexes of another method than btree are alike, storage parameters included: some of them decide
    what is found how fast."""
    return other.keys == index.keys and other.storage == index.storage


def _included(index: Index) -> set[int]:
    return {key.column for key in index.includes}


def _returned(index: Index) -> set[int]:
    """The columns whose values an index-only scan can return besides its first keys."""
    keys = {key.column for key in index.keys} if index.method == "btree" else set[int]()
    return keys | _included(index)


def _as_unique(other: Index, index: Index) -> bool:
    """Whether the one keeps apart at least what the other does, and at the same moment."""
    return (
        other.unique
        and len(other.keys) == len(index.keys)
        and (index.nulls_distinct or not other.nulls_distinct)
        and (other.immediate or not index.immediate)
    )
