"""One verdict on a call from those on its branches; what is wrong with some of them only names them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from assay.proof.description import Column, Description, RowBound
from assay.proof.findings import Finding
from assay.proof.verdict import Verdict
from assay.proof.verdict.branches import Branches
from assay.sql.templates import Template
from assay.sql.variants import Variant
from assay.wording import listed

_WIDEST = 50
"""Of a clause in a message, in characters."""

_LOOSENESS = (RowBound.NONE, RowBound.ONE, RowBound.OPTIONAL, RowBound.MANY)


def joined(branches: Branches, verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a call, given those on its branches in their order."""
    descriptions = [verdict.description for verdict in verdicts if verdict.description is not None]
    unverified = dict.fromkeys(part for verdict in verdicts for part in verdict.unverified)
    return Verdict(
        branches.dynamic.call,
        branches.dynamic.sql.text,
        _description(descriptions) if descriptions else None,
        (*branches.findings, *joined_findings(branches, [verdict.findings for verdict in verdicts])),
        tuple(unverified) if not branches.findings else (),
        next((verdict.shape for verdict in verdicts if verdict.shape is not None), None),
        tuple(descriptions) if len(set(map(_signature, descriptions))) > 1 else (),
        tuple(descriptions),
    )


def joined_findings(branches: Branches, findings: Sequence[Sequence[Finding]]) -> tuple[Finding, ...]:
    """Each finding once, given those on each branch; one that not all branches have says which have it."""
    first: dict[tuple[object, ...], Finding] = {}
    having: dict[tuple[object, ...], list[int]] = {}
    for index, of_one in enumerate(findings):
        for found in of_one:
            key = (found.rule, found.place, found.message, found.subject)
            first.setdefault(key, found)
            having.setdefault(key, []).append(index)
    return tuple(_named(branches, found, having[key]) for key, found in first.items())


def _named(branches: Branches, found: Finding, having: Sequence[int]) -> Finding:
    if len(having) == len(branches.variants) or found.rule.code == "ASY103":
        return found
    return replace(found, message=f"{found.message}, {branch_of(branches, having)}")


def branch_of(branches: Branches, having: Sequence[int]) -> str:
    """What tells some branches from the others, or, where nothing does, what the first of them is.

    ``with [[ and price < :max ]] left out and {order} = 'name desc'``
    """
    return words_of(branches.dynamic.template, branches.variants, having)


def words_of(template: Template, variants: Sequence[Variant], having: Sequence[int]) -> str:
    """The same for a template, its variants, and the indexes of some of them."""
    some = [variants[index] for index in having]
    common = frozenset.intersection(*(_state(template, one) for one in some))
    telling = common - frozenset.intersection(*(_state(template, one) for one in variants))
    alike = sum(telling <= _state(template, one) for one in variants)
    if not telling or alike != len(some):
        telling = _state(template, some[0])
    return f"with {listed(list(_words(template, telling)))}"


State = frozenset[tuple[str, int | str, str | bool]]
"""Which clauses are in, by their index, and the texts of choices, by their name."""


def _state(template: Template, one: Variant) -> State:
    clauses = [("clause", index, index not in one.left_out) for index in range(len(template.clauses))]
    return frozenset((*clauses, *(("choice", name, text) for name, text in one.chosen)))


def _words(template: Template, state: State) -> Iterator[str]:
    """What a state says, less what follows from the rest of it: inside a clause that is out, all are out."""
    there = {index: value for kind, index, value in state if kind == "clause"}
    for index, clause in enumerate(template.clauses):
        text = _shown(template.source[clause.start : clause.end])
        within = [inner for inner, other in enumerate(template.clauses) if other.outer == index]
        if there.get(index) is False and there.get(-1 if clause.outer is None else clause.outer) is not False:
            yield f"{text} left out"
        elif there.get(index) is True and not any(there.get(inner) for inner in within):
            yield f"{text} in place"
    yield from (f"{{{name}}} = {value!r}" for kind, name, value in sorted(state, key=str) if kind == "choice")


def _shown(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _WIDEST else f"{words[: _WIDEST - 5].rstrip()} … ]]"


def common_description(descriptions: Sequence[Description]) -> Description | None:
    """What is true of all; None where they do not return the same columns."""
    return _description(descriptions) if len(set(map(_signature, descriptions))) == 1 else None


def _description(descriptions: Sequence[Description]) -> Description:
    """What is true of all branches: a column that may be NULL in one may be NULL."""
    first = descriptions[0]
    alike = [one for one in descriptions if _signature(one) == _signature(first)]
    return replace(
        first,
        rows=max((one.rows for one in descriptions), key=_LOOSENESS.index),
        rows_reason=max(descriptions, key=lambda one: _LOOSENESS.index(one.rows)).rows_reason,
        columns=tuple(map(_column, zip(*(one.columns for one in alike), strict=True))),
        reads=tuple(sorted({name for one in descriptions for name in one.reads})),
        writes=tuple(sorted({name for one in descriptions for name in one.writes})),
        read_only=all(one.read_only for one in descriptions),
        unfiltered=any(one.unfiltered for one in descriptions),
        left_out=tuple(sorted({name for one in descriptions for name in one.left_out})),
        stored=tuple(each for one in descriptions for each in one.stored),
        notes=tuple(dict.fromkeys(note for one in descriptions for note in one.notes)),
    )


def _signature(description: Description) -> tuple[tuple[str, str], ...]:
    return tuple((column.name, str(column.type)) for column in description.columns)


def _column(columns: Sequence[Column]) -> Column:
    nullable = [column for column in columns if column.nullable]
    column = (nullable or columns)[0]
    relations = {column.joined for column in nullable}
    in_row = next((column.null_in_row for column in nullable if column.null_in_row), "")
    column = replace(column, joined=relations.pop() if len(relations) == 1 else (), null_in_row=in_row)
    allowed = [values for values in (one.allowed for one in columns) if values is not None]
    every = tuple(dict.fromkeys(value for values in allowed for value in values))
    return replace(column, allowed=every if len(allowed) == len(columns) else None)
