"""The rules for functions in FROM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.proof.levels import Scope
from assay.proof.nodes import expression_type
from assay.proof.nullability.answer import Nullness, maybe, never
from assay.proof.nullability.bodies import user_column
from assay.proof.querytree import Node

if TYPE_CHECKING:
    from assay.proof.inference import Inference


def function_column(inference: Inference, entry: Node, scope: Scope, attribute: int) -> Nullness:
    """A column of a function in FROM; a strict set-returning one gives no rows at all for a NULL argument."""
    call = entry["funcexpr"]
    composite = inference.is_composite(expression_type(call))
    if call.tag != "FUNCEXPR":
        return maybe("a field of a composite value may be NULL") if composite else inference.expression(call, scope)
    function = inference.catalog.functions.get(call["funcid"])
    if function is None:
        return maybe("a function that is not known")
    if not function.builtin:
        return user_column(inference, function, entry, scope, attribute)
    columns = inference.builtins.columns(function)
    if columns is not None and attribute <= len(columns):
        return never(f"{function.name}()") if columns[attribute - 1] else maybe(f"{function.name}() may give NULL")
    if function.output_types or composite:
        return maybe(f"{function.name}() may give NULL")
    if function.returns_set:
        total = function.strict and not call["funcvariadic"] and inference.builtins.total(function)
        return never(f"{function.name}() gives no NULL") if total else maybe(f"{function.name}() may give NULL")
    return inference.expression(call, scope)
