"""How many rows a query can return: one, none or one, or any number.

At most one is proven where every entry of FROM has at most one row for the conditions: because a unique key is pinned
by equality to values that do not vary from row to row, or because the entry itself has at most one row. At least one
is proven for aggregates without GROUP BY, VALUES and queries that filter nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from assay.proof.levels import Level
from assay.proof.nodes import Command, Grouping, Join, RteKind, SetOperation, items
from assay.proof.nullability.calls import set_functions
from assay.proof.nullability.columns import find_with_query
from assay.proof.nullability.returning import answered_by_trigger, changed_by_triggers, rewritten, target, targets
from assay.proof.querytree import Node, walk
from assay.proof.uniqueness import Fixed, Pin, leaves, pins_of, ungrouped

if TYPE_CHECKING:
    from assay.proof.inference import Inference


class Bound(NamedTuple):
    """How many rows can come."""

    at_least_one: bool
    at_most_one: bool
    reason: str


def _many(reason: str = "nothing limits the rows") -> Bound:
    return Bound(False, False, reason)


def bound(inference: Inference, level: Level) -> Bound:
    """The bound of a query that returns rows."""
    command = level.query["commandType"]
    if command != Command.SELECT:
        return _of_change(inference, level, command)
    if level.query.get("setOperations") is not None:
        rows = _of_set_operation(inference, level, level.query["setOperations"])
    else:
        rows = rows_given(inference, level, ())
    return _limited(level, rows)


def _limited(level: Level, rows: Bound) -> Bound:
    count, offset = level.query.get("limitCount"), level.query.get("limitOffset")
    if count is not None and count.tag == "CONST" and count["constisnull"]:
        count = None  # LIMIT ALL
    if count is None and offset is None:
        return rows
    number = _constant(count) if count is not None else None
    at_least = rows.at_least_one and offset is None and (count is None or (number is not None and number >= 1))
    with_ties = level.query.get("limitOption", 0) == 1
    if number is not None and number <= 1 and not (with_ties and number == 1):
        return Bound(at_least, True, f"LIMIT {number}")
    return Bound(at_least, rows.at_most_one, rows.reason)


def _constant(node: Node) -> int | None:
    """The value of a constant count, which is cast to bigint."""
    if node.tag == "FUNCEXPR" and node["funcid"] in _BETWEEN_INTEGERS:
        return _constant(node["args"][0])
    if node.tag != "CONST" or node["constisnull"]:
        return None
    octets = bytes(byte & 255 for byte in node["constvalue"][: node["constlen"]])
    return int.from_bytes(octets, "little", signed=True)


_BETWEEN_INTEGERS = frozenset({481, 754, 480, 714, 313, 314})
"""int8(int4), int8(int2), int4(int8), int2(int8), int4(int2) and int2(int4), which fail for what does not fit."""


def rows_given(inference: Inference, level: Level, given: Iterable[Pin]) -> Bound:
    """The rows of a query whose columns are held equal to something from outside as well."""
    query = level.query
    filtered = query.get("havingQual") is not None
    if items(query, "groupingSets"):
        return _of_grouping_sets(query, filtered=filtered)
    if set_functions(query):
        return _many("a set-returning function in the select list")
    pins = [*pins_of(inference, level), *given]
    if items(query, "groupClause"):
        return _distinct(inference, level, pins, _of_groups(inference, level, pins))
    if query["hasAggs"] or filtered:
        return Bound(not filtered, True, "an aggregate without GROUP BY")
    rows = _of_from(inference, level, pins)
    locked = bool(items(query, "rowMarks"))
    return _distinct(inference, level, pins, Bound(rows.at_least_one and not locked, rows.at_most_one, rows.reason))


def _distinct(inference: Inference, level: Level, pins: list[Pin], rows: Bound) -> Bound:
    """DISTINCT leaves one row of those that are alike in all that it names, or for ON, in that."""
    clauses = items(level.query, "distinctClause")
    if rows.at_most_one or not clauses or not _are_pinned(inference, level, pins, clauses):
        return rows
    return Bound(rows.at_least_one, True, "every column of DISTINCT is pinned")


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
    if _are_pinned(inference, level, pins, items(level.query, "groupClause")):
        return Bound(False, True, "every GROUP BY expression is pinned")
    return _many("a row for every group")


def _are_pinned(inference: Inference, level: Level, pins: list[Pin], clauses: list[Node]) -> bool:
    """Whether the expressions of GROUP BY or DISTINCT clauses are each the same in all rows."""
    fixed = Fixed(inference, level, pins)
    return all(
        inference.usual_equality(clause["eqop"]) and (fixed.is_fixed(value) or fixed.is_pinned(value, {clause["eqop"]}))
        for value, clause in (_grouped_expression(level, clause) for clause in clauses)
    )


def _grouped_expression(level: Level, clause: Node) -> tuple[Node, Node]:
    entry = next(e for e in items(level.query, "targetList") if e["ressortgroupref"] == clause["tleSortGroupRef"])
    return ungrouped(level, entry["expr"]), clause


def _of_from(inference: Inference, level: Level, pins: list[Pin]) -> Bound:
    """The rows that FROM and WHERE leave."""
    tree = level.query.get("jointree")
    if tree is None:
        return _many()
    sizes = {index: _of_entry(inference, level, index, pins) for index in leaves(tree)}
    no_filter = tree["quals"] is None and all(_keeps_rows(item) for item in items(tree, "fromlist"))
    at_least = no_filter and all(_at_least_one(item, sizes) for item in items(tree, "fromlist"))
    fixed = Fixed(inference, level, pins)
    fixed.settle(sizes)
    loose = sorted(set(sizes) - fixed.entries - fixed.single)
    if loose:
        return Bound(at_least, False, f"{level.name(loose[0])} may have any number of rows")
    full = any(node.get("jointype") == Join.FULL for node in walk(tree, into_queries=False) if node.tag == "JOINEXPR")
    if full and not all(fixed.pinned_above(index) for index in sizes):
        return Bound(at_least, False, "a full join may keep a row of either side")
    return Bound(at_least, True, fixed.reason or "no table is read")


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
    rows = _of_from(inference, level, list(pins_of(inference, level)))
    if set_functions(level.query):
        return _many("a set-returning function in the select list")
    if command != Command.INSERT:
        fixed = Fixed(inference, level, list(pins_of(inference, level)))
        reason = fixed.pinned_target(level.query["resultRelation"])
        return Bound(False, rows.at_most_one or bool(reason), reason or rows.reason)
    conflict = level.query.get("onConflict")
    dropped = conflict is not None and (conflict["action"] == 1 or conflict["onConflictWhere"] is not None)
    # A row that WITH has changed already is not changed, nor returned, a second time.
    dropped = dropped or (conflict is not None and level.query["hasModifyingCTE"])
    every = targets(inference, level)
    # A foreign server may have triggers of its own.
    dropped = dropped or any(below.foreign_below or changed_by_triggers(below) for below in every)
    keeps = not (dropped or answered_by_trigger(inference, level))
    return Bound(
        rows.at_least_one and keeps, rows.at_most_one, "INSERT of one row" if rows.at_most_one else rows.reason
    )
