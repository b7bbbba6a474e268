"""mypy and pyright find the types of results with nothing configured, and refuse SQL that is built from input."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def run(*command: str) -> str:
    """The output of a tool, run where no configuration of ours is found."""
    found = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False, timeout=300)
    return found.stdout + found.stderr


def mypy(path: Path) -> str:
    cache = path.parent / ".mypy_cache"
    return run("mypy", "--config-file=", "--strict", f"--cache-dir={cache}", str(path))


def pyright(path: Path) -> str:
    return run("pyright", "--pythonpath", sys.executable, str(path))


TOOLS = [
    pytest.param(
        tool, id=tool.__name__,
        marks=pytest.mark.skipif(importlib.util.find_spec(tool.__name__) is None, reason="not installed"),
    )
    for tool in (mypy, pyright)
]  # fmt: skip


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a module outside of the project, where no setting of the project holds."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("tool", TOOLS)
def test_types_of_results_are_found(tool: Callable[[Path], str], elsewhere: Callable[[str, str], Path]) -> None:
    output = tool(elsewhere("accepted.py", (HERE / "accepted.py").read_text(encoding="utf-8")))
    assert "Success: no issues found" in output or "0 errors, 0 warnings" in output, output


@pytest.mark.parametrize("tool", TOOLS)
def test_misuse_is_refused_line_by_line(tool: Callable[[Path], str], elsewhere: Callable[[str, str], Path]) -> None:
    text = (HERE / "refused.py").read_text(encoding="utf-8")
    marks = "# type: ignore|# pyright: ignore" if tool is pyright else "# type: ignore"
    expected = {number for number, line in enumerate(text.splitlines(), 1) if re.search(marks, line)}
    path = elsewhere("refused.py", re.sub(r"# (type|pyright): ignore", "# refused", text))
    found = {int(line) for line in re.findall(r"refused\.py:(\d+)(?::\d+ -)?:? error", tool(path))}
    assert found == expected
