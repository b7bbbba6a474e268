"""Reports as text, for GitHub and as SARIF, of hand-made findings."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from assay.proof.basis import Basis
from assay.proof.discover.model import Place
from assay.proof.findings import Finding, finding
from assay.proof.report import Report, closing_line, coloured, finding_lines, plain, to_text
from assay.proof.reports.github import to_github
from assay.proof.reports.located import base_folder, located
from assay.proof.reports.sarif import to_sarif

PLACE = Place("src/a b.py", 3, 5)
ROOT = Path("/srv/shop")


def report(*findings: Finding, ignored: int = 0) -> Report:
    return Report(findings, Basis("18.6", "f", 1), 2, 0.5, ignored=ignored)


def test_what_steers_a_terminal_is_written_out() -> None:
    found = finding("ASY101", PLACE, 'column "a\n\x1b[2Jb" does not exist', because="x\ry", fix="\u2028")
    assert list(finding_lines(found)) == [
        'src/a b.py:3:5 ASY101 column "a\\n\\x1b[2Jb" does not exist',
        "  because x\\ry",
        "  fix: \\u2028",
    ]


def test_colours_change_nothing_but_the_colour() -> None:
    warned = finding("ASY501", PLACE, "every row")
    shown = replace(finding("ASY101", PLACE, "no"), shown=("  select x", "         ^"), width=1)
    found = report(warned, replace(shown, fixable=True, left="so"))
    painted = list(to_text(found, show_left=True, paint=coloured))
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in painted] == list(
        to_text(found, show_left=True, paint=plain)
    )
    assert painted[0].startswith("\x1b[1msrc/a b.py:3:5\x1b[0m \x1b[1;33mASY501\x1b[0m warning: ")
    assert "\x1b[31m         ^\x1b[0m" in painted


def test_a_fixable_finding_says_so_and_a_left_one_why() -> None:
    left = replace(finding("ASY203", PLACE, "null"), left="two queries differ")
    lines = list(to_text(report(replace(left, left="", fixable=True), left), show_left=True))
    assert lines[1] == "  fix: annotate it with | None   (assay check --fix)"
    assert lines[3:5] == ["  fix: annotate it with | None", "  left: two queries differ"]


@pytest.mark.parametrize(("files", "words"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_the_closing_line_counts_files_where_there_are_no_queries(files: int, words: str) -> None:
    assert closing_line(replace(report(), files=files)) == f"Found no queries in {words}"


@pytest.mark.parametrize(
    ("verdicts", "migrations", "ignored", "words"),
    [
        ((False,), 1, 0, "Proved 0 of 1 query against PostgreSQL 18.6, 1 migration, in 0.50 s"),
        ((True, False), 2, 0, "Proved 1 of 2 queries against PostgreSQL 18.6, 2 migrations, in 0.50 s"),
        ((True,), 0, 1, "Proved 1 of 1 query against PostgreSQL 18.6, 0 migrations, 1 finding ignored, in 0.50 s"),
        ((True,), 1, 2, "Proved 1 of 1 query against PostgreSQL 18.6, 1 migration, 2 findings ignored, in 0.50 s"),
    ],
)
def test_the_closing_line_counts_in_good_english(
    verdicts: tuple[bool, ...], migrations: int, ignored: int, words: str
) -> None:
    basis = Basis("18.6", "f", migrations)
    counted = replace(report(ignored=ignored), total=len(verdicts), proved=sum(verdicts), basis=basis)
    assert closing_line(counted) == words


def test_github_gets_one_escaped_line_a_finding() -> None:
    found = finding("ASY101", Place("src/a,b:c%.py", 3, 5), "100% of\nit: no, really", because="x", fix="y\r")
    lines = list(to_github(report(replace(found, width=4), finding("ASY501", PLACE, "z", fix="")), ROOT, ROOT))
    assert lines == [
        (
            "::error file=src/a%2Cb%3Ac%25.py,line=3,col=5,endColumn=9,title=ASY101 refused"
            "::100%25 of%0Ait: no, really%0Abecause x%0Afix: y%0D"
        ),
        "::warning file=src/a b.py,line=3,col=5,title=ASY501 unfiltered::z",
        "Found no queries in 2 files",
    ]


@pytest.mark.parametrize(
    ("workspace", "path", "shown"),
    [
        (None, "src/a.py", "src/a.py"),
        ("", "src/a.py", "src/a.py"),
        ("/srv", "src/a.py", "shop/src/a.py"),
        ("/srv/shop", "src/a.py", "src/a.py"),
        ("/elsewhere", "src/a.py", "src/a.py"),
        ("/srv", "/opt/b.py", "/opt/b.py"),
    ],
)
def test_paths_start_at_the_repository(workspace: str | None, path: str, shown: str) -> None:
    environ = {} if workspace is None else {"GITHUB_WORKSPACE": workspace}
    assert located(path, ROOT, base_folder(ROOT, environ)) == shown


def sarif(*findings: Finding) -> Any:
    return to_sarif(report(*findings), ROOT, ROOT)


def test_sarif_has_what_its_schema_requires() -> None:
    log = sarif(finding("ASY501", PLACE, "every row"), replace(finding("ASY101", PLACE, "no"), width=4))
    check_sarif(log)
    first, second = log["runs"][0]["results"]
    assert first["message"] == {"text": "every row; fix: add where; where every row is meant, say so with where true"}
    assert (first["level"], second["level"]) == ("warning", "error")
    assert second["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "src/a%20b.py", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 3, "startColumn": 5, "endColumn": 9},
    }


def test_sarif_of_nothing_is_sarif() -> None:
    log = sarif()
    check_sarif(log)
    assert log["runs"][0]["results"] == []


def test_sarif_names_files_outside_the_project_in_full() -> None:
    (result,) = sarif(finding("ASY101", Place("/opt/b.py", 1, 1), "no"))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///opt/b.py"}


def test_findings_alike_keep_marks_of_their_own_wherever_they_move() -> None:
    def marks(*lines: int) -> list[str]:
        found = [finding("ASY203", Place("a.py", line, 1), "null") for line in lines]
        return [each["partialFingerprints"]["findingOfRuleInFile/v1"] for each in sarif(*found)["runs"][0]["results"]]

    assert marks(3, 9) == marks(5, 70)
    assert len(set(marks(3, 9))) == 2


def check_sarif(log: Any) -> None:
    """The constraints of the SARIF 2.1.0 schema on the properties that are used, and no property besides."""
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert set(run) == {"tool", "columnKind", "originalUriBaseIds", "invocations", "results"}
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    assert run["invocations"] == [{"executionSuccessful": True}]
    for base in run["originalUriBaseIds"].values():
        assert base["uri"].endswith("/")
        assert urlsplit(base["uri"]).scheme == "file"
    driver = run["tool"]["driver"]
    assert set(driver) == {"name", "semanticVersion", "rules"}
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", driver["semanticVersion"])
    ids = [check_rule(rule) for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)
    for result in run["results"]:
        check_result(result, ids, run["originalUriBaseIds"])


def check_rule(rule: Any) -> str:
    assert set(rule) == {"id", "name", "shortDescription", "help", "defaultConfiguration"}
    assert rule["shortDescription"]["text"].endswith(".")
    assert rule["help"]["text"].startswith(f"# {rule['id']} ")
    assert set(rule["help"]) == {"text", "markdown"}
    assert rule["defaultConfiguration"]["level"] in ("error", "warning")
    return str(rule["id"])


def check_result(result: Any, ids: list[str], bases: Any) -> None:
    assert set(result) == {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"}
    assert ids[result["ruleIndex"]] == result["ruleId"]
    assert result["level"] in ("none", "note", "warning", "error")
    assert result["message"]["text"]
    assert all(isinstance(mark, str) for mark in result["partialFingerprints"].values())
    (location,) = result["locations"]
    physical = location["physicalLocation"]
    artifact, region = physical["artifactLocation"], physical["region"]
    assert artifact.get("uriBaseId", "SRCROOT") in bases
    assert unquote(artifact["uri"]).startswith("/") is False
    assert region["startLine"] >= 1
    assert region["startColumn"] >= 1
    assert region.get("endColumn", region["startColumn"] + 1) > region["startColumn"]
