"""Query levels: a query, what surrounds it, and what is known not to be NULL in the rows that it keeps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from assay.proof.facts import NOTHING, Facts, VarUse
from assay.proof.modernise import JoinTree
from assay.proof.nodes import Grouping, Join, RteKind, items
from assay.proof.querytree import Node

if TYPE_CHECKING:
    from assay.proof.inference import Inference


@dataclass(frozen=True, slots=True)
class Known:
    """Facts brought down to one level: its own columns, and the sides of its outer joins."""

    columns: frozenset[tuple[int, int]] = frozenset()
    """(entry, attribute): not NULL wherever the entry's row is a real one and not filled in by an outer join."""
    real: frozenset[tuple[int, str]] = frozenset()
    """(join, side): the rows of that side are real ones."""
    expressions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression is evaluated: a level, what is known there, and the scope around it."""

    level: Level
    known: Known
    outer: Scope | None = None
    returning: bool = False
    """In the RETURNING list of the level's statement, where the target's columns are those of the changed row."""

    @property
    def signature(self) -> tuple[Known, ...]:
        """What is known here and around, by which answers are remembered."""
        return (self.known, *(self.outer.signature if self.outer is not None else ()))

    def up(self, levels: int) -> Scope | None:
        """The scope that many levels out; None beyond the outermost."""
        scope: Scope | None = self
        for _ in range(levels):
            scope = scope.outer if scope is not None else None
        return scope

    def knowing(self, facts: Facts) -> Scope:
        """The same place, where these facts hold too."""
        if facts == NOTHING:
            return self
        outer = self.outer.knowing(facts.raised()) if self.outer is not None else None
        return replace(self, known=self.level.resolve(facts, self.known), outer=outer)


@dataclass(eq=False)
class Level:
    """One query of a statement."""

    inference: Inference
    query: Node
    outer: Scope | None = None
    ignore_conditions: bool = False
    """For a view that is written to: rows that its WHERE would hide can come back from RETURNING."""
    assumed: dict[int, list[bool]] = field(default_factory=dict)
    """For the recursive WITH queries being worked out around here, by identity: which columns may be NULL so far."""

    def __post_init__(self) -> None:
        self.entries: list[Node] = items(self.query, "rtable")
        self.joins = JoinTree(self.query)
        self.cache: dict[Any, Any] = {}
        self._sides: dict[tuple[int, int], str] = {}
        self._outer_joins: list[_OuterJoin] = []
        self.group_entry = next((n for n, e in enumerate(self.entries, 1) if e["rtekind"] == RteKind.GROUP), 0)
        if self.query.get("jointree"):
            self._visit(self.query["jointree"])
        known, around = Known(), self.outer
        if not self.ignore_conditions:
            known = self.resolve(self.inference.input_facts(self.query), known)
            around = around.knowing(self.inference.row_facts(self.query).raised()) if around is not None else None
        self.scope = Scope(self, known, around)

    def entry(self, index: int) -> Node:
        """An entry of the range table, by its index from 1."""
        return self.entries[index - 1]

    def name(self, index: int) -> str:
        """The name by which the statement knows an entry."""
        entry = self.entry(index)
        alias = entry.get("alias") or entry.get("eref")
        return str(alias["aliasname"]) if alias else "?"

    def side(self, join: int, entry: int) -> str:
        """On which side of a join an entry is: ``l`` or ``r``."""
        return self._sides.get((join, entry), "")

    def unreal_join(self, use: VarUse, known: Known) -> int:
        """An outer join that may have put NULL in the place of this column's row; 0 when none can."""
        for join in sorted(use.nulling):
            if join != self.group_entry and (join, self.side(join, use.relation)) not in known.real:
                return join
        return 0

    def left_out_by_grouping(self, use: VarUse) -> bool:
        """Whether some grouping set leaves out the grouped expression that the reference means."""
        if not items(self.query, "groupingSets"):
            return False
        if use.relation != self.group_entry:
            return self.group_entry in use.nulling
        sets = items(self.query, "groupingSets")
        return not all(
            any(_always_contains(element, reference) for element in sets)
            for reference in self._references(use.attribute)
        )

    def _references(self, attribute: int) -> list[int]:
        """The GROUP BY entries that a grouped expression may mean: all that it is equal to."""
        expressions = self.entry(self.group_entry)["groupexprs"]
        clauses = items(self.query, "groupClause")
        same = expressions[attribute - 1].key
        return [
            clause["tleSortGroupRef"]
            for expression, clause in zip(expressions, clauses, strict=True)
            if expression.key == same
        ]

    def resolve(self, facts: Facts, known: Known) -> Known:
        """Add facts to what is known, with all that follows for the joins of this level."""
        columns, real = set(known.columns), set(known.real)
        pending = [*self._own(facts), *(use for join in self._outer_joins for use in self._own(join.inside))]
        while pending:
            self._take(pending, columns, real)
            for join in self._outer_joins:
                if join.needs <= real:
                    pending += [use for use in self._own(join.matched) if not self._is_known(use, columns, real)]
        return Known(frozenset(columns), frozenset(real), known.expressions | facts.expressions)

    def _own(self, facts: Facts) -> list[VarUse]:
        """The columns of this level among the facts.

        Before 16 the row of a join that has an alias, filled in by an outer join, is a row of NULLs, not NULL itself
        (flatten_join_alias_vars, src/backend/optimizer/util/var.c): that there is one proves nothing.
        """
        found = [use for use in facts.columns if use.levels_up == 0 and not use.returning]
        if self.inference.catalog.version >= 16:
            return found
        joins = {number for number, entry in enumerate(self.entries, 1) if entry["rtekind"] == RteKind.JOIN}
        return [use for use in found if use.attribute or use.relation not in joins]

    def _is_known(self, use: VarUse, columns: set[tuple[int, int]], real: set[tuple[int, str]]) -> bool:
        return (use.relation, use.attribute) in columns and all(
            (join, self.side(join, use.relation)) in real for join in use.nulling
        )

    def _take(self, pending: list[VarUse], columns: set[tuple[int, int]], real: set[tuple[int, str]]) -> None:
        while pending:
            use = pending.pop()
            if self._is_known(use, columns, real):
                continue
            columns.add((use.relation, use.attribute))
            real.update((join, self.side(join, use.relation)) for join in use.nulling)
            pending += self._own(self._meaning(use))

    def _meaning(self, use: VarUse) -> Facts:
        """What follows for the columns that a column of a join or of the grouping step stands for."""
        if use.attribute <= 0 or use.relation > len(self.entries):
            return NOTHING
        entry = self.entry(use.relation)
        stands_for = {RteKind.JOIN: "joinaliasvars", RteKind.GROUP: "groupexprs"}.get(entry["rtekind"])
        if stands_for is None or use.attribute > len(entry[stands_for]):
            return NOTHING
        return self.inference.conditions.present(entry[stands_for][use.attribute - 1])

    def _visit(self, node: Node) -> set[int]:
        """Note the sides and the facts of every join below a node of the join tree; gives the entries in it."""
        if node.tag == "RANGETBLREF":
            return {node["rtindex"]}
        if node.tag == "FROMEXPR":
            return set().union(*(self._visit(item) for item in items(node, "fromlist")))
        left, right, join = self._visit(node["larg"]), self._visit(node["rarg"]), node["rtindex"]
        self._sides.update({(join, entry): "l" for entry in left} | {(join, entry): "r" for entry in right})
        if node["jointype"] != Join.INNER:
            self._outer_joins += _outer_joins(node, left, right, self.inference)
        return left | right | {join}


@dataclass(frozen=True, slots=True)
class _OuterJoin:
    """What an outer join lets conclude."""

    needs: frozenset[tuple[int, str]]
    """The sides whose rows must be real ..."""
    matched: Facts
    """... for these facts to hold."""
    inside: Facts
    """Facts about the nulled side's own columns, which hold wherever its rows are real."""


def _outer_joins(node: Node, left: set[int], right: set[int], inference: Inference) -> Iterable[_OuterJoin]:
    join, on = node["rtindex"], inference.conditions.true(node["quals"])
    of_left, of_right = inference.join_facts(node["larg"]), inference.join_facts(node["rarg"])
    if node["jointype"] == Join.LEFT:
        yield _OuterJoin(frozenset({(join, "r")}), on | of_right, _about(on | of_right, right))
    elif node["jointype"] == Join.RIGHT:
        yield _OuterJoin(frozenset({(join, "l")}), on | of_left, _about(on | of_left, left))
    else:
        both = on | of_left | of_right
        inside = _about(of_left, left) | _about(of_right, right)
        yield _OuterJoin(frozenset({(join, "l"), (join, "r")}), both, inside)
        yield _OuterJoin(frozenset({(join, "l")}), of_left, NOTHING)
        yield _OuterJoin(frozenset({(join, "r")}), of_right, NOTHING)


def _about(facts: Facts, entries: set[int]) -> Facts:
    return Facts(frozenset(use for use in facts.columns if use.levels_up == 0 and use.relation in entries))


def _always_contains(grouping: Node, reference: int) -> bool:
    """Whether every grouping set that this element makes contains the expression."""
    match grouping["kind"]:
        case Grouping.SIMPLE:
            return reference in items(grouping, "content")
        case Grouping.SETS:
            return all(_always_contains(inner, reference) for inner in items(grouping, "content"))
    return False
