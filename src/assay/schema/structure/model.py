"""What a database's relations are, as frozen dataclasses: tables and views by name, as they are shown and written.

Two other models read the same catalogs for other ends, and share little more than names with this one:
``assay.schema.advice.model`` has tables alone, by OID and column number, with all that makes one index or constraint as
good as another; ``assay.catalog.model`` has what a proof rests on, trees of expressions and operators among it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["table", "partitioned table", "foreign table", "view", "materialized view"]

VIEWS = frozenset({"view", "materialized view"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation."""

    name: str
    quoted: str
    """As SQL has it: in double quotes where it must be."""
    type: str
    """As SQL has it: ``character varying(20)``, ``app.mood`` where the type's schema is not on the search path."""
    cast: str
    """The type without its length or precision, so that a cast to it cuts nothing off."""
    not_null: bool
    default: str = ""
    """The expression of its default, or of a generated column."""
    identity: Literal["", "always", "by default"] = ""
    generated: Literal["", "stored", "virtual"] = ""
    sequence: bool = False
    """Its default is the next value of a sequence that belongs to it, as of serial."""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """A primary key or a unique index over whole columns of all rows, checked at once."""

    name: str
    columns: tuple[str, ...]
    primary: bool


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A reference to rows of another table, or of the same."""

    name: str
    columns: tuple[str, ...]
    target: tuple[str, str]
    """Schema and name of the table that it refers to."""
    target_columns: tuple[str, ...]
    on_delete: str = "no action"
    on_update: str = "no action"


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view."""

    schema: str
    name: str
    quoted: str
    """As SQL has it, with the schema where the search path does not find it: ``device``, ``audit."Event"``."""
    identity: str
    """As SQL has it, always with the schema; the identity that the inventory has for it."""
    kind: Kind
    visible: bool
    """Whether the search path finds it."""
    columns: tuple[Column, ...]
    keys: tuple[Key, ...] = ()
    """The primary key first, then by name."""
    foreign_keys: tuple[ForeignKey, ...] = ()
    """By name."""
    partition_of: tuple[str, str] | None = None
    """Schema and name of the table that it is a partition of."""
    inherited: bool = False
    """Whether other tables inherit from it: selecting from it gives their rows too, and no key spans them all."""
    comment: str = ""

    @property
    def address(self) -> tuple[str, str]:
        """Schema and name."""
        return self.schema, self.name

    @property
    def label(self) -> str:
        """The name for people: without the schema where the search path finds it."""
        return self.name if self.visible else f"{self.schema}.{self.name}"

    @property
    def is_view(self) -> bool:
        """Whether its rows come of a query."""
        return self.kind in VIEWS

    @property
    def primary_key(self) -> Key | None:
        """The primary key, if there is one."""
        return next((key for key in self.keys if key.primary), None)

    def column(self, name: str) -> Column:
        """The column of that name; raises KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def is_unique(self, columns: tuple[str, ...]) -> bool:
        """Whether no two rows have the same values in these columns."""
        return any(set(key.columns) <= set(columns) for key in self.keys)


@dataclass(frozen=True, slots=True)
class Structure:
    """All tables and views of a database that are no extension's and not Assay's own."""

    relations: tuple[Relation, ...]
    """Those that the search path finds first, each part by schema and name."""
    database: str = ""
    server_version: str = ""
    """``18.6``."""
    _by_address: dict[tuple[str, str], Relation] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_address.update({relation.address: relation for relation in self.relations})

    def get(self, address: tuple[str, str]) -> Relation | None:
        """The relation of that schema and name, if it is one of these."""
        return self._by_address.get(address)

    def whole(self) -> tuple[Relation, ...]:
        """The relations without partitions, whose rows are those of the tables that they are parts of."""
        return tuple(relation for relation in self.relations if relation.partition_of is None)

    def references(self, relation: Relation) -> Iterator[tuple[Relation, ForeignKey]]:
        """Who refers to a relation, and by what; partitions left out."""
        for other in self.whole():
            for key in other.foreign_keys:
                if key.target == relation.address:
                    yield other, key
