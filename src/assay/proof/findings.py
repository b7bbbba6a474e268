"""What a check can find: the table of rules, and a finding as a value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from assay.proof.place import Place

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding."""

    code: str
    slug: str
    """A name in words, for reports that want one."""
    severity: Severity
    summary: str
    """One line; the page in docs/rules has the rest."""
    remedy: str
    """What to do, in general; a finding says it for its own case where it can."""


def _error(code: str, slug: str, summary: str, remedy: str) -> Rule:
    return Rule(code, slug, "error", summary, remedy)


def _warning(code: str, slug: str, summary: str, remedy: str) -> Rule:
    return Rule(code, slug, "warning", summary, remedy)


RULES = {
    rule.code: rule
    for rule in (
        _error("ASY101", "refused", "PostgreSQL refuses the statement", "correct the statement, or the migrations"),
        _error(
            "ASY102",
            "not-constant",
            "the SQL is not a constant, so it cannot be proven",
            "write it as one literal, or put it together from constants; values belong in parameters",
        ),
        _error("ASY103", "unreadable", "a file cannot be read or imported", "correct the file"),
        _error("ASY104", "row-class", "the row class cannot be made out", "name a class that is defined in a module"),
        _warning(
            "ASY105",
            "unproven",
            "something about the statement could not be proven",
            "where it matters, write the statement in a form that can be proven",
        ),
        _error(
            "ASY106",
            "too-many-branches",
            "clauses and choices make more statements than can be proven",
            "split the query, or let parameters that come together share a clause",
        ),
        _error(
            "ASY107",
            "choice",
            "what {name} can be is not known, or cannot stand there",
            "annotate it with a Literal of its strings, or with a StrEnum",
        ),
        _error("ASY108", "template", "a clause or a choice is not well formed", "correct the brackets or braces"),
        _error("ASY201", "missing-column", "a field has no column", "select a column for it, or remove the field"),
        _error("ASY202", "missing-field", "a column has no field", "add a field, or leave the column out"),
        _error("ASY203", "null", "a column may be NULL, its field does not take None", "annotate it with | None"),
        _error("ASY204", "type", "a field's type is not its column's", "annotate it with the column's type"),
        _error(
            "ASY205",
            "duplicate-column",
            "two columns have the same name",
            "give each a name of its own with as",
        ),
        _error("ASY206", "shape", "the number of columns is not the row's", "select as many as the row takes"),
        _error(
            "ASY301", "parameters", "the arguments are not the statement's parameters", "pass what the statement takes"
        ),
        _error(
            "ASY302",
            "argument-type",
            "an argument's type is not its parameter's",
            "pass a value of the parameter's type",
        ),
        _error(
            "ASY303",
            "null-argument",
            "an argument may be None where NULL makes the statement fail",
            "pass a value, or check for None before the call",
        ),
        _warning(
            "ASY304",
            "pointless-null",
            "an argument may be None where NULL matches nothing",
            'check for None before the call, or compare with "is not distinct from"',
        ),
        _warning(
            "ASY401",
            "optional-of-many",
            "fetch_optional on a statement that can return many rows",
            "select by a unique key, add limit 1, or use fetch_all",
        ),
        _warning(
            "ASY402",
            "one-of-many",
            "fetch_one on a statement that can return many rows",
            "select by a unique key, add limit 1, or use fetch_all",
        ),
        _error(
            "ASY403",
            "no-rows",
            "rows are fetched from a statement that returns none",
            "use execute, or add returning",
        ),
        _warning(
            "ASY501",
            "unfiltered",
            "UPDATE or DELETE of every row of a table",
            "add where; where every row is meant, say so with where true",
        ),
        _error(
            "ASY502",
            "incomplete-insert",
            "INSERT leaves out a column that has to be given",
            "give it a value in the statement, or a default in a migration",
        ),
        _error(
            "ASY901",
            "not-cached",
            "the query is not in the offline cache",
            "run assay prepare and commit the .assay folder",
        ),
        _error(
            "ASY902",
            "stale-cache",
            "the query's file in the offline cache is of other migrations",
            "run assay prepare and commit the .assay folder",
        ),
        _warning(
            "ASY911",
            "blanket-ignore",
            "an ignore comment does not name rules that there are",
            "name the rules: assay: ignore[ASY203]",
        ),
        _warning("ASY912", "unused-ignore", "an ignore comment ignores nothing", "remove it"),
    )
}
"""By code, in the order of docs/rules.md."""

SOMETIMES_WARNINGS = frozenset({"ASY103"})
"""Rules whose finding is a warning where it leaves nothing unproven (docs/rules/ASY103.md)."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields of a row class that a finding is about, or columns that the class has no field for."""

    kind: type
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """A part of the row expression in a call: all of it, or one element of a tuple."""

    index: int | None
    """From 0; None for all of it."""


@dataclass(frozen=True, slots=True)
class Keywords:
    """Keyword arguments that have another name than the placeholders they are meant for."""

    renames: tuple[tuple[str, str], ...]
    """The name given, and the one it should have."""


Subject = Fields | Element | Keywords
"""What would have to change for a finding to go away, for ``assay check --fix``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where, why, and what to do."""

    rule: Rule
    place: Place
    message: str
    because: tuple[str, ...] = ()
    fix: str = ""
    call: Place | None = None
    """Where the call begins that it is about; None for a finding about a file."""
    width: int = 0
    """How many characters of the line it is about; 0 for one that is about a place."""
    shown: tuple[str, ...] = ()
    """The line of code, and below it what underlines those characters; empty unless it helps."""
    subject: Subject | None = None
    fixable: bool = False
    """Whether ``assay check --fix`` mends it."""
    left: str = ""
    """Why ``assay check --fix`` does not mend it, in words that follow "because"; empty where it never would."""

    @property
    def is_error(self) -> bool:
        """Whether it makes the check fail."""
        return self.rule.severity == "error"

    def as_warning(self) -> Finding:
        """The same, where it does not make the check fail."""
        return replace(self, rule=replace(self.rule, severity="warning"))

    def to_json(self) -> dict[str, Any]:
        """The form of ``assay check --output-format json``."""
        return {
            "code": self.rule.code,
            "rule": self.rule.slug,
            "severity": self.rule.severity,
            "path": self.place.path,
            "line": self.place.line,
            "column": self.place.column,
            "end_column": self.place.column + self.width if self.width else None,
            "message": self.message,
            "because": list(self.because),
            "fix": self.fix,
            "fixable": self.fixable,
            "left": self.left,
            "call": {"line": self.call.line, "column": self.call.column} if self.call else None,
        }


def finding(
    code: str,
    place: Place,
    message: str,
    *,
    because: str | tuple[str, ...] = (),
    fix: str | None = None,
    call: Place | None = None,
    subject: Subject | None = None,
) -> Finding:
    """A finding of a rule; ``fix`` is what to do in its own case, unless the rule says enough."""
    rule = RULES[code]
    reasons = tuple(filter(None, (because,) if isinstance(because, str) else because))
    return Finding(rule, place, message, reasons, rule.remedy if fix is None else fix, call, subject=subject)


@dataclass(frozen=True, slots=True)
class Unverified:
    """An argument whose type no annotation tells, so that it was not compared."""

    place: Place
    parameter: str
    """``:name`` or ``$1``."""
    argument: str
    """The expression, as in the code; empty when it is unpacked from something else."""
    why: str = ""
    """Why its annotation could not be read; empty where there is none."""
