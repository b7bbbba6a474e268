"""docs/rules: every rule has its page, and every example prints what is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.fixtures.rule_pages import DOCS, assert_pages, assert_reads_as_in_the_table, blocks, page

from assay.config import DatabaseUrl, load_settings
from assay.proof.findings import RULES, SOMETIMES_WARNINGS
from assay.proof.project import check, prepare
from assay.proof.report import finding_lines
from assay.schema.advice.rules import RULES as OF_SCHEMAS
from assay.schema.lint.rules import RULES as OF_MIGRATIONS

INDEX = (DOCS / "rules.md").read_text()
CACHED = ("ASY901", "ASY902")


def run_example(folder: Path, server: DatabaseUrl, code: str, example: str) -> str:
    """What the check prints of an example, less its closing line."""
    (_, schema), (_, head) = blocks(INDEX)
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


def test_every_rule_has_a_page() -> None:
    assert_pages("ASY", RULES)


def test_every_rule_of_every_command_has_a_line_in_the_index() -> None:
    severities = {code: f" {rule.severity} |" for code, rule in RULES.items()}
    severities |= dict.fromkeys(SOMETIMES_WARNINGS, " error or warning |")
    assert [line for line in INDEX.splitlines() if line.startswith("| [")] == [
        f"| [{rule.code}](rules/{rule.code}.md) {rule.slug} |{severities.get(rule.code, '')} {rule.summary} |"
        for rule in (*RULES.values(), *OF_MIGRATIONS.values(), *OF_SCHEMAS.values())
    ]


@pytest.mark.parametrize("code", RULES)
def test_a_page_reads_as_in_the_table(code: str) -> None:
    assert_reads_as_in_the_table(RULES[code], RULES[code].severity.capitalize())


@pytest.mark.parametrize("code", RULES)
def test_an_example_prints_what_is_shown(tmp_path: Path, server_18: DatabaseUrl, code: str) -> None:
    found = page(code)
    printed = run_example(tmp_path, server_18, code, found.block("Example", "python") or "")
    assert printed == (found.block("Example", "text") or "").rstrip("\n")
    assert re.findall(r"^\S+ (ASY\d+)", printed, re.MULTILINE) == [code]


@pytest.mark.parametrize("code", [code for code in RULES if code not in (*CACHED, "ASY911")])
def test_what_is_fixed_has_nothing_to_find(tmp_path: Path, server_18: DatabaseUrl, code: str) -> None:
    assert run_example(tmp_path, server_18, code, page(code).block("How to fix it", "python") or "syntax error") == ""


@pytest.mark.parametrize("code", [code for code in RULES if code not in ("ASY911", "ASY912")])
def test_what_is_silenced_is_not_told(tmp_path: Path, server_18: DatabaseUrl, code: str) -> None:
    assert (
        run_example(tmp_path, server_18, code, page(code).block("How to silence it", "python") or "syntax error") == ""
    )
