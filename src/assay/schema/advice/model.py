"""What the rules look at: tables, columns, indexes, constraints and rights, as frozen dataclasses.

Objects are known by OID and columns by number, because rules compare: whether an index does what another does depends
on operator families, collations and options. ``assay.schema.structure.model`` has relations as they are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

TIMESTAMP, CHARACTER = 1114, 1042
"""The OIDs of ``timestamp`` and of ``char(n)``, the same on every server (src/include/catalog/pg_type.dat)."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    number: int
    name: str
    quoted: str
    """The name as SQL has it."""
    type_oid: int
    type: str
    """As SQL has it, with its modifier: ``character(2)``."""
    not_null: bool
    inherited: bool
    """It is defined by a table that this one inherits from, or is a partition of."""
    serial: str = ""
    """The sequence, as SQL, that belongs to the column and fills it by default; empty for other columns."""


@dataclass(frozen=True, slots=True)
class IndexKey:
    """A key of an index, or one of the columns that it includes."""

    column: int
    """The number of the column; 0 for an expression."""
    text: str
    """The column or expression as SQL."""
    family: int = 0
    """The operator family, which says what is equal and what comes first."""
    input_type: int = 0
    """The type that the operator class takes."""
    collation: int = 0
    descending: bool = False
    nulls_first: bool = False
    options: str = ""
    """What the operator class was told besides."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index."""

    oid: int
    table: int
    """The OID of its table."""
    schema: str
    name: str
    label: str
    """Schema and name, as SQL."""
    method: str
    """``btree``, ``hash``, ``gin`` and so on."""
    keys: tuple[IndexKey, ...]
    includes: tuple[IndexKey, ...] = ()
    predicate: str = ""
    """The condition of a partial index, as SQL; empty for one over all rows."""
    unique: bool = False
    primary: bool = False
    nulls_distinct: bool = True
    immediate: bool = True
    """Whether uniqueness is checked at once; a deferrable constraint's is not."""
    valid: bool = True
    constraint: str = ""
    """The quoted name of the constraint that it belongs to; empty when it stands alone."""
    exclusion: bool = False
    """It belongs to an exclusion constraint, or to a key without overlaps."""
    needed: bool = False
    """A foreign key refers to it, rows are replicated by it, or the table is clustered by it."""
    attached: bool = False
    """It is a part of an index on a partitioned table."""
    partitioned: bool = False
    storage: tuple[str, ...] = ()
    """Its storage parameters, as ``name=value``, sorted."""
    being_built: bool = False
    """Another session may be building it at this moment."""
    size: int = 0
    """Bytes."""
    scans: int = 0
    """How often it was used, as far as the server's statistics go back."""

    @property
    def definition(self) -> str:
        """Method and keys: ``btree (team_id, name DESC)``."""
        included = f" include ({', '.join(key.text for key in self.includes)})" if self.includes else ""
        where = f" where {self.predicate}" if self.predicate else ""
        return f"{self.method} ({', '.join(map(_written, self.keys))}){included}{where}"

    @property
    def droppable(self) -> bool:
        """Whether it can be dropped without taking more with it than a unique constraint."""
        return not (self.primary or self.exclusion or self.needed or self.attached)

    @property
    def removal(self) -> str:
        """The statement that drops an index without a constraint, while others go on writing where that is possible."""
        return f"drop index {'' if self.partitioned else 'concurrently '}{self.label};"


def _written(key: IndexKey) -> str:
    direction = " desc" if key.descending else ""
    nulls = "" if key.nulls_first == key.descending else " nulls first" if key.nulls_first else " nulls last"
    return f"{key.text}{direction}{nulls}"


@dataclass(frozen=True, slots=True)
class Counter:
    """A sequence that numbers a column, upwards and once."""

    number: int
    """Of the column."""
    sequence: str
    """As SQL."""
    serial: bool
    """Whether it is a serial column's, and no identity column's."""
    last: int
    """The last number that it gave; 0 before the first, and where the role may not see it."""
    most: int
    """The last one that it can give, and the column can hold."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key constraint that is not a copy of one on the partitioned table above."""

    name: str
    quoted: str
    columns: tuple[int, ...]
    referred: int
    """The OID of the table that it refers to."""
    referred_label: str
    referred_name: str
    referred_columns: tuple[int, ...]
    referred_types: tuple[str, ...]
    valid: bool
    actions: str
    """What happens on delete and update, as the letters of pg_constraint."""
    families: tuple[frozenset[int], ...] = ()
    """For each column the operator families whose indexes can look its values up."""
    collations: tuple[int, ...] = ()
    """For each column the collation that they must have."""
    oid: int = 0


@dataclass(frozen=True, slots=True)
class Constraint:
    """A CHECK or NOT NULL constraint of a table."""

    name: str
    quoted: str
    kind: str
    """``check`` or ``not null``."""
    definition: str
    """As SQL: ``CHECK ((level > 0)) NOT VALID``."""
    valid: bool
    columns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table or partitioned table."""

    oid: int
    schema: str
    name: str
    label: str
    """Schema and name, as SQL."""
    partition: bool
    """It is a partition of another table, which says what there is to say."""
    partitioned: bool
    has_children: bool
    """Other tables inherit from it, or are its partitions."""
    row_security: bool
    policies: tuple[str, ...]
    columns: dict[int, Column]
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    counters: tuple[Counter, ...] = ()

    def quoted(self, numbers: tuple[int, ...]) -> str:
        """Columns as SQL has them, with commas between."""
        return ", ".join(self.columns[number].quoted for number in numbers)

    def names(self, numbers: tuple[int, ...]) -> tuple[str, ...]:
        """The names of columns."""
        return tuple(self.columns[number].name for number in numbers if number in self.columns)


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights on an object that everybody has, or a role without those that must go with them."""

    kind: str
    """``table``, ``sequence``, ``schema`` and so on, as GRANT has it."""
    schema: str
    name: str
    label: str
    privileges: tuple[str, ...]
    grantee: str = "public"
    """As SQL."""
    table: str = ""
    """The table's name, for rights on a column or its sequence."""


@dataclass(frozen=True, slots=True)
class Routine:
    """A function or procedure that runs with its owner's rights."""

    kind: str
    """``function`` or ``procedure``."""
    schema: str
    name: str
    label: str
    """With its arguments, as SQL."""


@dataclass(frozen=True, slots=True)
class EnumType:
    """An enum type."""

    schema: str
    name: str
    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statistics:
    """How far the statistics of a live database go back."""

    days: float
    """Since they were last put to zero, as far as the server tells."""
    replicas: int
    """Servers that replicate from this one at the moment; they count the use of their indexes themselves."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules look at."""

    tables: tuple[Table, ...]
    open_grants: tuple[Grant, ...] = ()
    """What everybody was granted."""
    lone_inserts: tuple[Grant, ...] = ()
    """Rights to insert without those on the sequence that fills a column."""
    definers: tuple[Routine, ...] = ()
    """Those with their owner's rights and the caller's search path."""
    enums: tuple[EnumType, ...] = ()
    statistics: Statistics | None = None
    """None where the statistics mean nothing: on a database that was built a moment ago."""

    @property
    def own_tables(self) -> Iterator[Table]:
        """The tables that are no partitions."""
        return (table for table in self.tables if not table.partition)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about, for messages and for finding it in the migrations."""

    label: str
    """As SQL: ``public.device``, ``public.device.model``."""
    schema: str
    names: tuple[str, ...] = ()
    """What the statement that made it mentions beside the table, the most telling first."""
    table: str = ""
    """The name of its table, or its own where there is none."""
    columns: tuple[str, ...] = ()
    """Columns by which it is found where it has no name of its own in the migrations."""
    verbs: frozenset[str] = field(default=frozenset())
    """What the statement makes, where only that tells it from others: ``index``."""
