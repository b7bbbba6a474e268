"""The order of boxes and lanes within their layers, with few crossings: the third step of Sugiyama's method."""

from __future__ import annotations

from assay.schema.erd.lanes import Lanes

_SWEEPS = 16


def order(lanes: Lanes) -> None:
    """Put the places of every layer into an order that makes few lines cross."""
    left, right = lanes.neighbours()
    best, fewest = [list(layer) for layer in lanes.layers], crossings(lanes)
    for sweep in range(_SWEEPS):
        forwards = sweep % 2 == 0
        indices = range(1, len(lanes.layers)) if forwards else range(len(lanes.layers) - 2, -1, -1)
        for index in indices:
            _by_barycentre(lanes, index, left if forwards else right)
        _swap_neighbours(lanes)
        found = crossings(lanes)
        if found < fewest:
            best, fewest = [list(layer) for layer in lanes.layers], found
        if not fewest:
            break
    lanes.layers[:] = best


def _by_barycentre(lanes: Lanes, index: int, towards: dict[int, list[tuple[float, int, float]]]) -> None:
    """Sort a layer by the mean of where its places' lines lead."""
    position = _positions(lanes)
    layer = lanes.layers[index]
    size = max(len(layer), 1)
    means: dict[int, float] = {}
    for rank, place in enumerate(layer):
        ends = [
            (position[other] + y / lanes.places[other].height) / len(lanes.layers[lanes.places[other].layer])
            for _, other, y in towards[place]
        ]
        means[place] = sum(ends) / len(ends) if ends else (rank + 0.5) / size
    layer.sort(key=lambda place: means[place])


def _positions(lanes: Lanes) -> dict[int, int]:
    return {place: rank for layer in lanes.layers for rank, place in enumerate(layer)}


def _swap_neighbours(lanes: Lanes) -> None:
    """Exchange neighbours as long as that makes fewer lines cross."""
    left, right = lanes.neighbours()
    position = {place: float(rank) for place, rank in _positions(lanes).items()}
    for layer in lanes.layers:
        improved = True
        while improved:
            improved = False
            for rank in range(len(layer) - 1):
                upper, lower = layer[rank], layer[rank + 1]
                now = _pair(left, position, lanes, upper, lower) + _pair(right, position, lanes, upper, lower)
                then = _pair(left, position, lanes, lower, upper) + _pair(right, position, lanes, lower, upper)
                if then < now:
                    layer[rank], layer[rank + 1] = lower, upper
                    position[upper], position[lower] = position[lower], position[upper]
                    improved = True


def _pair(
    towards: dict[int, list[tuple[float, int, float]]], position: dict[int, float], lanes: Lanes, upper: int, lower: int
) -> int:
    """How many lines of two neighbours cross on one side, with the first one above."""
    highs = [position[other] + y / lanes.places[other].height for _, other, y in towards[upper]]
    lows = [position[other] + y / lanes.places[other].height for _, other, y in towards[lower]]
    return sum(high > low for high in highs for low in lows)


def crossings(lanes: Lanes) -> int:
    """How many pairs of lines cross between layers."""
    position = _positions(lanes)
    by_layer: dict[int, list[tuple[float, float]]] = {}
    for hop in lanes.hops:
        start, end = lanes.places[hop.start], lanes.places[hop.end]
        if start.layer != end.layer:
            ends = position[hop.start] + hop.start_y / start.height, position[hop.end] + hop.end_y / end.height
            by_layer.setdefault(hop.layer, []).append(ends)
    return sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0
        for pairs in by_layer.values()
        for index, a in enumerate(pairs)
        for b in pairs[:index]
    )
