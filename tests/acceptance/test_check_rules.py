"""docs/rules: every rule has its page, and every example prints what is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.config import DatabaseUrl, load_settings
from assay.proof.findings import RULES
from assay.proof.project import check, prepare
from assay.proof.report import finding_lines

DOCS = Path(__file__).parents[2] / "docs"
INDEX = (DOCS / "rules.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS = ["Why it matters", "Example", "How to fix it", "How to silence it"]
CACHED = ("ASY901", "ASY902")


@dataclass(frozen=True, slots=True)
class Page:
    """What the documentation says of a rule."""

    title: str
    beginning: str
    sections: dict[str, str]

    def block(self, section: str, language: str = "python") -> str | None:
        found = [body for name, body in BLOCK.findall(self.sections[section]) if name == language]
        assert len(found) <= 1, section
        return found[0] if found else None


def page(code: str) -> Page:
    text = (DOCS / "rules" / f"{code}.md").read_text()
    beginning, *parts = text.split("\n## ")
    title, _, beginning = beginning.partition("\n")
    return Page(title, beginning, dict(part.split("\n", 1) for part in parts))


def run_example(folder: Path, server: DatabaseUrl, code: str, example: str) -> str:
    """What the check prints of an example, less its closing line."""
    (_, schema), (_, head) = BLOCK.findall(INDEX)
    (folder / "pyproject.toml").write_text("[tool.assay]\n")
    (folder / "migrations").mkdir()
    (folder / "migrations" / "1_schema.sql").write_text(schema)
    (folder / "queries.py").write_text(f"{head}\n\n{example}")
    environ = {"ASSAY_OFFLINE": "true"} if code in CACHED else {}
    if code == "ASY902":
        prepare(load_settings(folder, {}), server)
        (folder / "migrations" / "2_more.sql").write_text("create table more (id integer);")
    report = check(load_settings(folder, environ), server).report
    return "\n".join(line for found in report.findings for line in finding_lines(found))


def test_every_rule_has_a_page_and_a_line_in_the_index() -> None:
    assert sorted(path.stem for path in (DOCS / "rules").glob("ASY*.md")) == list(RULES)
    lines = [line for line in INDEX.splitlines() if line.startswith("| [ASY")]
    assert lines == [
        f"| [{rule.code}](rules/{rule.code}.md) {rule.slug} | {rule.severity} | {rule.summary} |"
        for rule in RULES.values()
    ]


@pytest.mark.parametrize("code", RULES)
def test_a_page_reads_as_in_the_table(code: str) -> None:
    rule, found = RULES[code], page(code)
    assert found.title == f"# {code} {rule.slug}"
    assert found.beginning.startswith(f"\n**{rule.severity.capitalize()}**: {rule.summary}.\n")
    assert list(found.sections) == SECTIONS
    assert " ".join(found.sections["How to fix it"].split()).startswith(f"In general: {rule.remedy}.")


@pytest.mark.parametrize("code", RULES)
def test_an_example_prints_what_is_shown(tmp_path: Path, server_18: DatabaseUrl, code: str) -> None:
    found = page(code)
    printed = run_example(tmp_path, server_18, code, found.block("Example") or "")
    assert printed == (found.block("Example", "text") or "").rstrip("\n")
    assert re.findall(r"^\S+ (ASY\d+)", printed, re.MULTILINE) == [code]


@pytest.mark.parametrize("code", [code for code in RULES if code not in (*CACHED, "ASY911")])
def test_what_is_fixed_has_nothing_to_find(tmp_path: Path, server_18: DatabaseUrl, code: str) -> None:
    assert run_example(tmp_path, server_18, code, page(code).block("How to fix it") or "syntax error") == ""


@pytest.mark.parametrize("code", [code for code in RULES if code not in ("ASY911", "ASY912")])
def test_what_is_silenced_is_not_told(tmp_path: Path, server_18: DatabaseUrl, code: str) -> None:
    assert run_example(tmp_path, server_18, code, page(code).block("How to silence it") or "syntax error") == ""
