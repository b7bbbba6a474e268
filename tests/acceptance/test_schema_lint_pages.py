"""docs/rules: every rule of schema lint has its page, and every example prints what is shown."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from tests.fixtures.rule_pages import DOCS, assert_pages, assert_reads_as_in_the_table, page

from assay.config import DatabaseUrl, load_settings
from assay.schema.advice.advice import AdviceReport, Request, advise
from assay.schema.advice.report import to_text
from assay.schema.advice.rules import HABITS, RULES
from assay.sql.splitting import split_statements

INDEX = (DOCS / "schema-lint.md").read_text()
DRIFT = ("SCH501", "SCH502")
"""Rules that look at the code as well, on a schema that the migrations build."""


@dataclass(frozen=True, slots=True)
class Example:
    """A project with the example of a page, and a database that has its schema."""

    folder: Path
    database: DatabaseUrl
    role: str
    """What the examples call ``clerk``, which every server has only one of."""

    def run(self, code: str, sql: str, *, after: str = "", python: str = "", toml: str = "") -> str:
        """What ``assay schema lint`` prints of it, less its closing line."""
        sql, after = (text.replace("clerk", self.role) for text in (sql, after))
        (self.folder / "pyproject.toml").write_text(toml or "[tool.assay]\n")
        (self.folder / "migrations").mkdir()
        (self.folder / "queries.py").write_text(python)
        in_migrations = sql + after if code in DRIFT else sql
        (self.folder / "migrations" / "1_schema.sql").write_text(in_migrations)
        if code not in DRIFT:
            self._execute(sql + after)
        lines = list(to_text(self._report(code)))
        return "\n".join(lines[:-1]).replace(self.role, "clerk")

    def _execute(self, sql: str) -> None:
        with psycopg.connect(self.database.reveal(), autocommit=True) as driver:
            for statement in split_statements(sql):
                try:
                    driver.execute(statement.text.encode())
                except psycopg.errors.UniqueViolation:
                    assert "concurrently" in statement.words

    def _report(self, code: str) -> AdviceReport:
        live = None if code in DRIFT else self.database
        rules = frozenset(RULES) - (HABITS - {code})
        return advise(load_settings(self.folder, {}), Request(live, rules, 0, self.database))


@pytest.fixture
def example(tmp_path: Path, cleared: DatabaseUrl) -> Iterator[Example]:
    role = f"clerk_{secrets.token_hex(4)}"
    yield Example(tmp_path, cleared, role)
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        if driver.execute("select from pg_roles where rolname = %s", [role]).fetchone():
            driver.execute(f"drop owned by {role}; drop role {role}".encode())


def days_aside(text: str) -> str:
    """Without how far the statistics of a server go back."""
    return re.sub(r"\d+ days", "some days", text)


def test_every_rule_has_a_page_and_a_line_in_the_index() -> None:
    assert_pages("SCH", RULES)
    lines = [line for line in INDEX.splitlines() if line.startswith("| [SCH")]
    assert lines == [f"| [{rule.code}](rules/{rule.code}.md) {rule.slug} | {rule.summary} |" for rule in RULES.values()]


@pytest.mark.parametrize("code", RULES)
def test_a_page_reads_as_in_the_table(code: str) -> None:
    assert_reads_as_in_the_table(RULES[code], "Finding")


@pytest.mark.parametrize("code", RULES)
def test_an_example_prints_what_is_shown(example: Example, code: str) -> None:
    found = page(code)
    printed = example.run(code, found.block("Example", "sql") or "", python=found.block("Example", "python") or "")
    assert days_aside(printed) == days_aside((found.block("Example", "text") or "").rstrip("\n"))
    assert re.findall(r"^\S+ (SCH\d+)", printed, re.MULTILINE) == [code]


@pytest.mark.parametrize("code", [code for code in RULES if code != "SCH901"])
def test_what_is_fixed_has_nothing_to_find(example: Example, code: str) -> None:
    found = page(code)
    fix = found.block("How to fix it", "sql") or "syntax error"
    python = found.block("Example", "python") or ""
    assert example.run(code, found.block("Example", "sql") or "", after=fix, python=python) == ""


@pytest.mark.parametrize("code", [code for code in RULES if code != "SCH901"])
def test_what_is_silenced_is_not_told(example: Example, code: str) -> None:
    found = page(code)
    sql = found.block("How to silence it", "sql") or found.block("Example", "sql") or ""
    toml = found.block("How to silence it", "toml") or ""
    assert toml or sql != found.block("Example", "sql")
    assert example.run(code, sql, python=found.block("Example", "python") or "", toml=toml) == ""
