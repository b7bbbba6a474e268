"""What is written about a table: its fields and names in Python."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.proof.description import Column as Described
from assay.schema.models.settings import Payload
from assay.schema.structure.model import Column, Relation


@dataclass(frozen=True, slots=True)
class Field:
    """A column as a field of a row class."""

    name: str
    column: Column
    described: Described
    """What a statement that selects it gives."""
    payload: Payload | None = None
    """The class of its values, where the settings name one."""
    values: str = ""
    """The name of the type alias for its values, where a CHECK lists them."""
    sendable: bool = True
    """Whether the driver can send values of its type."""
    required: bool = True
    """Whether a row that has NULL there is refused, and the column has no default."""

    @property
    def nullable(self) -> bool:
        """Whether the field takes None."""
        return self.described.nullable

    @property
    def assigned(self) -> bool:
        """Whether the database gives it a value of its own accord: a generated column, an identity, a serial."""
        return bool(self.column.generated or self.column.identity or self.column.sequence)


@dataclass(frozen=True, slots=True)
class Model:
    """A table or view as a row class and a module."""

    relation: Relation
    row: str
    """The name of the row class."""
    module: str
    """The name of the module."""
    fields: tuple[Field, ...]
    complete: bool = True
    """Whether every column has a field: the driver cannot fetch some types."""

    def named(self, columns: Iterable[str]) -> tuple[Field, ...] | None:
        """The fields of these columns; None when one of them has no field, or values of it cannot be sent."""
        by_column = {field.column.name: field for field in self.fields if field.sendable}
        columns = tuple(columns)
        return tuple(by_column[name] for name in columns) if all(name in by_column for name in columns) else None

    @property
    def key(self) -> tuple[Field, ...]:
        """The fields of the primary key; none when there is no such key, or its values cannot be sent."""
        primary = self.relation.primary_key
        return self.named(primary.columns) or () if primary is not None else ()

    @property
    def newest(self) -> Field | None:
        """The column by which rows are listed with the newest first, if there is one."""
        found = self.named(("created_at",))
        dated = found and str(found[0].described.type) in ("timestamptz", "timestamp")
        return found[0] if found and dated and not found[0].nullable else None


@dataclass(frozen=True, slots=True)
class Models:
    """Everything that is written about a database."""

    models: tuple[Model, ...]
    notes: tuple[str, ...] = ()
    """What is left out, and why, in sentences."""
