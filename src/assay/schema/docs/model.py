"""What the site says, before anybody says how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.schema.structure.model import ForeignKey, Relation, Structure


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is said in a line or two: a constraint, an index, a trigger, a policy."""

    name: str
    definition: str
    comment: str = ""
    facets: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A statement in the code."""

    path: str
    line: int
    method: str
    sql: str
    reads: frozenset[str]
    """The columns it reads, as ``schema.table.column``."""
    writes: frozenset[str]

    @property
    def place(self) -> str:
        """``queries/devices.py:14``."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Use:
    """What a query does with one table."""

    query: Query
    reads: tuple[str, ...]
    """Names of columns."""
    writes: tuple[str, ...]
    reading: bool
    writing: bool


@dataclass(frozen=True, slots=True)
class TablePage:
    """All there is to say of a table or view."""

    relation: Relation
    file: str
    """``tables/devices.html``."""
    items: Mapping[str, tuple[Item, ...]]
    """By kind: ``constraint``, ``index``, ``trigger``, ``policy``, ``rule``, ``statistics``."""
    facets: Mapping[str, str]
    """What else is said of it: ``partition by``, ``row security``, ``grants to reader``."""
    definition: str
    """Of a view its query."""
    partitions: tuple[Relation, ...]
    parents: tuple[tuple[TableLink, ForeignKey], ...]
    """Whom it refers to."""
    children: tuple[tuple[TableLink, ForeignKey], ...]
    """Who refers to it."""
    sources: tuple[TableLink, ...]
    """What a view's query reads."""
    views: tuple[TableLink, ...]
    """The views that read it."""
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class TableLink:
    """A table that another page points to."""

    label: str
    file: str
    """Empty for one that has no page."""


@dataclass(frozen=True, slots=True)
class TypePage:
    """An enum, domain, composite or range type."""

    kind: str
    name: str
    facets: Mapping[str, str]
    definition: str
    comment: str
    columns: tuple[tuple[TableLink, str], ...]
    """Where it is used: tables and names of their columns."""


@dataclass(frozen=True, slots=True)
class RoutinePage:
    """A function, procedure or aggregate."""

    kind: str
    name: str
    """With the types of its arguments."""
    definition: str
    comment: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the site says."""

    title: str
    major: int
    """Of the server."""
    structure: Structure
    tables: tuple[TablePage, ...]
    types: tuple[TypePage, ...]
    routines: tuple[RoutinePage, ...]
    queries: tuple[Query, ...]
    notes: tuple[str, ...] = ()
    """What is not on the site, and why."""
