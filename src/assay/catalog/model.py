"""The facts of pg_catalog that proofs rest on, as frozen dataclasses.

Other rooms read other facts of the same relations: ``assay.schema.structure.model`` as they are shown and written,
``assay.schema.advice.model`` as the rules of schema lint compare them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag


class TriggerEvents(IntFlag):
    """What a trigger fires on, the bits of pg_trigger.tgtype (src/include/catalog/pg_trigger.h)."""

    ROW = 1
    BEFORE = 2
    INSERT = 4
    DELETE = 8
    UPDATE = 16
    TRUNCATE = 32
    INSTEAD = 64


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column of a relation."""

    number: int
    name: str
    type_oid: int
    not_null: bool
    """A validated NOT NULL constraint holds for the rows of this relation itself."""
    not_null_below: bool
    """It holds for the rows of every relation that inherits from this one, too."""
    primary: bool
    generated: str = ""
    """The text of the query tree of a generated column's expression, else empty."""
    identity: bool = False
    stored: bool = False
    """It is generated when its row is written, not when it is read."""
    has_default: bool = False
    """A row that leaves it out has a value there all the same: from its default, its identity or its domain."""


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of a unique index, with what decides whether two values are the same to it."""

    number: int
    equality: frozenset[int]
    """The operators that mean equality in the column's operator family."""
    collation: int
    family: int = 0
    """The operator family, by whose support functions the index tells values apart."""


@dataclass(frozen=True, slots=True)
class Key:
    """A unique index over whole columns of a whole table, checked at once (not deferred)."""

    name: str
    primary: bool
    columns: tuple[KeyColumn, ...]
    nulls_distinct: bool


@dataclass(frozen=True, slots=True)
class Check:
    """A validated, enforced CHECK constraint."""

    name: str
    tree: str
    """Its expression, as the text of a query tree; the relation is range-table entry 1."""
    inherited: bool
    """It holds for the rows of inheriting relations, too."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view, materialised view, foreign table or partitioned table."""

    oid: int
    schema: str
    name: str
    kind: str
    """pg_class.relkind: r table, p partitioned, v view, m materialised view, f foreign table, t TOAST, c composite."""
    attributes: dict[int, Attribute]
    keys: tuple[Key, ...] = ()
    checks: tuple[Check, ...] = ()
    triggers: tuple[TriggerEvents, ...] = ()
    rules: frozenset[str] = frozenset()
    """The events with a rewrite rule that is not a view's own: select, update, insert, delete."""
    view: str = ""
    """The text of a view's or materialised view's query tree."""
    has_children: bool = False
    foreign_below: bool = False
    """This relation or one that inherits from it is a foreign table, whose constraints nobody enforces."""
    row_security: bool = False
    policies: tuple[str, ...] = ()
    """The conditions of the policies of row security, where it is enabled, as the texts of query trees."""
    planned: tuple[str, ...] = ()
    """Expressions of indexes, constraints, partitioning and statistics, here and below, as the texts of query trees."""

    @property
    def label(self) -> str:
        """The name for messages: without the schema where that is public."""
        return self.name if self.schema in ("public", "pg_catalog") else f"{self.schema}.{self.name}"

    def column(self, number: int) -> str:
        """A column's name for messages: ``table.column``."""
        attribute = self.attributes.get(number)
        return f"{self.label}.{attribute.name if attribute else '?'}"


@dataclass(frozen=True, slots=True)
class Function:
    """A function, procedure, aggregate or window function."""

    oid: int
    schema: str
    name: str
    kind: str
    """pg_proc.prokind: f function, a aggregate, w window function, p procedure."""
    strict: bool
    returns_set: bool
    volatility: str
    """pg_proc.provolatile: i immutable, s stable, v volatile."""
    language: str
    result_type: int
    argument_types: tuple[int, ...]
    source: str = ""
    """pg_proc.prosrc."""
    body: str = ""
    """The text of the query tree of a SQL-standard body, else empty."""
    output_types: tuple[int, ...] = ()
    """The types of OUT, INOUT and TABLE columns, where there are any."""
    replaced: bool = False
    """It has the OID of one that came with the server, but not its language or its parts."""
    only_input: bool = True
    """It has no OUT, INOUT, VARIADIC or TABLE arguments."""
    defaults: str = ""
    """The text of the list of query trees that the last arguments default to."""
    settings: tuple[str, ...] = ()
    """pg_proc.proconfig: what SET in its definition sets while it runs, as ``name=value``."""

    @property
    def builtin(self) -> bool:
        """It came with the server: its OID is below FirstUnpinnedObjectId or FirstNormalObjectId (transam.h).

        A superuser can replace even those. One that is no longer in C or SQL, or an aggregate that is no longer made
        of such, is taken for a function of users; one in C that calls itself by another's name is not found out.
        """
        return self.oid < FIRST_NORMAL_OID and not self.replaced

    @property
    def signature(self) -> str:
        """The name with the argument types' OIDs, which are the same on every server for built-in types."""
        return f"{self.name}({','.join(map(str, self.argument_types))})"


@dataclass(frozen=True, slots=True)
class Operator:
    """What an operator calls."""

    function: int
    negated: int = 0
    """The function of its negator, which the planner may call in its place under NOT; 0 where it has none."""


FIRST_NORMAL_OID = 16384
"""Objects made after initdb have OIDs from here (src/include/access/transam.h)."""
