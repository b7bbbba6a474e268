"""The node kinds of the query tree: their numbered options, and the type of every expression.

The numbers are those of src/include/nodes/parsenodes.h, primnodes.h and nodes.h, which have kept them from 14 to 18.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from assay.catalog.model import FIRST_NORMAL_OID
from assay.proof.querytree import Node

BOOL, INT4, TEXT, XML, VARCHAR = 16, 23, 25, 142, 1043


class Command(IntEnum):
    """CmdType: what a query does."""

    SELECT = 1
    UPDATE = 2
    INSERT = 3
    DELETE = 4
    MERGE = 5


class RteKind(IntEnum):
    """RTEKind: what an entry of the range table is."""

    RELATION = 0
    SUBQUERY = 1
    JOIN = 2
    FUNCTION = 3
    TABLEFUNC = 4
    VALUES = 5
    CTE = 6
    NAMEDTUPLESTORE = 7
    RESULT = 8
    GROUP = 9


class Join(IntEnum):
    """JoinType, of the joins that can be written."""

    INNER = 0
    LEFT = 1
    FULL = 2
    RIGHT = 3


class SubLink(IntEnum):
    """SubLinkType: how a subquery stands in an expression."""

    EXISTS = 0
    ALL = 1
    ANY = 2
    ROWCOMPARE = 3
    EXPR = 4
    MULTIEXPR = 5
    ARRAY = 6
    CTE = 7


class Param(IntEnum):
    """ParamKind: a parameter of the statement, or a column of the subquery that a SubLink compares with."""

    EXTERN = 0
    EXEC = 1
    SUBLINK = 2
    MULTIEXPR = 3


class BooleanTest(IntEnum):
    """BoolTestType."""

    IS_TRUE = 0
    IS_NOT_TRUE = 1
    IS_FALSE = 2
    IS_NOT_FALSE = 3
    IS_UNKNOWN = 4
    IS_NOT_UNKNOWN = 5


class SetOperation(IntEnum):
    """SetOperation."""

    UNION = 1
    INTERSECT = 2
    EXCEPT = 3


class Grouping(IntEnum):
    """GroupingSetKind."""

    EMPTY = 0
    SIMPLE = 1
    ROLLUP = 2
    CUBE = 3
    SETS = 4


IS_NULL, IS_NOT_NULL = 0, 1
"""NullTestType."""

CURRENT_SCHEMA = 14
"""The SQLValueFunctionOp that is NULL when the search path is empty."""


_TYPE_FIELDS = {
    "VAR": "vartype",
    "CONST": "consttype",
    "PARAM": "paramtype",
    "AGGREF": "aggtype",
    "WINDOWFUNC": "wintype",
    "SUBSCRIPTINGREF": "refrestype",
    "FUNCEXPR": "funcresulttype",
    "OPEXPR": "opresulttype",
    "NULLIFEXPR": "opresulttype",
    "FIELDSELECT": "resulttype",
    "FIELDSTORE": "resulttype",
    "RELABELTYPE": "resulttype",
    "COERCEVIAIO": "resulttype",
    "ARRAYCOERCEEXPR": "resulttype",
    "CONVERTROWTYPEEXPR": "resulttype",
    "COERCETODOMAIN": "resulttype",
    "COERCETODOMAINVALUE": "typeId",
    "CASEEXPR": "casetype",
    "CASETESTEXPR": "typeId",
    "ARRAYEXPR": "array_typeid",
    "ROWEXPR": "row_typeid",
    "COALESCEEXPR": "coalescetype",
    "MINMAXEXPR": "minmaxtype",
    "SQLVALUEFUNCTION": "type",
    "SETTODEFAULT": "typeId",
    "NEXTVALUEEXPR": "typeId",
    "MERGESUPPORTFUNC": "msftype",
}
_INNER = {"COLLATEEXPR": "arg", "NAMEDARGEXPR": "arg", "RETURNINGEXPR": "retexpr", "JSONVALUEEXPR": "formatted_expr"}
_ALWAYS = {
    "DISTINCTEXPR": BOOL,
    "SCALARARRAYOPEXPR": BOOL,
    "BOOLEXPR": BOOL,
    "ROWCOMPAREEXPR": BOOL,
    "NULLTEST": BOOL,
    "BOOLEANTEST": BOOL,
    "JSONISPREDICATE": BOOL,
    "CURRENTOFEXPR": BOOL,
    "GROUPINGFUNC": INT4,
}


def expression_type(node: Node) -> int:
    """The OID of an expression's type, as exprType() (nodeFuncs.c) gives it; 0 where the tree does not tell it.

    For ``ARRAY(SELECT ...)`` it is the element type, negated, because the tree does not name the array type.
    """
    if field := _TYPE_FIELDS.get(node.tag):
        return int(node[field])
    if node.tag in _ALWAYS:
        return _ALWAYS[node.tag]
    if inner := _INNER.get(node.tag):
        return expression_type(node[inner])
    match node.tag:
        case "SUBLINK":
            return _sublink_type(node)
        case "XMLEXPR":
            # IS_XMLSERIALIZE and IS_DOCUMENT are the two that do not make XML.
            return {6: int(node["type"]), 7: BOOL}.get(int(node["op"]), XML)
        case "JSONCONSTRUCTOREXPR" | "JSONEXPR":
            return int(node["returning"]["typid"]) if node.get("returning") else BOOL
    return 0


def _sublink_type(node: Node) -> int:
    kind = node["subLinkType"]
    if kind not in (SubLink.EXPR, SubLink.ARRAY):
        return BOOL
    first = next(entry for entry in visible(target_list(node["subselect"])))
    return expression_type(first["expr"]) * (-1 if kind == SubLink.ARRAY else 1)


def string_constant(node: Node) -> str | None:
    """The value of a constant of type text or varchar; None for anything else."""
    if node.tag != "CONST" or node["constisnull"] or node["consttype"] not in (TEXT, VARCHAR):
        return None
    # A four-byte header comes first (VARHDRSZ, src/include/varatt.h).
    return bytes(byte & 255 for byte in node["constvalue"][4:]).decode("utf-8", "replace")


def operand_types(query: Node, node: Node) -> list[int]:
    """The types of the columns of an operand of a set operation, before they are cast to the ones of the result.

    The tree does not hold those casts; the planner adds them (generate_setop_tlist, prepunion.c).
    """
    if node.tag == "SETOPERATIONSTMT":
        return [int(kind) for kind in items(node, "colTypes")]
    subquery = query["rtable"][node["rtindex"] - 1]["subquery"]
    return [expression_type(entry["expr"]) for entry in visible(target_list(subquery))]


def cast_by_users(before: int, after: int) -> bool:
    """Whether a cast from one type to another may be by a function of users."""
    return before != after and max(abs(before), after) >= FIRST_NORMAL_OID


def called(node: Node) -> int:
    """The function that a call of a function or an operator calls."""
    return int(node["funcid"] if node.tag == "FUNCEXPR" else node["opfuncid"])


def items(node: Node, field: str) -> list[Any]:
    """A field that is a list; empty where the tree has nothing."""
    return node.get(field) or []


def target_list(query: Node) -> list[Node]:
    """What a query returns: the select list, or RETURNING for a statement that changes rows."""
    return items(query, "targetList" if query["commandType"] == Command.SELECT else "returningList")


def visible(entries: list[Node]) -> list[Node]:
    """The entries that are columns of the result, without those that only sort or group."""
    return [entry for entry in entries if not entry["resjunk"]]
