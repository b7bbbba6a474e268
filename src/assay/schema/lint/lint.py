"""``assay migrate lint``: everything that can be said of pending migrations before they are run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.config import DatabaseUrl, Settings
from assay.migrate import Migration
from assay.proof.findings import Finding
from assay.proof.report import Paint, finding_lines, plain
from assay.schema.lint.broken import broken_queries
from assay.schema.lint.downs import missing_downs, wrong_downs
from assay.schema.lint.ignoring import ignored_codes
from assay.schema.lint.judging import judged
from assay.schema.lint.model import MeasuredFile
from assay.schema.lint.pending import Chosen, chosen_by_ledger, chosen_since
from assay.schema.lint.plan import LockPlan, effect_to_json, plan_locks
from assay.schema.lint.squawk import squawk_findings
from assay.wording import counted


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be looked at, and how."""

    migrations: tuple[Migration, ...]
    """All of the folder."""
    server: DatabaseUrl
    """Where scratch databases are made."""
    live: DatabaseUrl | None = None
    """The database whose ledger tells what is pending, and whose statistics tell sizes."""
    since: int | None = None
    """The last version that is not pending, whatever the ledger says."""
    assumed: int | None = None
    """Rows of tables of which no statistics tell."""
    squawk: Path | None = None
    """Squawk's program; None leaves it out."""


@dataclass(frozen=True, slots=True)
class LintReport:
    """What was found."""

    findings: tuple[Finding, ...]
    """Those that no comment silences."""
    ignored: int
    plan: LockPlan
    seconds: float

    def fails(self, *, strict: bool = False) -> bool:
        """Whether anything was found that must not be: an error, or, when strict, a warning."""
        return any(found.is_error or strict for found in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The form of ``assay migrate lint --output-format json``."""
        return {
            "findings": [_finding_to_json(found) for found in self.findings],
            "ignored": self.ignored,
            "migrations": [file.ready.migration.version for file in self.plan.files],
            "statements": [
                effect_to_json(effect, self.plan.sizes) for file in self.plan.files for effect in file.effects
            ],
            "seconds": round(self.seconds, 3),
        }


def lint(settings: Settings, request: Request) -> LintReport:
    """Measure, judge and prove the pending migrations.

    Raises MigrationError when a migration cannot be run, and what ``assay check`` raises for the project's code.
    """
    start = time.perf_counter()
    chosen, plan, downs = asyncio.run(_on_scratch(request))
    heads = {file.ready.migration.version: file for file in plan.files}
    findings: list[tuple[Finding, frozenset[str]]] = []
    for file in plan.files:
        findings += _of_file(file, plan, request, settings.server)
    for migration, found in (*downs, *broken_queries(settings, chosen, request.server)):
        findings.append((found, ignored_codes(heads[migration.version].ready)))
    kept = [found for found, silenced in findings if found.rule.code not in silenced]
    kept.sort(key=lambda found: (found.rule.code == "MIG301", found.place, found.rule.code))
    return LintReport(tuple(kept), len(findings) - len(kept), plan, time.perf_counter() - start)


async def _on_scratch(request: Request) -> tuple[Chosen, LockPlan, list[tuple[Migration, Finding]]]:
    if request.live is not None and request.since is None:
        chosen = await chosen_by_ledger(request.live, request.migrations)
    else:
        chosen = chosen_since(request.migrations, request.since)
    plan = await plan_locks(request.server, chosen, request.live, request.assumed)
    downs = missing_downs(chosen)
    downs += [each async for each in wrong_downs(request.server, chosen)]
    return chosen, plan, downs


def _of_file(
    file: MeasuredFile, plan: LockPlan, request: Request, version: str
) -> Iterator[tuple[Finding, frozenset[str]]]:
    """What is said of a file's statements, each with the rules that comments silence there."""
    head = ignored_codes(file.ready)
    for each in judged(file, plan.sizes):
        codes = ignored_codes(file.ready, each.found.place.line)
        yield each.found, codes | head if each.found.rule.code == "MIG106" else codes
    if request.squawk is not None:
        for found in squawk_findings(request.squawk, file, version):
            yield found, ignored_codes(file.ready, found.place.line) | head


def to_text(report: LintReport, paint: Paint = plain) -> Iterator[str]:
    """The lines for people; the last one sums up."""
    for found in report.findings:
        yield from finding_lines(found, paint)
    yield paint("ill" if report.fails() else "well", closing_line(report))


def closing_line(report: LintReport) -> str:
    """How much was looked at and found, and how long it took."""
    files = report.plan.files
    if not files:
        return "Nothing to look at: every migration is installed"
    errors = sum(found.is_error for found in report.findings)
    parts = [counted(errors, "finding"), counted(len(report.findings) - errors, "warning")]
    parts += [f"{report.ignored} ignored"] if report.ignored else []
    statements = sum(len(file.effects) for file in files)
    looked = f"{counted(len(files), 'pending migration')} with {counted(statements, 'statement')}"
    return f"Looked at {looked}: {', '.join(parts)}, in {report.seconds:.2f} s"


def _finding_to_json(found: Finding) -> dict[str, Any]:
    told = found.to_json()
    return {
        key: told[key] for key in ("code", "rule", "severity", "path", "line", "column", "message", "because", "fix")
    }
