"""The statements, as lines of SQL in which names and texts are escaped for a Python literal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from assay.schema.models.layout import escaped, filled
from assay.schema.models.model import Field, Model

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def column(field: Field) -> str:
    """A column's name."""
    return escaped(field.column.quoted)


def table(model: Model) -> str:
    """A table's name."""
    return escaped(model.relation.quoted)


def own_rows(model: Model) -> str:
    """The table in a statement by key, without the tables that inherit from it: no key spans those."""
    return f"only {table(model)}" if model.relation.inherited and model.key else table(model)


def selected(fields: Iterable[Field]) -> list[str]:
    """Columns under the names of their fields."""
    return [
        column(field) if field.name == field.column.name else f"{column(field)} as {_label(field.name)}"
        for field in fields
    ]


def _label(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f'"{name}"'


def select(model: Model) -> list[str]:
    """``select ... from ...``."""
    return [*filled("select ", selected(model.fields)), f"from {own_rows(model)}"]


def returning(model: Model) -> list[str]:
    """``returning ...``: what fills the row class."""
    return filled("returning ", selected(model.fields))


def where(fields: Sequence[Field], names: Sequence[str], more: Sequence[str] = ()) -> list[str]:
    """``where a = :a and b = :b``, a condition a line; and further lines below."""
    conditions = [f"{column(field)} = :{name}" for field, name in zip(fields, names, strict=True)]
    lines = [f"where {conditions[0]}", *(f"  and {condition}" for condition in conditions[1:])] if conditions else []
    return [*(lines or ["where true"]), *more]


def insert(model: Model, fields: Sequence[Field], *, defaults: bool) -> list[str]:
    """``insert into ... values ...``.

    Args:
        model: the table.
        fields: the columns that are given.
        defaults: whether NULL stands for a column's default.
    """
    if not fields:
        return [f"insert into {table(model)} default values"]
    head = filled(f"insert into {table(model)} (", [column(field) for field in fields], ")")
    system = ["overriding system value"] if any(field.column.identity == "always" for field in fields) else []
    values = filled("values (", [_value(field, defaults=defaults) for field in fields], ")")
    return [*head, *system, *values]


def _value(field: Field, *, defaults: bool) -> str:
    if not defaults or not field.column.default:
        return f":{field.name}"
    default, cast = escaped(field.column.default), escaped(field.column.cast)
    if field.described.type.kind == "domain":  # a NULL cannot be cast to a domain that refuses it
        return f"coalesce(:{field.name}, ({default})::{cast})"
    place = f":{field.name}" if default.endswith(f"::{cast}") else f":{field.name}::{cast}"
    return f"coalesce({place}, {default})"


def on_conflict(model: Model, changed: Sequence[Field]) -> list[str]:
    """``on conflict ... do update set ...``: the row that is there becomes the one that is given."""
    key = ", ".join(map(column, model.key))
    sets = [f"{column(field)} = excluded.{column(field)}" for field in changed]
    return [f"on conflict ({key}) do update", *filled("set ", sets)]


def update(model: Model, changed: Sequence[Field], names: Sequence[str], clear: str) -> list[str]:
    """``update ... set ...``, in which NULL leaves a column as it is, unless its field is in the array ``clear``."""
    lines: list[str] = []
    for field, name in zip(changed, names, strict=True):
        *above, last = _change(field, name, clear)
        lines += [*above, f"{last},"]
    lines[-1] = lines[-1].removesuffix(",")
    return [f"update {own_rows(model)}", f"set {lines[0]}", *(f"    {line}" for line in lines[1:])]


def _change(field: Field, name: str, clear: str) -> list[str]:
    kept = f"coalesce(:{name}, {column(field)})"
    if not field.nullable:
        return [f"{column(field)} = {kept}"]
    cleared = f"when '{name}' = any (:{clear}::text[]) then null"
    return [f"{column(field)} = case", f"    {cleared}", f"    else {kept}", "end"]


def delete(model: Model, names: Sequence[str]) -> list[str]:
    """``delete from ... where ...``."""
    return [f"delete from {own_rows(model)}", *where(model.key, names)]  # noqa: S608 - quoted by the server


def page(order: Sequence[Field], places: Sequence[str], limit: str, *, descending: bool) -> list[str]:
    """The clause for the rows after a place, the order, and the limit."""
    names, sign = [column(field) for field in order], "<" if descending else ">"
    given = [f":{place}" for place in places]
    left, right = (f"({', '.join(part)})" if len(order) > 1 else part[0] for part in (names, given))
    by = [f"{name} desc" for name in names] if descending else names
    return [f"  [[ and {left} {sign} {right} ]]", *filled("order by ", by), f"limit :{limit}"]
