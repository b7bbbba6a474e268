"""The space between two layers, where lines turn: each net of lines has a track, an upright line, of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.schema.erd.lanes import Lanes

TRACK = 11.0
"""The distance between tracks."""
MARGIN = 30.0
"""Between a layer and the first track: room for the marks at the ends of lines."""
_APART = 7.0
"""How near two horizontal pieces may come before they look like one."""


@dataclass(slots=True)
class Net:
    """Lines that begin at the same point, and so share a track."""

    layer: int
    start: float
    """The height at which they come from the left."""
    ends: list[float] = field(default_factory=list)
    """The heights at which they leave to the right."""
    turns: list[float] = field(default_factory=list)
    """The heights at which they go back to the layer on the left."""
    track: int = 0

    @property
    def span(self) -> tuple[float, float]:
        """From the upper to the lower end of the upright line."""
        every = [self.start, *self.ends, *self.turns]
        return min(every), max(every)

    @property
    def straight(self) -> bool:
        """Whether it needs no upright line."""
        return self.span[1] - self.span[0] < 1


def nets_of(lanes: Lanes) -> tuple[list[Net], list[int]]:
    """The nets, and for each hop which one it belongs to."""
    nets: list[Net] = []
    known: dict[tuple[int, float], int] = {}
    of_hop: list[int] = []
    for hop in lanes.hops:
        start, end = lanes.places[hop.start], lanes.places[hop.end]
        key = (hop.start, hop.start_y)
        if key not in known:
            known[key] = len(nets)
            nets.append(Net(hop.layer, start.y + hop.start_y))
        net = nets[known[key]]
        (net.turns if start.layer == end.layer else net.ends).append(end.y + hop.end_y)
        of_hop.append(known[key])
    return nets, of_hop


def assign_tracks(nets: list[Net], layers: int) -> list[int]:
    """Give each net its track; how many tracks there are right of each layer."""
    counts = []
    for layer in range(layers):
        here = [net for net in nets if net.layer == layer and not net.straight]
        counts.append(_assign(here))
    return counts


def _assign(nets: list[Net]) -> int:
    """Tracks from the left, for nets in an order in which one that another would run into comes first."""
    waiting = sorted(nets, key=_eagerness)
    tracks: list[list[Net]] = []
    while waiting:
        ready = [net for net in waiting if not any(_precedes(other, net) for other in waiting if other is not net)]
        net = (ready or waiting)[0]
        waiting.remove(net)
        first = max((other.track + 1 for track in tracks for other in track if _precedes(other, net)), default=0)
        net.track = next(
            (at for at in range(first, len(tracks)) if not any(_overlap(net, other) for other in tracks[at])),
            len(tracks),
        )
        if net.track == len(tracks):
            tracks.append([])
        tracks[net.track].append(net)
    return len(tracks)


def _eagerness(net: Net) -> tuple[int, float, float]:
    """Lines that go up turn early from the top, lines that go down from the bottom: so they cross least."""
    low, high = net.span
    middle = sum(net.ends) / len(net.ends) if net.ends else net.start
    goes_up = middle < net.start
    return (0, low, high) if net.turns and not net.ends else (1, net.start if goes_up else -net.start, high - low)


def _precedes(one: Net, other: Net) -> bool:
    """Whether a line that comes in on ``one`` would run along one that leaves on ``other``, were it not before it."""
    return any(abs(one.start - end) < _APART for end in other.ends) or any(
        abs(turn - end) < _APART for turn in one.turns for end in other.ends
    )


def _overlap(one: Net, other: Net) -> bool:
    low, high = one.span
    other_low, other_high = other.span
    return low < other_high + _APART and other_low < high + _APART
