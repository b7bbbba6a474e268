"""What another schema brings to the calls of a project that its own did not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from assay.proof.described import DescribedCall, Proven
from assay.proof.findings import Finding, finding
from assay.proof.place import Place
from assay.proof.retyped import retyped
from assay.proof.shrinking import StoredColumn, keeps, shrunk

_ADVICE = {
    "ASY101": "keep what the other release names: add the new beside it, and drop it in a later migration",
    "ASY201": "keep the column until no release selects it, and drop it in a later migration",
    "ASY202": "release code that takes the column, or names its columns, first",
    "ASY203": "release code that takes None first, and drop the NOT NULL in a later migration",
    "ASY204": "add a column of the new type, write both, move the readers, and drop the old one in a later migration",
    "ASY302": "let the column take what the other release writes, and narrow it in a later migration",
    "ASY502": "give the column a default first, and drop it when no release leaves the column out",
    "ASY303": "give the column a default first, or release code that gives it a value",
}
"""By rule: how to expand first, and contract when the other release is gone."""
_LACKING = re.compile(r"\blacks '")
"""That an enum or a CHECK has values that the code does not know; none of them is there until a release writes it."""
_NEW_VALUE = "release code that knows the value first, and write it when no release without it runs"

Columns = Mapping[str, StoredColumn]
"""What columns take, by ``schema.table.column``."""


def brought(here: Proven, there: Proven, before: Columns, after: Columns) -> tuple[Finding, ...]:
    """What is found there and was not found here, in the order of the code.

    Args:
        here: the code on its own schema.
        there: the same code on the other.
        before: what the columns that it touches take on its own schema.
        after: what they take on the other.
    """
    new, calls = _new(here, there), list(_paired(here, there))
    losing = {name for name in concerned(here, there) if shrunk(before.get(name), after.get(name))}
    touched = {call.place: _touched(call, read=True) for _, call in calls}
    new = [_with_advice(found, touched, losing) for found in new]
    new += [found for was, call in calls for found in _narrowed(was, call, before, after)]
    told = {(found.call, found.rule.code) for found in new}
    retypings = (found for was, call in calls for found in retyped(was, call))
    new += [found for found in retypings if (found.call, found.rule.code) not in told]
    return tuple(sorted(new, key=lambda each: each.place))


def concerned(here: Proven, there: Proven) -> frozenset[str]:
    """The columns, as ``schema.table.column``, of which it counts what they take."""
    lacking = {found.call for found in _new(here, there) if _lacks_values(found)}
    return frozenset(name for call in there.calls for name in _touched(call, read=call.place in lacking))


def _new(here: Proven, there: Proven) -> list[Finding]:
    known = {(found.place, found.rule.code, found.message) for found in here.report.findings}
    return [found for found in there.report.findings if (found.place, found.rule.code, found.message) not in known]


def _paired(here: Proven, there: Proven) -> Iterator[tuple[DescribedCall, DescribedCall]]:
    """Each call as it is on the one schema and on the other; one place may have several, of as many statements."""
    seen: Counter[Place] = Counter()
    own: dict[tuple[Place, int], DescribedCall] = {}
    for call in here.calls:
        own[call.place, seen[call.place]] = call
        seen[call.place] += 1
    seen.clear()
    for call in there.calls:
        yield own.get((call.place, seen[call.place]), replace(call, descriptions=())), call
        seen[call.place] += 1


def _touched(call: DescribedCall, *, read: bool) -> frozenset[str]:
    """The columns that a call writes, as ``schema.table.column``, and those that it reads if they are asked for."""
    return call.writes | call.reads if read else call.writes


def _narrowed(was: DescribedCall, call: DescribedCall, before: Columns, after: Columns) -> Iterator[Finding]:
    """What a call writes into columns that take less on the other schema."""
    for name in sorted(call.writes):
        old, new = before.get(name), after.get(name)
        why = shrunk(old, new)
        if why and old and new and not keeps(old, new, was.stored_in(name), call.stored_in(name)):
            because = "the statement writes it"
            yield finding(
                "ASY302", call.place, f"{name} {why}", because=because, fix=_ADVICE["ASY302"], call=call.place
            )


def _lacks_values(found: Finding) -> bool:
    return found.rule.code == "ASY204" and any(_LACKING.search(reason) for reason in found.because)


def _with_advice(found: Finding, touched: Mapping[Place, Collection[str]], losing: Collection[str]) -> Finding:
    """A finding with what to do; a warning where there are values that a release first has to write."""
    names = touched.get(found.call) if found.call and _lacks_values(found) else None
    if names is not None and not set(names) & set(losing):
        return replace(found, rule=replace(found.rule, severity="warning"), fix=_NEW_VALUE, fixable=False)
    return replace(found, fix=_ADVICE.get(found.rule.code, found.fix), fixable=False)
