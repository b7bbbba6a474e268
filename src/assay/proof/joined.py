"""Which columns of a result belong to a row that an outer join may not find, so that they are NULL together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from assay.proof.facts import VarUse, var_use
from assay.proof.levels import Level, Scope
from assay.proof.nodes import Command, RteKind, items, target_list, visible
from assay.proof.nullability.columns import find_with_query
from assay.proof.nullability.returning import returning_scope
from assay.proof.querytree import Node

if TYPE_CHECKING:
    from assay.proof.inference import Inference

_ARGUMENT = {
    "RELABELTYPE": "arg", "COLLATEEXPR": "arg", "COERCEVIAIO": "arg", "ARRAYCOERCEEXPR": "arg", "COERCETODOMAIN": "arg",
}  # fmt: skip
"""Nodes that are NULL where their argument is."""

_FUNCTION = {"FUNCEXPR": "funcid", "OPEXPR": "opfuncid"}
"""Calls, which are NULL where an argument is if the function is strict."""


class Joined(NamedTuple):
    """A column that is NULL in every row for which an outer join found no row of a relation."""

    relation: str
    """The name that the statement gives it; inside a subquery, behind the subquery's name: ``recent.author``."""
    null_in_row: str
    """Why the column may be NULL where the row is found too; empty when it cannot."""


class _Source(NamedTuple):
    """The relation that an expression takes a value from, and is NULL without."""

    relation: str
    expression: Node
    """What the value is, where it does not stand for something else of the same level."""
    real: frozenset[tuple[int, str]]
    """The sides of joins whose rows are real where its row is found."""
    null_in_row: str | None = None
    """As above, for a column of a query inside; None for one that this level tells about."""


def joined(inference: Inference, level: Level, expression: Node) -> Joined | None:
    """What a column of a query's select list owes to an outer join; None when it is no value of a joined row."""
    scope = _scope(level)
    source = _source(inference, scope, expression) if scope is not None else None
    if source is None or scope is None:
        return None
    if source.null_in_row is not None:
        return Joined(source.relation, source.null_in_row)
    known = replace(scope.known, real=scope.known.real | source.real)
    answer = inference.expression(source.expression, replace(scope, known=known))
    return Joined(source.relation, answer.reason if answer.nullable else "")


def _scope(level: Level) -> Scope | None:
    """Where the select list is evaluated, once for each row of FROM; None where it is not."""
    if level.query.get("setOperations") is not None or level.query["commandType"] == Command.MERGE:
        return None
    return level.scope if level.query["commandType"] == Command.SELECT else returning_scope(level)


def _source(inference: Inference, scope: Scope, expression: Node) -> _Source | None:
    while expression.tag in _ARGUMENT:
        expression = expression[_ARGUMENT[expression.tag]]
    if expression.tag == "VAR":
        return _of_column(inference, scope, expression)
    if expression.tag in _FUNCTION and inference.strict(expression[_FUNCTION[expression.tag]]):
        found = (_source(inference, scope, argument) for argument in items(expression, "args"))
        first = next((source for source in found if source is not None), None)
        return first._replace(expression=expression, null_in_row=None) if first is not None else None
    return None


def _of_column(inference: Inference, scope: Scope, column: Node) -> _Source | None:
    level, use = scope.level, var_use(column)
    if use.levels_up or use.relation > len(level.entries) or level.left_out_by_grouping(use):
        return None
    if scope.returning and inference.returned(scope, use) is not None:
        return None
    inner = _followed(inference, scope, column)
    if inner is not None or not level.unreal_join(use, scope.known):
        return inner
    return _Source(level.name(use.relation), column, _real(level, use))


def _real(level: Level, use: VarUse) -> frozenset[tuple[int, str]]:
    return frozenset((join, level.side(join, use.relation)) for join in use.nulling)


def _followed(inference: Inference, scope: Scope, column: Node) -> _Source | None:
    """A column that is one of something inside: of a join under a name, the grouping step, a subquery or a view."""
    level, use = scope.level, var_use(column)
    entry = level.entry(use.relation)
    if use.attribute <= 0:
        return None
    match entry["rtekind"]:
        case RteKind.JOIN:
            return _source(inference, scope, entry["joinaliasvars"][use.attribute - 1])
        case RteKind.GROUP:
            return _source(inference, scope, entry["groupexprs"][use.attribute - 1])
        case RteKind.SUBQUERY | RteKind.CTE | RteKind.RELATION:
            inner = _inside(inference, level, entry)
            found = _of_inner(inference, inner, use.attribute) if inner is not None else None
            if found is not None:
                name = f"{level.name(use.relation)}.{found.relation}"
                return _Source(name, column, _real(level, use), found.null_in_row)
    return None


def _inside(inference: Inference, level: Level, entry: Node) -> Level | None:
    match entry["rtekind"]:
        case RteKind.SUBQUERY:
            return inference.level(entry["subquery"], level.scope)
        case RteKind.CTE:
            home, cte = find_with_query(level, entry)
            if home is None or cte is None or cte["cterecursive"]:
                return None
            return inference.level(cte["ctequery"], Scope(home, home.scope.known, home.outer))
    query = inference.view(entry["relid"])
    return inference.level(query, None) if query is not None else None


def _of_inner(inference: Inference, inner: Level, attribute: int) -> Joined | None:
    columns = visible(target_list(inner.query))
    return joined(inference, inner, columns[attribute - 1]["expr"]) if attribute <= len(columns) else None
