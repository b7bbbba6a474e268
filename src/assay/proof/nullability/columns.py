"""The rules for the columns of a query's range table: tables, views, subqueries, joins, functions and the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from assay.proof.levels import Level, Scope
from assay.proof.nodes import (
    Command,
    Join,
    RteKind,
    SetOperation,
    cast_by_users,
    items,
    operand_types,
    target_list,
    visible,
)
from assay.proof.nullability.answer import Nullness, maybe, never, unless_all, unless_any
from assay.proof.nullability.returning import returning_scope, rewritten
from assay.proof.nullability.tables import table_column
from assay.proof.querytree import Node

if TYPE_CHECKING:
    from assay.catalog.model import Relation
    from assay.proof.inference import Inference


def column(inference: Inference, level: Level, index: int, attribute: int) -> Nullness:
    """Whether a column of an entry can be NULL in a row that really comes from that entry."""
    key = ("column", index, attribute)
    if key not in level.cache:
        rule = _RULES.get(level.entry(index)["rtekind"])
        found = rule(inference, level, index, attribute) if rule else maybe("what it comes from is not followed")
        level.cache[key] = found
    answer: Nullness = level.cache[key]
    return answer


def _relation(inference: Inference, level: Level, index: int, attribute: int) -> Nullness:
    entry = level.entry(index)
    relation = inference.catalog.relations.get(entry["relid"])
    if relation is None:
        return maybe("a table that is not known")
    if relation.kind == "v":
        return _view(inference, level, relation, attribute)
    return table_column(inference, relation, attribute, below=bool(entry["inh"]))


def _view(inference: Inference, level: Level, relation: Relation, attribute: int) -> Nullness:
    query = inference.view(relation.oid)
    if query is None or "select" in relation.rules:
        return maybe(f"the definition of {relation.label} is not known")
    inner = inference.level(query, None, ignore_conditions=level.ignore_conditions)
    columns = inference.output(inner)
    return columns[attribute - 1] if 0 < attribute <= len(columns) else maybe("a column that is not known")


def _subquery(inference: Inference, level: Level, index: int, attribute: int) -> Nullness:
    columns = inference.output(inference.level(level.entry(index)["subquery"], level.scope))
    return columns[attribute - 1] if 0 < attribute <= len(columns) else maybe("a column that is not known")


def _join(inference: Inference, level: Level, index: int, attribute: int) -> Nullness:
    entry = level.entry(index)
    stands_for = entry["joinaliasvars"][attribute - 1]
    merged = inference.expression(stands_for, level.scope)
    if merged.nullable and entry["jointype"] == Join.FULL and stands_for.tag == "COALESCEEXPR":
        # A full join has a row of one side at least.
        real = level.scope.known.real | {(index, "l"), (index, "r")}
        either = replace(level.scope, known=replace(level.scope.known, real=real))
        return unless_any((inference.expression(arg, either) for arg in stands_for["args"]), "USING merges both sides")
    return merged


def _group(inference: Inference, level: Level, index: int, attribute: int) -> Nullness:
    return inference.expression(level.entry(index)["groupexprs"][attribute - 1], level.scope)


def _values(inference: Inference, level: Level, index: int, attribute: int) -> Nullness:
    rows = level.entry(index)["values_lists"]
    return unless_any((inference.expression(row[attribute - 1], level.scope) for row in rows), "no row has NULL there")


def _function(inference: Inference, level: Level, index: int, attribute: int) -> Nullness:
    entry = level.entry(index)
    functions = entry["functions"]
    width = sum(function["funccolcount"] for function in functions)
    if entry["funcordinality"] and attribute == width + 1:
        return never("ordinality")
    if len(functions) != 1:
        return maybe("ROWS FROM pads the shorter functions with NULL")
    return inference.function_column(functions[0], level.scope, attribute)


def _table_function(inference: Inference, level: Level, index: int, attribute: int) -> Nullness:
    """XMLTABLE and JSON_TABLE: columns FOR ORDINALITY and NOT NULL; a nested JSON path may have no rows."""
    table = level.entry(index)["tablefunc"]
    if attribute - 1 in items(table, "notnulls"):
        return never("a NOT NULL column of XMLTABLE")
    if table.get("functype", 0) == 0 and attribute - 1 == table["ordinalitycol"]:
        return never("ordinality")
    return maybe("the path may find nothing")


def _with_query(inference: Inference, level: Level, index: int, attribute: int) -> Nullness:
    entry = level.entry(index)
    home, cte = find_with_query(level, entry)
    if home is None or cte is None:
        return maybe("a WITH query that is not seen from here")
    assumed = level.assumed.get(id(cte))
    if assumed is not None and entry["self_reference"]:
        nullable = attribute > len(assumed) or assumed[attribute - 1]
        return maybe("the recursion may give NULL") if nullable else never("the recursion gives no NULL")
    columns = with_columns(inference, home, cte)
    return columns[attribute - 1] if attribute <= len(columns) else maybe("a column that SEARCH or CYCLE adds")


def find_with_query(level: Level, entry: Node) -> tuple[Level | None, Node | None]:
    """The level that defines the WITH query that an entry means, and its COMMONTABLEEXPR node."""
    home: Level | None = level
    for _ in range(entry["ctelevelsup"]):
        home = home.outer.level if home is not None and home.outer is not None else None
    if home is None:
        return None, None
    return home, next((cte for cte in items(home.query, "cteList") if cte["ctename"] == entry["ctename"]), None)


def with_columns(inference: Inference, home: Level, cte: Node) -> list[Nullness]:
    """The columns of a WITH query; of a recursive one by assuming no NULL and taking back what does not hold."""
    key = ("with", id(cte))
    if key not in home.cache:
        home.cache[key] = _recursive(inference, home, cte) if cte["cterecursive"] else _plain(inference, home, cte, {})
    columns: list[Nullness] = home.cache[key]
    return columns


def _plain(inference: Inference, home: Level, cte: Node, assumed: dict[int, list[bool]]) -> list[Nullness]:
    level = inference.level(cte["ctequery"], Scope(home, home.scope.known, home.outer), assumed=assumed)
    return inference.output(level)


def _recursive(inference: Inference, home: Level, cte: Node) -> list[Nullness]:
    width = len(visible(target_list(cte["ctequery"])))
    nullable = [False] * width
    while True:
        columns = _plain(inference, home, cte, {**home.assumed, id(cte): nullable})
        found = [answer.nullable for answer in columns]
        if found == nullable:
            return columns
        nullable = [before or now for before, now in zip(nullable, found, strict=True)]


_RULES: dict[int, Callable[[Inference, Level, int, int], Nullness]] = {
    RteKind.RELATION: _relation,
    RteKind.SUBQUERY: _subquery,
    RteKind.JOIN: _join,
    RteKind.FUNCTION: _function,
    RteKind.TABLEFUNC: _table_function,
    RteKind.VALUES: _values,
    RteKind.CTE: _with_query,
    RteKind.GROUP: _group,
}


def output(inference: Inference, level: Level) -> list[Nullness]:
    """The columns that a query returns."""
    query = level.query
    if query.get("setOperations") is not None:
        return _set_operation(inference, level, query["setOperations"])
    entries = visible(target_list(query))
    if query["commandType"] == Command.SELECT:
        return [inference.expression(entry["expr"], level.scope) for entry in entries]
    if rewritten(inference, level):
        return [maybe("a rule may put another statement in its place") for _ in entries]
    scope = returning_scope(level)
    return [inference.expression(entry["expr"], scope) for entry in entries]


def _operand(inference: Inference, level: Level, node: Node, operand: Node) -> list[Nullness]:
    """The columns of an operand, cast to the types of the result."""
    columns = _set_operation(inference, level, operand)
    types = zip(operand_types(level.query, operand), items(node, "colTypes"), strict=True)
    return [
        maybe("a cast by a function of users may give NULL") if cast_by_users(before, after) else answer
        for answer, (before, after) in zip(columns, types, strict=True)
    ]


def _set_operation(inference: Inference, level: Level, node: Node) -> list[Nullness]:
    """UNION has the rows of both, INTERSECT rows that both have, EXCEPT rows of the left (manual section 7.4)."""
    if node.tag == "RANGETBLREF":
        width = len(visible(target_list(level.query)))
        return [inference.column(level, node["rtindex"], number) for number in range(1, width + 1)]
    left = _operand(inference, level, node, node["larg"])
    if node["op"] == SetOperation.EXCEPT:
        return left
    right = _operand(inference, level, node, node["rarg"])
    if node["op"] == SetOperation.INTERSECT:
        return [unless_all(pair, "either side may be NULL") for pair in zip(left, right, strict=True)]
    return [unless_any(pair, pair[0].reason) for pair in zip(left, right, strict=True)]
