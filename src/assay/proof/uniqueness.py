"""Which entries of FROM have one row at most: those with a unique key that equalities pin to fixed values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.catalog.model import Key
from assay.proof.facts import array_length
from assay.proof.levels import Level
from assay.proof.nodes import Command, Join, Param, RteKind, items
from assay.proof.nullability.columns import find_with_query
from assay.proof.querytree import Node, walk

if TYPE_CHECKING:
    from assay.proof.cardinality import Bound
    from assay.proof.inference import Inference


@dataclass(frozen=True, slots=True)
class Pin:
    """An equality that holds for every row: ``value = <something that is the same for every row>``."""

    value: Node
    operator: int
    collation: int
    other: Node | None
    """The other side; None for one that is known to be the same for every row."""
    matches_null: bool = False
    """NULL equals NULL: IS NOT DISTINCT FROM."""
    entries: frozenset[int] | None = None
    """The entries that it may pin: those on the nulled side, for an ON clause of an outer join. None for all."""


def pins_of(inference: Inference, level: Level) -> Iterator[Pin]:
    """The equalities that hold for the rows of a query."""
    tree = level.query.get("jointree")
    if tree is not None and level.query["commandType"] != Command.MERGE and not level.ignore_conditions:
        yield from _pins_below(inference, level, tree, None)


def _pins_below(inference: Inference, level: Level, node: Node, entries: frozenset[int] | None) -> Iterator[Pin]:
    if node.tag == "RANGETBLREF":
        return
    if node.tag == "FROMEXPR":
        yield from _equalities(node["quals"], entries)
        for item in items(node, "fromlist"):
            yield from _pins_below(inference, level, item, entries)
        return
    left, right = frozenset(leaves(node["larg"])), frozenset(leaves(node["rarg"]))
    kind = _join_type(level, node)
    if kind == Join.INNER:
        yield from _equalities(node["quals"], entries)
    elif kind == Join.LEFT:
        yield from _equalities(node["quals"], right)
    elif kind == Join.RIGHT:
        yield from _equalities(node["quals"], left)
    yield from _pins_below(inference, level, node["larg"], entries if kind in (Join.INNER, Join.LEFT) else left)
    yield from _pins_below(inference, level, node["rarg"], entries if kind in (Join.INNER, Join.RIGHT) else right)


def _join_type(level: Level, node: Node) -> int:
    """The type of a join; an outer one is as good as an inner one where conditions keep none of the rows it adds."""
    kind, real = int(node["jointype"]), level.scope.known.real
    sides = {Join.LEFT: "r", Join.RIGHT: "l", Join.FULL: "lr"}.get(Join(kind), "")
    return Join.INNER if all((node["rtindex"], side) in real for side in sides) else kind


def _equalities(quals: Node | None, entries: frozenset[int] | None) -> Iterator[Pin]:
    """Every ``a = b`` among the conjuncts, both ways round."""
    if quals is None:
        return
    match quals.tag:
        case "BOOLEXPR" if quals["boolop"] == "and":
            for arg in quals["args"]:
                yield from _equalities(arg, entries)
        case "OPEXPR" if len(quals["args"]) == 2:
            yield from _both_ways(quals, entries, matches_null=False)
        case "BOOLEXPR" if quals["boolop"] == "not" and quals["args"][0].tag == "DISTINCTEXPR":
            yield from _both_ways(quals["args"][0], entries, matches_null=True)
        case "SCALARARRAYOPEXPR" if quals["useOr"]:
            yield from _only_element(quals, entries)


def _both_ways(equality: Node, entries: frozenset[int] | None, *, matches_null: bool) -> Iterator[Pin]:
    left, right = equality["args"]
    for value, other in ((left, right), (right, left)):
        null = matches_null and not (other.tag == "CONST" and not other["constisnull"])
        yield Pin(value, equality["opno"], equality["inputcollid"], other, null, entries)


def _only_element(quals: Node, entries: frozenset[int] | None) -> Iterator[Pin]:
    """``value = ANY (array)``, where the array has one element at most."""
    value, array = quals["args"]
    if array.tag == "ARRAYEXPR" and len(items(array, "elements")) == 1 and not array["multidims"]:
        yield Pin(value, quals["opno"], quals["inputcollid"], array["elements"][0], entries=entries)
    elif array.tag == "CONST" and not array["constisnull"] and array_length(array) <= 1:
        yield Pin(value, quals["opno"], quals["inputcollid"], None, entries=entries)


class Fixed:
    """Which entries of FROM have at most one row, and so the same columns in every row of the result."""

    def __init__(self, inference: Inference, level: Level, pins: list[Pin], entries: Iterable[int] = ()) -> None:
        self._inference = inference
        self._level = level
        self._pins = pins
        self.entries = set(entries)
        self.single: set[int] = set()
        """The entries with one row at most beside each row of the others, though not always the same one."""
        self.reason = ""

    def settle(self, sizes: dict[int, Bound]) -> None:
        """Find entries with one row at most until there are no more."""
        while self._settle_one(sizes, self.entries, steady=True):
            pass
        while self._settle_one(sizes, self.single, steady=False):
            pass

    def _settle_one(self, sizes: dict[int, Bound], found: set[int], *, steady: bool) -> bool:
        settled = self.entries | self.single
        for index in sizes.keys() - settled:
            reason = sizes[index].reason if sizes[index].at_most_one else self._pinned_key(index, self._pins)
            if not reason or (steady and not self._entry_is_steady(index)):
                continue
            if self._preserved(index) <= settled or self.pinned_above(index):
                found.add(index)
                self.reason = reason
                return True
        return False

    def _entry_is_steady(self, index: int) -> bool:
        """Whether an entry has the same rows beside every row of the others.

        It has not where it refers sideways (LATERAL) to one that varies; nor where it calls volatile functions, as a
        plan may work it out anew for every row of another. What a function in FROM gives is kept
        (nodeFunctionscan.c), unless it refers sideways.
        """
        entry, tree = self._level.entry(index), self._level.query["jointree"]
        sideways = set(_references(list(entry.values()), 0))
        meant = {leaf for leaf in leaves(tree) for other in sideways if leaf == other or self._level.side(other, leaf)}
        if not meant <= self.entries:
            return False
        return (entry["rtekind"] == RteKind.FUNCTION and not sideways) or not varies(self._inference, entry)

    def _preserved(self, index: int) -> set[int]:
        """The tables whose rows an outer join keeps when it finds none of this entry.

        Only where those are settled is this entry's row, found or not, the same in every row of the result.
        """
        joins = [ancestor.join for ancestor in self._level.joins.above.get(index, ()) if ancestor.nulls]
        return {
            leaf
            for leaf in leaves(self._level.query["jointree"])
            for join in joins
            if self._level.side(join, leaf) not in ("", self._level.side(join, index))
        }

    def pinned_above(self, index: int) -> bool:
        """Whether conditions above all joins pin the entry, which a full join does not undo."""
        return bool(self._pinned_key(index, [pin for pin in self._pins if pin.entries is None]))

    def pinned_target(self, index: int) -> str:
        """Why the target of UPDATE or DELETE, each of whose rows changes once at most, has one row at most."""
        return self._pinned_key(index, self._pins)

    def is_fixed(self, value: Node) -> bool:
        """Whether an expression has the same value in every row that FROM and WHERE leave."""
        return all(self._is_steady(node) for node in _own_nodes(value)) and not self._has_correlated_query(value)

    def is_pinned(self, value: Node, equality: Iterable[int]) -> bool:
        """Whether an expression is held equal to something fixed, by one of these operators."""
        return any(
            pin.value.key == value.key
            and not varies(self._inference, value)
            and pin.operator in set(equality)
            and self._inference.deterministic(pin.collation)
            and self._other_is_fixed(pin)
            for pin in self._pins
            if pin.entries is None
        )

    def _other_is_fixed(self, pin: Pin) -> bool:
        return pin.other is None or self.is_fixed(pin.other)

    def _is_steady(self, node: Node) -> bool:
        match node.tag:
            case "VAR":
                return bool(node["varlevelsup"]) or self._var_is_fixed(node)
            case "PARAM":
                return bool(node["paramkind"] == Param.EXTERN)
            case tag if tag in _CALLS:
                return not self._inference.volatile(node[_CALLS[tag]])
            case "NEXTVALUEEXPR" | "AGGREF" | "WINDOWFUNC" | "CASETESTEXPR":
                return False
        return True

    def _var_is_fixed(self, node: Node) -> bool:
        entry = self._level.entry(node["varno"])
        if entry["rtekind"] == RteKind.JOIN and node["varattno"] > 0:
            return self.is_fixed(entry["joinaliasvars"][node["varattno"] - 1])
        return node["varno"] in self.entries

    def _has_correlated_query(self, value: Node) -> bool:
        """A subquery is worked out once only where it uses nothing of the query around it."""
        inside = [node for sub in walk(value) if sub.tag == "SUBLINK" for node in walk(sub["subselect"])]
        return any(
            node["varlevelsup"] >= 1 if node.tag == "VAR" else not self._is_steady(node)
            for node in inside
            if node.tag in ("VAR", *_CALLS)
        )

    def _pinned_key(self, index: int, pins: list[Pin]) -> str:
        entry = self._level.entry(index)
        usable = [pin for pin in pins if pin.entries is None or index in pin.entries]
        if entry["rtekind"] == RteKind.SUBQUERY:
            return self._pinned_subquery(index, self._inference.level(entry["subquery"], self._level.scope), usable)
        if entry["rtekind"] == RteKind.CTE:
            return self._pinned_with_query(index, entry, usable)
        if entry["rtekind"] != RteKind.RELATION:
            return ""
        relation = self._inference.catalog.relations.get(entry["relid"])
        if relation is None:
            return ""
        if relation.kind == "v" and "select" not in relation.rules:
            query = self._inference.view(relation.oid)
            return self._pinned_subquery(index, self._inference.level(query, None), usable) if query is not None else ""
        if relation.kind not in "rpm" or (entry["inh"] and relation.has_children and relation.kind != "p"):
            return ""
        for key in relation.keys:
            if self._pins_key(index, key, usable):
                names = ", ".join(relation.attributes[column.number].name for column in key.columns)
                return f"{relation.label} has one row at most for {names}"
        return ""

    def _pins_key(self, index: int, key: Key, pins: list[Pin]) -> bool:
        return all(
            any(
                _is_column(pin.value, index, column.number)
                and pin.operator in column.equality
                and not (pin.matches_null and self._may_be_null(index, column.number))
                and self._inference.usual_family(column.family)
                and self._same_collation(pin.collation, column.collation)
                and self._other_is_fixed(pin)
                for pin in pins
            )
            for column in key.columns
        )

    def _may_be_null(self, index: int, number: int) -> bool:
        relation = self._inference.catalog.relations[self._level.entry(index)["relid"]]
        return not relation.attributes[number].not_null_below

    def _same_collation(self, of_condition: int, of_key: int) -> bool:
        """Equality by a deterministic collation is equality of bytes, which no key's own equality splits."""
        return of_condition == of_key or self._inference.deterministic(of_condition)

    def _pinned_with_query(self, index: int, entry: Node, pins: list[Pin]) -> str:
        home, cte = find_with_query(self._level, entry)
        if home is None or cte is None or cte["cterecursive"]:
            return ""
        return self._pinned_subquery(index, self._inference.level(cte["ctequery"], home.scope), pins)

    def _pinned_subquery(self, index: int, level: Level, pins: list[Pin]) -> str:
        """Carry the pins on a subquery's columns inside it."""
        query = level.query
        if query["commandType"] != Command.SELECT or query.get("setOperations") is not None:
            return ""
        if any(query.get(f) for f in ("limitCount", "limitOffset", "hasWindowFuncs", "hasTargetSRFs", "hasDistinctOn")):
            return ""
        entries = {entry["resno"]: ungrouped(level, entry["expr"]) for entry in items(query, "targetList")}
        inner = [
            Pin(entries[pin.value["varattno"]], pin.operator, pin.collation, None, pin.matches_null)
            for pin in pins
            if pin.value.tag == "VAR"
            and _is_column(pin.value, index, pin.value["varattno"])
            and pin.value["varattno"] in entries
            and self._other_is_fixed(pin)
        ]
        if not inner:
            return ""
        rows = self._inference.rows_given(level, inner)
        return rows.reason if rows.at_most_one else ""


_CALLS = dict.fromkeys(("OPEXPR", "SCALARARRAYOPEXPR", "DISTINCTEXPR", "NULLIFEXPR"), "opfuncid") | {
    "FUNCEXPR": "funcid"
}


def _references(value: Any, depth: int) -> Iterator[int]:
    """The entries of the level that far out that something refers to."""
    if isinstance(value, Node):
        if value.tag == "VAR" and value["varlevelsup"] == depth:
            yield value["varno"]
        inner = depth + 1 if value.tag == "QUERY" else depth
        for part in value.values():
            yield from _references(part, inner)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part, depth)


def varies(inference: Inference, tree: Node) -> bool:
    """Whether something calls a volatile function, also in the views that it reads."""
    seen, pending = set[int](), [tree]
    while pending:
        for node in walk(pending.pop()):
            if node.tag in _CALLS and inference.volatile(node[_CALLS[node.tag]]):
                return True
            if node.tag == "RANGETBLENTRY" and node["rtekind"] == RteKind.RELATION and node["relid"] not in seen:
                seen.add(node["relid"])
                view = inference.view(node["relid"])
                pending += [view] if view is not None else []
    return False


def _own_nodes(value: Node) -> Iterator[Node]:
    """The nodes of an expression that belong to its own level."""
    return (node for node in walk(value, into_queries=False))


def _is_column(node: Node, index: int, attribute: int) -> bool:
    while node.tag == "RELABELTYPE":
        node = node["arg"]
    return node.tag == "VAR" and (node["varlevelsup"], node["varno"], node["varattno"]) == (0, index, attribute)


def leaves(tree: Node) -> list[int]:
    """The entries of the range table that a part of the join tree reads."""
    return [node["rtindex"] for node in walk(tree, into_queries=False) if node.tag == "RANGETBLREF"]


def ungrouped(level: Level, expression: Node) -> Node:
    """What a reference to the grouping entry stands for."""
    if expression.tag == "VAR" and expression["varno"] == level.group_entry and expression["varlevelsup"] == 0:
        grouped: Node = level.entry(level.group_entry)["groupexprs"][expression["varattno"] - 1]
        return grouped
    return expression
