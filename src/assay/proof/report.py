"""The report of a check, as text and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from assay.proof.basis import Basis
from assay.proof.findings import Finding, Unverified
from assay.wording import counted

if TYPE_CHECKING:
    from assay.proof.verdict import Verdict

NO_QUERIES = b"[]"


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found, in plain values, which can be kept for the next run."""

    findings: tuple[Finding, ...]
    """Those that no comment silences, in the order of their places."""
    basis: Basis
    files: int
    """How many files were read."""
    seconds: float
    total: int = 0
    """How many calls take SQL."""
    proved: int = 0
    """How many of them have nothing wrong with them; warnings do not count."""
    ignored: int = 0
    """How many findings comments silence."""
    unverified: tuple[Unverified, ...] = ()
    """The arguments that were not compared, in the order of the code."""
    classless: int = 0
    """How many return columns that were not compared with anything, because no class is named for their rows."""
    queries: bytes = NO_QUERIES
    """What is known of each call, in the order of the code, as ``to_json`` tells it: a list in JSON."""

    def fails(self, *, strict: bool = False) -> bool:
        """Whether anything was found that must not be: an error, or, when strict, a warning."""
        return any(found.is_error or strict for found in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The form of ``assay check --output-format json``."""
        return {
            "classless": self.classless,
            "files": self.files,
            "findings": [found.to_json() for found in self.findings],
            "ignored": self.ignored,
            "migrations": self.basis.migrations,
            "offline": self.basis.offline,
            "proved": self.proved,
            "queries": msgspec.Raw(self.queries),
            "seconds": round(self.seconds, 3),
            "server_version": self.basis.server_version,
            "unverified": [_unverified_to_json(part) for part in self.unverified],
        }


def queries_to_json(verdicts: Iterable[Verdict]) -> bytes:
    """What is known of each call, for ``Report.queries``."""
    found = [_verdict_to_json(verdict) for verdict in verdicts]
    try:
        return msgspec.json.encode(found)
    except UnicodeEncodeError:  # the name of a file, say, that is not UTF-8
        return json.dumps(found).encode()


Paint = Callable[[str, str], str]
"""Takes the part that a text has in a report, and the text; returns it in its colour."""

_COLOURS = {"place": "1", "error": "1;31", "warning": "1;33", "mark": "31", "word": "2", "well": "32", "ill": "31"}
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def plain(part: str, text: str) -> str:
    """No colour at all."""
    return text


def coloured(part: str, text: str) -> str:
    """The colours of a terminal (ECMA-48, select graphic rendition)."""
    return f"\x1b[{_COLOURS[part]}m{text}\x1b[0m"


def to_text(
    report: Report, *, show_unverified: bool = False, show_left: bool = False, paint: Paint = plain
) -> Iterator[str]:
    """The lines for people; the last one sums up. ``show_left`` says why a fix did not do what it did not."""
    for found in report.findings:
        yield from finding_lines(found, paint)
        if show_left and found.left:
            yield f"  {paint('word', 'left:')} {_shown(found.left)}"
    if show_unverified:
        for part in sorted(report.unverified, key=lambda part: part.place):
            yield f"{paint('place', str(part.place))} {_unverified_text(part)}"
    closing = closing_line(report)
    yield paint("ill" if report.fails() else "well", closing) if report.total else closing


def finding_lines(found: Finding, paint: Paint = plain) -> Iterator[str]:
    """A finding: where and what, the line of code, why, and what to do."""
    rule = paint(found.rule.severity, found.rule.code)
    warning = "" if found.is_error else "warning: "
    yield f"{paint('place', _shown(str(found.place)))} {rule} {warning}{_shown(found.message)}"
    for line, part in zip(found.shown, ("", "mark"), strict=False):
        yield paint(part, line) if part else _shown(line)
    yield from (f"  {paint('word', 'because')} {_shown(reason)}" for reason in found.because)
    if found.fix:
        command = f"   {paint('word', '(assay check --fix)')}" if found.fixable else ""
        yield f"  {paint('word', 'fix:')} {_shown(found.fix)}{command}"


def _shown(text: str) -> str:
    """A text on one line, whatever names and values it has in it: what steers a terminal is written out."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def closing_line(report: Report) -> str:
    """How many queries were proved, against what, and how long it took."""
    total = report.total
    if not total:
        return f"Found no queries in {counted(report.files, 'file')}"
    against = f"against {report.basis}, " if report.basis.server_version else ""
    queries = "query" if total == 1 else "queries"
    ignored = f"{counted(report.ignored, 'finding')} ignored, " if report.ignored else ""
    return f"Proved {report.proved} of {total} {queries} {against}{ignored}in {report.seconds:.2f} s{_left_out(report)}"


def _left_out(report: Report) -> str:
    """What proving did not take in; empty where every row has a class."""
    if not report.classless:
        return ""
    if report.classless == 1:
        return "; 1 names no class to compare its columns with"
    return f"; {report.classless} name no class to compare their columns with"


def _verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    place = verdict.call.place
    return {
        "path": place.path,
        "line": place.line,
        "column": place.column,
        "method": verdict.call.surface.method,
        "sql": verdict.sql.encode(errors="replace").decode() if verdict.sql is not None else None,
        "proved": verdict.proved,
        "description": verdict.description.to_json() if verdict.description else None,
    }


def _unverified_to_json(part: Unverified) -> dict[str, Any]:
    place = part.place
    return {
        "path": place.path,
        "line": place.line,
        "column": place.column,
        "parameter": part.parameter,
        "argument": part.argument,
        "why": part.why,
    }


def _unverified_text(part: Unverified) -> str:
    if part.argument:
        why = f"whose type is not known: {_shown(part.why)}" if part.why else "whose type is not annotated"
        return f"unverified: parameter {part.parameter} is given {part.argument}, {why}"
    return f"unverified: parameter {part.parameter} is given by unpacking"
