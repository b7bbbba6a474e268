"""The rules for the columns of stored rows: constraints, generated columns, inheritance, foreign tables.

Source: the manual's sections 5.4 (generated columns), 5.5 (constraints) and 5.11 (inheritance). A NOT NULL domain is
no proof: a column of one can hold NULL, as the manual's page on CREATE DOMAIN shows with an INSERT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.proof.nullability.answer import Nullness, maybe, never

if TYPE_CHECKING:
    from assay.catalog.model import Attribute, Relation
    from assay.proof.inference import Inference


def table_column(inference: Inference, relation: Relation, number: int, *, below: bool) -> Nullness:
    """A column of a stored row; ``below`` when rows of inheriting tables are read too."""
    if relation.kind == "f" or (below and relation.foreign_below):
        return maybe(f"{relation.label} is a foreign table, whose constraints nobody enforces")
    if number < 0:
        return never("a system column")
    attribute = relation.attributes.get(number)
    if attribute is None:
        return maybe("a column that is not known")
    if relation.kind == "m":
        return maybe(f"{relation.label} is a materialised view, which keeps what was true when it was refreshed")
    name = relation.column(number)
    if attribute.not_null_below if below else attribute.not_null:
        return never(f"primary key of {relation.label}" if attribute.primary else f"{name} is NOT NULL")
    if attribute.not_null:
        return maybe(f"{name} is NOT NULL, but not in every table that inherits from {relation.label}")
    if number in _checked(inference, relation, below=below):
        return never(f"a CHECK constraint of {relation.label} refuses NULL in {name}")
    if attribute.generated:
        return _generated(inference, relation, attribute, below=below)
    return maybe(f"{name} has no NOT NULL constraint")


def _checked(inference: Inference, relation: Relation, *, below: bool) -> frozenset[int]:
    """The columns that CHECK constraints keep from being NULL."""

    def find() -> frozenset[int]:
        holds = [check for check in relation.checks if check.inherited or not below or not relation.has_children]
        facts = [inference.conditions.not_false(inference.tree(check.tree)) for check in holds]
        return frozenset(use.attribute for found in facts for use in found.columns)

    found: frozenset[int] = inference.remember(("checked", relation.oid, below), find)
    return found


def _generated(inference: Inference, relation: Relation, attribute: Attribute, *, below: bool) -> Nullness:
    """A generated column is never NULL where its expression is not, over the same row."""
    name = relation.column(attribute.number)
    if below and relation.has_children:
        return maybe(f"{name} is generated, perhaps otherwise in a table that inherits from {relation.label}")
    answer = inference.expression(inference.tree(attribute.generated), inference.row_scope(relation.oid))
    return answer if answer.nullable else never(f"{name} is generated from values that are never NULL")
