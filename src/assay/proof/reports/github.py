"""Findings as workflow commands, which GitHub shows beside the lines of a change.

The form and its escapes are those of the manual ("Workflow commands for GitHub Actions") and of the runner's own
parser, which takes ``%25``, ``%0D``, ``%0A``, and in properties ``%3A`` and ``%2C``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from assay.proof.findings import Finding
from assay.proof.report import Report, closing_line
from assay.proof.reports.located import located


def to_github(report: Report, root: Path, base: Path) -> Iterator[str]:
    """One command a finding, and the closing line as in the text."""
    yield from commands(report.findings, root, base)
    yield closing_line(report)


def commands(findings: Iterable[Finding], root: Path, base: Path) -> Iterator[str]:
    """One command a finding; paths are relative to ``root``, and told from ``base``."""
    for found in findings:
        yield _command(found, located(found.place.path, root, base))


def _command(found: Finding, file: str) -> str:
    properties = {
        "file": file,
        "line": str(found.place.line),
        "col": str(found.place.column),
        **({"endColumn": str(found.place.column + found.width)} if found.width else {}),
        "title": f"{found.rule.code} {found.rule.slug}",
    }
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    lines = [found.message, *(f"because {reason}" for reason in found.because)]
    message = "\n".join([*lines, f"fix: {found.fix}"] if found.fix else lines)
    return f"::{found.rule.severity} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
