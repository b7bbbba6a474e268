"""Rules on constraints: not validated, said twice, or over columns of unlike types."""

from __future__ import annotations

from collections.abc import Iterator

from assay.schema.advice.model import Facts, ForeignKey, Subject, Table
from assay.schema.advice.rules import Advice

_WIDTHS = {"smallint": 2, "integer": 4, "bigint": 8}
"""Bytes of the integer types."""


def unvalidated(facts: Facts) -> Iterator[Advice]:
    """SCH301."""
    for table in facts.own_tables:
        for each in table.constraints:
            if not each.valid:
                yield _unvalidated(table, each.name, each.quoted, f"{each.kind} constraint")
        for key in table.foreign_keys:
            if not key.valid:
                yield _unvalidated(table, key.name, key.quoted, "foreign key")


def _unvalidated(table: Table, name: str, quoted: str, kind: str) -> Advice:
    return Advice(
        "SCH301",
        Subject(f"{table.label}.{quoted}", table.schema, (name,), table.name),
        f"{kind} {quoted} of {table.label} is not valid",
        ("rows that were there before it have not been looked at, and the planner does not count on it",),
        (f"alter table {table.label} validate constraint {quoted};",),
    )


def duplicate_foreign_keys(facts: Facts) -> Iterator[Advice]:
    """SCH302; of several that say the same, one that is validated stays, or else the first."""
    for table in facts.own_tables:
        kept: dict[object, ForeignKey] = {}
        for key in sorted(table.foreign_keys, key=lambda key: (not key.valid, key.oid)):
            pairs = frozenset(zip(key.columns, key.referred_columns, strict=True))
            first = kept.setdefault((key.referred, pairs), key)
            if first is not key:
                yield _duplicate(table, key, first)


def _duplicate(table: Table, key: ForeignKey, first: ForeignKey) -> Advice:
    columns = table.quoted(key.columns)
    differ = key.actions != first.actions
    return Advice(
        "SCH302",
        Subject(f"{table.label}.{key.quoted}", table.schema, (key.name,), table.name, table.names(key.columns)),
        f"foreign key {key.quoted} of {table.label} says what {first.quoted} says",
        (f"both refer from ({columns}) to {key.referred_label}, and every write is checked twice",),
        (f"alter table {table.label} drop constraint {key.quoted};",),
        "they differ in what happens on delete or update: keep the one that is meant" if differ else "",
    )


def unlike_foreign_keys(facts: Facts) -> Iterator[Advice]:
    """SCH303."""
    for table in facts.own_tables:
        for key in table.foreign_keys:
            for number, referred in zip(key.columns, key.referred_types, strict=True):
                column = table.columns[number]
                if _WIDTHS.get(column.type, 8) < _WIDTHS.get(referred, 0):
                    yield Advice(
                        "SCH303",
                        Subject(f"{table.label}.{column.quoted}", table.schema, (column.name,), table.name),
                        f"column {table.label}.{column.quoted} is {column.type}, and refers to {referred}",
                        (f"rows of {key.referred_label} beyond the largest {column.type} cannot be referred to",),
                        (f"alter table {table.label} alter column {column.quoted} type {referred};",),
                        "this rewrites the table",
                    )
