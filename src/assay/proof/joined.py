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
    """A column that is NULL in every row for which some outer join found nothing."""

    relations: tuple[str, ...]
    """What those joins may not find, outermost first: each by the name of its first relation, of one inside a subquery
    behind the subquery's name, as in ``recent.author``. Where one list holds all of another, a row that is missing for
    the shorter one is missing for the longer one too."""
    null_in_row: str
    """Why the column may be NULL where all of them are found; empty when it cannot."""


class _Source(NamedTuple):
    """What an expression takes its value from, and is NULL without."""

    relations: tuple[str, ...]
    expression: Node
    """What the value is, where it does not stand for something else of the same level."""
    real: frozenset[tuple[int, str]]
    """The sides of joins whose rows are real where all of them are found."""
    null_in_row: str | None = None
    """As above, for a column of a query inside; None for one that this level tells about."""


def joined(inference: Inference, level: Level, expression: Node) -> Joined | None:
    """What a column of a query's select list owes to outer joins; None when it owes them nothing."""
    scope = _scope(level)
    source = _source(inference, scope, expression) if scope is not None else None
    if source is None or scope is None:
        return None
    if source.null_in_row is not None:
        return Joined(source.relations, source.null_in_row)
    known = replace(scope.known, real=scope.known.real | source.real)
    answer = inference.expression(source.expression, replace(scope, known=known))
    return Joined(source.relations, answer.reason if answer.nullable else "")


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
        found = [_source(inference, scope, argument) for argument in items(expression, "args")]
        sources = [source for source in found if source is not None]
        relations = tuple(dict.fromkeys(name for source in sources for name in source.relations))
        real = frozenset().union(*(source.real for source in sources))
        return _Source(relations, expression, real) if sources else None
    return None


def _of_column(inference: Inference, scope: Scope, column: Node) -> _Source | None:
    level, use = scope.level, var_use(column)
    if use.levels_up or use.relation > len(level.entries) or level.left_out_by_grouping(use):
        return None
    if scope.returning and inference.returned(scope, use) is not None:
        return None
    sides = _missing_sides(scope, use)
    inner = _followed(inference, scope, column)
    if inner is not None:
        relations = tuple(dict.fromkeys((*_names(level, sides), *inner.relations)))
        return inner._replace(relations=relations, real=inner.real | frozenset(sides))
    return _Source(_names(level, sides), column, frozenset(sides)) if sides else None


Side = tuple[int, str]
"""A join, and which side of it: ``l`` or ``r``."""


def _missing_sides(scope: Scope, use: VarUse) -> list[Side]:
    """The sides of outer joins that may not be found for a column, outermost first."""
    level = scope.level
    sides = {(join, level.side(join, use.relation)) for join in use.nulling if join != level.group_entry}
    return sorted(sides - scope.known.real, key=lambda side: (-len(_entries(level, side)), side))


def _entries(level: Level, side: Side) -> list[int]:
    return [index for index in range(1, len(level.entries) + 1) if level.side(side[0], index) == side[1]]


def _names(level: Level, sides: list[Side]) -> tuple[str, ...]:
    """A name for each side, its first relation's; where an outer one has that already, with the join's number."""
    names: list[str] = []
    for side in sides:
        first = next(index for index in _entries(level, side) if level.entry(index)["rtekind"] != RteKind.JOIN)
        name = level.name(first)
        names.append(f"{name}#{side[0]}" if name in names else name)
    return tuple(names)


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
                names = tuple(f"{level.name(use.relation)}.{name}" for name in found.relations)
                return _Source(names, column, frozenset(), found.null_in_row)
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
