"""Sections as tables that fit a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from assay.ops.stats.model import Field, Section, Unit

_GAP = "  "
_NARROW, _NARROWEST = 16, 6
"""Characters that long columns keep at first, and that every column of words keeps however narrow the terminal is."""
_WORDS = ("text", "flag", "list")


def to_text(section: Section, width: int | None) -> Iterator[str]:
    """The lines of a section: title, table, notes.

    Args:
        section: the section.
        width: columns of the terminal; None for no limit.
    """
    yield section.title
    if section.rows:
        yield from _table(section, width)
    else:
        yield f"  {section.nothing}"
    for note in section.notes:
        yield f"  note: {note}"


def _table(section: Section, width: int | None) -> Iterator[str]:
    numbers = [number for number, field in enumerate(section.fields) if not field.only_json]
    fields = [section.fields[number] for number in numbers]
    rows = [[shown(row[number], section.fields[number].unit) for number in numbers] for row in section.rows]
    widths = [max(len(field.heading), *(len(row[n]) for row in rows)) for n, field in enumerate(fields)]
    if width is not None:
        room = width - len(_GAP) * len(fields)
        _shrink([number for number, field in enumerate(fields) if field.long], widths, room, _NARROW)
        _shrink([number for number, field in enumerate(fields) if field.unit in _WORDS], widths, room, _NARROWEST)
    for cells in ([field.heading for field in fields], *rows):
        parts = [_cell(cell, field, size) for cell, field, size in zip(cells, fields, widths, strict=True)]
        yield f"{_GAP}{_GAP.join(parts)}"[:width].rstrip()


def _shrink(columns: list[int], widths: list[int], room: int, least: int) -> None:
    """Take from some columns, the widest first, until the line fits."""
    left = [number for number in columns if widths[number] > least]
    while left and sum(widths) > room:
        widest = max(left, key=lambda number: widths[number])
        widths[widest] = max(least, widths[widest] - (sum(widths) - room))
        left.remove(widest)


def _cell(text: str, field: Field, width: int) -> str:
    if len(text) > width:
        text = f"{text[: width - 1]}…"
    return text.ljust(width) if field.unit in _WORDS else text.rjust(width)


def shown(value: Any, unit: Unit) -> str:
    """A value as people read it; ``-`` where it is not known."""
    return "-" if value is None else _SHOWN[unit](value)


def readable_bytes(count: float) -> str:
    """``512 B``, ``1.5 MB``: in steps of 1024, as pg_size_pretty has them."""
    amount, sign = abs(float(count)), "-" if count < 0 else ""
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{sign}{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{sign}{amount:.1f} {unit}"


def readable_seconds(seconds: float) -> str:
    """``0.3 ms``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``, ``41 d 3 h``."""
    if seconds < 0:
        return f"-{readable_seconds(-seconds)}"
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = int(seconds)
    for size, unit, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}{f' {rest} {small}' if rest else ''}"
    return f"{seconds:.3g} s"


_SHOWN: dict[Unit, Callable[[Any], str]] = {
    "text": lambda value: " ".join(str(value).splitlines()),
    "count": lambda value: f"{value:,}",
    "bytes": readable_bytes,
    "seconds": readable_seconds,
    "ratio": lambda value: f"{value * 100:.1f} %",
    "flag": lambda value: "yes" if value else "no",
    "list": lambda value: ", ".join(str(part) for part in value) or "-",
}
