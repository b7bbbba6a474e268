"""The functions that change a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assay.proof.fix.spelling import quoted
from assay.schema.models import sql
from assay.schema.models.layout import bracketed, docstring, kept
from assay.schema.models.model import Field, Model
from assay.schema.models.module import Call, Module, names_of, passed, write_function
from assay.schema.models.rows import class_head, type_alias


def insertable(model: Model) -> tuple[Field, ...] | None:
    """The fields that a new row is given; None when no row can be inserted with what can be sent."""
    if model.relation.is_view or not model.complete:
        return None
    fields = tuple(field for field in model.fields if not field.assigned and field.sendable)
    lacking = [field for field in model.fields if field.required and field not in fields]
    return None if lacking else fields


def insert(module: Module) -> None:
    """One new row, and the class for what it is given."""
    fields = insertable(module.model)
    if fields is None:
        return
    if fields:
        module.blocks.insert(0, "\n".join(_new_class(module, fields)))
    lines = [*sql.insert(module.model, fields, defaults=True), *sql.returning(module.model)]
    doc = f"Insert a row into {module.model.relation.label}.", "It comes back with all that the database gave it."
    call = Call("return await db.fetch_one", module.row, ["row"] if fields else [])
    write_function(module, "insert", ["row: New"] if fields else [], module.row, doc, lines, call)


def _new_class(module: Module, fields: Sequence[Field]) -> Iterator[str]:
    module.names.add("New")
    note = ", where None is the column's default" if any(field.column.default for field in fields) else ""
    yield from class_head(module.writer, "New", keywords=True)
    yield from docstring(f"A new row of {module.model.relation.label}{note}.")
    yield ""
    for field_ in fields:
        text = module.writer.annotation(field_, null=not field_.required)
        yield kept(f"    {field_.name}: {text}{'' if field_.required else ' = None'}")


def insert_many(module: Module) -> None:
    """Many new rows at once."""
    fields = insertable(module.model)
    if not fields:
        return
    rows = f"rows: {module.writer.imported('collections.abc', 'Iterable')}[New]"
    doc = (
        f"Insert rows into {module.model.relation.label}, all or none, in one round trip.",
        "Gives how many they were.",
    )
    lines = sql.insert(module.model, fields, defaults=True)
    call = Call("return await db.execute_many", "", ["rows"])
    write_function(module, "insert_many", [rows], module.writer.name("int"), doc, lines, call)


def copy(module: Module) -> None:
    """Many whole rows by COPY."""
    model, writer = module.model, module.writer
    fields = [field for field in model.fields if not field.column.generated]
    plain = all(field.sendable and field.name == field.column.name for field in fields)
    if insertable(model) is None or not fields or not plain:
        return
    module.names.add("copy")
    signature = bracketed(
        "async def copy(",
        [module.executor, f"rows: {writer.imported('collections.abc', 'Iterable')}[{module.row}]"],
        f") -> {writer.name('int')}:",
    )
    arguments = [quoted(model.relation.quoted, '"'), "rows"]
    if len(fields) < len(model.fields):
        arguments.append(f"columns=[{', '.join(quoted(field.name, chr(34)) for field in fields)}]")
    doc = f"Copy whole rows into {model.relation.label}, all or none: the quickest way.", "Gives how many they were."
    body = bracketed("return await db.copy_in(", arguments, ")", indent=4)
    module.blocks.append("\n".join([*signature, *docstring(*doc), *body]))


def upsert(module: Module) -> None:
    """A whole row, whether it is there or not."""
    model = module.model
    given = [field for field in model.fields if not field.column.generated]
    changed = [field for field in given if field not in model.key and field.column.identity != "always"]
    if not model.key or insertable(model) is None or not changed or not all(field.sendable for field in given):
        return
    lines = [
        *sql.insert(model, given, defaults=False), *sql.on_conflict(model, changed), *sql.returning(model),
    ]  # fmt: skip
    doc = (
        f"Insert a whole row into {model.relation.label}, or overwrite the one that is there.",
        f"Which one that is, its {names_of(model.key)} says.",
    )
    call = Call("return await db.fetch_one", module.row, ["row"])
    write_function(module, "upsert", [f"row: {module.row}"], module.row, doc, lines, call)


def update(module: Module) -> None:
    """Some columns of a row."""
    model = module.model
    changed = _changeable(model)
    if not model.key or not changed:
        return
    keys, names = [module.parameter(field) for field in model.key], [module.parameter(field) for field in changed]
    nullable = [name for field, name in zip(changed, names, strict=True) if field.nullable]
    parameters = [*map(module.typed, model.key), *(f"{module.typed(field)} | None = None" for field in changed)]
    sent = [*keys, *names]
    more = "None leaves a column as it is"
    if nullable:
        parameters.append(_clearing(module, nullable))
        sent.append("clear")
        more += ", and what is named in clear becomes NULL"
    lines = [*sql.update(model, changed, names, "clear"), *sql.where(model.key, keys), *sql.returning(model)]
    call = Call("return await db.fetch_optional", module.row, passed(sent))
    more += ". Gives the row as it is then, or None when there is no such row."
    doc = f"Change columns of the row of {model.relation.label} with this {names_of(model.key)}.", more
    write_function(module, "update", parameters, f"{module.row} | None", doc, lines, call)


def _changeable(model: Model) -> list[Field]:
    if model.relation.is_view:
        return []
    fixed = ("always",)
    return [
        field
        for field in model.fields
        if field not in model.key
        and field.sendable
        and not field.column.generated
        and field.column.identity not in fixed
    ]


def _clearing(module: Module, nullable: Sequence[str]) -> str:
    module.names.add("Nullable")
    head = f"{module.writer.name('Literal')}["
    members = [quoted(name, '"') for name in nullable]
    doc = "The columns that update can set to NULL."
    module.assignments.append("\n".join(type_alias(module.writer, "Nullable", head, members, "]", doc)))
    return f"clear: {module.writer.imported('collections.abc', 'Collection')}[Nullable] = ()"


def delete(module: Module) -> None:
    """One row."""
    model = module.model
    if not model.key:
        return
    names = [module.parameter(field) for field in model.key]
    lines = sql.delete(model, names)
    doc = f"Delete the row of {model.relation.label} with this {names_of(model.key)}.", "Gives whether there was one."
    call = Call("deleted = await db.execute", "", passed(names))
    parameters, returns = [*map(module.typed, model.key)], module.writer.name("bool")
    write_function(module, "delete", parameters, returns, doc, lines, call, after=["return deleted == 1"])
