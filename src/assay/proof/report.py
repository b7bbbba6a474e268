"""The report of a check, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from assay.proof.basis import Basis
from assay.proof.findings import Finding
from assay.proof.fix.changes import Plan
from assay.proof.verdict import Verdict
from assay.proof.verdict.parameters import Unverified


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found."""

    verdicts: tuple[Verdict, ...]
    """One for each call, in the order of the code."""
    findings: tuple[Finding, ...]
    """Those that no comment silences, in the order of their places."""
    basis: Basis
    files: int
    """How many files were read."""
    seconds: float
    ignored: int = 0
    """How many findings comments silence."""
    fixes: Plan = field(default_factory=Plan)
    """What ``assay check --fix`` would change."""

    @property
    def proved(self) -> int:
        """How many queries have nothing wrong with them; warnings do not count."""
        return sum(verdict.proved for verdict in self.verdicts)

    @property
    def unverified(self) -> tuple[Unverified, ...]:
        """The arguments that were not compared."""
        return tuple(part for verdict in self.verdicts for part in verdict.unverified)

    def fails(self, *, strict: bool = False) -> bool:
        """Whether anything was found that must not be: an error, or, when strict, a warning."""
        return any(found.is_error or strict for found in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The form of ``assay check --output-format json``."""
        return {
            "files": self.files,
            "findings": [found.to_json() for found in self.findings],
            "ignored": self.ignored,
            "migrations": self.basis.migrations,
            "offline": self.basis.offline,
            "proved": self.proved,
            "queries": [_verdict_to_json(verdict) for verdict in self.verdicts],
            "seconds": round(self.seconds, 3),
            "server_version": self.basis.server_version,
            "unverified": [_unverified_to_json(part) for part in self.unverified],
        }


def to_text(report: Report, *, show_unverified: bool = False) -> Iterator[str]:
    """The lines for people; the last one sums up."""
    for found in report.findings:
        yield from finding_lines(found)
    if show_unverified:
        for part in sorted(report.unverified, key=lambda part: part.place):
            yield f"{part.place} {_unverified_text(part)}"
    yield closing_line(report)


def finding_lines(found: Finding) -> Iterator[str]:
    """A finding: where and what, the line of code, why, and what to do."""
    warning = "" if found.is_error else "warning: "
    yield f"{found.place} {found.rule.code} {warning}{found.message}"
    yield from found.shown
    yield from (f"  because {reason}" for reason in found.because)
    if found.fix:
        yield f"  fix: {found.fix}{'   (assay check --fix)' if found.fixable else ''}"


def closing_line(report: Report) -> str:
    """How many queries were proved, against what, and how long it took."""
    total = len(report.verdicts)
    if not total:
        return f"Found no queries in {_counted(report.files, 'file')}"
    against = f"against {report.basis}, " if report.basis.server_version else ""
    queries = "query" if total == 1 else "queries"
    ignored = f"{_counted(report.ignored, 'finding')} ignored, " if report.ignored else ""
    return f"Proved {report.proved} of {total} {queries} {against}{ignored}in {report.seconds:.2f} s"


def _verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    place = verdict.call.place
    return {
        "path": place.path,
        "line": place.line,
        "column": place.column,
        "method": verdict.call.surface.method,
        "sql": verdict.sql.encode(errors="replace").decode() if verdict.sql is not None else None,
        "proved": verdict.proved,
        "description": verdict.description.to_json() if verdict.description else None,
    }


def _unverified_to_json(part: Unverified) -> dict[str, Any]:
    place = part.place
    return {
        "path": place.path,
        "line": place.line,
        "column": place.column,
        "parameter": part.parameter,
        "argument": part.argument,
    }


def _unverified_text(part: Unverified) -> str:
    if part.argument:
        return f"unverified: parameter {part.parameter} is given {part.argument}, whose type is not annotated"
    return f"unverified: parameter {part.parameter} is given by unpacking"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
