"""The rules for functions that are not built in, and for functions in FROM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.proof.levels import Scope
from assay.proof.nodes import Command, cast_by_users, expression_type, items, target_list, visible
from assay.proof.nullability.answer import Nullness, maybe, never, unless_any
from assay.proof.querytree import Node

if TYPE_CHECKING:
    from assay.catalog.model import Function
    from assay.proof.inference import Inference

RECORD, VOID = 2249, 2278
DEEPEST = 8
"""How many SQL functions are followed into each other."""


def user_function(inference: Inference, function: Function, node: Node, scope: Scope) -> Nullness:
    """A function may return NULL, unless it is one in SQL whose body proves otherwise (manual section 36.5)."""
    name = f"{function.name}()"
    if not function.body or function.returns_set or node.get("funcvariadic") or function.result_type == VOID:
        return maybe(f"{name} may return NULL")
    if inference.depth >= DEEPEST:
        return maybe(f"{name} calls functions too deep to follow")
    answers = [inference.expression(arg, scope) for arg in items(node, "args")]
    if function.strict:
        given = unless_any(answers, "")
        if given.nullable:
            return given
    return _of_body(inference, function, answers)


def _of_body(inference: Inference, function: Function, arguments: list[Nullness]) -> Nullness:
    """The first column of the last statement, given what is known of the arguments."""
    queries = statements(inference.tree(function.body))
    if not queries or queries[-1]["commandType"] != Command.SELECT:
        return maybe(f"{function.name}() may return NULL")
    inner = inference.inside_function(dict(enumerate(arguments, 1)))
    level = inner.level(queries[-1], None)
    columns = inner.output(level)
    if not inner.bound(level).at_least_one or not columns:
        return maybe(f"{function.name}() returns NULL when its query finds no row")
    if len(columns) > 1 and inference.is_composite(function.result_type):
        return never(f"{function.name}() returns a row")
    if casts_result(inference, function, queries[-1]):
        return maybe(f"a cast by a function of users may give NULL for what {function.name}() returns")
    return (
        maybe(f"{function.name}() may return NULL") if columns[0].nullable else never(f"{function.name}() by its body")
    )


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


def function_column(inference: Inference, call: Node, scope: Scope, attribute: int) -> Nullness:
    """A column of a function in FROM; a strict set-returning one gives no rows at all for a NULL argument."""
    composite = inference.is_composite(expression_type(call))
    if call.tag != "FUNCEXPR":
        return maybe("a field of a composite value may be NULL") if composite else inference.expression(call, scope)
    function = inference.catalog.functions.get(call["funcid"])
    if function is None or not function.builtin:
        if function is not None and not function.returns_set and not composite:
            return inference.expression(call, scope)
        return maybe("a function may return NULL")
    columns = inference.builtins.columns(function)
    if columns is not None and attribute <= len(columns):
        return never(f"{function.name}()") if columns[attribute - 1] else maybe(f"{function.name}() may give NULL")
    if function.output_types or composite:
        return maybe(f"{function.name}() may give NULL")
    if function.returns_set:
        total = function.strict and not call["funcvariadic"] and inference.builtins.total(function)
        return never(f"{function.name}() gives no NULL") if total else maybe(f"{function.name}() may give NULL")
    return inference.expression(call, scope)
