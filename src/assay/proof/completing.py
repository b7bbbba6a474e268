"""Function calls as they are made: each argument in its place, those left to their defaults too.

The tree of a call has the arguments as they were written: by position, then by name (NAMEDARGEXPR), and none for a
default. The planner puts them in order and adds the defaults (expand_function_arguments(),
src/backend/optimizer/util/clauses.c; manual section 4.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.proof.nodes import items
from assay.proof.querytree import Node, walk

if TYPE_CHECKING:
    from assay.catalog.model import Function
    from assay.proof.inference import Inference


def complete_calls(inference: Inference, tree: Any) -> None:
    """Put the arguments of every call in a tree in order, and add the ones that are not given, in place."""
    for node in walk(tree):
        if node.tag != "FUNCEXPR":
            continue
        function, given = inference.catalog.functions.get(node["funcid"]), items(node, "args")
        if function is None:
            continue
        if len(given) < len(function.argument_types) or any(arg.tag == "NAMEDARGEXPR" for arg in given):
            node["args"] = _arguments(inference, function, given)


def _arguments(inference: Inference, function: Function, given: list[Node]) -> list[Node]:
    defaults = inference.tree(function.defaults) if function.defaults else []
    first = len(function.argument_types) - len(defaults)
    places: dict[int, Node] = dict(enumerate(defaults, first))
    for number, argument in enumerate(given):
        named = argument.tag == "NAMEDARGEXPR"
        places[argument["argnumber"] if named else number] = argument["arg"] if named else argument
    return [places[number] for number in sorted(places)]
