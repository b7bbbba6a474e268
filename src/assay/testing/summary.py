"""What the end of a session tells: tests that had no database, roles that tests left changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from assay.wording import counted

NO_DATABASE = "there is no test database: "
"""How the reason begins for which a test is skipped, when an earlier one has shown why."""

_ROLES = pytest.StashKey[set[str]]()
_OUTPUT = "assay_roles"
"""Under this name a worker of pytest-xdist tells the main process."""


def note_roles(config: pytest.Config, changes: Iterable[str]) -> None:
    """Keep what became of roles for the summary, which is the main process's."""
    output: dict[str, list[str]] | None = getattr(config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = [*changes]
    else:
        config.stash.setdefault(_ROLES, set()).update(changes)


def note_worker(config: pytest.Config, output: dict[str, list[str]]) -> None:
    """Take what a worker of pytest-xdist has told."""
    note_roles(config, output.get(_OUTPUT, []))


def write_summary(reporter: pytest.TerminalReporter) -> None:
    """Write what there is to tell."""
    _write_skipped(reporter)
    changes = reporter.config.stash.get(_ROLES, None)
    if changes:
        reporter.section("roles of the server")
        reporter.write_line("While the tests ran, roles changed, which all databases of the server share:")
        for change in sorted(changes):
            reporter.write_line(f"  {change}")


def _write_skipped(reporter: pytest.TerminalReporter) -> None:
    """Write, for each reason why there was no database, how many tests of which files were skipped."""
    found: dict[str, Counter[str]] = {}
    for report in reporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if NO_DATABASE in reason:
            files = found.setdefault(reason.partition(NO_DATABASE)[2], Counter())
            files[report.nodeid.partition("::")[0]] += 1
    for why, files in found.items():
        total = sum(files.values())
        reporter.section(f"{counted(total, 'more test')} had no database")
        reporter.write_line(f"{why} (the first test that needed it has all of it)")
        for file, count in sorted(files.items()):
            reporter.write_line(f"  {count:>5}  {file}")
