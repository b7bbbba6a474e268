"""``assay explain``: what a rule means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from assay.cli.output import format_option, write_json

if TYPE_CHECKING:
    from assay.proof.findings import Rule


@click.command()
@click.argument("rule", required=False)
@format_option()
def command(rule: str | None, output_format: str) -> None:
    """Print the page of a rule: what it means, why it matters, an example, how to fix it and how to silence it.

    RULE is a code such as ASY203, MIG102 or SCH101, or a name such as null. Without it, all rules of assay check,
    assay migrate lint and assay schema lint are listed.
    """
    from assay.proof.explain import find_rule, page_of, rule_to_json
    from assay.proof.findings import RULES
    from assay.schema.advice.rules import RULES as OF_SCHEMAS
    from assay.schema.lint.rules import RULES as OF_MIGRATIONS

    rules = {**RULES, **OF_MIGRATIONS, **OF_SCHEMAS}
    if rule is None:
        if output_format == "json":
            write_json([rule_to_json(each) for each in rules.values()])
        else:
            print("\n".join(_lines(rules.values())))
        return
    found = find_rule(rule, rules)
    if output_format == "json":
        write_json(rule_to_json(found) | {"page": page_of(found)})
    else:
        print(page_of(found), end="")


def _lines(rules: Iterable[Rule]) -> Iterator[str]:
    rules = list(rules)
    width = max(len(rule.slug) for rule in rules)
    for rule in rules:
        yield f"{rule.code}  {rule.slug.ljust(width)}  {rule.severity.ljust(7)}  {rule.summary}"
