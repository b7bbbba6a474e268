"""Which tables and columns a statement reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.proof.nodes import Command, RteKind, items
from assay.proof.nullability.returning import changed_by_triggers
from assay.proof.querytree import Node, walk

if TYPE_CHECKING:
    from assay.catalog.model import Relation
    from assay.proof.inference import Inference

_FIRST_BIT = 7
"""Column sets are numbered from FirstLowInvalidHeapAttributeNumber (-7), to have room for system columns."""
_SELECT = 2
"""ACL_SELECT: the right to read, which a statement needs for a table even where it names no column of it."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a statement touches, as ``schema.table.column``; ``schema.table`` where it names no column."""

    reads: frozenset[str] = field(default_factory=frozenset)
    writes: frozenset[str] = field(default_factory=frozenset)


def access(inference: Inference, query: Node) -> Access:
    """The columns that a statement names, also through views, and those that it changes."""
    reads: set[str] = set()
    writes: set[str] = set()
    seen: set[int] = set()
    pending = [query]
    while pending:
        for inner in walk(pending.pop()):
            if inner.tag != "QUERY":
                continue
            for entry in items(inner, "rtable"):
                relation = _relation(inference, entry)
                if relation is None:
                    continue
                _note(inner, entry, relation, reads, writes)
                if relation.kind == "v" and relation.oid not in seen:
                    seen.add(relation.oid)
                    view = inference.view(relation.oid)
                    pending += [view] if view is not None else []
    return Access(frozenset(reads), frozenset(writes))


def _relation(inference: Inference, entry: Node) -> Relation | None:
    return inference.catalog.relations.get(entry["relid"]) if entry["rtekind"] == RteKind.RELATION else None


def _note(query: Node, entry: Node, relation: Relation, reads: set[str], writes: set[str]) -> None:
    rights = entry
    if "perminfoindex" in entry:
        index = entry["perminfoindex"]
        if not index:
            return
        rights = query["rteperminfos"][index - 1]
    selected = _columns(relation, items(rights, "selectedCols"))
    if not selected and rights["requiredPerms"] & _SELECT:  # select count(*) from t
        selected = {f"{relation.schema}.{relation.name}"}
    reads |= selected
    writes |= _columns(relation, [*items(rights, "insertedCols"), *items(rights, "updatedCols")])
    if (
        query["commandType"] in (Command.DELETE, Command.MERGE)
        and entry is query["rtable"][query["resultRelation"] - 1]
    ):
        writes.add(f"{relation.schema}.{relation.name}")


def _columns(relation: Relation, bits: Iterable[int]) -> set[str]:
    numbers = [bit - _FIRST_BIT for bit in bits]
    if 0 in numbers:
        numbers = [*numbers, *relation.attributes]
    names = (relation.attributes[number].name for number in numbers if number in relation.attributes)
    return {f"{relation.schema}.{relation.name}.{name}" for name in names}


def left_out(inference: Inference, query: Node) -> tuple[str, ...]:
    """The columns that INSERTs leave out though they are NOT NULL and have no default, so that every row is refused.

    None of a table with a trigger that may set them, or with a rule that may do something else. The analysed tree has
    the columns that the statement names; defaults are filled in later (rewriteTargetListIU, rewriteHandler.c).
    """
    inserts = (node for node in walk(query) if node.tag == "QUERY" and node["commandType"] == Command.INSERT)
    return tuple(sorted({name for insert in inserts for name in _left_out(inference, insert)}))


def _left_out(inference: Inference, insert: Node) -> Iterator[str]:
    relation = written_relation(inference, insert)
    if relation is None or relation.kind not in "rp" or relation.foreign_below:
        return  # the defaults of partitions are not those of rows that come through the whole
    if "insert" in relation.rules or changed_by_triggers(relation):
        return
    given = {entry["resno"] for entry in items(insert, "targetList")}
    for number, attribute in relation.attributes.items():
        if attribute.not_null and not attribute.has_default and number not in given:
            yield relation.column(number)


def written_relation(inference: Inference, query: Node) -> Relation | None:
    """The relation that an INSERT, UPDATE, DELETE or MERGE names."""
    return _relation(inference, items(query, "rtable")[query["resultRelation"] - 1])


def is_unfiltered(query: Node) -> bool:
    """Whether an UPDATE or DELETE takes every row of its table."""
    if query["commandType"] not in (Command.UPDATE, Command.DELETE):
        return False
    tree = query["jointree"]
    return (
        tree["quals"] is None
        and all(item.tag == "RANGETBLREF" for item in items(tree, "fromlist"))
        and (len(items(tree, "fromlist")) <= 1)
    )
