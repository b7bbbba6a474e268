"""Inference over one statement: the rules of the neighbouring modules, with the catalog they look things up in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from assay.catalog.model import FIRST_NORMAL_OID, Function
from assay.catalog.reader import Catalog
from assay.proof import cardinality
from assay.proof.builtins import Builtins
from assay.proof.cardinality import Bound
from assay.proof.facts import NOTHING, Conditions, Facts, VarUse
from assay.proof.levels import Level, Scope
from assay.proof.modernise import modernise
from assay.proof.nodes import Command, Join, RteKind, called, items
from assay.proof.nullability import calls, columns, expressions, returning
from assay.proof.nullability.answer import Nullness
from assay.proof.nullability.bodies import user_function
from assay.proof.nullability.functions import function_column
from assay.proof.querytree import Node, parse
from assay.proof.uniqueness import Pin

RECORD = 2249
_FAMILIES_OF_CONTAINERS = frozenset({397, 2994, 3901, 4199})
_EQUALITIES_OF_CONTAINERS = frozenset({1070, 2988, 3882, 2860})
"""Of arrays, rows, ranges and multiranges (pg_opfamily.dat, pg_operator.dat)."""


class Inference:
    """Works out what the tree of a statement says, given the catalog; sends nothing to the server."""

    def __init__(self, catalog: Catalog, depth: int = 0, trees: dict[str, Any] | None = None) -> None:
        self.catalog = catalog
        self.depth = depth
        """How many SQL functions were followed to get here."""
        self.builtins = Builtins.of(catalog.version)
        self.conditions = Conditions(self.strict_call, self.row_facts)
        self.kept_conditions = Conditions(self.strict_from_the_start, self.row_facts)
        """For what was true of rows when they were stored, by what functions then were."""
        self.arguments: dict[int, Nullness] = {}
        """What is known of the parameters, inside the body of a SQL function."""
        self._memory: dict[Any, Any] = {}
        self._trees: dict[str, Any] = {} if trees is None else trees

    # What the catalog says.

    def strict(self, function: int) -> bool:
        """Whether a function gives NULL whenever an argument is NULL."""
        found = self.catalog.functions.get(function)
        return found is not None and found.strict

    def is_built_in(self, function: int) -> bool:
        """Whether a function came with the server, and is still what it was."""
        found = self.catalog.functions.get(function)
        return found is not None and found.builtin

    def usual_family(self, family: int) -> bool:
        """Whether the support functions of an operator family do what they should.

        Those of rows, arrays and ranges call the ones of what is in them.
        """
        strange = self.catalog.strange_families
        return not strange or (family not in strange and family not in _FAMILIES_OF_CONTAINERS)

    def usual_equality(self, operator: int) -> bool:
        """Whether an operator by which rows are grouped does what it should."""
        return not self.catalog.strange_families or (
            operator < FIRST_NORMAL_OID and operator not in _EQUALITIES_OF_CONTAINERS
        )

    def strict_call(self, node: Node) -> bool:
        """Whether a call of a function or an operator gives NULL whenever an argument is NULL."""
        return self.strict(called(node)) and all(map(self.strict, self.negated(node)))

    def strict_from_the_start(self, node: Node) -> bool:
        """Whether it did so in the past as well: functions and operators of users may have been replaced since."""
        return max(called(node), node.get("opno", 0)) < FIRST_NORMAL_OID and self.strict(called(node))

    def total(self, function: int) -> bool:
        """Whether a function is known to give no NULL for arguments that are not NULL."""
        found = self.catalog.functions.get(function)
        return found is not None and found.builtin and self.builtins.total(found)

    def total_operator(self, node: Node) -> bool:
        """Whether an operator gives no NULL for arguments that are not NULL, nor its negator under NOT."""
        return self.total(called(node)) and self.total_negator(node)

    def total_negator(self, node: Node) -> bool:
        """Whether what NOT may make of an operator gives no NULL for arguments that are not NULL."""
        return all(map(self.total, self.negated(node)))

    def function_of(self, node: Node) -> Function | None:
        """What a call of a function or an operator calls; None where it is not known."""
        return self.catalog.functions.get(called(node))

    def negated(self, node: Node) -> list[int]:
        """What the planner may call instead of an operator of users (negate_clause(), prepqual.c)."""
        operator = self.catalog.operators.get(node.get("opno", 0))
        return [operator.negated] if operator is not None and operator.negated else []

    def volatile(self, function: int) -> bool:
        """Whether a function may answer otherwise from one call to the next."""
        found = self.catalog.functions.get(function)
        return found is None or found.volatility == "v"

    def domain_refuses_null(self, oid: int) -> bool:
        """Whether a type is a NOT NULL domain, or a domain over one."""
        kind = self.catalog.types.get(oid)
        while kind is not None and kind.kind == "domain":
            if kind.not_null:
                return True
            kind = kind.element
        return False

    def domain_checks(self, oid: int) -> list[Node]:
        """The conditions of a domain, and of every domain that a type is made of."""
        found, pending = [], [self.catalog.types.get(oid)]
        while pending:
            kind = pending.pop()
            if kind is not None:
                found += [self.tree(text) for text in self.catalog.domain_checks.get(kind.oid or 0, ())]
                pending += [kind.element, *(field for _, field in kind.fields)]
        return found

    def is_array(self, oid: int) -> bool:
        """Whether a type is an array of something."""
        kind = self.catalog.types.get(oid)
        return kind is not None and kind.kind == "array"

    def is_composite(self, oid: int) -> bool:
        """Whether a type is a row type, a record, or a domain over one; so is one that is not known."""
        kind = self.catalog.types.get(oid)
        while kind is not None and kind.kind == "domain":
            kind = kind.element
        return oid == RECORD or kind is None or kind.kind == "composite"

    def deterministic(self, collation: int) -> bool:
        """Whether strings that a collation calls equal are the same bytes."""
        return collation not in self.catalog.nondeterministic

    def inside_function(self, arguments: dict[int, Nullness]) -> Inference:
        """For the body of a SQL function that is called with these arguments."""
        inner = Inference(self.catalog, self.depth + 1, self._trees)
        inner.arguments = arguments
        return inner

    def tree(self, text: str) -> Any:
        """A tree from the catalog."""
        if text not in self._trees:
            self._trees[text] = modernise(parse(text), self.catalog.version)
        return self._trees[text]

    def view(self, relation: int) -> Node | None:
        """The query of a view, None where it is not known."""
        found = self.catalog.relations.get(relation)
        if found is None or not found.view:
            return None
        query: Node = self.tree(found.view)[0]
        return query

    def row_scope(self, relation: int) -> Scope:
        """Where an expression over one stored row of a relation is evaluated."""

        def make() -> Scope:
            entry = Node(
                "RANGETBLENTRY", alias=None, eref=None, rtekind=int(RteKind.RELATION), relid=relation, inh=False
            )
            tree = Node("FROMEXPR", fromlist=[Node("RANGETBLREF", rtindex=1)], quals=None)
            query = Node("QUERY", commandType=int(Command.SELECT), rtable=[entry], jointree=tree, targetList=[])
            return Level(self, query).scope

        scope: Scope = self.remember(("row", relation), make)
        return scope

    def remember(self, key: Any, make: Callable[[], Any]) -> Any:
        """Work something out once."""
        if key not in self._memory:
            self._memory[key] = make()
        return self._memory[key]

    # What the tree says.

    def level(
        self,
        query: Node,
        outer: Scope | None,
        *,
        ignore_conditions: bool = False,
        assumed: dict[int, list[bool]] | None = None,
    ) -> Level:
        """The level of a query, made once for each place it is seen from."""
        inherited = outer.level.assumed if outer is not None else {}

        def make() -> Level:
            level = Level(self, query, outer, ignore_conditions, assumed or inherited)
            level.cache["padded"] = calls.set_functions(query) > 1
            return level

        if assumed:
            return make()
        cache = outer.level.cache if outer is not None else self._memory
        key = ("level", id(query), outer.signature if outer is not None else (), ignore_conditions)
        if key not in cache:
            cache[key] = make()
        found: Level = cache[key]
        return found

    def expression(self, node: Node, scope: Scope) -> Nullness:
        """Whether an expression can be NULL in a row of the scope's level."""
        return expressions.expression(self, node, scope)

    def column(self, level: Level, index: int, attribute: int) -> Nullness:
        """Whether a column of a range-table entry can be NULL in a row that really comes from it."""
        return columns.column(self, level, index, attribute)

    def output(self, level: Level) -> list[Nullness]:
        """The columns that a query returns."""
        if "output" not in level.cache:
            level.cache["output"] = columns.output(self, level)
        found: list[Nullness] = level.cache["output"]
        return found

    def returned(self, scope: Scope, use: VarUse) -> Nullness | None:
        """A column in RETURNING, where the statement has a say in it."""
        return returning.returned(self, scope, use)

    def function_column(self, function: Node, scope: Scope, attribute: int) -> Nullness:
        """A column of a function in FROM, a RANGETBLFUNCTION."""
        return function_column(self, function, scope, attribute)

    def user_function(self, function: Function, node: Node, scope: Scope) -> Nullness:
        """The result of a function that did not come with the server."""
        return user_function(self, function, node, scope)

    def bound(self, level: Level) -> Bound:
        """How many rows a query can return."""
        if "bound" not in level.cache:
            level.cache["bound"] = cardinality.bound(self, level)
        found: Bound = level.cache["bound"]
        return found

    def rows_given(self, level: Level, given: Iterable[Pin]) -> Bound:
        """How many rows a query can return where some of its columns are pinned from outside."""
        return cardinality.rows_given(self, level, given)

    def row_facts(self, query: Node) -> Facts:
        """What holds where a query returns a row: its conditions were true for what the row was made of."""
        grouped = bool(items(query, "groupClause"))
        if query.get("groupingSets") or ((query.get("hasAggs") or query.get("havingQual") is not None) and not grouped):
            # A row comes back even when none went in.
            return self.conditions.true(query.get("havingQual"))
        return self.input_facts(query)

    def input_facts(self, query: Node) -> Facts:
        """What holds for every row that FROM and WHERE leave, and of a group, that HAVING leaves."""
        if query.get("setOperations") is not None or not query.get("jointree"):
            return NOTHING
        if query["commandType"] == Command.MERGE:
            return NOTHING
        return self.join_facts(query["jointree"]) | self.conditions.true(query.get("havingQual"))

    def join_facts(self, node: Node) -> Facts:
        """What holds for every row of a part of the join tree."""
        if node.tag == "RANGETBLREF":
            return NOTHING
        if node.tag == "FROMEXPR":
            found = self.conditions.true(node["quals"])
            for item in items(node, "fromlist"):
                found |= self.join_facts(item)
            return found
        match node["jointype"]:
            case Join.INNER:
                return (
                    self.join_facts(node["larg"]) | self.join_facts(node["rarg"]) | self.conditions.true(node["quals"])
                )
            case Join.LEFT:
                return self.join_facts(node["larg"])
            case Join.RIGHT:
                return self.join_facts(node["rarg"])
        return NOTHING
