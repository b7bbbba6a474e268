"""Asks a database what the rows of its tables are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from assay.catalog.reader import Catalog
from assay.errors import ConfigurationError, DatabaseError
from assay.pgtypes.parameters import argument_misfit
from assay.pgtypes.python import JSON_TYPES, is_builtin, python_type, refusal
from assay.proof.describe import describe
from assay.proof.description import Column as Described
from assay.proof.description import NullUse
from assay.proof.fix.wanted import MODULES, evaluated
from assay.proof.rowsource import camel
from assay.runtime.connecting import DriverConnection
from assay.schema.models.model import Field, Model, Models
from assay.schema.models.names import class_name, identifier, module_name, unlike
from assay.schema.models.settings import Payload
from assay.schema.structure.model import Column, Relation, Structure

_RESERVED = frozenset({"StrEnum", "TypeAlias", "None", "True", "False", *MODULES})


@dataclass(slots=True)
class Asking:
    """A connection, and what was found on it so far."""

    connection: DriverConnection
    catalog: Catalog
    payloads: Mapping[tuple[str, ...], Payload]
    classes: set[str] = field(default_factory=lambda: set(_RESERVED))
    modules: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    used: set[tuple[str, ...]] = field(default_factory=set)
    """The payloads that a column has been found for."""


async def describe_models(
    connection: DriverConnection, structure: Structure, payloads: Mapping[tuple[str, ...], Payload]
) -> Models:
    """What is to be written about the tables and views of a database; partitions are parts of their tables.

    Raises ConfigurationError for a payload of a column that there is not, or that holds no JSON, and DatabaseError
    when the connection breaks.
    """
    asking = Asking(connection, Catalog(connection.get_server_version().major), payloads)
    models = [await _model(asking, relation) for relation in structure.whole()]
    unknown = sorted(payloads.keys() - asking.used)
    if unknown:
        raise ConfigurationError(
            f"[tool.assay.models] names a class for {'.'.join(unknown[0])}, and there is no such column"
        )
    return Models(tuple(model for model in models if model is not None), tuple(asking.notes))


async def _model(asking: Asking, relation: Relation) -> Model | None:
    if not relation.columns:
        asking.notes.append(f"{relation.label} is left out: it has no columns")
        return None
    try:
        described = await _selected(asking, relation)
    except DatabaseError as error:
        if error.statement is None:
            raise
        asking.notes.append(f"{relation.label} is left out: {error.message}")
        return None
    wanted = relation.name if relation.visible else f"{relation.schema}_{relation.name}"
    row, module = unlike(class_name(wanted), asking.classes), unlike(module_name(wanted), asking.modules)
    asking.classes.add(row)
    asking.modules.add(module)
    fields = tuple(_fields(asking, relation, row, described))
    if not fields:
        return None
    model = Model(relation, row, module, fields, complete=len(fields) == len(relation.columns))
    return model if relation.is_view else replace(model, fields=await _with_needs(asking, model))


async def _selected(asking: Asking, relation: Relation) -> tuple[Described, ...]:
    columns = ", ".join(column.quoted for column in relation.columns)
    sql = f"select {columns} from {relation.quoted}"  # noqa: S608 - quoted by the server
    return (await describe(asking.connection, sql, catalog=asking.catalog)).columns


def _fields(asking: Asking, relation: Relation, row: str, described: tuple[Described, ...]) -> Iterator[Field]:
    taken = {column.name for column in relation.columns if identifier(column.name) == column.name}
    for column, found in zip(relation.columns, described, strict=True):
        why = refusal(found.type)
        if why is not None:
            asking.notes.append(f"{relation.label}.{column.name} is left out: {why}")
            continue
        name = column.name if column.name in taken else unlike(identifier(column.name), taken)
        taken.add(name)
        payload = _payload(asking, relation, column, found)
        needed = not found.nullable and not column.default and not column.identity
        yield Field(name, column, found, payload, _values(asking, row, name, found), _is_sendable(found), needed)


def _values(asking: Asking, row: str, name: str, found: Described) -> str:
    if not found.allowed or not python_type(found.type, found.allowed).startswith("Literal[") or found.type.labels:
        return ""
    alias = unlike(f"{row}{camel(name)}", asking.classes)
    asking.classes.add(alias)
    return alias


def _payload(asking: Asking, relation: Relation, column: Column, found: Described) -> Payload | None:
    for key in ((relation.schema, relation.name, column.name), (relation.name, column.name)):
        if key not in asking.payloads or (len(key) == 2 and not relation.visible):
            continue
        kind = found.type
        while kind.kind == "domain" and kind.element is not None:
            kind = kind.element
        if not is_builtin(kind, JSON_TYPES):
            raise ConfigurationError(
                f"[tool.assay.models] names a class for {'.'.join(key)}, which is {found.type}; "
                "only json and jsonb are decoded into classes"
            )
        asking.used.add(key)
        return asking.payloads[key]
    return None


def _is_sendable(found: Described) -> bool:
    return argument_misfit(found.type, evaluated(python_type(found.type))) is None


async def _with_needs(asking: Asking, model: Model) -> tuple[Field, ...]:
    """The fields with what PostgreSQL says of a row that has NULL there; they stay as they are if it says nothing."""
    given = [field for field in model.fields if field.sendable and not field.column.generated]
    names = ", ".join(field.column.quoted for field in given)
    places = ", ".join(f"${number}" for number in range(1, len(given) + 1))
    sql = f"insert into {model.relation.quoted} ({names}) overriding system value values ({places})"  # noqa: S608
    try:
        params = (await describe(asking.connection, sql, catalog=asking.catalog)).params
    except DatabaseError as error:
        if error.statement is None:
            raise
        return model.fields
    needed = {field.name for field, parameter in zip(given, params, strict=False) if parameter.null is NullUse.REQUIRED}
    return tuple(
        replace(field, required=field.name in needed and not field.column.default and not field.assigned)
        for field in model.fields
    )
