"""Findings about calls that run one of several statements: each says which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from assay.proof.findings import Finding
from assay.proof.verdict import Verdict


def by_form(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts, with the conditions in the findings that not all statements of a call have."""
    calls: defaultdict[int, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.call.branch:
            calls[id(verdict.call.node)].append(verdict)
    return [_told(verdict, calls[id(verdict.call.node)]) if verdict.call.branch else verdict for verdict in verdicts]


def _told(verdict: Verdict, together: list[Verdict]) -> Verdict:
    return replace(verdict, findings=tuple(_with_branches(found, together) for found in verdict.findings))


def _with_branches(found: Finding, together: list[Verdict]) -> Finding:
    if found.rule.code == "ASY103":  # it is about the whole file
        return found
    all_of_them = {verdict.call.branch for verdict in together}
    branches = list(dict.fromkeys(verdict.call.branch for verdict in together if found in verdict.findings))
    if len(branches) == len(all_of_them):
        return found
    return replace(found, message=f"{found.message}, {' or '.join(f'where {branch}' for branch in branches)}")
