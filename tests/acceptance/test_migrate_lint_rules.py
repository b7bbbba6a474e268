"""docs/rules: every rule of migrate lint has its page, and every example does what is said of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.fixtures.rule_pages import DOCS, Page, assert_pages, assert_reads_as_in_the_table, blocks, page

from assay.config import DatabaseUrl, load_settings
from assay.migrate import load
from assay.proof.report import finding_lines
from assay.schema.lint.lint import Request, lint
from assay.schema.lint.rules import RULES

GUIDE = (DOCS / "migrate-lint.md").read_text()
BASE = blocks(GUIDE)[-1][1]
CODE = next(body for language, body in blocks(GUIDE) if language == "python")
NAMED = re.compile(r"^-- (\d+_\S+\.sql)\n", re.MULTILINE)


def told(folder: Path, server: DatabaseUrl, code: str, example: str) -> list[str]:
    """What lint says of an example for a rule."""
    migrations = folder / "migrations"
    migrations.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.assay]\n")
    if code == "MIG301":
        (folder / "app").mkdir()
        (folder / "app" / "devices.py").write_text(CODE.partition("\n")[2])
    (migrations / "1_base.sql").write_text(BASE)
    _, *files = NAMED.split(example)
    for name, text in zip(files[::2], files[1::2], strict=True) if files else [("2_next.sql", example)]:
        (migrations / name).write_text(text)
    report = lint(load_settings(folder, {}), Request(load(migrations), server, since=1))
    found = [each for each in report.findings if each.rule.code == code]
    return [line.replace(f"{folder}/", "") for each in found for line in finding_lines(each)]


def sql(found: Page, section: str) -> str:
    return found.block(section, "sql") or pytest.fail(f"{section} has no example")


def test_every_rule_of_migrations_has_a_page() -> None:
    assert_pages("MIG", RULES)


@pytest.mark.parametrize("code", RULES)
def test_a_page_of_a_rule_of_migrations_reads_as_in_the_table(code: str) -> None:
    assert_reads_as_in_the_table(RULES[code], RULES[code].severity.capitalize())


@pytest.mark.parametrize("code", RULES)
def test_an_example_of_a_migration_is_told_mended_and_silenced(
    tmp_path: Path, server_18: DatabaseUrl, code: str
) -> None:
    found = page(code)
    shown = (found.block("Example", "text") or "").splitlines()
    assert told(tmp_path / "example", server_18, code, sql(found, "Example")) == shown
    assert told(tmp_path / "mended", server_18, code, sql(found, "How to fix it")) == []
    assert told(tmp_path / "silenced", server_18, code, sql(found, "How to silence it")) == []
