"""Which tables and columns a statement reads and writes, and whether it could write at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.proof.nodes import Command, RteKind, cast_by_users, items, operand_types
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


def is_read_only(inference: Inference, query: Node) -> bool:
    """Whether it is proven that the statement changes nothing and locks no row.

    Built-in functions that are not volatile change nothing; of the volatile ones a list does not either. Functions
    of users are trusted only where they are SQL whose body is read-only in turn.
    """
    return all(_changes_nothing(inference, node) for node in _everything(inference, query))


def _everything(inference: Inference, query: Node) -> Iterable[Node]:
    """The nodes of a statement, of the views in it, and of the policies of its tables."""
    seen: set[int] = set()
    pending = [query]
    while pending:
        for node in walk(pending.pop()):
            yield node
            if node.tag == "RANGETBLENTRY" and node["rtekind"] == RteKind.RELATION and node["relid"] not in seen:
                seen.add(node["relid"])
                view, relation = inference.view(node["relid"]), inference.catalog.relations.get(node["relid"])
                pending += [view] if view is not None else []
                pending += [inference.tree(policy) for policy in (relation.policies if relation is not None else ())]


_CALLS = {
    "FUNCEXPR": "funcid",
    "OPEXPR": "opfuncid",
    "DISTINCTEXPR": "opfuncid",
    "NULLIFEXPR": "opfuncid",
    "SCALARARRAYOPEXPR": "opfuncid",
    "AGGREF": "aggfnoid",
    "WINDOWFUNC": "winfnoid",
}
_MAKERS = {
    "COERCETODOMAIN": "resulttype",
    "COERCEVIAIO": "resulttype",
    "PARAM": "paramtype",
    "FUNCEXPR": "funcresulttype",
}
"""Where the CHECK constraints of domains may be evaluated, also inside a row that is read from text or JSON."""


def _types_made(node: Node) -> list[int]:
    if node.tag == "RANGETBLFUNCTION":
        return items(node, "funccoltypes")
    return [node[_MAKERS[node.tag]]] if node.tag in _MAKERS else []


def _makes_harmlessly(inference: Inference, oid: int) -> bool:
    """Whether the CHECK constraints of the domains in a type change nothing."""
    checks = inference.domain_checks(oid)
    return all(_changes_nothing(inference, inner) for check in checks for inner in walk(check))


def _changes_nothing(inference: Inference, node: Node) -> bool:
    if node.tag == "QUERY":
        reads = node["commandType"] == Command.SELECT and not node["rowMarks"] and not node["hasModifyingCTE"]
        return reads and not _casts_by_users(node)
    if node.tag == "NEXTVALUEEXPR":
        return False
    if node.tag == "RANGETBLENTRY" and (relation := _relation(inference, node)) is not None:
        # What reading it does over there is not known: a view of the other server may call functions that write.
        return not relation.foreign_below
    if not all(_makes_harmlessly(inference, oid) for oid in _types_made(node)):
        return False
    if node.tag in _CALLS:
        return _call_changes_nothing(inference, node[_CALLS[node.tag]])
    return True


def _casts_by_users(query: Node) -> bool:
    """Whether a set operation casts its operands by functions of users, which the tree does not show."""
    return any(
        cast_by_users(before, after)
        for node in walk(query.get("setOperations") or [], into_queries=False)
        if node.tag == "SETOPERATIONSTMT"
        for side in ("larg", "rarg")
        for before, after in zip(operand_types(query, node[side]), node["colTypes"], strict=True)
    )


def _call_changes_nothing(inference: Inference, oid: int) -> bool:
    function = inference.catalog.functions.get(oid)
    if function is None:
        return False
    if function.builtin:
        if inference.builtins.refused_by_replica(function):
            return False
        return function.volatility != "v" or inference.builtins.safe_volatile(function)
    if not function.body or inference.depth > 8:
        return False
    inner = inference.inside_function({})
    return all(is_read_only(inner, query) for query in walk(inner.tree(function.body)) if query.tag == "QUERY")


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
