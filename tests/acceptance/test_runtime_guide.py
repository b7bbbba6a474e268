"""docs/runtime.md: what it shows is proven and does what it says, and its table has every call."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

import assay
from assay.config import DatabaseUrl, load_settings
from assay.proof.project import check
from assay.proof.report import finding_lines

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "runtime.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
SCHEMA = next(body for language, body in BLOCKS if language == "sql")
MODULE, *CALLS = [body for language, body in BLOCKS if language == "python"]


def test_the_statements_are_proven(tmp_path: Path, server_18: DatabaseUrl) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.assay]\n")
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "1_schema.sql").write_text(SCHEMA)
    functions = [
        f"async def call_{number}(db: assay.Pool) -> None:\n{textwrap.indent(body, '    ')}"
        for number, body in enumerate(CALLS)
    ]
    (tmp_path / "guide.py").write_text("\n\n".join([MODULE, *functions]))
    report = check(load_settings(tmp_path, {}), server_18).report
    told = [line for found in report.findings for line in finding_lines(found)]
    assert "\n".join(told) == ""
    assert report.proved >= 14


async def test_the_calls_do_what_is_said(database_18: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("guide")
    monkeypatch.setitem(sys.modules, "guide", module)  # where dataclasses look themselves up
    names = vars(module)
    exec(MODULE, names)
    async with assay.Pool(database_18, min_connections=1, max_connections=3) as pool:
        await pool.execute(SCHEMA)
        names["db"] = pool
        for body in CALLS:
            running = eval(compile(body, "guide", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
            if inspect.isawaitable(running):
                await running
        assert await pool.fetch_one(int, "select count(*) from player") == 107
        assert pool.stats().in_use == 0


def test_the_table_has_every_call() -> None:
    listed = set(re.findall(r"^\| `(\w+)\(", GUIDE, re.MULTILINE))
    calls = {name for name in vars(assay.Executor) if not name.startswith("_")} | {"advisory_lock", "listen"}
    assert listed == calls


def test_the_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", GUIDE):
        assert (DOCS / target).exists(), target
