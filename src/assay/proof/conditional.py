"""What holds where CASE, COALESCE or a test such as IS TRUE has a certain value.

Source: the manual's sections 9.2 (IS TRUE and the like are never NULL) and 9.18 (conditional expressions). Each rule
takes the ways in which the value can come about, and keeps what holds in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from assay.proof.nodes import BooleanTest, items
from assay.proof.querytree import Node

if TYPE_CHECKING:
    from assay.proof.facts import Conditions, Facts

Reading = Callable[["Conditions", Node], "Facts"]
"""What holds where an expression is true, false, not NULL, ...: a method of Conditions."""


def in_all(ways: Iterable[Facts], nothing: Facts) -> Facts:
    """What holds in every one of these ways; nothing where there is none."""
    found = list(ways)
    return reduce(type(nothing).__and__, found) if found else nothing


def of_coalesce(conditions: Conditions, node: Node, reading: Reading, value: object, nothing: Facts) -> Facts:
    """COALESCE that is true, or false: some argument is so, before the first constant."""
    ways: list[Facts] = []
    for argument in node["args"]:
        constant = constant_truth(argument)
        if constant is _UNKNOWN:
            ways.append(reading(conditions, argument))
        elif constant is not None:
            ways += [nothing] if constant is value else []
            break
    return in_all(ways, nothing)


def ends_in_constant(node: Node) -> bool:
    """Whether COALESCE is never NULL because of a constant among its arguments."""
    return any(constant_truth(argument) not in (_UNKNOWN, None) for argument in node["args"])


def of_case(conditions: Conditions, node: Node, reading: Reading, accepted: frozenset[object], nothing: Facts) -> Facts:
    """CASE whose value is among those accepted: some branch is taken, and its result is so.

    ``accepted`` has the constants (True, False, None for NULL) with which a branch can give such a value.
    """
    ways = [
        taken | reading(conditions, result)
        for taken, result in _branches(conditions, node, nothing)
        if constant_truth(result) is _UNKNOWN or constant_truth(result) in accepted
    ]
    if node["defresult"] is None and None in accepted:
        return nothing
    found = in_all(ways, nothing)
    # What stands for the operand here stands for another one outside.
    return replace(found, expressions=frozenset(key for key in found.expressions if "CASETESTEXPR" not in key))


def _branches(conditions: Conditions, node: Node, nothing: Facts) -> Iterator[tuple[Facts, Node]]:
    """Each result of CASE, with what holds where its branch is taken."""
    before = nothing
    for when in items(node, "args"):
        holds = conditions.true(when["expr"])
        if node["arg"] is not None and _is_compared(holds):
            holds |= conditions.present(node["arg"])
        yield before | holds, when["result"]
        before |= conditions.not_true(when["expr"])
    if node["defresult"] is not None:
        yield before, node["defresult"]


def _is_compared(holds: Facts) -> bool:
    """Whether ``CASE x WHEN y`` compares x, for which a CASETESTEXPR stands, by what is strict."""
    return any(key.startswith("CASETESTEXPR") for key in holds.expressions)


_UNKNOWN = object()


def constant_truth(node: Node) -> object:
    """True, False or None for a constant (of another type: True), something else for what is not constant."""
    if node.tag != "CONST":
        return _UNKNOWN
    if node["constisnull"]:
        return None
    return True if node["consttype"] != _BOOL else any(node["constvalue"])


_BOOL = 16


def of_test(conditions: Conditions, node: Node, *, holds: bool) -> Facts:
    """IS TRUE and the like, which hold or do not."""
    kind, argument = BooleanTest(node["booltesttype"]), node["arg"]
    return (_HOLDS if holds else _FAILS)[kind](conditions, argument)


_HOLDS: dict[BooleanTest, Reading] = {
    BooleanTest.IS_TRUE: lambda conditions, node: conditions.true(node),
    BooleanTest.IS_NOT_TRUE: lambda conditions, node: conditions.not_true(node),
    BooleanTest.IS_FALSE: lambda conditions, node: conditions.false(node),
    BooleanTest.IS_NOT_FALSE: lambda conditions, node: conditions.not_false(node),
    BooleanTest.IS_UNKNOWN: lambda conditions, _: conditions.nothing,
    BooleanTest.IS_NOT_UNKNOWN: lambda conditions, node: conditions.present(node),
}
_OPPOSITE = {
    BooleanTest.IS_TRUE: BooleanTest.IS_NOT_TRUE,
    BooleanTest.IS_FALSE: BooleanTest.IS_NOT_FALSE,
    BooleanTest.IS_UNKNOWN: BooleanTest.IS_NOT_UNKNOWN,
}
_FAILS = {kind: _HOLDS[opposite] for kind, opposite in _OPPOSITE.items()} | {
    opposite: _HOLDS[kind] for kind, opposite in _OPPOSITE.items()
}
