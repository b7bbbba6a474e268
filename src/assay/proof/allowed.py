"""The values that a column can have at all, from a CHECK constraint that lists them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from assay.proof.levels import Level
from assay.proof.nodes import Command, RteKind, items, string_constant, target_list, visible
from assay.proof.nullability.columns import find_with_query
from assay.proof.nullability.returning import answered_by_trigger
from assay.proof.querytree import Node

if TYPE_CHECKING:
    from assay.catalog.model import Relation
    from assay.proof.inference import Inference

TEXT_EQUALITY = 98
"""texteq: the operator ``=`` of text, which varchar is compared by too."""


def allowed_values(inference: Inference, level: Level, expression: Node) -> tuple[str, ...] | None:
    """The only values, besides NULL, of an expression that is a column; None where nothing limits them."""
    if level.query["commandType"] != Command.SELECT and answered_by_trigger(inference, level):
        return None
    found = _origin(inference, level, expression)
    if found is None:
        return None
    relation, attribute, below = found
    if relation.kind not in "rp" or (below and relation.foreign_below):
        return None
    holding = (check for check in relation.checks if check.inherited or not below or not relation.has_children)
    return _in_all(_listed(inference, inference.tree(check.tree), attribute) for check in holding)


def _in_all(lists: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """The values that every list has; None where there is no list."""
    known = [values for values in lists if values is not None]
    return tuple(value for value in known[0] if all(value in values for values in known)) if known else None


def _origin(inference: Inference, level: Level, expression: Node) -> tuple[Relation, int, bool] | None:
    """The stored column that an expression passes on unchanged, and whether inheriting tables are read too."""
    if expression.tag != "VAR" or expression["varlevelsup"] or expression["varattno"] <= 0:
        return None
    entry, attribute = level.entry(expression["varno"]), expression["varattno"]
    match entry["rtekind"]:
        case RteKind.RELATION:
            relation = inference.catalog.relations.get(entry["relid"])
            query = inference.view(entry["relid"])
            if relation is None or query is None:
                return None if relation is None else (relation, attribute, bool(entry["inh"]) or relation.kind == "p")
            return None if relation.rules else _of_column(inference, inference.level(query, None), attribute)
        case RteKind.SUBQUERY:
            return _of_column(inference, inference.level(entry["subquery"], level.scope), attribute)
        case RteKind.JOIN:
            return _origin(inference, level, entry["joinaliasvars"][attribute - 1])
        case RteKind.GROUP:
            return _origin(inference, level, entry["groupexprs"][attribute - 1])
        case RteKind.CTE:
            home, cte = find_with_query(level, entry)
            if home is not None and cte is not None and not cte["cterecursive"]:
                return _of_column(inference, inference.level(cte["ctequery"], home.scope), attribute)
    return None


def _of_column(inference: Inference, level: Level, attribute: int) -> tuple[Relation, int, bool] | None:
    if level.query.get("setOperations") is not None or level.query["commandType"] != Command.SELECT:
        return None
    entries = visible(target_list(level.query))
    return _origin(inference, level, entries[attribute - 1]["expr"]) if attribute <= len(entries) else None


def _listed(inference: Inference, check: Node, attribute: int) -> tuple[str, ...] | None:
    """The values that a condition lists for a column: ``=``, ``IN``, and these joined by AND or OR."""
    if not inference.deterministic(check.get("inputcollid", 0)):
        return None
    match check.tag:
        case "BOOLEXPR" if check["boolop"] == "and":
            return _in_all(_listed(inference, arg, attribute) for arg in check["args"])
        case "BOOLEXPR" if check["boolop"] == "or":
            parts = [_listed(inference, arg, attribute) for arg in check["args"]]
            return None if None in parts else tuple(dict.fromkeys(v for part in parts if part for v in part))
        case "OPEXPR" if check["opno"] == TEXT_EQUALITY and _is_column(check["args"][0], attribute):
            return _constants([check["args"][1]])
        case "SCALARARRAYOPEXPR" if check["opno"] == TEXT_EQUALITY and check["useOr"]:
            array = _bare(check["args"][1])
            if _is_column(check["args"][0], attribute) and array.tag == "ARRAYEXPR":
                return _constants(items(array, "elements"))
    return None


def _constants(nodes: list[Node]) -> tuple[str, ...] | None:
    values = [string_constant(_bare(node)) for node in nodes]
    return None if None in values else tuple(value for value in values if value is not None)


def _is_column(node: Node, attribute: int) -> bool:
    node = _bare(node)
    return node.tag == "VAR" and node["varattno"] == attribute


def _bare(node: Node) -> Node:
    """Without the casts between text and varchar, which change nothing."""
    while node.tag in ("RELABELTYPE", "ARRAYCOERCEEXPR"):
        node = node["arg"]
    return node
