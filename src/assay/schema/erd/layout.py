"""Where the boxes and lines of a diagram are: each connected part by itself in layers, then all parts side by side."""

from __future__ import annotations

from collections.abc import Sequence

from assay.schema.erd.channels import MARGIN, TRACK, Net, assign_tracks, nets_of
from assay.schema.erd.geometry import Ends, Layout, Point, Size
from assay.schema.erd.heights import set_heights
from assay.schema.erd.lanes import Lanes, Line, make_lanes
from assay.schema.erd.layering import layers_of, oriented
from assay.schema.erd.ordering import order
from assay.schema.erd.packing import pack

GAP = 34.0
"""Between boxes, upright."""
_ENOUGH = 640.0
"""The height that every layer may have."""
_SHAPE = 1.5
"""How much wider than high a picture should be."""


def lay_out(sizes: Sequence[Size], ends: Sequence[Ends]) -> Layout:
    """Place boxes and lines, the same for the same input."""
    parts = [_part(nodes, sizes, ends) for nodes in components(len(sizes), ends)]
    corners: dict[int, Point] = {}
    paths: dict[int, tuple[Point, ...]] = {}
    offsets, width, height = pack([(part[2], part[3]) for part in parts], GAP * 1.5, _SHAPE)
    for (boxes, lines, _, _), (dx, dy) in zip(parts, offsets, strict=True):
        corners |= {box: (x + dx, y + dy) for box, (x, y) in boxes.items()}
        paths |= {line: tuple((x + dx, y + dy) for x, y in points) for line, points in lines.items()}
    return Layout(
        tuple(corners[index] for index in range(len(sizes))),
        tuple(paths[index] for index in range(len(ends))),
        width,
        height,
    )


def components(count: int, ends: Sequence[Ends]) -> list[list[int]]:
    """The boxes that lines connect with one another, the largest group first."""
    group = list(range(count))
    for line in ends:
        one, other = group[line.child], group[line.parent]
        if one != other:
            group = [min(one, other) if each in (one, other) else each for each in group]
    found: dict[int, list[int]] = {}
    for node, name in enumerate(group):
        found.setdefault(name, []).append(node)
    return sorted(found.values(), key=lambda nodes: (-len(nodes), nodes))


Part = tuple[dict[int, Point], dict[int, tuple[Point, ...]], float, float]
"""Boxes, lines, width and height."""


def _part(nodes: list[int], sizes: Sequence[Size], ends: Sequence[Ends]) -> Part:
    """The layout of boxes that are connected."""
    inside = set(nodes)
    chosen = [index for index, line in enumerate(ends) if line.child in inside]
    heights = {node: sizes[node].height for node in nodes}
    arcs = list(dict.fromkeys((ends[index].parent, ends[index].child) for index in chosen))
    layer = layers_of(nodes, oriented(nodes, arcs), {node: heights[node] + GAP for node in nodes}, _most(nodes, sizes))
    lines = [_line(ends[index], layer) for index in chosen]
    lanes = make_lanes(layer, heights, lines)
    order(lanes)
    set_heights(lanes, GAP)
    nets, of_hop = nets_of(lanes)
    tracks = assign_tracks(nets, len(lanes.layers))
    lefts, width = _lefts(lanes, sizes, tracks)
    boxes = {place.box: (lefts[place.layer][0], place.y) for place in lanes.places if place.box >= 0}
    paths = {
        index: _path(lanes, route, nets, of_hop, lefts, sizes, ends[index], layer)
        for index, route in zip(chosen, lanes.routes, strict=True)
    }
    return boxes, paths, width, max(place.y + place.height for place in lanes.places)


def _most(nodes: list[int], sizes: Sequence[Size]) -> float:
    """How high a layer may be, so that the whole has a good shape."""
    area = sum((sizes[node].width + 2 * MARGIN + 3 * TRACK) * (sizes[node].height + GAP) for node in nodes)
    highest = max(sizes[node].height + GAP for node in nodes)
    return max(float((area / _SHAPE) ** 0.5), highest, _ENOUGH)


def _line(ends: Ends, layer: dict[int, int]) -> Line:
    """The line from left to right: from the parent, unless a cycle has been cut there."""
    if layer[ends.parent] <= layer[ends.child]:
        return Line(ends.parent, ends.parent_y, ends.child, ends.child_y)
    return Line(ends.child, ends.child_y, ends.parent, ends.parent_y)


def _lefts(lanes: Lanes, sizes: Sequence[Size], tracks: list[int]) -> tuple[list[tuple[float, float]], float]:
    """The left and right edge of each layer, and the width of them all."""
    edges: list[tuple[float, float]] = []
    x = 0.0
    for index, layer in enumerate(lanes.layers):
        width = max(
            (sizes[lanes.places[place].box].width for place in layer if lanes.places[place].box >= 0), default=0
        )
        edges.append((x, x + width))
        x += width + 2 * MARGIN + max(tracks[index] - 1, 0) * TRACK
    last = tracks[-1]
    return edges, edges[-1][1] + (MARGIN + last * TRACK if last else 0)


def _path(
    lanes: Lanes,
    route: list[int],
    nets: list[Net],
    of_hop: list[int],
    edges: list[tuple[float, float]],
    sizes: Sequence[Size],
    ends: Ends,
    layer: dict[int, int],
) -> tuple[Point, ...]:
    """The corners of a line, from the child to the parent."""
    first = lanes.places[lanes.hops[route[0]].start]
    points: list[Point] = [(edges[first.layer][0] + sizes[first.box].width, first.y + lanes.hops[route[0]].start_y)]
    for number in route:
        hop, net = lanes.hops[number], nets[of_hop[number]]
        end = lanes.places[hop.end]
        x = edges[hop.layer][1] + MARGIN + net.track * TRACK
        y = end.y + hop.end_y
        back = lanes.places[hop.start].layer == end.layer
        arrival = edges[end.layer][0] + (sizes[end.box].width if back else 0)
        points += [(x, points[-1][1]), (x, y), (arrival, y)]
    path = simplified(points)
    return path if layer[ends.parent] > layer[ends.child] else path[::-1]


def simplified(points: Sequence[Point]) -> tuple[Point, ...]:
    """The same line without corners that are none, and with its coordinates rounded."""
    kept: list[Point] = []
    for x, y in points:
        point = (round(x, 1), round(y, 1))
        if kept and kept[-1] == point:
            continue
        straight = len(kept) > 1 and (kept[-2][0] == kept[-1][0] == point[0] or kept[-2][1] == kept[-1][1] == point[1])
        if straight:
            kept.pop()
        kept.append(point)
    return tuple(kept)
