"""Which objects of the catalog a tree refers to, so that they can be read in one go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from assay.catalog.model import FIRST_NORMAL_OID
from assay.proof.nodes import RteKind, expression_type, items
from assay.proof.querytree import Node, walk


@dataclass(slots=True)
class Needs:
    """OIDs, by kind."""

    relations: set[int] = field(default_factory=set)
    functions: set[int] = field(default_factory=set)
    types: set[int] = field(default_factory=set)
    operators: set[int] = field(default_factory=set)


def needs_of(tree: Any) -> Needs:
    """What a tree refers to itself; views and functions refer to more."""
    needs = Needs()
    for node in walk(tree):
        rule = _RULES.get(node.tag)
        if rule is not None:
            rule(needs, node)
    return needs


def _relation(needs: Needs, node: Node) -> None:
    if node["rtekind"] == RteKind.RELATION:
        needs.relations.add(node["relid"])
    if node["rtekind"] == RteKind.FUNCTION:
        needs.types.update(expression_type(function["funcexpr"]) for function in node["functions"])
        needs.types.update(oid for function in node["functions"] for oid in items(function, "funccoltypes"))


def _call(needs: Needs, node: Node) -> None:
    needs.functions.add(node["funcid"])
    if node["funcresulttype"] >= FIRST_NORMAL_OID:
        needs.types.add(node["funcresulttype"])


def _operator(needs: Needs, node: Node) -> None:
    needs.functions.add(node["opfuncid"])
    if node["opno"] >= FIRST_NORMAL_OID:
        needs.operators.add(node["opno"])


def _function(field_name: str) -> Callable[[Needs, Node], None]:
    def rule(needs: Needs, node: Node) -> None:
        needs.functions.add(node[field_name])

    return rule


def _type(field_name: str) -> Callable[[Needs, Node], None]:
    def rule(needs: Needs, node: Node) -> None:
        needs.types.add(node[field_name])

    return rule


def _returned(needs: Needs, node: Node) -> None:
    if node.get("returning"):
        needs.types.add(node["returning"]["typid"])


def _columns(needs: Needs, node: Node) -> None:
    needs.types.update(items(node, "coltypes"))


def _operators(needs: Needs, node: Node) -> None:
    needs.operators.update(items(node, "opnos"))


_RULES: dict[str, Callable[[Needs, Node], None]] = {
    "RANGETBLENTRY": _relation,
    "FUNCEXPR": _call,
    "OPEXPR": _operator,
    "DISTINCTEXPR": _operator,
    "NULLIFEXPR": _operator,
    "SCALARARRAYOPEXPR": _operator,
    "AGGREF": _function("aggfnoid"),
    "WINDOWFUNC": _function("winfnoid"),
    "PARAM": _type("paramtype"),
    "COERCETODOMAIN": _type("resulttype"),
    "COERCEVIAIO": _type("resulttype"),
    "SUBSCRIPTINGREF": _type("refcontainertype"),
    "ROWCOMPAREEXPR": _operators,
    "JSONEXPR": _returned,
    "JSONCONSTRUCTOREXPR": _returned,
    "TABLEFUNC": _columns,
}
