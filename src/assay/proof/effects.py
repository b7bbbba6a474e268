"""Whether a statement could change anything: only where the contrary is proven may it run on a replica.

Everything is looked at that runs when a query is planned and executed: the functions that it names, and those that
stand behind its types, views, policies, indexes and casts. What came with the server and is not volatile changes
nothing (manual section 36.7); a function of users is trusted only where it is SQL whose body is read-only in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from assay.proof.nodes import Command, RteKind, cast_by_users, items, operand_types
from assay.proof.nullability.bodies import DEEPEST, casts_result, statements
from assay.proof.querytree import Node, walk

if TYPE_CHECKING:
    from assay.catalog.model import Function, Relation
    from assay.proof.inference import Inference


def is_read_only(inference: Inference, query: Node) -> bool:
    """Whether it is proven that the statement changes nothing and locks no row.

    Any sort, index or DISTINCT may call the functions of an operator class, and any function of ranges the one that
    makes them canonical. Only a superuser makes these: where one has made some that may do more, nothing is proven of
    any statement.
    """
    if inference.catalog.strange_families or inference.catalog.strange_ranges:
        return False
    return all(_changes_nothing(inference, node) for node in _everything(inference, query))


def _everything(inference: Inference, query: Node) -> Iterable[Node]:
    """The nodes of a statement, of the views in it, and of the policies of its tables."""
    seen: set[int] = set()
    pending = [query]
    while pending:
        for node in walk(pending.pop()):
            yield node
            if node.tag == "RANGETBLENTRY" and node["rtekind"] == RteKind.RELATION and node["relid"] not in seen:
                seen.add(node["relid"])
                view, relation = inference.view(node["relid"]), inference.catalog.relations.get(node["relid"])
                pending += [view] if view is not None else []
                pending += [inference.tree(policy) for policy in (relation.policies if relation is not None else ())]


def _changes_nothing(inference: Inference, node: Node) -> bool:
    rule = _RULES.get(node.tag)
    if rule is not None and not rule(inference, node):
        return False
    return all(_makes_harmlessly(inference, oid) for oid in _types_made(node))


def _reads(_: Inference, query: Node) -> bool:
    reads = query["commandType"] == Command.SELECT and not query["rowMarks"] and not query["hasModifyingCTE"]
    return reads and not _casts_by_users(query)


def _casts_by_users(query: Node) -> bool:
    """Whether a set operation casts its operands by functions of users, which the tree does not show."""
    return any(
        cast_by_users(before, after)
        for node in walk(query.get("setOperations") or [], into_queries=False)
        if node.tag == "SETOPERATIONSTMT"
        for side in ("larg", "rarg")
        for before, after in zip(operand_types(query, node[side]), items(node, "colTypes"), strict=True)
    )


def _table(inference: Inference, entry: Node) -> bool:
    if entry["rtekind"] != RteKind.RELATION:
        return True
    relation = inference.catalog.relations.get(entry["relid"])
    # What reading a foreign table does over there is not known: a view there may call functions that write.
    return relation is not None and not relation.foreign_below and _is_planned_harmlessly(inference, relation)


def _is_planned_harmlessly(inference: Inference, relation: Relation) -> bool:
    """Whether the expressions that the planner simplifies call nothing of users on constants alone.

    Such a call is evaluated there and then (eval_const_expressions() in RelationGetIndexPredicate(), relcache.c, and
    get_relation_constraints(), plancat.c); one of a column is not. SQL functions are put in place first.
    """
    return all(_is_simplified_harmlessly(inference, inference.tree(text)) for text in relation.planned)


def _is_simplified_harmlessly(inference: Inference, tree: Node) -> bool:
    for node in walk(tree):
        if node.tag in _CALLS and not _call(inference, node):
            function = inference.catalog.functions.get(node[_CALLS[node.tag]])
            of_columns = any(inner.tag == "VAR" for inner in walk(node))
            if function is None or function.language == "sql" or not of_columns:
                return False
    return True


_CALLS = {
    "FUNCEXPR": "funcid",
    "OPEXPR": "opfuncid",
    "DISTINCTEXPR": "opfuncid",
    "NULLIFEXPR": "opfuncid",
    "SCALARARRAYOPEXPR": "opfuncid",
    "AGGREF": "aggfnoid",
    "WINDOWFUNC": "winfnoid",
}


def _call(inference: Inference, node: Node) -> bool:
    function = inference.catalog.functions.get(node[_CALLS[node.tag]])
    if function is None or not all(map(inference.is_built_in, inference.negated(node))):
        return False
    return _of_server(inference, function) if function.builtin else _of_users(inference, function)


def _of_server(inference: Inference, function: Function) -> bool:
    """A function that came with the server, unless it is volatile or calls what users have made."""
    if inference.builtins.refused_by_replica(function) or function.name in _RUNS_OTHERS:
        return False
    if "json" in function.name and inference.catalog.casts_to_json:
        # A type is made JSON by the cast that there is for it (json_categorize_type(), jsonfuncs.c).
        return False
    if function.language == "sql" and not function.body and inference.catalog.casts_to_text:
        return False
    return function.volatility != "v" or inference.builtins.safe_volatile(function)


_RUNS_OTHERS = frozenset(
    {f"{kind}_to_xml{rest}" for kind in ("table", "schema", "database") for rest in ("", "_and_xmlschema")}
    | {"pg_input_is_valid", "pg_input_error_info"}
)
"""What reads whole tables and views by name, or values of any type: stable, yet views and domains may write."""


def _of_users(inference: Inference, function: Function) -> bool:
    if not function.body or inference.depth > DEEPEST:
        return False
    inner = inference.inside_function({})
    queries = statements(inner.tree(function.body))
    if not queries or casts_result(inference, function, queries[-1]):
        return False
    return all(is_read_only(inner, query) for query in queries)


def _json_constructor(inference: Inference, _: Node) -> bool:
    return not inference.catalog.casts_to_json


_RULES: dict[str, Callable[[Inference, Node], bool]] = {
    "QUERY": _reads,
    "NEXTVALUEEXPR": lambda _, __: False,
    "RANGETBLENTRY": _table,
    "JSONCONSTRUCTOREXPR": _json_constructor,
    **dict.fromkeys(_CALLS, _call),
}

_MAKERS = {
    "COERCETODOMAIN": "resulttype",
    "COERCEVIAIO": "resulttype",
    "PARAM": "paramtype",
    "FUNCEXPR": "funcresulttype",
}
"""Where the CHECK constraints of domains may be evaluated, also inside a row that is read from text or JSON."""


def _types_made(node: Node) -> list[int]:
    match node.tag:
        case "RANGETBLFUNCTION":
            return items(node, "funccoltypes")
        case "TABLEFUNC":
            return items(node, "coltypes")
        case "JSONEXPR" | "JSONCONSTRUCTOREXPR":
            return [node["returning"]["typid"]] if node.get("returning") else []
    return [node[_MAKERS[node.tag]]] if node.tag in _MAKERS else []


def _makes_harmlessly(inference: Inference, oid: int) -> bool:
    """Whether the CHECK constraints of the domains in a type change nothing."""
    checks = inference.domain_checks(oid)
    return all(_changes_nothing(inference, inner) for check in checks for inner in walk(check))
