"""What the layout works on and what it gives, in pixels."""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Size:
    """A box that is to be placed."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Ends:
    """A line that is to be drawn from one box to another, or to the same."""

    child: int
    parent: int
    child_y: float
    """Where it leaves the child, from the top of its box."""
    parent_y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is."""

    corners: tuple[Point, ...]
    """Of each box the upper left one."""
    paths: tuple[tuple[Point, ...], ...]
    """Of each line its corners, from the child to the parent; its parts are horizontal and vertical."""
    width: float
    height: float
