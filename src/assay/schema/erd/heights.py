"""How high in its layer each box and lane is, so that lines are as straight as their order allows."""

from __future__ import annotations

from assay.schema.erd.lanes import Lanes

_SWEEPS = 24
_LANE_WEIGHT = 4.0
"""How much straighter lanes want to be than the lines of boxes."""
_SLACK = 1.2
"""How much higher than its highest layer a picture may become to make lines straight."""


def set_heights(lanes: Lanes, gap: float) -> None:
    """Set ``y`` of every place; boxes in a layer are ``gap`` apart, lanes a third of that."""
    for layer in lanes.layers:
        y = 0.0
        for place in layer:
            lanes.places[place].y = y
            y += lanes.places[place].height + gap
    room = _SLACK * max(lanes.places[layer[-1]].y + lanes.places[layer[-1]].height for layer in lanes.layers)
    left, right = lanes.neighbours()
    for sweep in range(_SWEEPS):
        forwards = sweep % 2 == 0
        for layer in lanes.layers if forwards else reversed(lanes.layers):
            both = sweep >= _SWEEPS // 2
            _settle(lanes, layer, _wishes(lanes, layer, left, right, forwards=forwards, both=both), gap, room)
    top = min(place.y for place in lanes.places)
    for each in lanes.places:
        each.y = round(each.y - top)


def _wishes(
    lanes: Lanes,
    layer: list[int],
    left: dict[int, list[tuple[float, int, float]]],
    right: dict[int, list[tuple[float, int, float]]],
    *,
    forwards: bool,
    both: bool,
) -> list[tuple[float, float]]:
    """For each place, where its lines would be straight and how much that matters."""
    wishes: list[tuple[float, float]] = []
    for place in layer:
        hops = left[place] + right[place] if both else (left if forwards else right)[place]
        hops = hops or left[place] + right[place]
        ends = [lanes.places[other].y + y - own for own, other, y in hops]
        weight = _LANE_WEIGHT if lanes.places[place].box < 0 else 1.0
        wishes.append((sum(ends) / len(ends), weight) if ends else (lanes.places[place].y, 0.01))
    return wishes


def _settle(lanes: Lanes, layer: list[int], wishes: list[tuple[float, float]], gap: float, room: float) -> None:
    """The heights nearest to the wishes that keep order and distance, by pooling neighbours that push each other.

    No place is above 0, or below the room that there is.

    This is isotonic regression (R. Barlow and others: Statistical Inference under Order Restrictions, 1972).
    """
    offsets, offset = [], 0.0
    for rank, place in enumerate(layer):
        if rank:
            above = lanes.places[layer[rank - 1]]
            offset += above.height + _distance(above.box < 0, lanes.places[place].box < 0, gap)
        offsets.append(offset)
    pools: list[list[float]] = []  # mean, weight, members
    for (wish, weight), offset in zip(wishes, offsets, strict=True):
        pools.append([wish - offset, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, weight_, members = pools.pop()
            low = pools[-1]
            total = low[1] + weight_
            pools[-1] = [(low[0] * low[1] + mean * weight_) / total, total, low[2] + members]
    lowest = max(room - offsets[-1] - lanes.places[layer[-1]].height, 0.0)
    rank = 0
    for mean, _, members in pools:
        for _ in range(int(members)):
            lanes.places[layer[rank]].y = min(max(mean, 0.0), lowest) + offsets[rank]
            rank += 1


def _distance(above: bool, below: bool, gap: float) -> float:
    """Between two places, of which each may be a lane."""
    return 0.0 if above and below else gap / 2 if above or below else gap
