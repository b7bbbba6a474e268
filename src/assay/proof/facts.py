"""What a condition proves: which columns, parameters and expressions are not NULL where it holds.

A strict function or operator yields NULL for a NULL argument (manual section 36.10, CREATE FUNCTION: STRICT), and a
condition that yields NULL does not hold. So where ``a = b`` is true, neither side is NULL. These rules follow that
through the boolean connectives; they never look at data. PostgreSQL's own planner reasons alike in
find_nonnullable_vars() (src/backend/optimizer/util/clauses.c).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import NamedTuple

from assay.catalog.model import FIRST_NORMAL_OID
from assay.proof.conditional import ends_in_constant, of_case, of_coalesce, of_test
from assay.proof.nodes import IS_NOT_NULL, IS_NULL, Param, SubLink, items
from assay.proof.querytree import Node


class VarUse(NamedTuple):
    """A reference to a column, as it stands in the tree."""

    levels_up: int
    relation: int
    """Index in the range table, from 1."""
    attribute: int
    """Attribute number; 0 for the row as a whole."""
    nulling: frozenset[int]
    """The outer joins, and the grouping step, that can make it NULL where it stands."""
    returning: int = 0
    """1 for ``old``, 2 for ``new`` in RETURNING, else 0."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Things that are not NULL."""

    columns: frozenset[VarUse] = frozenset()
    parameters: frozenset[int] = frozenset()
    expressions: frozenset[str] = frozenset()
    """Keys of whole expressions."""

    def __or__(self, other: Facts) -> Facts:
        return Facts(
            self.columns | other.columns, self.parameters | other.parameters, self.expressions | other.expressions
        )

    def __and__(self, other: Facts) -> Facts:
        return Facts(
            self.columns & other.columns, self.parameters & other.parameters, self.expressions & other.expressions
        )

    def raised(self) -> Facts:
        """As seen from the query around the one they were found in: what only the inner one knows is dropped."""
        return Facts(
            frozenset(use._replace(levels_up=use.levels_up - 1) for use in self.columns if use.levels_up > 0),
            self.parameters,
        )


NOTHING = Facts()


def var_use(var: Node) -> VarUse:
    """The reference that a VAR node makes."""
    return VarUse(
        var["varlevelsup"],
        var["varno"],
        var["varattno"],
        frozenset(var.get("varnullingrels") or ()),
        var.get("varreturningtype", 0),
    )


class Conditions:
    """Reads facts off conditions, given which functions are strict and what a subquery in EXISTS proves."""

    def __init__(self, strict: Callable[[Node], bool], subquery: Callable[[Node], Facts]) -> None:
        self._strict = strict
        self._subquery = subquery
        self.nothing: Facts = NOTHING

    def true(self, node: Node | None) -> Facts:
        """What holds where the condition is true."""
        if node is None:
            return NOTHING
        match node.tag:
            case "BOOLEXPR":
                return self._connective(node, holds=True)
            case "NULLTEST" if node["nulltesttype"] == IS_NOT_NULL:
                return self.whole(node["arg"]) if node["argisrow"] else self.present(node["arg"])
            case "BOOLEANTEST":
                return of_test(self, node, holds=True)
            case "CASEEXPR":
                return self.present(node) | of_case(self, node, Conditions.true, frozenset({True}), NOTHING)
            case "COALESCEEXPR":
                return self.present(node) | of_coalesce(self, node, Conditions.true, True, NOTHING)
            case "SUBLINK":
                return self._sublink(node)
            case "DISTINCTEXPR":
                # One that differs from NULL is not NULL.
                return self._not_equal_to_null(node)
            case "SCALARARRAYOPEXPR" if node["useOr"]:
                # Some element was compared.
                return self.present(node) | (self.present(node["args"][0]) if self._strict(node) else NOTHING)
        return self.present(node)

    def false(self, node: Node | None) -> Facts:
        """What holds where the condition is false."""
        if node is None:
            return NOTHING
        match node.tag:
            case "BOOLEXPR":
                return self._connective(node, holds=False)
            case "NULLTEST" if node["nulltesttype"] == IS_NULL and not node["argisrow"]:
                return self.present(node["arg"])
            case "DISTINCTEXPR":
                return self._equal_to_something(node)
            case "BOOLEANTEST":
                return of_test(self, node, holds=False)
            case "CASEEXPR":
                return self.present(node) | of_case(self, node, Conditions.false, frozenset({False}), NOTHING)
            case "COALESCEEXPR":
                return self.present(node) | of_coalesce(self, node, Conditions.false, False, NOTHING)
            case "NULLTEST" | "SUBLINK" | "JSONEXPR":
                return NOTHING
        return self.present(node)

    def not_true(self, node: Node | None) -> Facts:
        """What holds where the condition is false or NULL, as it is past a WHEN that was not taken."""
        if node is None:
            return NOTHING
        match node.tag:
            case "BOOLEXPR":
                if node["boolop"] == "or":
                    return _all(self.not_true(arg) for arg in node["args"])
                if node["boolop"] == "and":
                    return _any(self.not_true(arg) for arg in node["args"])
                if node["boolop"] == "not":
                    return self.not_false(node["args"][0])
            case "NULLTEST" | "BOOLEANTEST" | "DISTINCTEXPR":
                # Never NULL; IS DISTINCT FROM only by an operator of users, and only of two values.
                return self.false(node)
        return NOTHING

    def not_false(self, node: Node | None) -> Facts:
        """What holds where the condition is true or NULL, as a CHECK constraint is for every row."""
        if node is None:
            return NOTHING
        match node.tag:
            case "BOOLEXPR":
                if node["boolop"] == "and":
                    return _all(self.not_false(arg) for arg in node["args"])
                if node["boolop"] == "or":
                    return _any(self.not_false(arg) for arg in node["args"])
                return self.not_true(node["args"][0])
            case "NULLTEST" | "BOOLEANTEST" | "DISTINCTEXPR":
                return self.true(node)
            case "CASEEXPR":
                return of_case(self, node, Conditions.not_false, frozenset({True, None}), NOTHING)
            case "COALESCEEXPR" if ends_in_constant(node):
                return of_coalesce(self, node, Conditions.true, True, NOTHING)
            case "COALESCEEXPR":
                return self.not_false(node["args"][0])
        return NOTHING

    def whole(self, node: Node) -> Facts:
        """What holds where a row IS NOT NULL, which it is only when every field is."""
        if node.tag == "ROWEXPR":
            return _all(self.present(arg) for arg in node["args"])
        return self.present(node)

    def present(self, node: Node | None) -> Facts:
        """What holds where the expression is not NULL."""
        if node is None:
            return NOTHING
        rule = _PRESENT.get(node.tag)
        found = rule(self, node) if rule else NOTHING
        return found if node.tag == "CONST" else found | Facts(expressions=frozenset((node.key,)))

    def _connective(self, node: Node, *, holds: bool) -> Facts:
        if node["boolop"] == "not":
            return self.false(node["args"][0]) if holds else self.true(node["args"][0])
        found = [self.true(arg) if holds else self.false(arg) for arg in node["args"]]
        return _all(found) if (node["boolop"] == "and") == holds else _any(found)

    def _sublink(self, node: Node) -> Facts:
        match node["subLinkType"]:
            case SubLink.EXISTS:
                return self._subquery(node["subselect"]).raised()
            case SubLink.ANY:
                return self.true(node["testexpr"]) | self._subquery(node["subselect"]).raised()
        return NOTHING

    def _not_equal_to_null(self, node: Node) -> Facts:
        left, right = node["args"]
        if _is_null(left):
            return self.present(right)
        return self.present(left) if _is_null(right) else NOTHING

    def _equal_to_something(self, node: Node) -> Facts:
        left, right = node["args"]
        if _is_value(left):
            return self.present(right)
        return self.present(left) if _is_value(right) else NOTHING

    def call(self, node: Node) -> Facts:
        """A strict function or operator: every argument was there."""
        if not self._strict(node) or node.get("funcretset") or node.get("opretset"):
            return NOTHING
        return _all(self.present(arg) for arg in items(node, "args"))

    def array_comparison(self, node: Node) -> Facts:
        """For ANY and ALL: a NULL array gives NULL (execExprInterp.c, ExecEvalScalarArrayOp)."""
        left, right = node["args"]
        # Over no elements ANY is false and ALL is true, whatever the left side.
        compared = self._strict(node) and _has_elements(right)
        return self.present(right) | (self.present(left) if compared else NOTHING)

    def row_comparison(self, node: Node) -> Facts:
        """``(a, b) < (c, d)``: columns are compared until two differ, so only the first pair was surely looked at."""
        if not compares_as_usual(node):
            return NOTHING
        return self.present(node["largs"][0]) | self.present(node["rargs"][0])

    def var(self, node: Node) -> Facts:
        """The column, and its row."""
        use = var_use(node)
        return Facts(columns=frozenset((use, use._replace(attribute=0))))

    def param(self, node: Node) -> Facts:
        """A parameter of the statement."""
        return Facts(parameters=frozenset((node["paramid"],))) if node["paramkind"] == Param.EXTERN else NOTHING

    def coalesce(self, node: Node) -> Facts:
        """COALESCE, GREATEST and LEAST: one of the arguments was there."""
        return _any(self.present(arg) for arg in node["args"] if not _is_null(arg))

    def argument(self, node: Node) -> Facts:
        """What passes NULL on and makes none."""
        return self.present(node["arg"])


def _all(found: Iterable[Facts]) -> Facts:
    return reduce(Facts.__or__, found, NOTHING)


def _any(found: Iterable[Facts]) -> Facts:
    every = list(found)
    return reduce(Facts.__and__, every) if every else NOTHING


def _is_null(node: Node) -> bool:
    return node.tag == "CONST" and bool(node["constisnull"])


def _is_value(node: Node) -> bool:
    return node.tag == "CONST" and not node["constisnull"]


def compares_as_usual(node: Node) -> bool:
    """Whether rows are compared by what came with the server, as strictly as its operators are.

    What is called is not the operators but support functions of their families (EEOP_ROWCOMPARE_STEP), of which a
    superuser can make some that are not strict, or that return NULL.
    """
    return all(oid < FIRST_NORMAL_OID for oid in (*node["opnos"], *node["opfamilies"]))


def _has_elements(node: Node) -> bool:
    """An array that is written out, or a constant one, with at least one element.

    ``ARRAY[a]`` of an array without elements has none either (ExecEvalArrayExpr, execExprInterp.c).
    """
    if node.tag == "ARRAYEXPR":
        return bool(node["elements"]) and not node["multidims"]
    return _is_value(node) and array_dimensions(node) > 0


def array_dimensions(const: Node) -> int:
    """ArrayType.ndim of a constant array (src/include/utils/array.h); 0 means that it has no elements."""
    return int.from_bytes(bytes(byte & 255 for byte in const["constvalue"][4:8]), "little")


def array_length(const: Node) -> int:
    """How many elements a constant array has, by ARR_DIMS(); NULL ones too."""
    sizes = bytes(byte & 255 for byte in const["constvalue"][16 : 16 + 4 * array_dimensions(const)])
    return prod(int.from_bytes(sizes[n : n + 4], "little") for n in range(0, len(sizes), 4)) if sizes else 0


def array_has_nulls(const: Node) -> bool:
    """Whether a constant array has a null bitmap (ArrayType.dataoffset is not 0)."""
    return any(const["constvalue"][8:12])


_PRESENT: dict[str, Callable[[Conditions, Node], Facts]] = {
    "VAR": Conditions.var,
    "PARAM": Conditions.param,
    "FUNCEXPR": Conditions.call,
    "OPEXPR": Conditions.call,
    "NULLIFEXPR": lambda self, node: self.present(node["args"][0]),
    "SCALARARRAYOPEXPR": Conditions.array_comparison,
    "ROWCOMPAREEXPR": Conditions.row_comparison,
    "RELABELTYPE": Conditions.argument,
    "COERCEVIAIO": Conditions.argument,
    "ARRAYCOERCEEXPR": Conditions.argument,
    "CONVERTROWTYPEEXPR": Conditions.argument,
    "COLLATEEXPR": Conditions.argument,
    "NAMEDARGEXPR": Conditions.argument,
    "COERCETODOMAIN": Conditions.argument,
    "FIELDSELECT": Conditions.argument,
    "CASEEXPR": lambda self, node: of_case(self, node, Conditions.present, frozenset({True, False}), NOTHING),
    "COALESCEEXPR": Conditions.coalesce,
    "MINMAXEXPR": Conditions.coalesce,
}
"""For each kind of expression, what holds where it is not NULL; kinds that are not here prove nothing."""
