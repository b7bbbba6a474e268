"""Gives each box of a connected diagram a layer, so that lines lead from one layer to a later one.

Layers are columns of the picture, parents to the left. These are the first two steps of Sugiyama's method (K. Sugiyama,
S. Tagawa, M. Toda: Methods for Visual Understanding of Hierarchical System Structures, 1981); cycles are cut as in
P. Eades, X. Lin, W. Smyth: A fast and effective heuristic for the feedback arc set problem, 1993.
"""

from __future__ import annotations

from collections.abc import Sequence

Arc = tuple[int, int]
"""From the box on the left to the one on the right."""


def oriented(nodes: Sequence[int], arcs: Sequence[Arc]) -> list[Arc]:
    """The arcs without cycles: some of them turned around, and those from a box to itself left out."""
    place = {node: index for index, node in enumerate(_sequence(nodes, arcs))}
    return [(start, end) if place[start] < place[end] else (end, start) for start, end in arcs if start != end]


def _sequence(nodes: Sequence[int], arcs: Sequence[Arc]) -> list[int]:
    """The boxes in an order that few arcs lead backwards in."""
    distinct = dict.fromkeys(arc for arc in arcs if arc[0] != arc[1])
    after: dict[int, set[int]] = {node: set() for node in nodes}
    before: dict[int, set[int]] = {node: set() for node in nodes}
    for start, end in distinct:
        after[start].add(end)
        before[end].add(start)
    left: list[int] = []
    right: list[int] = []
    while after:
        chosen = next((node for node in after if not after[node] and before[node]), None)
        if chosen is not None:
            right.append(chosen)
        else:
            first = next((node for node in after if not before[node]), None)
            chosen = max(after, key=lambda node: len(after[node]) - len(before[node])) if first is None else first
            left.append(chosen)
        for other in after.pop(chosen):
            before[other].discard(chosen)
        for other in before.pop(chosen):
            after[other].discard(chosen)
    return left + right[::-1]


def layers_of(nodes: Sequence[int], arcs: Sequence[Arc], heights: dict[int, float], most: float) -> dict[int, int]:
    """The layer of each box: after those of its parents, and none higher than ``most`` unless one box alone is."""
    parents = {node: [start for start, end in arcs if end == node] for node in nodes}
    children = {node: [end for start, end in arcs if start == node] for node in nodes}
    depth = _depths(nodes, parents)
    filled: dict[int, float] = {}
    layer: dict[int, int] = {}
    for node in sorted(nodes, key=lambda node: (depth[node], _first(layer, parents[node]), node)):
        at = max((layer[parent] + 1 for parent in parents[node]), default=0)
        while filled.get(at, 0) and filled[at] + heights[node] > most:
            at += 1
        layer[node] = at
        filled[at] = filled.get(at, 0) + heights[node]
    _pull(nodes, parents, children, layer, filled, heights, most)
    return _without_gaps(layer)


def _depths(nodes: Sequence[int], parents: dict[int, list[int]]) -> dict[int, int]:
    depth: dict[int, int] = {}

    def of(node: int) -> int:
        if node not in depth:
            depth[node] = max((of(parent) + 1 for parent in parents[node]), default=0)
        return depth[node]

    for node in nodes:
        of(node)
    return depth


def _first(layer: dict[int, int], nodes: Sequence[int]) -> int:
    return min((layer.get(node, 0) for node in nodes), default=0)


def _pull(
    nodes: Sequence[int],
    parents: dict[int, list[int]],
    children: dict[int, list[int]],
    layer: dict[int, int],
    filled: dict[int, float],
    heights: dict[int, float],
    most: float,
) -> None:
    """Move boxes nearer to their children where that makes lines shorter: those with fewer parents than children."""
    for node in sorted(nodes, key=lambda node: (-layer[node], node)):
        if not children[node] or len(parents[node]) >= len(children[node]):
            continue
        at = min(layer[child] for child in children[node]) - 1
        while at > layer[node] and filled.get(at, 0) + heights[node] > most:
            at -= 1
        if at > layer[node]:
            filled[layer[node]] -= heights[node]
            filled[at] = filled.get(at, 0) + heights[node]
            layer[node] = at


def _without_gaps(layer: dict[int, int]) -> dict[int, int]:
    used = {old: new for new, old in enumerate(sorted(set(layer.values())))}
    return {node: used[at] for node, at in layer.items()}
