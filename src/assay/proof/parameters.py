"""What NULL does when it is passed for a parameter.

``required``: it would be stored where NULL is refused. ``pointless``: a condition that every row must meet is then
never true. ``accepted``: anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.proof.description import NullUse
from assay.proof.levels import Level
from assay.proof.nodes import Command, Join, RteKind, SetOperation, items
from assay.proof.nullability.columns import find_with_query
from assay.proof.nullability.returning import changed_by_triggers, rewritten, target
from assay.proof.querytree import Node, walk
from assay.proof.stored import assignments

if TYPE_CHECKING:
    from assay.catalog.model import Relation
    from assay.proof.inference import Inference


_MATCHES_NOTHING = (NullUse.POINTLESS, "a condition compares it, and NULL matches nothing")


def null_uses(inference: Inference, level: Level) -> dict[int, tuple[NullUse, str]]:
    """For each parameter that must or should not be NULL, which of the two it is and why; from 1."""
    found = dict.fromkeys(needed_for_rows(inference, level), _MATCHES_NOTHING)
    for query in _changing_queries(level):
        found |= _stored(inference, query)
    found |= _cast(inference, level)
    return found


def needed_for_rows(inference: Inference, level: Level) -> frozenset[int]:
    """The parameters without which the query has no row, or its aggregates no input."""
    if "needed for rows" not in level.cache:
        level.cache["needed for rows"] = _needed_for_rows(inference, level)
    found: frozenset[int] = level.cache["needed for rows"]
    return found


def _needed_for_rows(inference: Inference, level: Level) -> frozenset[int]:
    query = level.query
    if query.get("setOperations") is not None:
        return _of_set_operation(inference, level, query["setOperations"])
    found = frozenset[int]() if query["commandType"] == Command.MERGE else inference.input_facts(query).parameters
    if query.get("jointree"):
        for item in items(query["jointree"], "fromlist"):
            found |= _of_join(inference, level, item)
    return found


def _of_set_operation(inference: Inference, level: Level, node: Node) -> frozenset[int]:
    if node.tag == "RANGETBLREF":
        return _of_entry(inference, level, node["rtindex"])
    left = _of_set_operation(inference, level, node["larg"])
    right = _of_set_operation(inference, level, node["rarg"])
    match node["op"]:
        case SetOperation.UNION:
            return left & right
        case SetOperation.INTERSECT:
            return left | right
    return left


def _of_join(inference: Inference, level: Level, node: Node) -> frozenset[int]:
    if node.tag == "RANGETBLREF":
        return _of_entry(inference, level, node["rtindex"])
    if node.tag == "FROMEXPR":
        return frozenset[int]().union(*(_of_join(inference, level, item) for item in items(node, "fromlist")))
    left, right = _of_join(inference, level, node["larg"]), _of_join(inference, level, node["rarg"])
    match node["jointype"]:
        case Join.INNER:
            return left | right
        case Join.LEFT:
            return left
        case Join.RIGHT:
            return right
    return left & right


def _of_entry(inference: Inference, level: Level, index: int) -> frozenset[int]:
    entry = level.entry(index)
    match entry["rtekind"]:
        case RteKind.SUBQUERY if inference.row_facts(entry["subquery"]) == inference.input_facts(entry["subquery"]):
            return needed_for_rows(inference, inference.level(entry["subquery"], level.scope))
        case RteKind.CTE:
            home, cte = find_with_query(level, entry)
            if home is not None and cte is not None and not cte["cterecursive"]:
                return needed_for_rows(inference, inference.level(cte["ctequery"], home.scope))
        case RteKind.FUNCTION if len(entry["functions"]) == 1:
            return _of_function(inference, entry["functions"][0]["funcexpr"])
    return frozenset()


def _of_function(inference: Inference, call: Node) -> frozenset[int]:
    """A strict set-returning function gives no rows for a NULL argument."""
    if call.tag != "FUNCEXPR" or not call["funcretset"] or not inference.strict(call["funcid"]):
        return frozenset()
    found = (inference.conditions.present(arg).parameters for arg in items(call, "args"))
    return frozenset[int]().union(*found)


def _changing_queries(level: Level) -> Iterator[Level]:
    """The statement, and the statements in its WITH, that change rows."""
    if level.query["commandType"] in (Command.INSERT, Command.UPDATE, Command.MERGE):
        yield level
    for cte in items(level.query, "cteList"):
        yield from _changing_queries(level.inference.level(cte["ctequery"], level.scope))


def _stored(inference: Inference, level: Level) -> dict[int, tuple[NullUse, str]]:
    relation = target(inference, level)
    if relation is None or rewritten(inference, level) or changed_by_triggers(relation) or relation.kind not in "rp":
        return {}
    found: dict[int, tuple[NullUse, str]] = {}
    for entry in assignments(level.query):
        attribute = relation.attributes.get(entry["resno"])
        if attribute is not None and attribute.not_null and not entry["resjunk"]:
            for number in _makes_null(inference, level, entry["expr"]):
                found[number] = (NullUse.REQUIRED, _refusal(relation, entry["resno"]))
    return found


def _refusal(relation: Relation, number: int) -> str:
    return f"{relation.column(number)} is NOT NULL"


def _makes_null(inference: Inference, level: Level, expression: Node) -> frozenset[int]:
    """The parameters that, as NULL, make an expression NULL; through the rows of VALUES and of a subquery."""
    facts = inference.conditions.present(expression)
    found = facts.parameters
    for use in facts.columns:
        if use.levels_up or use.attribute <= 0 or use.nulling or use.relation > len(level.entries):
            continue
        entry = level.entry(use.relation)
        if entry["rtekind"] == RteKind.VALUES:
            for row in entry["values_lists"]:
                found |= inference.conditions.present(row[use.attribute - 1]).parameters
        elif entry["rtekind"] == RteKind.SUBQUERY and entry["subquery"].get("setOperations") is None:
            inner = entry["subquery"]["targetList"][use.attribute - 1]["expr"]
            found |= _makes_null(inference, inference.level(entry["subquery"], level.scope), inner)
    return found


def _cast(inference: Inference, level: Level) -> dict[int, tuple[NullUse, str]]:
    """A parameter that is of a NOT NULL domain, or cast to one."""
    declared = {
        node["paramid"]: (NullUse.REQUIRED, "its type is a NOT NULL domain")
        for node in walk(level.query)
        if node.tag == "PARAM" and node["paramkind"] == 0 and inference.domain_refuses_null(node["paramtype"])
    }
    return declared | {
        number: (NullUse.REQUIRED, "it is cast to a NOT NULL domain")
        for node in walk(level.query)
        if node.tag == "COERCETODOMAIN" and inference.domain_refuses_null(node["resulttype"])
        for number in inference.conditions.present(node["arg"]).parameters
    }
