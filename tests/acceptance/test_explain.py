"""``assay explain``: pages, the list, and what comes close."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.fixtures.projects import Run

from assay.proof.findings import RULES
from assay.schema.advice.rules import RULES as OF_SCHEMAS
from assay.schema.lint.rules import RULES as OF_MIGRATIONS

ROOT = Path(__file__).parents[2]


def explain(*arguments: str) -> Run:
    command = [sys.executable, "-m", "assay", "explain", *arguments]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("name", ["ASY203", "asy203", "null"])
def test_a_page_is_printed_as_it_is(name: str) -> None:
    done = explain(name)
    assert (done.code, done.out) == (0, (ROOT / "docs" / "rules" / "ASY203.md").read_text())


def test_all_rules_are_listed() -> None:
    done = explain()
    assert [line.split()[0] for line in done.lines] == [*RULES, *OF_MIGRATIONS, *OF_SCHEMAS]
    assert "ASY202 missing-field error a column has no field" in [" ".join(line.split()) for line in done.lines]


@pytest.mark.parametrize(
    ("name", "close"), [("ASY2033", "ASY203"), ("nul", "null"), ("unfilterd", "unfiltered"), ("MIGRATION102", "MIG102")]
)
def test_a_rule_that_there_is_not_is_misuse_and_the_closest_is_named(name: str, close: str) -> None:
    done = explain(name)
    assert (done.code, done.out) == (2, "")
    assert done.err == f'error: There is no rule "{name}"; did you mean {close}?\n'


def test_a_name_close_to_nothing_leads_to_the_list() -> None:
    assert explain("quux").err == 'error: There is no rule "quux"; assay explain lists them all\n'


def test_json_has_the_page() -> None:
    rule = RULES["ASY501"]
    assert explain("ASY501", "--output-format", "json").json == {
        "code": "ASY501",
        "rule": "unfiltered",
        "severity": "warning",
        "summary": rule.summary,
        "remedy": rule.remedy,
        "page": (ROOT / "docs" / "rules" / "ASY501.md").read_text(),
    }
    listed = json.loads(explain("--output-format", "json").out)
    assert [each["code"] for each in listed] == [*RULES, *OF_MIGRATIONS, *OF_SCHEMAS]


def test_the_pages_travel_with_the_package() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "docs/rules" in wheel["only-include"]
    assert wheel["sources"]["docs/rules"] == "assay/proof/rules"


@pytest.mark.parametrize("name", ["MIG104", "mig104", "held"])
def test_rules_of_migrations_have_pages_too(name: str) -> None:
    done = explain(name)
    assert (done.code, done.out) == (0, (ROOT / "docs" / "rules" / "MIG104.md").read_text())


@pytest.mark.parametrize("name", ["SCH101", "sch101", "duplicate-index"])
def test_rules_of_schemas_have_pages_too(name: str) -> None:
    done = explain(name)
    assert (done.code, done.out) == (0, (ROOT / "docs" / "rules" / "SCH101.md").read_text())


def test_no_two_rules_have_one_name() -> None:
    rules = [*RULES.values(), *OF_MIGRATIONS.values(), *OF_SCHEMAS.values()]
    assert len({rule.slug for rule in rules}) == len({rule.code for rule in rules}) == len(rules)
