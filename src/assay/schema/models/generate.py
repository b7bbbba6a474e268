"""The files of models for a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.catalog.reader import Catalog
from assay.config import DatabaseUrl
from assay.errors import DatabaseError
from assay.proof.describe import describe
from assay.proof.rowsource import Style
from assay.proof.templated import branches_of
from assay.runtime.connecting import DriverConnection, open_connection
from assay.schema.models.crud import crud_module
from assay.schema.models.describing import describe_models
from assay.schema.models.model import Model
from assay.schema.models.rows import rows_source
from assay.schema.models.settings import Payload
from assay.schema.structure.reader import read_relations

ROWS = "__init__.py"
"""The file of the row classes."""


@dataclass(frozen=True, slots=True)
class Source:
    """A module that is generated."""

    name: str
    """Of its file."""
    doc: str
    """The docstring of a new file."""
    body: str


@dataclass(frozen=True, slots=True)
class Generated:
    """What there is to write."""

    sources: tuple[Source, ...]
    """The row classes first, then a module a table."""
    relations: int
    """How many tables and views have a row class."""
    functions: int
    notes: tuple[str, ...]
    """What is left out, and why, in sentences."""


async def generate(
    url: DatabaseUrl, style: Style, *, crud: bool, payloads: Mapping[tuple[str, ...], Payload]
) -> Generated:
    """The models of a database.

    Args:
        url: the database.
        style: of the classes.
        crud: whether each table has a module of functions too.
        payloads: the classes of JSON columns, by table and column, or by schema, table and column.

    Raises ConnectionFailed and the like, DatabaseError, and ConfigurationError for a payload that fits no column.
    """
    connection = await open_connection(url)
    try:
        models = await describe_models(connection, await read_relations(connection), payloads)
        rows, enums = rows_source(models, style)
        sources = [Source(ROWS, "The rows of the database's tables and views.", rows)]
        notes, functions = [*models.notes], 0
        if crud:
            prover = _Prover(connection, Catalog(connection.get_server_version().major))
            for model in models.models:
                source, count = await _proven_module(prover, model, style, enums, notes)
                sources.append(source)
                functions += count
    finally:
        await connection.close()
    return Generated(tuple(sources), len(models.models), functions, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Prover:
    connection: DriverConnection
    catalog: Catalog

    async def refusal(self, sql: str) -> str:
        """Why one of the statements that a text stands for cannot be proven; empty when they all can."""
        try:
            for branch in branches_of(sql):
                found = await describe(self.connection, branch.statement.text, catalog=self.catalog)
                if found.notes:
                    return found.notes[0]
        except DatabaseError as error:
            if error.statement is None:
                raise
            return error.message
        return ""


async def _proven_module(
    prover: _Prover, model: Model, style: Style, enums: dict[str, str], notes: list[str]
) -> tuple[Source, int]:
    """The module of a table without the functions that cannot be proven, and how many it has."""
    body, statements = crud_module(model, style, enums)
    refused = {name: why for name, sql in statements if (why := await prover.refusal(sql))}
    if refused:
        notes += [f"{model.relation.label}: {name} is left out: {why}" for name, why in refused.items()]
        body, statements = crud_module(model, style, enums, without=frozenset(refused))
    doc = f"Statements on {model.relation.label}.".replace("\\", "\\\\").replace('"', "'")
    doc = "".join(one if one.isprintable() else " " for one in doc)
    return Source(f"{model.module}.py", doc, body), body.count("\nasync def ") + body.count("\ndef ")
