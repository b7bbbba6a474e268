"""Numbers with their nouns, lists and excerpts, for what people read."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number of things: ``1 file``, ``2,000 files``, ``2 queries`` where the plural is given."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence: ``a``, ``a and b``, ``a, b and c``; there is at least one."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def shortened(text: str, most: int = 60) -> str:
    """A text on one line; ``...`` stands for its end where it has more than so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."
