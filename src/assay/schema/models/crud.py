"""The module of one table."""

from __future__ import annotations

from assay.proof.rowsource import Style
from assay.schema.models.functions import FUNCTIONS
from assay.schema.models.model import Model
from assay.schema.models.module import MODULE_NAMES, Module
from assay.schema.models.rows import source
from assay.schema.models.writer import PackageWriter

_FUNCTIONS = {"copy", "delete", "get", "insert", "insert_many", "page", "stream", "update", "upsert", "db"}


def crud_module(
    model: Model, style: Style, enums: dict[str, str], without: frozenset[str] = frozenset()
) -> tuple[str, list[tuple[str, str]]]:
    """The source of a table's module, and the name of each function with its statement.

    Args:
        model: the table.
        style: of the class for new rows.
        enums: the classes of enum types, by the types' names.
        without: functions that are left out.
    """
    taken = {field.name for field in model.fields} | _FUNCTIONS | MODULE_NAMES
    module = Module(model, PackageWriter(style, taken, package=enums), without=without)
    for write in FUNCTIONS:
        write(module)
    return source(module.writer, module.assignments, module.blocks), module.statements
