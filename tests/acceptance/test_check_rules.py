"""docs/rules.md: every rule is there, and every example prints what is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.config import DatabaseUrl, load_settings
from assay.proof.findings import RULES
from assay.proof.project import check, prepare
from assay.proof.report import finding_lines

DOCUMENT = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """What the document says of a rule."""

    title: str
    text: str
    example: str
    printed: str


def sections() -> dict[str, Section]:
    found = {}
    for part in DOCUMENT.split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        blocks = [body for _, body in BLOCK.findall(text)]
        assert len(blocks) == 2, title
        found[title.partition(" ")[0]] = Section(title, text, *blocks)
    return found


def shared() -> tuple[str, str]:
    """The schema and the head of the module that all examples stand on."""
    (_, schema), (_, head) = BLOCK.findall(DOCUMENT.partition("\n## ")[0])
    return schema, head


def run_example(folder: Path, server: DatabaseUrl, schema: str, head: str, code: str, example: str) -> str:
    """What the check prints of an example, less its closing line."""
    (folder / "pyproject.toml").write_text("[tool.assay]\n")
    (folder / "migrations").mkdir()
    (folder / "migrations" / "1_schema.sql").write_text(schema)
    (folder / "queries.py").write_text(f"{head}\n\n{example}")
    environ = {}
    if code in ("ASY901", "ASY902"):
        environ = {"ASSAY_OFFLINE": "true"}
    if code == "ASY902":
        prepare(load_settings(folder, {}), server)
        (folder / "migrations" / "2_more.sql").write_text("create table more (id integer);")
    report = check(load_settings(folder, environ), server)
    return "\n".join(line for found in report.findings for line in finding_lines(found))


def test_every_rule_is_described_once_and_in_order() -> None:
    assert [section.title for section in sections().values()] == [f"{code} {rule.slug}" for code, rule in RULES.items()]


@pytest.mark.parametrize("code", RULES)
def test_a_rule_reads_as_in_the_table(code: str) -> None:
    rule, text = RULES[code], sections()[code].text
    assert text.startswith(f"\n**{rule.severity.capitalize()}**: {rule.summary}.\n")
    assert text.rstrip().endswith(f"In general: {rule.remedy}.")


@pytest.mark.parametrize("code", RULES)
def test_an_example_prints_what_is_shown(tmp_path: Path, server_18: DatabaseUrl, code: str) -> None:
    section = sections()[code]
    printed = run_example(tmp_path, server_18, *shared(), code, section.example)
    assert printed == section.printed.rstrip("\n")
    assert re.findall(r"^\S+ (ASY\d+)", printed, re.MULTILINE) == [code]
