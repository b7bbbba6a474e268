"""The end of a session whose database could not be made: which tests that concerns."""

from __future__ import annotations

from collections import Counter

import pytest

NO_DATABASE = "there is no test database: "
"""How the reason begins for which a test is skipped, when an earlier one has shown why."""


def write_summary(reporter: pytest.TerminalReporter) -> None:
    """Write, for each reason, how many tests of which files were skipped."""
    found: dict[str, Counter[str]] = {}
    for report in reporter.stats["skipped"]:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if NO_DATABASE in reason:
            files = found.setdefault(reason.partition(NO_DATABASE)[2], Counter())
            files[report.nodeid.partition("::")[0]] += 1
    for why, files in found.items():
        total = sum(files.values())
        reporter.section(f"{total} more test{'' if total == 1 else 's'} had no database")
        reporter.write_line(f"{why} (the first test that needed it has all of it)")
        for file, count in sorted(files.items()):
            reporter.write_line(f"  {count:>5}  {file}")
