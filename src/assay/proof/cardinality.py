"""How many rows a query can return: one, none or one, or any number.

At most one is proven where every entry of FROM has at most one row for the conditions: because a unique key is pinned
by equality to values that do not vary from row to row, or because the entry itself has at most one row. At least one
is proven for aggregates without GROUP BY, VALUES and queries that filter nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from assay.catalog.model import Key, TriggerEvents
from assay.proof.levels import Level
from assay.proof.nodes import Command, Grouping, Join, Param, RteKind, SetOperation, items
from assay.proof.nullability.calls import set_functions
from assay.proof.nullability.columns import find_with_query
from assay.proof.nullability.returning import changed_by_triggers, rewritten, target
from assay.proof.querytree import Node, walk

if TYPE_CHECKING:
    from assay.proof.inference import Inference


class Bound(NamedTuple):
    """How many rows can come."""

    at_least_one: bool
    at_most_one: bool
    reason: str


def _many(reason: str = "nothing limits the rows") -> Bound:
    return Bound(False, False, reason)


@dataclass(frozen=True, slots=True)
class Pin:
    """An equality that holds for every row: ``value = <something that is the same for every row>``."""

    value: Node
    operator: int
    collation: int
    other: Node | None
    """The other side; None for one that is known to be the same for every row."""
    entries: frozenset[int] | None = None
    """The entries that it may pin: those on the nulled side, for an ON clause of an outer join. None for all."""


def bound(inference: Inference, level: Level) -> Bound:
    """The bound of a query that returns rows."""
    command = level.query["commandType"]
    if command != Command.SELECT:
        return _of_change(inference, level, command)
    if level.query.get("setOperations") is not None:
        rows = _of_set_operation(inference, level, level.query["setOperations"])
    else:
        rows = _of_select(inference, level, ())
    return _limited(level, rows)


def _limited(level: Level, rows: Bound) -> Bound:
    count, offset = level.query.get("limitCount"), level.query.get("limitOffset")
    if count is None and offset is None:
        return rows
    number = _constant(count) if count is not None else None
    at_least = rows.at_least_one and offset is None and (count is None or (number is not None and number >= 1))
    with_ties = level.query.get("limitOption", 0) == 1
    if number is not None and number <= 1 and not (with_ties and number == 1):
        return Bound(at_least, True, f"LIMIT {number}")
    return Bound(at_least, rows.at_most_one, rows.reason)


def _constant(node: Node) -> int | None:
    """The value of a constant count, which the parser casts to bigint."""
    if node.tag == "FUNCEXPR" and node["funcid"] in _TO_BIGINT:
        return _constant(node["args"][0])
    if node.tag != "CONST" or node["constisnull"]:
        return None
    octets = bytes(byte & 255 for byte in node["constvalue"][: node["constlen"]])
    return int.from_bytes(octets, "little", signed=True)


_TO_BIGINT = frozenset({481, 754})
"""int8(int4) and int8(int2)."""


def _of_select(inference: Inference, level: Level, given: Iterable[Pin]) -> Bound:
    query = level.query
    filtered = query.get("havingQual") is not None
    if items(query, "groupingSets"):
        return _of_grouping_sets(query, filtered=filtered)
    if set_functions(query):
        return _many("a set-returning function in the select list")
    pins = [*_pins(inference, level), *given]
    if items(query, "groupClause"):
        return _of_groups(inference, level, pins)
    if query["hasAggs"] or filtered:
        return Bound(not filtered, True, "an aggregate without GROUP BY")
    rows = _of_from(inference, level, pins)
    locked = bool(items(query, "rowMarks"))
    return Bound(rows.at_least_one and not locked, rows.at_most_one, rows.reason)


def _of_grouping_sets(query: Node, *, filtered: bool) -> Bound:
    sets = query["groupingSets"]
    if len(sets) == 1 and sets[0]["kind"] == Grouping.EMPTY:
        return Bound(not filtered, True, "an aggregate without GROUP BY")
    return _many("a row for every group")


def _of_groups(inference: Inference, level: Level, pins: list[Pin]) -> Bound:
    """One group at most where every grouped expression is the same for every row, or where one row goes in."""
    rows = _of_from(inference, level, pins)
    having = level.query.get("havingQual") is not None
    if rows.at_most_one:
        return Bound(rows.at_least_one and not having, True, rows.reason)
    fixed = _Fixed(inference, level, pins)
    grouped = [_grouped_expression(level, clause) for clause in items(level.query, "groupClause")]
    if all(fixed.is_fixed(value) or fixed.is_pinned(value, {clause["eqop"]}) for value, clause in grouped):
        return Bound(False, True, "every GROUP BY expression is pinned")
    return _many("a row for every group")


def _grouped_expression(level: Level, clause: Node) -> tuple[Node, Node]:
    entry = next(e for e in items(level.query, "targetList") if e["ressortgroupref"] == clause["tleSortGroupRef"])
    return _ungrouped(level, entry["expr"]), clause


def _ungrouped(level: Level, expression: Node) -> Node:
    """What a reference to the grouping entry stands for."""
    if expression.tag == "VAR" and expression["varno"] == level.group_entry and expression["varlevelsup"] == 0:
        grouped: Node = level.entry(level.group_entry)["groupexprs"][expression["varattno"] - 1]
        return grouped
    return expression


def _of_from(inference: Inference, level: Level, pins: list[Pin]) -> Bound:
    """The rows that FROM and WHERE leave."""
    tree = level.query.get("jointree")
    if tree is None:
        return _many()
    sizes = {index: _of_entry(inference, level, index, pins) for index in _leaves(tree)}
    no_filter = tree["quals"] is None and all(_keeps_rows(item) for item in items(tree, "fromlist"))
    at_least = no_filter and all(_at_least_one(item, sizes) for item in items(tree, "fromlist"))
    fixed = _Fixed(inference, level, pins)
    fixed.settle(sizes)
    loose = sorted(set(sizes) - fixed.entries)
    if loose:
        return Bound(at_least, False, f"{level.name(loose[0])} may have any number of rows")
    full = any(node.get("jointype") == Join.FULL for node in walk(tree, into_queries=False) if node.tag == "JOINEXPR")
    if full and not all(fixed.pinned_above(index) for index in sizes):
        return Bound(at_least, False, "a full join may keep a row of either side")
    return Bound(at_least, True, fixed.reason or "no table is read")


def _leaves(tree: Node) -> list[int]:
    return [node["rtindex"] for node in walk(tree, into_queries=False) if node.tag == "RANGETBLREF"]


def _keeps_rows(node: Node) -> bool:
    """Whether a part of the join tree drops no row of its parts' product."""
    if node.tag == "RANGETBLREF":
        return True
    if node.tag == "FROMEXPR":
        return node["quals"] is None and all(_keeps_rows(item) for item in items(node, "fromlist"))
    sides = _keeps_rows(node["larg"]) and _keeps_rows(node["rarg"])
    return sides and (node["jointype"] != Join.INNER or node["quals"] is None or _is_true(node["quals"]))


def _is_true(node: Node) -> bool:
    return node.tag == "CONST" and not node["constisnull"] and any(node["constvalue"])


def _at_least_one(node: Node, sizes: dict[int, Bound]) -> bool:
    if node.tag == "RANGETBLREF":
        return sizes[node["rtindex"]].at_least_one
    if node.tag == "FROMEXPR":
        return all(_at_least_one(item, sizes) for item in items(node, "fromlist"))
    left, right = _at_least_one(node["larg"], sizes), _at_least_one(node["rarg"], sizes)
    match node["jointype"]:
        case Join.LEFT:
            return left
        case Join.RIGHT:
            return right
        case Join.FULL:
            return left or right
    return left and right


def _of_entry(inference: Inference, level: Level, index: int, pins: list[Pin]) -> Bound:
    """The rows of one entry by itself, before keys are considered."""
    entry = level.entry(index)
    match entry["rtekind"]:
        case RteKind.SUBQUERY:
            return inference.bound(inference.level(entry["subquery"], level.scope))
        case RteKind.VALUES:
            one = len(entry["values_lists"]) == 1
            return Bound(True, one, "one row of VALUES" if one else "several rows of VALUES")
        case RteKind.RESULT:
            return Bound(True, True, "no table is read")
        case RteKind.FUNCTION:
            return _of_function(inference, entry)
        case RteKind.CTE:
            return _of_with_query(inference, level, entry)
        case RteKind.RELATION:
            query = inference.view(entry["relid"])
            relation = inference.catalog.relations.get(entry["relid"])
            if query is not None and relation is not None and relation.kind == "v" and "select" not in relation.rules:
                return inference.bound(inference.level(query, None))
    return _many()


def _of_function(inference: Inference, entry: Node) -> Bound:
    calls = [function["funcexpr"] for function in entry["functions"]]
    if any(call.get("funcretset") or call.get("opretset") for call in calls):
        return _many("a function that returns a set")
    return Bound(True, True, "a function that returns one row")


def _of_with_query(inference: Inference, level: Level, entry: Node) -> Bound:
    home, cte = find_with_query(level, entry)
    if home is None or cte is None or cte["cterecursive"]:
        return _many("a recursive query")
    return inference.bound(inference.level(cte["ctequery"], home.scope))


class _Fixed:
    """Which entries of FROM have at most one row, and so the same columns in every row of the result."""

    def __init__(self, inference: Inference, level: Level, pins: list[Pin], entries: Iterable[int] = ()) -> None:
        self._inference = inference
        self._level = level
        self._pins = pins
        self.entries = set(entries)
        self.reason = ""

    def settle(self, sizes: dict[int, Bound]) -> None:
        """Find entries with one row at most until there are no more."""
        changed = True
        while changed:
            changed = False
            for index in sizes.keys() - self.entries:
                reason = sizes[index].reason if sizes[index].at_most_one else self._pinned_key(index, self._pins)
                if reason and (self._preserved(index) <= self.entries or self.pinned_above(index)):
                    self.entries.add(index)
                    self.reason = reason
                    changed = True

    def _preserved(self, index: int) -> set[int]:
        """The tables whose rows an outer join keeps when it finds none of this entry.

        Only where those are settled is this entry's row, found or not, the same in every row of the result.
        """
        joins = [ancestor.join for ancestor in self._level.joins.above.get(index, ()) if ancestor.nulls]
        return {
            leaf
            for leaf in _leaves(self._level.query["jointree"])
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
            return self._pinned_subquery(index, entry["subquery"], usable, correlated=True)
        if entry["rtekind"] != RteKind.RELATION:
            return ""
        relation = self._inference.catalog.relations.get(entry["relid"])
        if relation is None:
            return ""
        if relation.kind == "v" and "select" not in relation.rules:
            query = self._inference.view(relation.oid)
            return self._pinned_subquery(index, query, usable, correlated=False) if query is not None else ""
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
                and self._same_collation(pin.collation, column.collation)
                and self._other_is_fixed(pin)
                for pin in pins
            )
            for column in key.columns
        )

    def _same_collation(self, of_condition: int, of_key: int) -> bool:
        """Equality by a deterministic collation is equality of bytes, which no key's own equality splits."""
        return of_condition == of_key or self._inference.deterministic(of_condition)

    def _pinned_subquery(self, index: int, query: Node, pins: list[Pin], *, correlated: bool) -> str:
        """Carry the pins on a subquery's columns inside it."""
        if query["commandType"] != Command.SELECT or query.get("setOperations") is not None:
            return ""
        if any(query.get(f) for f in ("limitCount", "limitOffset", "hasWindowFuncs", "hasTargetSRFs", "hasDistinctOn")):
            return ""
        level = self._inference.level(query, self._level.scope if correlated else None)
        entries = {entry["resno"]: _ungrouped(level, entry["expr"]) for entry in items(query, "targetList")}
        inner = [
            Pin(entries[pin.value["varattno"]], pin.operator, pin.collation, None)
            for pin in pins
            if pin.value.tag == "VAR"
            and _is_column(pin.value, index, pin.value["varattno"])
            and pin.value["varattno"] in entries
            and self._other_is_fixed(pin)
        ]
        if not inner:
            return ""
        rows = _of_select(self._inference, level, inner)
        return rows.reason if rows.at_most_one else ""


_CALLS = dict.fromkeys(("OPEXPR", "SCALARARRAYOPEXPR", "DISTINCTEXPR", "NULLIFEXPR"), "opfuncid") | {
    "FUNCEXPR": "funcid"
}


def _own_nodes(value: Node) -> Iterator[Node]:
    """The nodes of an expression that belong to its own level."""
    return (node for node in walk(value, into_queries=False))


def _is_column(node: Node, index: int, attribute: int) -> bool:
    while node.tag == "RELABELTYPE":
        node = node["arg"]
    return node.tag == "VAR" and (node["varlevelsup"], node["varno"], node["varattno"]) == (0, index, attribute)


def _pins(inference: Inference, level: Level) -> Iterator[Pin]:
    tree = level.query.get("jointree")
    if tree is not None and level.query["commandType"] != Command.MERGE and not level.ignore_conditions:
        yield from _pins_of(inference, level, tree, None)


def _pins_of(inference: Inference, level: Level, node: Node, entries: frozenset[int] | None) -> Iterator[Pin]:
    if node.tag == "RANGETBLREF":
        return
    if node.tag == "FROMEXPR":
        yield from _equalities(node["quals"], entries)
        for item in items(node, "fromlist"):
            yield from _pins_of(inference, level, item, entries)
        return
    left, right = frozenset(_leaves(node["larg"])), frozenset(_leaves(node["rarg"]))
    kind = node["jointype"]
    if kind == Join.INNER:
        yield from _equalities(node["quals"], entries)
    elif kind == Join.LEFT:
        yield from _equalities(node["quals"], right)
    elif kind == Join.RIGHT:
        yield from _equalities(node["quals"], left)
    yield from _pins_of(inference, level, node["larg"], entries if kind in (Join.INNER, Join.LEFT) else left)
    yield from _pins_of(inference, level, node["rarg"], entries if kind in (Join.INNER, Join.RIGHT) else right)


def _equalities(quals: Node | None, entries: frozenset[int] | None) -> Iterator[Pin]:
    """Every ``a = b`` among the conjuncts, both ways round."""
    match quals:
        case Node(tag="BOOLEXPR") if quals["boolop"] == "and":
            for arg in quals["args"]:
                yield from _equalities(arg, entries)
        case Node(tag="OPEXPR") if len(quals["args"]) == 2:
            left, right = quals["args"]
            yield Pin(left, quals["opno"], quals["inputcollid"], right, entries)
            yield Pin(right, quals["opno"], quals["inputcollid"], left, entries)
        case Node(tag="SCALARARRAYOPEXPR") if quals["useOr"] and quals["args"][1].tag == "ARRAYEXPR":
            elements = items(quals["args"][1], "elements")
            if len(elements) == 1 and not quals["args"][1]["multidims"]:
                yield Pin(quals["args"][0], quals["opno"], quals["inputcollid"], elements[0], entries)


def _of_set_operation(inference: Inference, level: Level, node: Node) -> Bound:
    if node.tag == "RANGETBLREF":
        return _of_entry(inference, level, node["rtindex"], [])
    left = _of_set_operation(inference, level, node["larg"])
    right = _of_set_operation(inference, level, node["rarg"])
    match node["op"]:
        case SetOperation.UNION:
            return Bound(left.at_least_one or right.at_least_one, False, "UNION adds the rows of both sides")
        case SetOperation.INTERSECT:
            return Bound(False, left.at_most_one or right.at_most_one, "INTERSECT")
    return Bound(False, left.at_most_one, "EXCEPT")


def _of_change(inference: Inference, level: Level, command: int) -> Bound:
    """INSERT, UPDATE, DELETE or MERGE with RETURNING."""
    relation = target(inference, level)
    if relation is None or rewritten(inference, level) or command == Command.MERGE:
        return _many("the statement may change any number of rows")
    rows = _of_from(inference, level, list(_pins(inference, level)))
    if command != Command.INSERT:
        fixed = _Fixed(inference, level, list(_pins(inference, level)))
        reason = fixed.pinned_target(level.query["resultRelation"])
        return Bound(False, rows.at_most_one or bool(reason), reason or rows.reason)
    instead = any(trigger & TriggerEvents.INSTEAD for trigger in relation.triggers)
    conflict = level.query.get("onConflict")
    dropped = conflict is not None and (conflict["action"] == 1 or conflict["onConflictWhere"] is not None)
    # A row that WITH has changed already is not changed, nor returned, a second time.
    dropped = dropped or (conflict is not None and level.query["hasModifyingCTE"])
    keeps = not (dropped or instead or changed_by_triggers(relation))
    return Bound(
        rows.at_least_one and keeps, rows.at_most_one, "INSERT of one row" if rows.at_most_one else rows.reason
    )
