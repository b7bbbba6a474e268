"""mypy, pyright, ty and pyrefly find the types of results, and refuse SQL that is built from input.

Nothing is configured, but that pyrefly, which without a configuration reports only what it is surest of, is told to
report what it does with an empty one.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import assay
from assay import sync

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Checker:
    """A type checker, as it is run where no configuration of ours is found."""

    name: str
    options: tuple[str, ...]
    line: str
    """How a line of its output begins that reports an error, with the number of the line as its group."""
    heeds: tuple[str, ...]
    """The tools whose ignores in refused.py it agrees with."""

    def errors(self, path: Path) -> tuple[set[int], str]:
        """The numbers of the lines with an error, and all that it says."""
        command = [sys.executable, "-m", self.name, *self.options, path.name]
        found = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False, timeout=300)
        assert found.returncode in (0, 1), found.stdout + found.stderr
        lines = {int(line) for line in re.findall(self.line, found.stdout, re.MULTILINE)}
        assert bool(lines) == bool(found.returncode), found.stdout + found.stderr
        return lines, found.stdout


CHECKERS = [
    Checker("mypy", ("--config-file=", "--strict"), r"^\S+?:(\d+): error:", ("type",)),
    Checker("pyright", ("--pythonpath", sys.executable), r"^ +\S+?:(\d+):\d+ - error:", ("type", "pyright")),
    Checker(
        "ty",
        ("check", "--python", sys.executable, "--output-format", "concise"),
        r"^\S+?:(\d+):\d+: error",
        ("type", "pyright"),
    ),
    Checker(
        "pyrefly",
        ("check", "--python-interpreter-path", sys.executable, "--preset=default", "--output-format=min-text"),
        r"^ *ERROR \S+?:(\d+):",
        ("type", "pyright", "pyrefly"),
    ),
]
every_checker = pytest.mark.parametrize(
    "checker",
    [
        pytest.param(
            checker,
            id=checker.name,
            marks=pytest.mark.skipif(importlib.util.find_spec(checker.name) is None, reason="not installed"),
        )
        for checker in CHECKERS
    ],
)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a module outside of the project, where no setting of the project holds."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@every_checker
@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("accepted*.py")))
def test_types_of_results_are_found(checker: Checker, name: str, elsewhere: Callable[[str, str], Path]) -> None:
    lines, output = checker.errors(elsewhere(name, (HERE / name).read_text(encoding="utf-8")))
    assert not lines, output


@every_checker
def test_misuse_is_refused_line_by_line(checker: Checker, elsewhere: Callable[[str, str], Path]) -> None:
    text = (HERE / "refused.py").read_text(encoding="utf-8")
    marked = re.compile(rf"# (?:{'|'.join(checker.heeds)}): ignore")
    expected = {number for number, line in enumerate(text.splitlines(), 1) if marked.search(line)}
    found, output = checker.errors(elsewhere("refused.py", re.sub(r"# \w+: ignore", "# refused", text)))
    assert found == expected, output


@pytest.mark.parametrize(
    ("executor", "name"),
    [(assay.Executor, "accepted.py"), (sync.Executor, "accepted_blocking.py")],
    ids=["async", "sync"],
)
def test_samples_have_every_way_to_run_a_statement(executor: object, name: str) -> None:
    text = (HERE / name).read_text(encoding="utf-8")
    assert {way for way in dir(executor) if not way.startswith("_") and f".{way}(" not in text} == set()
