"""The rules for functions in SQL, by their bodies: the last statement gives the result (manual section 36.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from assay.proof.levels import Level, Scope
from assay.proof.nodes import Command, cast_by_users, expression_type, items, target_list, visible
from assay.proof.nullability.answer import Nullness, maybe, never, unless_any
from assay.proof.querytree import Node

if TYPE_CHECKING:
    from assay.catalog.model import Function
    from assay.proof.inference import Inference

RECORD, VOID = 2249, 2278
DEEPEST = 8
"""How many SQL functions are followed into each other."""


class _Body(NamedTuple):
    """The last statement of a body, as it is run for one call."""

    columns: list[Nullness]
    at_least_one: bool
    query: Node
    missing: Nullness
    """Whether the function, being strict, is not run because an argument is NULL."""


def _body(inference: Inference, function: Function, node: Node, scope: Scope) -> _Body | None:
    """What a call gives; None for a function that is not followed."""
    if not function.body or node.get("funcvariadic") or inference.depth >= DEEPEST:
        return None
    queries = statements(inference.tree(function.body))
    if not queries or queries[-1]["commandType"] != Command.SELECT:
        return None
    arguments = [inference.expression(argument, scope) for argument in items(node, "args")]
    # A strict function is run only where none of them is NULL.
    known = [never("not NULL where the function is run") for _ in arguments] if function.strict else arguments
    inner = inference.inside_function(dict(enumerate(known, 1)))
    level: Level = inner.level(queries[-1], None)
    missing = unless_any(arguments, "") if function.strict else never("")
    return _Body(inner.output(level), inner.bound(level).at_least_one, queries[-1], missing)


def user_function(inference: Inference, function: Function, node: Node, scope: Scope) -> Nullness:
    """A function may return NULL, unless it is one in SQL whose body proves otherwise."""
    name = f"{function.name}()"
    body = _body(inference, function, node, scope) if function.result_type != VOID else None
    if body is None or not body.columns:
        return maybe(f"{name} may return NULL")
    if function.returns_set:
        return never(f"a row of {name}") if len(body.columns) > 1 else _column(inference, function, body, 1)
    if body.missing.nullable:
        return body.missing
    if not body.at_least_one:
        return maybe(f"{name} returns NULL when its query finds no row")
    if len(body.columns) > 1 and inference.is_composite(function.result_type):
        return never(f"{name} returns a row")
    return _column(inference, function, body, 1)


def user_column(inference: Inference, function: Function, entry: Node, scope: Scope, attribute: int) -> Nullness:
    """A column of such a function in FROM. For a NULL argument a strict one gives a row of NULLs; of a set, no rows."""
    call = entry["funcexpr"]
    composite = inference.is_composite(function.result_type)
    if not function.returns_set and not composite:
        return inference.expression(call, scope)
    body = _body(inference, function, call, scope)
    # A row type may have dropped columns, which the query has not.
    if body is None or len(body.columns) != entry["funccolcount"] or _is_row(function, body, composite=composite):
        return maybe(f"{function.name}() may return NULL")
    if not function.returns_set and (body.missing.nullable or not body.at_least_one):
        return maybe(f"{function.name}() returns a row of NULLs when its query finds none")
    return _column(inference, function, body, attribute)


def _is_row(function: Function, body: _Body, *, composite: bool) -> bool:
    """Whether the one column of the query may be the row as a whole."""
    return composite and not function.output_types and len(body.columns) == 1


def _column(inference: Inference, function: Function, body: _Body, attribute: int) -> Nullness:
    if casts_result(inference, function, body.query):
        return maybe(f"a cast by a function of users may give NULL for what {function.name}() returns")
    nullable = body.columns[attribute - 1].nullable
    return maybe(f"{function.name}() may return NULL") if nullable else never(f"{function.name}() by its body")


def casts_result(inference: Inference, function: Function, query: Node) -> bool:
    """Whether the result may be cast to the declared type by functions of users, which the tree does not show.

    The casts of assignments are added when the function runs (coerce_fn_result_column(), executor/functions.c).
    """
    if function.result_type == VOID:
        return False
    given = [expression_type(entry["expr"]) for entry in visible(target_list(query))]
    declared = _declared(inference, function, len(given))
    return len(declared) != len(given) or any(map(cast_by_users, given, declared))


def _declared(inference: Inference, function: Function, width: int) -> list[int]:
    """The types of so many columns of a result, by the function's declaration; empty where it does not tell."""
    if function.output_types:
        return list(function.output_types)
    kind = inference.catalog.types.get(function.result_type)
    if width > 1 and kind is not None:
        return [field.oid or 0 for _, field in kind.fields]
    return [function.result_type] if width == 1 and function.result_type != RECORD else []


def statements(tree: object) -> list[Node]:
    """The queries of a body: of BEGIN ATOMIC a list in a list, of RETURN one query."""
    if isinstance(tree, Node):
        return [tree]
    found: list[Node] = []
    for item in tree if isinstance(tree, list) else ():
        found += statements(item)
    return found
