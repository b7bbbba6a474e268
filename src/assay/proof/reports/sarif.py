"""Findings in the Static Analysis Results Interchange Format, version 2.1.0.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from assay._version import __version__
from assay.proof.discover.model import Place
from assay.proof.explain import page_of
from assay.proof.findings import RULES, Finding, Rule
from assay.proof.report import Report
from assay.proof.reports.located import located

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_BASE = "SRCROOT"


def to_sarif(report: Report, root: Path, base: Path) -> dict[str, Any]:
    """A log with one run, made of dicts, lists, strings and numbers."""
    codes = sorted({found.rule.code for found in report.findings})
    driver = {"name": "Assay", "semanticVersion": __version__, "rules": [_rule(RULES[code]) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_BASE: {"uri": f"{base.as_uri()}/"}},
        "invocations": [{"executionSuccessful": True}],
        "results": list(_results(report.findings, codes, root, base)),
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    page = page_of(rule)
    return {
        "id": rule.code,
        "name": "".join(part.capitalize() for part in rule.slug.split("-")),
        "shortDescription": {"text": f"{rule.summary[:1].upper()}{rule.summary[1:]}."},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": rule.severity},
    }


def _results(findings: Iterable[Finding], codes: list[str], root: Path, base: Path) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for found in findings:
        path = located(found.place.path, root, base)
        told = f"{found.rule.code}\n{path}\n{found.message}"
        mark = sha256(told.encode(errors="backslashreplace")).hexdigest()[:32]
        seen[mark] += 1
        yield {
            "ruleId": found.rule.code,
            "ruleIndex": codes.index(found.rule.code),
            "level": found.rule.severity,
            "message": {"text": _message(found)},
            "locations": [_location(found.place, found.width, path)],
            # Told from others like it without its line, which moves when something is written above.
            "partialFingerprints": {"findingOfRuleInFile/v1": f"{mark}:{seen[mark]}"},
        }


def _message(found: Finding) -> str:
    reasons = "".join(f"; because {reason}" for reason in found.because)
    return f"{found.message}{reasons}{f'; fix: {found.fix}' if found.fix else ''}"


def _location(place: Place, width: int, path: str) -> dict[str, Any]:
    region = {"startLine": place.line, "startColumn": place.column}
    if width:
        region["endColumn"] = place.column + width
    if path.startswith("/"):
        return {"physicalLocation": {"artifactLocation": {"uri": Path(path).as_uri()}, "region": region}}
    artifact = {"uri": quote(os.fsencode(path)), "uriBaseId": _BASE}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}
