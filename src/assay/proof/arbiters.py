"""ON CONFLICT that names columns without a unique index, which the server refuses when it plans the statement.

The analysed tree has the columns; which index they mean is looked for later (infer_arbiter_indexes(), plancat.c). Where
expressions, operator classes, collations or conditions are named, it is left to the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.proof.access import written_relation
from assay.proof.nodes import Command, items
from assay.proof.querytree import Node, walk

if TYPE_CHECKING:
    from assay.proof.inference import Inference

NO_ARBITER = "there is no unique or exclusion constraint matching the ON CONFLICT specification"
"""In the server's words."""


def lacks_arbiter(inference: Inference, tree: Node) -> bool:
    """Whether an INSERT in a tree names columns for conflicts that no unique index of its table has."""
    inserts = (node for node in walk(tree) if node.tag == "QUERY" and node["commandType"] == Command.INSERT)
    return any(_lacks_arbiter(inference, insert) for insert in inserts)


def _lacks_arbiter(inference: Inference, insert: Node) -> bool:
    conflict = insert.get("onConflict")
    if conflict is None or conflict["constraint"] or conflict["arbiterWhere"] is not None:
        return False
    named = items(conflict, "arbiterElems")
    relation = written_relation(inference, insert)
    if not named or relation is None or relation.kind not in "rp" or not all(map(_is_plain, named)):
        return False
    columns = {element["expr"]["varattno"] for element in named}
    return all({column.number for column in key.columns} != columns for key in relation.keys)


def _is_plain(element: Node) -> bool:
    return element["expr"].tag == "VAR" and not element["infercollid"] and not element["inferopclass"]
