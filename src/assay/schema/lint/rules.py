"""What ``assay migrate lint`` can find of its own: the table of rules, and a finding made of one."""

from __future__ import annotations

from dataclasses import replace

from assay.migrate.places import Place as FilePlace
from assay.proof.findings import Finding, Rule, Severity
from assay.proof.place import Place

RULES = {
    rule.code: rule
    for rule in (
        Rule(
            "MIG101",
            "rewrite",
            "error",
            "a table is rewritten while nobody can read or write it",
            "add a new column, fill it in batches, move the code over, and drop the old one in a later migration",
        ),
        Rule(
            "MIG102",
            "blocking-scan",
            "error",
            "a table is read from end to end while others wait for it",
            "add the constraint NOT VALID, and validate it in a later migration",
        ),
        Rule(
            "MIG103",
            "blocking-index",
            "error",
            "an index is built while writes to its table wait",
            "create the index CONCURRENTLY, in a file that begins with -- no-transaction",
        ),
        Rule(
            "MIG104",
            "held",
            "error",
            "long work is done while a lock of an earlier statement keeps others out",
            "move one of the two statements to a migration of its own",
        ),
        Rule(
            "MIG105",
            "several-tables",
            "error",
            "one transaction locks several tables one after the other",
            "give each table a migration of its own, so that it is let go before the next is locked",
        ),
        Rule(
            "MIG106",
            "no-lock-timeout",
            "error",
            "nothing limits how long a statement waits for a lock that others then wait behind",
            'begin the file with "-- lock-timeout: 5s"',
        ),
        Rule(
            "MIG107",
            "destructive",
            "error",
            "rows or values are thrown away",
            "drop it when no release uses it and its values are kept elsewhere; then say so in a comment: "
            "-- assay: ignore[MIG107]",
        ),
        Rule(
            "MIG108",
            "required-column",
            "error",
            "a column is added that the rows of the table have no value for",
            "give the column a default, or add it without NOT NULL and fill it first",
        ),
        Rule(
            "MIG109",
            "bulk-write",
            "error",
            "rows of a whole table are changed in one statement, and stay locked until it ends",
            "change them in ranges of the primary key, a statement each, in a file that begins with -- no-transaction",
        ),
        Rule(
            "MIG201",
            "no-down-file",
            "error",
            "the migration cannot be reverted",
            "add the .down.sql file",
        ),
        Rule(
            "MIG202",
            "down-differs",
            "error",
            "the down file does not lead back to the schema before",
            "correct the down file",
        ),
        Rule(
            "MIG301",
            "broken-query",
            "error",
            "a query in the code breaks",
            "keep what the code names until no release uses it",
        ),
    )
}
"""By code, in the order of docs/migrate-lint.md."""


def finding(
    code: str,
    place: Place | FilePlace,
    message: str,
    *,
    because: tuple[str, ...] = (),
    fix: str = "",
    severity: Severity = "error",
) -> Finding:
    """A finding of a rule; ``fix`` is what to do in its own case, unless the rule says enough."""
    rule = RULES[code]
    where = place if isinstance(place, Place) else Place(str(place.path), place.line, place.column)
    return Finding(replace(rule, severity=severity), where, message, because, fix or rule.remedy)
