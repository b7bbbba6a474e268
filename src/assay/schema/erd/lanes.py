"""Boxes and the lanes between them, layer by layer.

A line that passes through a layer has a lane there, a place of its own between the boxes. Lines that come from the same
row of the same box share their lanes: to the eye they are one trunk with branches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

LANE = 12.0
"""The height of a lane."""


@dataclass(slots=True)
class Place:
    """A box or a lane in a layer."""

    layer: int
    height: float
    box: int = -1
    """Which box it is; -1 for a lane."""
    y: float = 0.0
    """Its upper edge."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A piece of a line from one layer to the next, or one that turns back to its own layer."""

    start: int
    """The place where it begins, on the left."""
    start_y: float
    """From that place's upper edge."""
    end: int
    end_y: float
    layer: int
    """The layer on the left of the space that it is drawn in."""


@dataclass(slots=True)
class Lanes:
    """Everything that has a place in a layer."""

    places: list[Place] = field(default_factory=list)
    layers: list[list[int]] = field(default_factory=list)
    """The places in each layer, from the top."""
    hops: list[Hop] = field(default_factory=list)
    routes: list[list[int]] = field(default_factory=list)
    """For each line its hops, from left to right."""

    def neighbours(self) -> tuple[dict[int, list[tuple[float, int, float]]], dict[int, list[tuple[float, int, float]]]]:
        """For each place, its hops to the left and to the right: own height, the other place, and the height there."""
        left: dict[int, list[tuple[float, int, float]]] = {index: [] for index in range(len(self.places))}
        right: dict[int, list[tuple[float, int, float]]] = {index: [] for index in range(len(self.places))}
        for hop in self.hops:
            if self.places[hop.start].layer != self.places[hop.end].layer:
                right[hop.start].append((hop.start_y, hop.end, hop.end_y))
                left[hop.end].append((hop.end_y, hop.start, hop.start_y))
        return left, right


@dataclass(frozen=True, slots=True)
class Line:
    """A line from the left to the right."""

    start: int
    start_y: float
    end: int
    end_y: float


def make_lanes(layer: dict[int, int], heights: dict[int, float], lines: list[Line]) -> Lanes:
    """Places for boxes and lanes, and the hops of each line; lines and layers are of boxes."""
    lanes = Lanes(layers=[[] for _ in range(max(layer.values()) + 1)])
    at = {box: _add(lanes, Place(layer[box], heights[box], box)) for box in sorted(layer)}
    shared: dict[tuple[int, float, int], int] = {}
    known: dict[Hop, int] = {}
    for line in lines:
        route: list[int] = []
        for hop in _hops(lanes, line, at, layer, shared):
            if hop not in known:
                known[hop] = len(lanes.hops)
                lanes.hops.append(hop)
            route.append(known[hop])
        lanes.routes.append(route)
    return lanes


def _add(lanes: Lanes, place: Place) -> int:
    lanes.places.append(place)
    lanes.layers[place.layer].append(len(lanes.places) - 1)
    return len(lanes.places) - 1


def _hops(
    lanes: Lanes, line: Line, at: dict[int, int], layer: dict[int, int], shared: dict[tuple[int, float, int], int]
) -> Iterator[Hop]:
    here, y = at[line.start], line.start_y
    for through in range(layer[line.start] + 1, layer[line.end]):
        key = (line.start, line.start_y, through)
        if key not in shared:
            shared[key] = _add(lanes, Place(through, LANE))
        yield Hop(here, y, shared[key], LANE / 2, through - 1)
        here, y = shared[key], LANE / 2
    yield Hop(here, y, at[line.end], line.end_y, max(layer[line.end] - 1, layer[line.start]))
