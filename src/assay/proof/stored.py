"""What a statement stores in the columns it writes, before the server converts it to their types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from assay.proof.access import written_relation
from assay.proof.description import Stored, StoredAs
from assay.proof.nodes import Command, Param, RteKind, expression_type, items, string_constant
from assay.proof.querytree import Node, walk

if TYPE_CHECKING:
    from assay.catalog.reader import Catalog
    from assay.pgtypes.model import PgType
    from assay.proof.inference import Inference

_IMPLICIT = 2
"""COERCE_IMPLICIT_CAST, of CoercionForm: a conversion that nobody wrote, as that to a column's type is."""
_CASTS = {
    "FUNCEXPR": "funcformat",
    "RELABELTYPE": "relabelformat",
    "COERCEVIAIO": "coerceformat",
    "ARRAYCOERCEEXPR": "coerceformat",
    "COERCETODOMAIN": "coercionformat",
}
_WRITES = (Command.INSERT, Command.UPDATE, Command.MERGE)
_ZONES = {1083: "n", 1114: "n", 1184: "z", 1266: "z"}
"""By OID, whether moments and times of day have a time zone."""
_SQL_NAMES = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "bpchar": "character",
    "varchar": "character varying",
    "varbit": "bit varying",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}


def sql_name(kind: PgType) -> str:
    """A type as ``format_type`` writes it, without limits: ``timestamp with time zone[]``."""
    if kind.kind == "array" and kind.element is not None:
        return f"{sql_name(kind.element)}[]"
    return _SQL_NAMES.get(kind.name, kind.name) if kind.kind == "base" and kind.schema is None else str(kind)


def assignments(query: Node) -> Iterator[Node]:
    """The entries that give columns of the written table their values, each with the column's number."""
    if query["commandType"] != Command.MERGE:
        yield from items(query, "targetList")
    if query.get("onConflict") is not None:
        yield from items(query["onConflict"], "onConflictSet")
    for action in items(query, "mergeActionList"):
        yield from items(action, "targetList")


def sources(query: Node) -> Iterator[tuple[Node, int, Node]]:
    """Each statement inside a statement that writes, the number of a column, and an expression it is given."""
    for inner in walk(query):
        if inner.tag == "QUERY" and inner["commandType"] in _WRITES:
            for entry in assignments(inner):
                if not entry["resjunk"]:
                    for source in _followed(inner, entry["expr"], entry["resno"]):
                        yield inner, entry["resno"], source


def source_types(query: Node) -> set[int]:
    """The OIDs of the types that ``stored`` names, beside those of the statement's parameters."""
    return {oid for oid in (expression_type(source) for _, _, source in sources(query)) if oid > 0}


def stored(inference: Inference, query: Node) -> tuple[Stored, ...]:
    """The values that a statement stores, in the order of its tree. The types must be in the catalog."""
    return tuple(_stored(inference, query))


def _stored(inference: Inference, query: Node) -> Iterator[Stored]:
    for inner, number, source in sources(query):
        relation = written_relation(inference, inner)
        attribute = relation.attributes.get(number) if relation is not None else None
        if relation is not None and attribute is not None:
            kind = inference.catalog.types.get(expression_type(source))
            nodes = list(walk(source if _stands_alone(inner, source) else query))
            yield Stored(
                f"{relation.schema}.{relation.name}.{attribute.name}",
                _how(source, kind),
                sql_name(kind) if kind is not None else "",
                string_constant(source),
                tuple(_parameter_types(inference.catalog, nodes)),
                "".join(_ZONES.get(expression_type(node), "") for node in nodes),
            )


def _stands_alone(query: Node, source: Node) -> bool:
    """Whether an expression is made of nothing but what it shows: parameters, calls and columns of tables."""
    columns = (node for node in walk(source) if node.tag == "VAR")
    entries = [_entry(query, column) for column in columns]
    return all(entry is not None and entry["rtekind"] == RteKind.RELATION for entry in entries)


def _followed(query: Node, expression: Node, number: int) -> Iterator[Node]:
    """An expression without the conversion to the column's type; of rows in VALUES, that of each row."""
    expression = _bare(expression)
    entry = _entry(query, expression)
    if entry is not None and entry["rtekind"] == RteKind.VALUES:
        for row in entry["values_lists"]:
            yield _bare(row[expression["varattno"] - 1])
    elif entry is None or not _is_excluded(query, expression, number):
        yield expression


def _entry(query: Node, expression: Node) -> Node | None:
    if expression.tag != "VAR" or expression["varlevelsup"] or not 0 < expression["varno"] <= len(query["rtable"]):
        return None
    entry: Node = query["rtable"][expression["varno"] - 1]
    return entry if expression["varattno"] > 0 else None


def _is_excluded(query: Node, expression: Node, number: int) -> bool:
    """Whether it is ``excluded.x`` for the column x, which the INSERT itself gives a value."""
    conflict = query.get("onConflict")
    given = {entry["resno"] for entry in items(query, "targetList")}
    return (
        conflict is not None
        and expression["varno"] == conflict["exclRelIndex"]
        and expression["varattno"] == number
        and number in given
    )


def _bare(expression: Node) -> Node:
    while expression.tag in _CASTS and expression.get(_CASTS[expression.tag]) == _IMPLICIT:
        expression = expression["args"][0] if expression.tag == "FUNCEXPR" else expression["arg"]
    return expression


def _how(source: Node, kind: PgType | None) -> StoredAs:
    match source.tag:
        case "CONST" if source["constisnull"]:
            return StoredAs.NULL
        case "CONST":
            return StoredAs.LABEL if kind is not None and kind.kind == "enum" else StoredAs.CONSTANT
        case "SETTODEFAULT":
            return StoredAs.DEFAULT
    return StoredAs.EXPRESSION


def _parameter_types(catalog: Catalog, nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        if node.tag == "PARAM" and node["paramkind"] == Param.EXTERN:
            kind = catalog.types.get(node["paramtype"])
            yield "" if kind is None else sql_name(kind)
