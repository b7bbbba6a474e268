"""The pages of the rules, which travel with the package."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from assay.errors import ProofError, UsageError
from assay.proof.findings import RULES, Rule

_FOLDERS = (Path(__file__).parent / "rules", Path(__file__).parents[3] / "docs" / "rules")
"""In an installed package, and in a clone of the repository."""


def find_rule(name: str, rules: Mapping[str, Rule] = RULES) -> Rule:
    """The rule of a code, ``ASY203`` in upper or lower case, or of a name, ``null``.

    Args:
        name: the code or the name.
        rules: by code, those that there are.

    Raises UsageError, which says what comes close, when there is none.
    """
    by_name = {rule.slug: rule for rule in rules.values()}
    found = rules.get(name.upper()) or by_name.get(name.lower())
    if found is not None:
        return found
    close = get_close_matches(name.upper(), rules, n=1) or get_close_matches(name.lower(), by_name, n=1)
    hint = f"did you mean {close[0]}?" if close else "assay explain lists them all"
    raise UsageError(f'There is no rule "{name}"; {hint}')


def page_of(rule: Rule) -> str:
    """A rule's page: what it means, why it matters, an example, how to fix it and how to silence it. In Markdown."""
    for folder in _FOLDERS:
        path = folder / f"{rule.code}.md"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise ProofError(f"The page of {rule.code} is not in this installation of Assay; install it again")


def rule_to_json(rule: Rule) -> dict[str, Any]:
    """A rule without its page."""
    return {
        "code": rule.code,
        "rule": rule.slug,
        "severity": rule.severity,
        "summary": rule.summary,
        "remedy": rule.remedy,
    }
