"""The functions that read a table."""

from __future__ import annotations

from collections.abc import Sequence

from assay.schema.models import sql
from assay.schema.models.model import Field, Model
from assay.schema.models.module import Call, Module, names_of, passed, write_function
from assay.schema.models.names import numbered
from assay.schema.models.rows import type_alias

_PAGE = 100
"""Rows on a page, where the caller does not say."""


def get(module: Module) -> None:
    """The row of a primary key."""
    if module.model.key:
        _get(module, "get", module.model.key)


def get_by_keys(module: Module) -> None:
    """The row of each other unique key."""
    for key in module.model.relation.keys:
        fields = module.model.named(key.columns)
        if fields and not key.primary:
            _get(module, f"get_by_{'_and_'.join(field.name for field in fields)}", fields)


def _get(module: Module, name: str, fields: tuple[Field, ...]) -> None:
    names = [module.parameter(field) for field in fields]
    lines = [*sql.select(module.model), *sql.where(fields, names)]
    call = Call("return await db.fetch_optional", module.row, passed(names))
    doc = f"The row of {module.model.relation.label} with this {names_of(fields)}, if there is one.", ""
    write_function(module, name, [*map(module.typed, fields)], f"{module.row} | None", doc, lines, call)


def page(module: Module) -> None:
    """The rows in order, a page at a time."""
    if module.model.key:
        _page(module, "page", ())


def page_by_parents(module: Module) -> None:
    """The same for the rows that refer to one row of another table."""
    done: set[tuple[str, ...]] = set()
    for key in module.model.relation.foreign_keys:
        fields = module.model.named(key.columns)
        known = key.columns in done or module.model.relation.is_unique(key.columns)
        if fields and module.model.key and not known:
            done.add(key.columns)
            _page(module, f"page_by_{'_and_'.join(field.name for field in fields)}", fields)


def order_of(model: Model) -> tuple[Field, ...]:
    """The columns that rows are listed by: the primary key, after created_at where there is that."""
    if model.newest is None or model.newest in model.key:
        return model.key
    return (model.newest, *model.key)


def _page(module: Module, name: str, parents: tuple[Field, ...]) -> None:
    model, order = module.model, order_of(module.model)
    names = [module.parameter(field) for field in parents]
    places = [numbered(f"after_{field.name}", names) for field in order]
    limit = "limit"
    tail = sql.page(order, places, limit, descending=model.newest is not None)
    after, before, given = _position(module, order)
    ordered = "the newest first" if model.newest is not None else f"in the order of {names_of(order)}"
    whose = f" with this {names_of(parents)}" if parents else ""
    doc = (
        f"A page of {model.relation.label}{whose}, {ordered}.",
        f"The next page is the one after the {names_of(order)} of this one's last row.",
    )
    arguments = [*passed(names), *(f"{place}={value}" for place, value in zip(places, given, strict=True))]
    call = Call("return await db.fetch_all", module.row, [*arguments, f"{limit}={limit}"])
    lines = [*sql.select(model), *sql.where(parents, names), *tail]
    parameters = [*map(module.typed, parents), after, f"limit: {module.writer.name('int')} = {_PAGE}"]
    returns = f"{module.writer.name('list')}[{module.row}]"
    write_function(module, name, parameters, returns, doc, lines, call, before)


def _position(module: Module, order: Sequence[Field]) -> tuple[str, list[str], list[str]]:
    """The parameter for the place that a page follows, the lines before the call, and each column's argument."""
    omit = module.writer.module_of("assay")
    types = [module.writer.annotation(field, null=False) for field in order]
    if len(types) == 1:
        return f"after: {types[0]} | {omit}.Omitted = {omit}.OMIT", [], ["after"]
    if "Position" not in module.names:
        module.names.add("Position")
        doc = f"The {names_of(order)} of a row, which a page can begin after."
        alias = type_alias(module.writer, "Position", f"{module.writer.name('tuple')}[", types, "]", doc)
        module.assignments.append("\n".join(alias))
    before = [f"place = ({omit}.OMIT,) * {len(types)} if after is {omit}.OMIT else after"]
    return (
        f"after: Position | {omit}.Omitted = {omit}.OMIT", before, [f"place[{index}]" for index in range(len(types))]
    )  # fmt: skip


def stream(module: Module) -> None:
    """Every row of what has no key to page by."""
    if module.model.key:
        return
    assay = module.writer.module_of("assay")
    doc = f"Every row of {module.model.relation.label}, one after the other.", "async for row in stream(db): ..."
    call = Call("return db.stream", module.row)
    lines = sql.select(module.model)
    write_function(module, "stream", [], f"{assay}.Stream[{module.row}]", doc, lines, call, head="def")
