"""Comments that silence findings: ``-- assay: ignore[MIG101]``.

One before a statement, in it or behind it on its last line silences what is said of the statement; one before the
first statement of a file also what is said of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay.migrate.scripts import Ready
from assay.sql.splitting import Statement

_COMMENT = re.compile(r"--.*?\bassay:\s*ignore\[(?P<codes>[^\]\n]*)\]")


def ignored_codes(ready: Ready, line: int | None = None) -> frozenset[str]:
    """The rules that comments silence for a statement of a file, or for the file.

    Args:
        ready: the file.
        line: one of the statement's lines, from 1; None for what is said of the file.
    """
    lines = ready.script.sql.split("\n")
    found = frozenset[str]()
    for first, last in _spans(ready, line):
        for text in lines[first - 1 : last]:
            for comment in _COMMENT.finditer(text):
                found |= {code.strip() for code in comment["codes"].split(",")}
    return found


def _spans(ready: Ready, line: int | None) -> Iterator[tuple[int, int]]:
    """The first and the last line of what belongs to the statement on a line, or of the file's head."""
    if line is None and not ready.statements:
        yield 1, ready.script.sql.count("\n") + 1
    for number, statement in enumerate(ready.statements):
        first, last = _lines(ready, statement)
        if line is None:
            if number == 0:
                yield 1, ready.place(statement).line - 1
        elif ready.place(statement).line <= line <= last:
            yield first, last


def _lines(ready: Ready, statement: Statement) -> tuple[int, int]:
    """From the line after the statement before to the last line of the statement."""
    script = ready.script.sql
    before = script.count("\n", 0, statement.start)
    body = script.count("\n", 0, statement.start + len(statement.text.rstrip()))
    start = before + 1 if statement.start == 0 else before + 2
    return min(start, ready.place(statement).line), body + 1
