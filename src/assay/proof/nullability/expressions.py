"""The rules for expressions that are not calls.

Sources: the executor (src/backend/executor/execExprInterp.c) for what each node yields, and the manual's chapters on
value expressions (4.2), conditional expressions (9.18) and subquery expressions (9.24).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from assay.proof.facts import array_has_nulls, compares_as_usual, var_use
from assay.proof.levels import Scope
from assay.proof.nodes import CURRENT_SCHEMA, Param, SubLink, items
from assay.proof.nullability.answer import Nullness, maybe, never, unless_all, unless_any
from assay.proof.nullability.calls import aggregate, call, operator_is_total, window_call
from assay.proof.querytree import Node, walk

if TYPE_CHECKING:
    from assay.proof.inference import Inference

Rule = Callable[["Inference", Node, Scope], Nullness]


def expression(inference: Inference, node: Node, scope: Scope) -> Nullness:
    """Whether an expression can be NULL in a row of the scope's level."""
    if scope.known.expressions and node.key in scope.known.expressions and _repeatable(inference, node):
        return never("compared in a condition that NULL does not pass")
    rule = _RULES.get(node.tag)
    return rule(inference, node, scope) if rule else maybe(f"{node.tag.lower()} is not followed")


def _repeatable(inference: Inference, node: Node) -> bool:
    """Whether the expression means the same wherever it stands in one row."""
    return all(
        inner.tag not in _CONTEXTUAL
        and not (inner.tag == "PARAM" and inner["paramkind"] == Param.SUBLINK)
        and not (inner.tag in _FUNCTION and inference.volatile(inner[_FUNCTION[inner.tag]]))
        for inner in walk(node)
    )


_CONTEXTUAL = frozenset({"CASETESTEXPR", "COERCETODOMAINVALUE", "SUBLINK", "NEXTVALUEEXPR", "SETTODEFAULT"})
_FUNCTION = {
    "FUNCEXPR": "funcid",
    "OPEXPR": "opfuncid",
    "SCALARARRAYOPEXPR": "opfuncid",
    "DISTINCTEXPR": "opfuncid",
    "NULLIFEXPR": "opfuncid",
}


def _var(inference: Inference, node: Node, scope: Scope) -> Nullness:
    use = var_use(node)
    home = scope.up(use.levels_up)
    if home is None or use.relation > len(home.level.entries):
        return maybe("it belongs to a query that is not seen from here")
    level, known = home.level, home.known
    if use.relation == level.group_entry and (use.relation, use.attribute) in known.columns:
        return never("HAVING does not let NULL pass")
    if level.left_out_by_grouping(use):
        return maybe("a grouping set leaves it out")
    if home.returning and (shown := inference.returned(home, use)) is not None:
        return shown
    if level.unreal_join(use, known):
        return maybe(f"an outer join may find no row of {level.name(use.relation)}")
    if use.attribute == 0:
        return never(f"a row of {level.name(use.relation)}")
    if (use.relation, use.attribute) in known.columns:
        return never("compared in a condition that NULL does not pass")
    return inference.column(level, use.relation, use.attribute)


def _const(_: Inference, node: Node, __: Scope) -> Nullness:
    return maybe("it is the constant NULL") if node["constisnull"] else never("a constant")


def _param(inference: Inference, node: Node, scope: Scope) -> Nullness:
    if node["paramkind"] == Param.SUBLINK:
        answers = scope.level.cache.get("sublink")
        if answers:
            answer: Nullness = answers[-1][node["paramid"] - 1]
            return answer
    if node["paramkind"] == Param.EXTERN:
        arguments: dict[int, Nullness] = inference.arguments
        if inference.domain_refuses_null(node["paramtype"]) and not inference.depth:
            # An argument of a function is checked only where it is cast to the domain: an outer join may null it.
            return never("a parameter of a NOT NULL domain")
        return arguments.get(node["paramid"], maybe(f"parameter ${node['paramid']} may be NULL"))
    return maybe("a subquery may find no row")


def _argument(inference: Inference, node: Node, scope: Scope) -> Nullness:
    return inference.expression(node["arg"], scope)


def _domain(inference: Inference, node: Node, scope: Scope) -> Nullness:
    if inference.domain_refuses_null(node["resulttype"]):
        return never("a cast to a NOT NULL domain")
    return inference.expression(node["arg"], scope)


def _boolean(inference: Inference, node: Node, scope: Scope) -> Nullness:
    return unless_any(
        (inference.expression(arg, scope) for arg in node["args"]), "made of conditions that are never NULL"
    )


def _case(inference: Inference, node: Node, scope: Scope) -> Nullness:
    """Each result where its WHEN holds and the ones before do not; ELSE where none holds."""
    if node["defresult"] is None or (node["defresult"].tag == "CONST" and node["defresult"]["constisnull"]):
        return maybe("CASE without ELSE")
    conditions, inside = inference.conditions, scope
    for when in node["args"]:
        answer = inference.expression(when["result"], inside.knowing(conditions.true(when["expr"])))
        if answer.nullable:
            return answer
        inside = inside.knowing(conditions.not_true(when["expr"]))
    answer = inference.expression(node["defresult"], inside)
    return answer if answer.nullable else never("no branch of CASE gives NULL")


def _coalesce(inference: Inference, node: Node, scope: Scope) -> Nullness:
    return unless_all(
        (inference.expression(arg, scope) for arg in node["args"]), "every argument of COALESCE may be NULL"
    )


def _min_max(inference: Inference, node: Node, scope: Scope) -> Nullness:
    return unless_all(
        (inference.expression(arg, scope) for arg in node["args"]), "every argument of GREATEST or LEAST may be NULL"
    )


def _null_if(_: Inference, __: Node, ___: Scope) -> Nullness:
    return maybe("NULLIF")


def _truth(_: Inference, __: Node, ___: Scope) -> Nullness:
    return never("a test that is true or false")


def _distinct(inference: Inference, node: Node, _: Scope) -> Nullness:
    """Of two values it is what their equality says (EEOP_DISTINCT, execExprInterp.c): NULL, for some of users."""
    if not inference.total_operator(node):
        return maybe("a comparison that may give NULL")
    return never("a test that is true or false")


def _constructor(_: Inference, node: Node, __: Scope) -> Nullness:
    return never("a row" if node.tag == "ROWEXPR" else "an array")


def _row_comparison(inference: Inference, node: Node, scope: Scope) -> Nullness:
    if not compares_as_usual(node) or not all(operator_is_total(inference, operator) for operator in node["opnos"]):
        return maybe("a comparison that may give NULL")
    sides = (*node["largs"], *node["rargs"])
    return unless_any((inference.expression(arg, scope) for arg in sides), "a comparison of values that are never NULL")


def _array_comparison(inference: Inference, node: Node, scope: Scope) -> Nullness:
    if not inference.total_operator(node):
        return maybe("a comparison that may give NULL")
    left, right = node["args"]
    answer = unless_any((inference.expression(arg, scope) for arg in (left, right)), "")
    if answer.nullable:
        return answer
    if right.tag == "ARRAYEXPR" and not right["multidims"]:
        return unless_any(
            (inference.expression(element, scope) for element in items(right, "elements")), "compared with values"
        )
    if right.tag == "CONST" and not array_has_nulls(right):
        return never("compared with constants")
    return maybe("an element of the array may be NULL")


def _subscript(inference: Inference, node: Node, scope: Scope) -> Nullness:
    """A slice of an array is an array (array_get_slice, arrayfuncs.c); an element or a key may be missing."""
    if node["refassgnexpr"] is not None or not items(node, "reflowerindexpr"):
        return maybe("an element that may be missing")
    if not inference.is_array(node["refcontainertype"]):
        return maybe("a part that may be missing")
    bounds = [bound for field in ("refupperindexpr", "reflowerindexpr") for bound in items(node, field)]
    parts = [node["refexpr"], *(bound for bound in bounds if bound is not None)]
    return unless_any((inference.expression(part, scope) for part in parts), "a slice of an array")


def _field(inference: Inference, node: Node, scope: Scope) -> Nullness:
    row, number = node["arg"], node["fieldnum"]
    if row.tag == "ROWEXPR" and number <= len(row["args"]):
        return inference.expression(row["args"][number - 1], scope)
    if row.tag == "VAR" and row["varattno"] == 0:
        whole = inference.expression(row, scope)
        column = Node("VAR", **{**row, "varattno": number})
        return whole if whole.nullable else inference.expression(column, scope)
    return maybe("a field of a composite value may be NULL")


def _sublink(inference: Inference, node: Node, scope: Scope) -> Nullness:
    kind = node["subLinkType"]
    if kind == SubLink.EXISTS:
        return never("EXISTS")
    if kind == SubLink.ARRAY:
        return never("an array")
    level = inference.level(node["subselect"], scope)
    if kind == SubLink.EXPR:
        if not inference.bound(level).at_least_one:
            return maybe("a subquery may find no row")
        return inference.output(level)[0]
    if kind in (SubLink.ANY, SubLink.ALL):
        return _compared_rows(inference, node, scope, inference.output(level))
    return maybe("a subquery may find no row")


def _compared_rows(inference: Inference, node: Node, scope: Scope, columns: list[Nullness]) -> Nullness:
    """IN, ANY and ALL: NULL only where a comparison is; over no rows they are false and true."""
    stack = scope.level.cache.setdefault("sublink", [])
    stack.append(columns)
    try:
        return inference.expression(node["testexpr"], scope)
    finally:
        stack.pop()


def _sql_value(_: Inference, node: Node, __: Scope) -> Nullness:
    if node["op"] == CURRENT_SCHEMA:
        return maybe("there is no current schema when the search path is empty")
    return never("a value of the session")


def _xml(inference: Inference, node: Node, scope: Scope) -> Nullness:
    """XMLELEMENT always makes one; XMLCONCAT and XMLFOREST skip NULL; the others pass it on (ExecEvalXmlExpr)."""
    arguments = [*items(node, "named_args"), *items(node, "args")]
    answers = (inference.expression(argument, scope) for argument in arguments)
    if node["op"] == 1:
        return never("an XML element")
    if node["op"] in (0, 2):
        return unless_all(answers, "every part of the XML may be NULL")
    if node["op"] == 5:
        return inference.expression(node["args"][0], scope)
    return unless_any(answers, "XML of values that are never NULL")


def _json_constructor(inference: Inference, node: Node, scope: Scope) -> Nullness:
    if node["func"] is not None:
        return inference.expression(node["func"], scope)
    if node["type"] in (1, 2):
        return never("a JSON object" if node["type"] == 1 else "a JSON array")
    return unless_any((inference.expression(arg, scope) for arg in items(node, "args")), "JSON of a value")


def _json_value(inference: Inference, node: Node, scope: Scope) -> Nullness:
    return inference.expression(node["formatted_expr"] or node["raw_expr"], scope)


def _json_test(inference: Inference, node: Node, scope: Scope) -> Nullness:
    return inference.expression(node["expr"], scope)


def _json_query(inference: Inference, node: Node, scope: Scope) -> Nullness:
    """JSON_EXISTS is false on errors unless told UNKNOWN; JSON_QUERY and JSON_VALUE may find nothing."""
    on_error = node["on_error"]["btype"] if node["on_error"] is not None else 4
    if node["op"] != 0 or on_error in (0, 5):
        return maybe("the path may find nothing")
    parts = [node["formatted_expr"], node["path_spec"]]
    return unless_any((inference.expression(part, scope) for part in parts), "JSON_EXISTS")


def _always(reason: str) -> Rule:
    return lambda _, __, ___: never(reason)


_RULES: dict[str, Rule] = {
    "VAR": _var,
    "CONST": _const,
    "PARAM": _param,
    "FUNCEXPR": call,
    "OPEXPR": call,
    "AGGREF": aggregate,
    "WINDOWFUNC": window_call,
    "RELABELTYPE": _argument,
    "COERCEVIAIO": _argument,
    "ARRAYCOERCEEXPR": _argument,
    "CONVERTROWTYPEEXPR": _argument,
    "COLLATEEXPR": _argument,
    "NAMEDARGEXPR": _argument,
    "COERCETODOMAIN": _domain,
    "BOOLEXPR": _boolean,
    "CASEEXPR": _case,
    "COALESCEEXPR": _coalesce,
    "MINMAXEXPR": _min_max,
    "NULLIFEXPR": _null_if,
    "DISTINCTEXPR": _distinct,
    "NULLTEST": _truth,
    "BOOLEANTEST": _truth,
    "ARRAYEXPR": _constructor,
    "ROWEXPR": _constructor,
    "ROWCOMPAREEXPR": _row_comparison,
    "SCALARARRAYOPEXPR": _array_comparison,
    "SUBSCRIPTINGREF": _subscript,
    "FIELDSELECT": _field,
    "SUBLINK": _sublink,
    "SQLVALUEFUNCTION": _sql_value,
    "XMLEXPR": _xml,
    "JSONCONSTRUCTOREXPR": _json_constructor,
    "JSONVALUEEXPR": _json_value,
    "JSONISPREDICATE": _json_test,
    "JSONEXPR": _json_query,
    "NEXTVALUEEXPR": _always("the next value of a sequence"),
    "GROUPINGFUNC": _always("GROUPING()"),
    "MERGESUPPORTFUNC": _always("merge_action()"),
}
