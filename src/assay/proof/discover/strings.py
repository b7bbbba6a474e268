"""What methods of strings make of constants, with every character remembered where it stands in the code."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence

from assay.proof.discover.model import Run, Sql

Part = Sql | str
"""A constant, or the key of a field: ``"0"`` or a name."""


def stripped(sql: Sql, method: str, characters: str | None) -> Sql:
    """``strip``, ``lstrip`` and ``rstrip``."""
    text = sql.text
    start = 0 if method == "rstrip" else len(text) - len(text.lstrip(characters))
    end = len(text) if method == "lstrip" else len(text.rstrip(characters))
    return sql.part(start, max(start, end))


def dedented(sql: Sql) -> Sql:
    """``textwrap.dedent``, which only takes away from the beginnings of lines."""
    spans: list[tuple[int, int]] = []
    at = 0
    for before, after in zip(sql.text.split("\n"), textwrap.dedent(sql.text).split("\n"), strict=True):
        at += len(before) + 1
        spans.append((at - 1 - len(after), at))
    runs = tuple(run for part in sql.cut(spans) for run in part.runs)
    return Sql(runs) if runs else sql


_BRACES = re.compile(r"\{\{|\}\}|\{(\w*)\}|[{}]")
_PERCENT = re.compile(r"%%|%s|%\((\w+)\)s|%")


def braced(template: Sql) -> list[Part] | None:
    """A template for ``str.format``, taken apart; None when it has a field that is more than a name."""
    return _template(template, _BRACES, {"{{": 1, "}}": 1})


def percented(template: Sql) -> list[Part] | None:
    """A template for ``%``, taken apart; None when it has a field other than ``%s`` and ``%(name)s``."""
    return _template(template, _PERCENT, {"%%": 1})


def _template(template: Sql, pattern: re.Pattern[str], escapes: dict[str, int]) -> list[Part] | None:
    text, done, count = template.text, 0, 0
    spans: list[tuple[int, int]] = []
    keys: list[str | None] = []
    for found in pattern.finditer(text):
        if found[0] in ("{", "}", "%"):
            return None
        escape = found[0] in escapes
        spans.append((done, found.start() + escapes.get(found[0], 0)))
        keys.append(None if escape else found[1] or str(count))
        count += not escape and not found[1]
        done = found.end()
    parts: list[Part] = []
    for part, key in zip(template.cut([*spans, (done, len(text))]), [*keys, None], strict=True):
        parts += (part,) if key is None else (part, key)
    return parts


def filled(parts: Sequence[Part], value: Callable[[str], Sql | None]) -> Sql | str:
    """The parts with the fields' values in their places, or the key of a field that has none."""
    runs: list[Run] = []
    for part in parts:
        found = value(part) if isinstance(part, str) else part
        if found is None:
            return str(part)
        runs += found.runs
    return Sql(tuple(runs))
