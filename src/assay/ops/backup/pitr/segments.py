"""Names of segments of the write-ahead log, and whether a row of them has gaps (manual section 28.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SEGMENT = re.compile(r"[0-9A-F]{24}")


def is_segment(name: str) -> bool:
    """Whether a file's name is that of a whole segment, not that of a history or a backup label."""
    return _SEGMENT.fullmatch(name) is not None


def segment_of(timeline: int, position: str, size: int) -> str:
    """The segment that holds a position.

    Args:
        timeline: its number.
        position: as the server writes it, ``0/3000148``.
        size: bytes of a segment.
    """
    high, _, low = position.partition("/")
    return _name(timeline, ((int(high, 16) << 32) | int(low, 16)) // size, size)


def missing(names: Iterable[str], first: str, size: int) -> tuple[str, ...]:
    """The segments that are not there between ``first`` and the last one of its timeline.

    Args:
        names: of the files in an archive.
        first: the segment that the row begins with.
        size: bytes of a segment.
    """
    timeline = int(first[:8], 16)
    there = {_number(name, size) for name in names if is_segment(name) and int(name[:8], 16) == timeline}
    begin = _number(first, size)
    return tuple(_name(timeline, at, size) for at in range(begin, max(there, default=begin) + 1) if at not in there)


def _number(name: str, size: int) -> int:
    return int(name[8:16], 16) * _per_file(size) + int(name[16:], 16)


def _name(timeline: int, number: int, size: int) -> str:
    return f"{timeline:08X}{number // _per_file(size):08X}{number % _per_file(size):08X}"


def _per_file(size: int) -> int:
    """Segments in what the server once called a file of the log, of four gigabytes."""
    return (1 << 32) // size
