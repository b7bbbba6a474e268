"""Which findings can be mended in the code, and how, so that every query that fills a class is content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

from assay.proof.discover.model import Place
from assay.proof.discover.resolve import Project
from assay.proof.findings import Element, Fields, Finding, Keywords
from assay.proof.fix.annotations import Annotations
from assay.proof.fix.arguments import respelled
from assay.proof.fix.changes import Change, Plan
from assay.proof.fix.fields import Members
from assay.proof.fix.locate import Locator
from assay.proof.fix.spelling import Speller
from assay.proof.fix.uses import row_uses
from assay.proof.fix.wanted import Contradiction
from assay.proof.verdict import Verdict


def plan(findings: Iterable[Finding], verdicts: Sequence[Verdict], project: Project) -> Plan:
    """What to change about findings; the project's modules must still be imported."""
    todo = [found for found in findings if found.subject is not None]
    if not todo:
        return Plan()
    planner = _Planner(verdicts, project)
    changes: dict[Change, None] = {}
    fixable: set[Finding] = set()
    left: dict[Finding, str] = {}
    for found in todo:
        try:
            changes.update(dict.fromkeys(planner.changes(found)))
            fixable.add(found)
        except Contradiction as error:
            left[found] = str(error)
    return Plan(tuple(sorted(changes, key=lambda change: change.place)), frozenset(fixable), left)


class _Planner:
    def __init__(self, verdicts: Sequence[Verdict], project: Project) -> None:
        rows, locator, speller = list(row_uses(verdicts)), Locator(project), cache(Speller)
        self.verdicts: defaultdict[Place, list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            self.verdicts[verdict.call.place].append(verdict)
        self.annotations = Annotations(locator, rows, verdicts, speller)
        self.members = Members(locator, rows, speller)

    def changes(self, found: Finding) -> list[Change]:
        """What mends a finding; raises Contradiction when nothing does."""
        null = found.rule.code == "ASY203"
        match found.subject, found.rule.code:
            case Fields() as subject, "ASY201":
                return self.members.removed(subject)
            case Fields() as subject, "ASY202":
                return self.members.added(subject)
            case Fields() as subject, _:
                return self.annotations.of_field(subject, null=null)
            case Element() as subject, _:
                return self.annotations.of_element(subject, self._verdicts_of(found), null=null)
            case Keywords() as subject, _:
                return respelled(subject, self._verdicts_of(found)[0].call)
        raise Contradiction("what it is about cannot be told from the code")

    def _verdicts_of(self, found: Finding) -> list[Verdict]:
        """All verdicts on the call that a finding is about, which may run one of several statements."""
        here = self.verdicts[found.call or found.place]
        calls = [verdict.call.node for verdict in here if found in verdict.findings]
        return [verdict for verdict in here if verdict.call.node in calls]
