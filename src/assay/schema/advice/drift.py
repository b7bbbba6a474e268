"""Rules on lists of values that the schema and the code both have: enum types, and CHECKs that list values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from assay.schema.advice.code import Held
from assay.schema.advice.model import Constraint, EnumType, Facts, Subject, Table
from assay.schema.advice.rules import Advice
from assay.sql.quoting import quote_literal


@dataclass(frozen=True, slots=True)
class _Difference:
    """What one of two lists lacks."""

    held: Held
    only_in_database: tuple[str, ...]
    only_in_code: tuple[str, ...]

    @property
    def because(self) -> tuple[str, ...]:
        return (f"{self.held.field} holds it ({self.held.place})",)


def enum_drift(facts: Facts, held: Iterable[Held]) -> Iterator[Advice]:
    """SCH501; the values are those of the database that is looked at, live or built."""
    held = list(held)
    for each in _first_of_each([one for one in held if one.enum is not None]):
        found = _type(facts, each)
        if found is not None:
            difference = _difference(each, found.values, held)
            yield from _enum(found, difference)


def _type(facts: Facts, held: Held) -> EnumType | None:
    schema, name = held.enum or (None, "")
    fitting = [each for each in facts.enums if each.name == name and schema in (None, each.schema)]
    return fitting[0] if len(fitting) == 1 else None


def _enum(found: EnumType, difference: _Difference) -> Iterator[Advice]:
    subject = Subject(found.label, found.schema, (), found.name, verbs=frozenset({"type"}))
    name = difference.held.python
    if difference.only_in_database:
        values = _listed(difference.only_in_database)
        advice = f"add {values} to {name}"
        message = f"type {found.label} has {values}, which {name} lacks"
        yield Advice("SCH501", subject, message, difference.because, advice=advice)
    if difference.only_in_code:
        sql = [f"alter type {found.label} add value {quote_literal(v)};" for v in difference.only_in_code]
        message = f"type {found.label} lacks {_listed(difference.only_in_code)}, which {name} has"
        yield Advice("SCH501", subject, message, difference.because, tuple(sql))


def check_drift(facts: Facts, held: Iterable[Held]) -> Iterator[Advice]:
    """SCH502."""
    held = list(held)
    for each in _first_of_each([one for one in held if one.enum is None and one.column]):
        yield from _check(facts, _difference(each, each.allowed, held))


def _check(facts: Facts, difference: _Difference) -> Iterator[Advice]:
    each = difference.held
    schema, table, column = each.column.split(".")
    subject = Subject(each.column, schema, (column,), table)
    if difference.only_in_database:
        values = _listed(difference.only_in_database)
        message = f"the CHECK on {each.column} allows {values}, which {each.python} lacks"
        yield Advice("SCH502", subject, message, difference.because, advice=f"add {values} to {each.python}")
    if difference.only_in_code:
        values = _listed(difference.only_in_code)
        message = f"the CHECK on {each.column} does not allow {values}, which {each.python} has"
        sql = tuple(_wider_check(facts, difference))
        yield Advice("SCH502", subject, message, difference.because, sql, "" if sql else f"add {values} to the CHECK")


def _wider_check(facts: Facts, difference: _Difference) -> Iterator[str]:
    """The statements that put a CHECK with all values in the place of the one there is, where that is clear."""
    found = _constraint(facts, difference.held)
    if found is None:
        return
    table, constraint = found
    column = table.quoted(constraint.columns)
    values = ", ".join(quote_literal(v) for v in (*difference.held.allowed, *difference.only_in_code))
    yield (
        f"alter table {table.label} drop constraint {constraint.quoted}, "
        f"add constraint {constraint.quoted} check ({column} in ({values})) not valid;"
    )
    yield f"alter table {table.label} validate constraint {constraint.quoted};"


def _constraint(facts: Facts, held: Held) -> tuple[Table, Constraint] | None:
    schema, name, column = held.column.split(".")
    found = [
        (table, constraint)
        for table in facts.tables
        if (table.schema, table.name) == (schema, name)
        for constraint in table.constraints
        if table.names(constraint.columns) == (column,) and constraint.kind == "check"
        if all(quote_literal(value) in constraint.definition for value in held.allowed)
    ]
    return found[0] if len(found) == 1 else None


def _first_of_each(held: Iterable[Held]) -> list[Held]:
    """Of each pair of a list in Python and one in the database, the first query that has them."""
    first: dict[object, Held] = {}
    for each in held:
        first.setdefault((each.python, each.values, each.enum, each.column), each)
    return list(first.values())


def _difference(each: Held, database: tuple[str, ...], held: Iterable[Held]) -> _Difference:
    """A class that serves several columns may have the values of them all."""
    elsewhere = {value for one in held if one.python == each.python and one is not each for value in one.allowed}
    missing = tuple(value for value in database if value not in each.values)
    surplus = tuple(value for value in each.values if value not in database and value not in elsewhere)
    return _Difference(each, missing, surplus)


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f'"{value}"' for value in values)
