"""docs/dynamic-sql.md: what it shows is proven, returns what it says, and prints what is shown."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

import assay
from assay.config import DatabaseUrl, load_settings
from assay.proof.project import check
from assay.proof.report import finding_lines

GUIDE = (Path(__file__).parents[2] / "docs" / "dynamic-sql.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
PYTHON = [body for language, body in BLOCKS if language == "python"]
SCHEMA = next(body for language, body in BLOCKS if language == "sql")
SHOWN = next(body for language, body in BLOCKS if language == "text")
CALLS = [body for body in PYTHON if body.startswith("assert")]
WRONG = PYTHON[-1]
MODULE = "\n\n".join(body for body in PYTHON if body not in CALLS and body != WRONG)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.assay]\n")
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "1_schema.sql").write_text(SCHEMA)
    return tmp_path


def test_the_queries_are_proven(folder: Path, server_18: DatabaseUrl) -> None:
    (folder / "products.py").write_text(MODULE)
    report = check(load_settings(folder, {}), server_18).report
    assert (report.findings, report.unverified, report.proved) == ((), (), 2)


def test_a_finding_reads_as_shown(folder: Path, server_18: DatabaseUrl) -> None:
    (folder / "products.py").write_text(f"{MODULE}\n\n{WRONG}")
    report = check(load_settings(folder, {}), server_18).report
    assert "\n".join(line for found in report.findings for line in finding_lines(found)) == SHOWN.rstrip("\n")


async def test_the_calls_return_what_is_said(database_18: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("products")
    monkeypatch.setitem(sys.modules, "products", module)  # where dataclasses look themselves up
    async with assay.Pool(database_18) as pool:
        await pool.execute(SCHEMA)  # type: ignore[arg-type]  # the guide's own
        names = vars(module)
        names["db"] = pool
        exec(MODULE, names)
        for calls in CALLS:
            await _run(compile(calls, "guide", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    assert len(CALLS) == 2


async def _run(code: CodeType, names: dict[str, Any]) -> None:
    running = eval(code, names)
    assert inspect.isawaitable(running)
    await running
