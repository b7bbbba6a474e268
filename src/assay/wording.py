"""Numbers with their nouns, for what people read."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number of things: ``1 file``, ``2,000 files``, ``2 queries`` where the plural is given."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"
