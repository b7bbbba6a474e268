"""The rules for functions, operators, aggregates and window functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from assay.catalog.model import FIRST_NORMAL_OID
from assay.proof.levels import Level, Scope
from assay.proof.nodes import Grouping, RteKind, expression_type, items, string_constant
from assay.proof.nullability.answer import Nullness, maybe, never, unless_all, unless_any
from assay.proof.querytree import Node, walk

if TYPE_CHECKING:
    from assay.catalog.model import Function
    from assay.proof.inference import Inference


def call(inference: Inference, node: Node, scope: Scope) -> Nullness:
    """A function or an operator: built-in ones by the list, SQL-language ones by their body."""
    function = inference.function_of(node)
    if function is None:
        return maybe("a function that is not known")
    if (node.get("funcretset") or node.get("opretset")) and scope.level.cache.get("padded"):
        return maybe("set-returning functions side by side are padded with NULL")
    if not function.builtin:
        return inference.user_function(function, node, scope)
    return _builtin(inference, function, node, scope)


def _builtin(inference: Inference, function: Function, node: Node, scope: Scope) -> Nullness:
    name = _shown(function)
    if not node.get("funcvariadic"):
        # What takes NULL among its arguments gives NULL for an array of arguments that is itself NULL.
        if inference.builtins.always(function):
            return never(f"{name} never gives NULL")
        if (some := _of_some_arguments(inference, function, node, scope)) is not None:
            return some
    if not _total(inference, function, node) or not (node.tag == "FUNCEXPR" or inference.total_negator(node)):
        return maybe(f"{name} may give NULL")
    if function.returns_set and function.strict:
        return never(f"{name} gives no row for NULL, and no NULL in its rows")
    answers = (inference.expression(arg, scope) for arg in items(node, "args"))
    return unless_any(answers, f"{name} of values that are never NULL")


def _total(inference: Inference, function: Function, node: Node) -> bool:
    """Whether it gives no NULL for arguments that are not NULL."""
    builtins = inference.builtins
    if builtins.total_by_text_cast(function):
        return not inference.catalog.casts_to_text
    if function.name in ("extract", "date_part"):
        field = string_constant(node["args"][0])
        return field is not None and builtins.extract_total(function, field)
    return builtins.total(function)


def _of_some_arguments(inference: Inference, function: Function, node: Node, scope: Scope) -> Nullness | None:
    """Functions that take NULL for some of their arguments; None for others."""
    name, arguments = _shown(function), items(node, "args")
    needed = inference.builtins.needs(function)
    if needed is not None:
        answers = (inference.expression(arguments[number], scope) for number in needed if number < len(arguments))
        return unless_any(answers, f"{name} of values that are never NULL")
    if inference.builtins.either(function):
        answers = (inference.expression(arg, scope) for arg in arguments)
        return unless_all(answers, f"every argument of {name} may be NULL")
    return None


def _shown(function: Function) -> str:
    return f"{function.name}()"


def operator_is_total(inference: Inference, operator: int) -> bool:
    """Whether an operator gives no NULL for arguments that are not NULL."""
    found = inference.catalog.operators.get(operator)
    return found is not None and inference.total(found.function)


def aggregate(inference: Inference, node: Node, scope: Scope) -> Nullness:
    """Counts are never NULL; most others are NULL exactly when nothing that is not NULL went in."""
    home = scope.up(node["agglevelsup"])
    function = inference.catalog.functions.get(node["aggfnoid"])
    if function is None or home is None or not function.builtin:
        return maybe("an aggregate that is not known")
    if function.name in _COUNTS or node["aggkind"] == "h":
        return never(f"{_shown(function)} is a number for any rows")
    if function.name not in _NULL_WITHOUT_VALUES:
        return maybe(f"{_shown(function)} may give NULL")
    if node["aggfilter"] is not None:
        return maybe(f"{_shown(function)} is NULL when FILTER leaves no row")
    if not groups_have_rows(home.level):
        return maybe(f"{_shown(function)} is NULL over no rows")
    if function.name in _COLLECTS:
        return never(f"{_shown(function)} of a group")
    return _values(inference, function, node, home)


def _values(inference: Inference, function: Function, node: Node, home: Scope) -> Nullness:
    entries = [*items(node, "args"), *items(node, "aggdirectargs")]
    arguments = [entry["expr"] if entry.tag == "TARGETENTRY" else entry for entry in entries]
    answers = [inference.expression(argument, home) for argument in arguments]
    if function.name == "string_agg":
        # A NULL delimiter is taken as an empty one.
        answers = answers[:1]
    return unless_any(answers, f"{_shown(function)} of values that are never NULL, over at least one row")


_COUNTS = frozenset({"count", "regr_count"})
_COLLECTS = frozenset(
    {"array_agg", "json_agg", "jsonb_agg", "json_agg_strict", "jsonb_agg_strict", "json_object_agg", "jsonb_object_agg"}
    | {f"{kind}_object_agg_{rest}" for kind in ("json", "jsonb") for rest in ("strict", "unique", "unique_strict")}
)
"""Aggregates that give a value for any row that goes in, NULL or not."""
_NULL_WITHOUT_VALUES = _COLLECTS | {
    "any_value", "avg", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "every", "max", "min", "mode",
    "percentile_cont", "percentile_disc", "range_agg", "range_intersect_agg", "stddev_pop", "string_agg", "sum",
    "var_pop", "xmlagg", "covar_pop", "regr_avgx", "regr_avgy", "regr_sxx", "regr_sxy", "regr_syy",
}  # fmt: skip
"""Aggregates that are NULL only when every value that goes in is (manual section 9.21)."""


def groups_have_rows(level: Level) -> bool:
    """Whether every group of the query has at least one row: not so for one without GROUP BY, or by ``()``."""
    if not items(level.query, "groupClause"):
        return False
    sets = items(level.query, "groupingSets")
    return not sets or not all(_may_be_empty(element) for element in sets)


def _may_be_empty(grouping: Node) -> bool:
    match grouping["kind"]:
        case Grouping.SIMPLE:
            return False
        case Grouping.SETS:
            return any(_may_be_empty(inner) for inner in items(grouping, "content"))
    return True


def window_call(inference: Inference, node: Node, scope: Scope) -> Nullness:
    """A window function, by its definition and its frame (manual sections 9.22 and 4.2.8)."""
    function = inference.catalog.functions.get(node["winfnoid"])
    if function is None or not function.builtin:
        return maybe("a window function that is not known")
    name = _shown(function)
    if function.name in _NUMBERS:
        return never(f"{name} is a number for every row")
    # What CASE knows of the current row does not hold for the other rows that a window function looks at.
    scope = replace(scope, known=scope.level.scope.known)
    answers = [inference.expression(arg, scope) for arg in items(node, "args")]
    if function.name == "ntile":
        return unless_any(answers, name)
    if function.name in ("lag", "lead"):
        return unless_any(answers, f"{name} with a default") if len(answers) == 3 else maybe(f"{name} may find no row")
    if function.name in _COUNTS:
        return never(f"{name} is a number for any frame")
    if function.name in ("first_value", "last_value") or function.name in _NULL_WITHOUT_VALUES:
        return _over_frame(function, node, scope, answers)
    return maybe(f"{name} may find no row")


def _over_frame(function: Function, node: Node, scope: Scope, answers: list[Nullness]) -> Nullness:
    if node["aggfilter"] is not None:
        return maybe(f"{_shown(function)} is NULL when FILTER leaves no row")
    window = next((w for w in items(scope.level.query, "windowClause") if w["winref"] == node["winref"]), None)
    if window is None or not _frame_has_current_row(window):
        return maybe(f"the frame of {_shown(function)} may be empty")
    if function.name in _COLLECTS:
        return never(f"{_shown(function)} of a frame with the current row")
    return unless_any(answers, f"the frame of {_shown(function)} has the current row")


_NUMBERS = frozenset({"row_number", "rank", "dense_rank", "percent_rank", "cume_dist"})
_STARTS_BY_CURRENT_ROW = 0x20 | 0x200 | 0x800
_ENDS_FROM_CURRENT_ROW = 0x100 | 0x400 | 0x4000
_EXCLUDES_CURRENT_ROW = 0x8000 | 0x10000
_RANGE = 0x2


def _frame_has_current_row(window: Node) -> bool:
    """By the FRAMEOPTION bits of src/include/nodes/parsenodes.h.

    ``RANGE '1 month -29 days' PRECEDING`` may begin after the current row: a month is not always 30 days, by which the
    server has taken the offset for one that is not negative (in_range_timestamp_interval, timestamp.c).
    """
    options, offsets = window["frameOptions"], (window["startOffset"], window["endOffset"])
    if options & _RANGE and any(offset is not None and expression_type(offset) not in _STEADY for offset in offsets):
        return False
    if max(window["startInRangeFunc"], window["endInRangeFunc"]) >= FIRST_NORMAL_OID:
        return False
    return bool(
        options & _STARTS_BY_CURRENT_ROW and options & _ENDS_FROM_CURRENT_ROW and not options & _EXCLUDES_CURRENT_ROW
    )


_STEADY = frozenset({20, 21, 23, 700, 701, 1700})
"""The numeric types: what is added to a number and is not negative makes it no smaller."""


def set_functions(query: Node) -> int:
    """How many set-returning functions stand in a select list, or are grouped by."""
    grouped = [entry for entry in items(query, "rtable") if entry["rtekind"] == RteKind.GROUP]
    return sum(
        1
        for entry in [*items(query, "targetList"), *grouped]
        for node in walk(entry, into_queries=False)
        if node.get("funcretset") or node.get("opretset")
    )
