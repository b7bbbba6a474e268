"""Parts of a picture side by side in rows, as on shelves."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from assay.schema.erd.geometry import Point


def pack(sizes: Sequence[tuple[float, float]], gap: float, shape: float) -> tuple[list[Point], float, float]:
    """Where each part goes, and the width and height of them all.

    Args:
        sizes: width and height of each part, those that should come first in front.
        gap: between parts.
        shape: how much wider than high the whole should be.
    """
    if not sizes:
        return [], 0.0, 0.0
    widest = max(width for width, _ in sizes)
    total = sum((width + gap) * (height + gap) for width, height in sizes)
    candidates = {widest, *(max(widest, (total * factor) ** 0.5) for factor in (shape, shape * 1.3, shape * 1.7))}
    return min(
        (_shelves(sizes, gap, limit) for limit in sorted(candidates)),
        key=lambda found: _waste(found[1], found[2], shape),
    )


def _waste(width: float, height: float, shape: float) -> float:
    """The area, and more where the shape is another one than it should be."""
    return width * height * (1 + 0.3 * abs(log(max(width, 1) / max(height, 1) / shape)))


def _shelves(sizes: Sequence[tuple[float, float]], gap: float, limit: float) -> tuple[list[Point], float, float]:
    order = sorted(range(len(sizes)), key=lambda index: (index > 0, -sizes[index][1], index))
    places: dict[int, Point] = {}
    x = y = shelf = right = 0.0
    for index in order:
        width, height = sizes[index]
        if x and x + width > limit:
            x, y, shelf = 0.0, y + shelf + gap, 0.0
        places[index] = (x, y)
        x, shelf = x + width + gap, max(shelf, height)
        right = max(right, x - gap)
    return [places[index] for index in range(len(sizes))], right, y + shelf
