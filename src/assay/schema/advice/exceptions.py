"""Exceptions to the rules, each with its reason.

``-- assay: ignore[SCH101] why`` in a migration: before a statement, or behind its semicolon, it is for the statement;
inside, it is for its line, or, alone on a line, for the next. In pyproject.toml it is for an object by its name::

    [tool.assay.schema-lint-ignore]
    SCH104 = { "public.report_by_year" = "for the report in January" }
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from assay.errors import ConfigurationError
from assay.proof.place import Place
from assay.schema.advice.model import Subject
from assay.schema.advice.places import File
from assay.schema.advice.rules import RULES, Advice
from assay.sql.lexer import Kind, tokenize
from assay.sql.splitting import Statement, split_statements

_COMMENT = re.compile(r"--.*?\bassay:\s*ignore\[(?P<codes>[^\]\n]*)\](?P<reason>[^\n]*)")
_OURS = re.compile(r"SCH\d*")


@dataclass(frozen=True, slots=True)
class Ignored:
    """An exception, as it is written in one place."""

    code: str
    reason: str
    path: str
    """The migration; empty for one in pyproject.toml."""
    first: int = 0
    last: int = 0
    """The lines that it is for."""
    place: Place | None = None
    pattern: str = ""
    """The object's name, in pyproject.toml; ``*`` stands for anything."""

    def excuses(self, advice: Advice) -> bool:
        """Whether it is for a finding."""
        if advice.code != self.code:
            return False
        if self.pattern:
            return fnmatchcase(advice.subject.label, self.pattern)
        place = advice.place
        return place is not None and place.path == self.path and self.first <= place.line <= self.last


def in_settings(entries: Mapping[str, Any]) -> Iterator[Ignored]:
    """The exceptions of pyproject.toml; raises ConfigurationError for what is none."""
    for code, objects in entries.items():
        if not isinstance(objects, dict) or not all(isinstance(reason, str) for reason in objects.values()):
            raise ConfigurationError(
                f"[tool.assay.schema-lint-ignore] {code} must name objects and why: "
                f'{code} = {{ "public.device" = "the reason" }}'
            )
        yield from (Ignored(code, reason.strip(), "", pattern=name) for name, reason in objects.items())


def in_files(files: Iterable[File]) -> Iterator[Ignored]:
    """The exceptions in migrations."""
    for file in files:
        if "assay:" in file.sql:
            yield from _in_file(file)


def _in_file(file: File) -> Iterator[Ignored]:
    text, statements, path = file.sql, split_statements(file.sql), file.path
    for token in tokenize(text):
        found = _COMMENT.match(text[token.start : token.end]) if token.kind is Kind.COMMENT else None
        if found is None:
            continue
        first, last = _lines(text, token.start, statements)
        line = text.count("\n", 0, token.start) + 1
        place = Place(path, line, token.start - text.rfind("\n", 0, token.start))
        for code in (code.strip() for code in found["codes"].split(",")):
            if _OURS.fullmatch(code):
                yield Ignored(code, found["reason"].strip(" -:"), path, first, last, place)


def _lines(text: str, at: int, statements: tuple[Statement, ...]) -> tuple[int, int]:
    """The lines that a comment is for."""
    alone = not text[text.rfind("\n", 0, at) + 1 : at].strip()
    for number, statement in enumerate(statements):
        start = statement.start + statement.lead
        end = statement.start + len(statement.text.rstrip())
        following = statements[number + 1] if number + 1 < len(statements) else None
        behind = end <= at and not alone and "\n" not in text[end:at]
        if behind or (at < start and (alone or number == 0)) or (following is None and at >= end and not alone):
            return _line(text, start), _line(text, end)
        if start <= at < end:
            line = _line(text, at)
            return (line, line) if not alone else (line, _next_code(text, line))
    return 0, 0


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _next_code(text: str, line: int) -> int:
    """The next line that is no comment."""
    lines = text.split("\n")
    while line < len(lines) and lines[line].lstrip().startswith("--"):
        line += 1
    return line + 1


@dataclass(frozen=True, slots=True)
class Sifted:
    """Findings, and how many exceptions took out."""

    findings: tuple[Advice, ...]
    ignored: int


def sift(found: Iterable[Advice], exceptions: list[Ignored], settled: frozenset[str]) -> Sifted:
    """Leave out what exceptions are for, and tell of exceptions that are wrong themselves.

    Args:
        found: all findings.
        exceptions: from everywhere.
        settled: the rules of which a comment that excuses nothing is told. One in pyproject.toml is not: it may be for
            another database.
    """
    kept: list[Advice] = []
    used: set[int] = set()
    ignored = 0
    for advice in found:
        fitting = {number for number, each in enumerate(exceptions) if each.excuses(advice)}
        used |= fitting
        ignored += bool(fitting)
        kept += [] if fitting else [advice]
    kept += [wrong for number, each in enumerate(exceptions) for wrong in _wrong(each, number in used, settled)]
    return Sifted(tuple(kept), ignored)


def _wrong(each: Ignored, used: bool, settled: frozenset[str]) -> Iterator[Advice]:
    where = each.pattern or "the comment"
    subject = Subject(each.pattern or each.code, "")
    if each.code not in RULES:
        yield Advice("SCH901", subject, f"{where} names {each.code}, and there is no such rule", place=each.place)
    elif not each.reason:
        advice = "write why, behind the brackets"
        message = f"{where} makes an exception to {each.code} without a reason"
        yield Advice("SCH901", subject, message, advice=advice, place=each.place)
    elif not used and not each.pattern and each.code in settled:
        message = f"{where} makes an exception to {each.code} that excuses nothing"
        yield Advice("SCH901", subject, message, advice="remove it", place=each.place)
