"""Comments that silence findings: ``# assay: ignore[ASY203]`` in Python, ``-- assay: ignore[ASY501]`` in SQL."""

from __future__ import annotations

import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from assay.proof.discover.model import Place
from assay.proof.discover.source import Source
from assay.proof.findings import RULES, Finding, finding
from assay.proof.verdict import Verdict
from assay.proof.verdict.query import Query
from assay.sql.lexer import Kind
from assay.sql.lexer import tokenize as sql_tokens

_MENTION = re.compile(r"assay:\s*ignore")
_PYTHON = re.compile(r"#\s*assay:\s*ignore\b\s*(?:\[([^\]]*)\])?")
_SQL = re.compile(r"(?:--|/\*)\s*assay:\s*ignore\b\s*(?:\[([^\]]*)\])?")

HIDING = frozenset({"ASY103", "ASY104", "ASY106", "ASY107", "ASY108", "ASY301", "ASY403"})
"""Rules whose findings keep other findings about the same call from being looked for."""

Target = tuple[str, int] | Place
"""What a comment can be for: a line of a file, or the call that begins at a place."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """A comment that silences findings."""

    place: Place
    """Of the comment."""
    codes: tuple[str, ...]
    """As written; empty when it names none."""
    line: tuple[str, int] | None
    """The file and the line that it is for; None for one in a statement."""
    calls: frozenset[Place] = frozenset()
    """The calls of the statement that it stands in."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """What is left of findings."""

    findings: tuple[Finding, ...]
    """Those that no comment silences, and what is wrong with the comments."""
    ignored: int
    """How many were silenced."""


def silence(findings: Iterable[Finding], ignores: Iterable[Ignore], verdicts: Iterable[Verdict]) -> Silenced:
    """Leave out what comments silence, and add what is wrong with them.

    A comment is for the findings on its own line or, when it stands alone, on the next; for those of the call that
    begins there; in a statement, for those of all its calls. One that silences nothing is not told of in files with
    calls that could not be judged.
    """
    ignores = list(dict.fromkeys(ignores))
    kept: list[Finding] = []
    met: defaultdict[Ignore, set[str]] = defaultdict(set)
    index = _by_target(ignores)
    ignored = 0
    for found in findings:
        near = list(dict.fromkeys(ignore for target in _targets(found) for ignore in index.get(target, ())))
        for ignore in near:
            met[ignore].add(found.rule.code)
        if any(found.rule.code in ignore.codes for ignore in near):
            ignored += 1
        else:
            kept.append(found)
    hidden = {verdict.call.place.path for verdict in verdicts if _hides(verdict)}
    wrong = [found for ignore in ignores for found in _judged(ignore, met[ignore], hidden)]
    return Silenced((*kept, *wrong), ignored)


def _by_target(ignores: Iterable[Ignore]) -> dict[Target, list[Ignore]]:
    index: defaultdict[Target, list[Ignore]] = defaultdict(list)
    for ignore in ignores:
        for target in ignore.calls:
            index[target].append(ignore)
        if ignore.line is not None:
            index[ignore.line].append(ignore)
    return index


def _targets(found: Finding) -> Iterator[Target]:
    yield found.place.path, found.place.line
    if found.call is not None:
        yield found.call.path, found.call.line
        yield found.call


def _hides(verdict: Verdict) -> bool:
    return verdict.description is None or any(found.rule.code in HIDING for found in verdict.findings)


def _judged(ignore: Ignore, met: set[str], hidden: set[str]) -> Iterator[Finding]:
    """What is wrong with a comment, given the rules of the findings that it stands at."""
    if not ignore.codes:
        yield _blanket(ignore, met)
    for code in ignore.codes:
        if code not in RULES:
            yield _unknown(ignore, code)
        elif code not in met and ignore.place.path not in hidden:
            yield _unused(ignore, code)


def _blanket(ignore: Ignore, met: set[str]) -> Finding:
    named = ", ".join(sorted(met)) or "ASY203"
    return finding(
        "ASY911",
        ignore.place,
        "an ignore without rules ignores nothing",
        because="it would hide findings that nobody has looked at",
        fix=f"{'name them' if met else 'name the rules'}: assay: ignore[{named}]",
    )


def _unknown(ignore: Ignore, code: str) -> Finding:
    close = get_close_matches(code.upper(), RULES, n=1, cutoff=0.5)
    return finding(
        "ASY911",
        ignore.place,
        f'there is no rule "{code}" to ignore',
        fix=f"write {close[0]}, or take it out; assay explain lists the rules" if close else "take it out",
    )


def _unused(ignore: Ignore, code: str) -> Finding:
    where = f"line {ignore.line[1]}" if ignore.line else "the statement"
    return finding(
        "ASY912",
        ignore.place,
        f"there is no {code} to ignore",
        because=f"{where} has no such finding",
        fix="remove the comment" if len(ignore.codes) == 1 else f"take {code} out of it",
    )


def in_source(source: Source) -> Iterator[Ignore]:
    """The comments of a file."""
    if _MENTION.search(source.text) is None:
        return
    lines = source.text.split("\n")
    for comment in _comments(source.text):
        found = _PYTHON.search(comment.string)
        if found is not None:
            row, column = comment.start
            alone = not lines[row - 1][:column].strip()
            line = _next_line(lines, row) if alone else row
            place = Place(source.shown, row, column + found.start() + 1)
            yield Ignore(place, _codes(found), (source.shown, line))


def _comments(text: str) -> Iterator[tokenize.TokenInfo]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token
    except (tokenize.TokenError, SyntaxError):
        return


def _next_line(lines: list[str], row: int) -> int:
    """The line after a comment, its own line being ``row``, and after those that follow it; all from 1."""
    while row < len(lines) and lines[row].lstrip().startswith("#"):
        row += 1
    return row + 1


def in_statements(queries: Iterable[Query]) -> Iterator[Ignore]:
    """The comments in statements; one that several calls take counts for all of them."""
    calls: defaultdict[tuple[Place, tuple[str, ...]], set[Place]] = defaultdict(set)
    for query in queries:
        if _MENTION.search(query.sql.text) is not None:
            for place, codes in _in_statement(query):
                calls[place, codes].add(query.place)
    for (place, codes), places in calls.items():
        yield Ignore(place, codes, None, frozenset(places))


def _in_statement(query: Query) -> Iterator[tuple[Place, tuple[str, ...]]]:
    text = query.sql.text
    for token in sql_tokens(text):
        if token.kind is Kind.COMMENT:
            found = _SQL.search(text, token.start, token.end)
            if found is not None:
                yield query.sql.place(found.start() + 1), _codes(found)


def _codes(found: re.Match[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code.strip() for code in (found[1] or "").split(",") if code.strip()))
