"""Brings the trees of older servers into the form of 18, so that inference knows one form.

PostgreSQL 16 began to mark on each Var which outer joins can null it (``varnullingrels``), and 18 to give grouping a
range-table entry of its own, which nulls the columns that a grouping set leaves out. For 14 to 17 the same marks are
derived here from the join tree and the group clause. On 16 and later the derived marks equal the server's, which a
test shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assay.proof.nodes import Join, RteKind, expression_type, items
from assay.proof.querytree import Node, walk


def modernise(tree: Any, version: int) -> Any:
    """Add to the queries of a tree, in place, what a server of this major version did not; returns the tree."""
    if version < 16:
        for query in _outermost_queries(tree):
            _mark(query, [])
    if version < 18:
        for node in list(walk(tree)):
            if node.tag == "QUERY" and node.get("groupingSets"):
                _add_grouping_entry(node)
    return tree


def _outermost_queries(tree: Any) -> Iterator[Node]:
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, Node) and item.tag == "QUERY":
            yield item
        elif isinstance(item, Node):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A join that contains an entry of the range table."""

    join: int
    nulls: bool
    """Whether the entry is on a side that the join can null."""


class JoinTree:
    """Which joins contain which entries of the range table."""

    def __init__(self, query: Node) -> None:
        self.above: dict[int, tuple[Ancestor, ...]] = {}
        """For each entry, the joins that contain it, innermost last."""
        if query.get("jointree"):
            for item in items(query["jointree"], "fromlist"):
                self._visit(item, ())

    def _visit(self, node: Node, above: tuple[Ancestor, ...]) -> None:
        if node.tag == "RANGETBLREF":
            self.above[node["rtindex"]] = above
        elif node.tag == "FROMEXPR":
            for item in items(node, "fromlist"):
                self._visit(item, above)
        else:
            join, kind = node["rtindex"], node["jointype"]
            self.above[join] = above
            self._visit(node["larg"], (*above, Ancestor(join, kind in (Join.RIGHT, Join.FULL))))
            self._visit(node["rarg"], (*above, Ancestor(join, kind in (Join.LEFT, Join.FULL))))

    def nulling(self, entry: int, inside: int = 0, beside: int = 0) -> list[int]:
        """The joins that can null an entry, as seen from a place in the query.

        ``inside`` names a join from whose ON clause it is seen, ``beside`` an entry from which it is seen sideways
        (LATERAL); with neither it is seen from above all joins.
        """
        above = self.above.get(entry, ())
        if inside:
            joins = [ancestor.join for ancestor in above]
            above = above[joins.index(inside) + 1 :] if inside in joins else ()
        if beside:
            around = {ancestor.join for ancestor in self.above.get(beside, ())}
            above = tuple(ancestor for ancestor in above if ancestor.join not in around)
        return sorted(ancestor.join for ancestor in above if ancestor.nulls)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a query an expression stands."""

    tree: JoinTree
    inside: int = 0
    beside: int = 0


def _mark(query: Node, outer: list[_Place]) -> None:
    tree = JoinTree(query)
    top = [*outer, _Place(tree)]
    for field, value in query.items():
        if field == "rtable":
            for index, entry in enumerate(value or (), 1):
                _mark_entry(entry, index, tree, outer)
        elif field == "jointree":
            _mark_joins(value, tree, outer)
        else:
            _mark_expression(value, top)


def _mark_entry(entry: Node, index: int, tree: JoinTree, outer: list[_Place]) -> None:
    if entry["rtekind"] == RteKind.JOIN:
        own = tree.above.get(index, ())
        for var in walk(entry["joinaliasvars"]):
            if var.tag == "VAR" and var["varlevelsup"] == 0:
                beyond = {ancestor.join for ancestor in own}
                var["varnullingrels"] = [join for join in tree.nulling(var["varno"]) if join not in beyond]
        return
    for field, value in entry.items():
        if field not in ("alias", "eref"):
            _mark_expression(value, [*outer, _Place(tree, beside=index)])


def _mark_joins(node: Any, tree: JoinTree, outer: list[_Place]) -> None:
    if not isinstance(node, Node) or node.tag == "RANGETBLREF":
        return
    inside = node["rtindex"] if node.tag == "JOINEXPR" else 0
    _mark_expression(node["quals"], [*outer, _Place(tree, inside=inside)])
    for child in [node["larg"], node["rarg"]] if inside else items(node, "fromlist"):
        _mark_joins(child, tree, outer)


def _mark_expression(value: Any, places: list[_Place]) -> None:
    if isinstance(value, list):
        for item in value:
            _mark_expression(item, places)
    elif isinstance(value, Node):
        if value.tag == "QUERY":
            _mark(value, places)
        elif value.tag == "VAR":
            level = value["varlevelsup"]
            place = places[-1 - level] if level < len(places) else None
            value["varnullingrels"] = (
                place.tree.nulling(value["varno"], place.inside, place.beside) if place is not None else []
            )
        else:
            for item in value.values():
                _mark_expression(item, places)


def _add_grouping_entry(query: Node) -> None:
    """Let grouped expressions above the grouping refer to an entry of their own, as 18's parser does (parse_agg.c)."""
    by_reference = {entry["ressortgroupref"]: entry["expr"] for entry in items(query, "targetList")}
    expressions = [by_reference[clause["tleSortGroupRef"]] for clause in items(query, "groupClause")]
    index = len(query["rtable"] or ()) + 1
    entry = Node(
        "RANGETBLENTRY",
        alias=None,
        eref=Node("ALIAS", aliasname="*GROUP*", colnames=[]),
        rtekind=int(RteKind.GROUP),
        groupexprs=expressions,
    )
    query["rtable"] = [*(query["rtable"] or ()), entry]
    places = {expression.key: number for number, expression in enumerate(expressions, 1)}
    grouped = _Grouped(
        index, places, {clause["tleSortGroupRef"]: n for n, clause in enumerate(items(query, "groupClause"), 1)}
    )
    query["targetList"] = grouped.replace(query["targetList"])
    query["havingQual"] = grouped.replace(query["havingQual"])


@dataclass(frozen=True, slots=True)
class _Grouped:
    """Puts references to the grouping entry in the place of grouped expressions."""

    index: int
    places: dict[str, int]
    references: dict[int, int]
    """The place of each entry of the select list that is grouped by."""

    def replace(self, value: Any) -> Any:
        """The tree with its grouped expressions replaced; what an aggregate takes is read before grouping."""
        if isinstance(value, list):
            return [self.replace(item) for item in value]
        if not isinstance(value, Node) or value.tag == "GROUPINGFUNC":
            return value
        if value.tag == "AGGREF" and value["agglevelsup"] == 0:
            return value
        if value.tag == "QUERY":
            self._null_references(list(value.values()), 1)
            return value
        if value.tag == "TARGETENTRY" and value["ressortgroupref"] in self.references:
            number = self.references[value["ressortgroupref"]]
            return Node("TARGETENTRY", **{**value, "expr": self._reference(number, value["expr"])})
        # A constant that happens to equal a grouped one is not the grouped one.
        number = 0 if value.tag == "CONST" else self.places.get(value.key, 0)
        if number:
            return self._reference(number, value)
        return Node(value.tag, **{field: self.replace(item) for field, item in value.items()})

    def _reference(self, number: int, expression: Node) -> Node:
        return Node(
            "VAR",
            varno=self.index,
            varattno=number,
            vartype=expression_type(expression),
            varlevelsup=0,
            varnullingrels=[self.index],
        )

    def _null_references(self, value: Any, depth: int) -> None:
        """A subquery may use a grouped expression; take every column of the grouped query there as one."""
        if isinstance(value, list):
            for item in value:
                self._null_references(item, depth)
        elif isinstance(value, Node):
            if value.tag == "VAR" and value["varlevelsup"] == depth:
                value["varnullingrels"] = [*(value.get("varnullingrels") or ()), self.index]
            inner = depth + 1 if value.tag == "QUERY" else depth
            for item in value.values():
                self._null_references(item, inner)
