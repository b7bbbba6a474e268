"""docs/sync.md: what it shows is proven, and does what it says."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from assay import sync
from assay.config import DatabaseUrl, load_settings
from assay.proof.project import check
from assay.proof.report import finding_lines

GUIDE = (Path(__file__).parents[2] / "docs" / "sync.md").read_text(encoding="utf-8")
EXAMPLE = "\n".join(re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL))
URL = "postgresql://app@db.example/app"

SCHEMA = """
create table device (id int primary key generated always as identity, key text unique, model text not null);
create table account (id int primary key, balance int not null);
"""


def test_the_example_is_proven(tmp_path: Path, server_18: DatabaseUrl) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.assay]\n")
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "1_schema.sql").write_text(SCHEMA)
    module, _, rest = EXAMPLE.partition("with sync.Pool(")
    run = textwrap.indent(f"with sync.Pool({rest}", "    ")  # importing the module must not open a pool
    (tmp_path / "guide.py").write_text(f"{module}def run() -> None:\n{run}")
    report = check(load_settings(tmp_path, {}), server_18).report
    told = [line for found in report.findings for line in finding_lines(found)]
    assert "\n".join(told) == ""
    assert report.proved == 5


def test_the_example_does_what_it_says(
    database_18: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = ModuleType("guide")
    monkeypatch.setitem(sys.modules, "guide", module)  # where dataclasses look themselves up
    with sync.connect(database_18) as db:
        db.execute(SCHEMA)
        db.execute("insert into device (key, model) values ('a1', 'tablet'); insert into account values (1, 100)")
        assert URL in EXAMPLE
        exec(EXAMPLE.replace(URL, database_18.reveal()), vars(module))
        assert capsys.readouterr().out == "tablet\nphone\n2 models\n"
        assert db.fetch_one(int, "select balance from account") == 95
