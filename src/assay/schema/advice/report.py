"""What ``assay schema lint`` found, as text and as workflow commands for GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.proof.findings import Finding
from assay.proof.place import Place
from assay.proof.report import Paint, finding_lines, plain
from assay.proof.reports.github import commands
from assay.schema.advice.advice import AdviceReport, closing_line
from assay.schema.advice.rules import Advice


@dataclass(frozen=True, slots=True, order=True)
class _Object(Place):
    """The place of what no statement of the migrations names: the object itself."""

    def __str__(self) -> str:
        return self.path


def to_text(report: AdviceReport, paint: Paint = plain) -> Iterator[str]:
    """The lines for people; the last one sums up."""
    for advice in report.findings:
        yield from finding_lines(_finding(advice, _Object(advice.subject.label, 1, 1)), paint)
    yield paint("ill" if report.findings else "well", closing_line(report))


def to_github(report: AdviceReport, migrations: Path, root: Path, base: Path) -> Iterator[str]:
    """One command a finding; one without a place is told of the folder of the migrations."""
    nowhere = Place(str(migrations), 1, 1)
    yield from commands([_finding(advice, nowhere) for advice in report.findings], root, base)
    yield closing_line(report)


def _finding(advice: Advice, nowhere: Place) -> Finding:
    return Finding(advice.rule, advice.place or nowhere, advice.message, advice.because, advice.fix)
