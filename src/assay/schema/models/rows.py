"""The module with the row classes, and the enums and lists of values that they are made of."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from assay.pgtypes.python import python_type
from assay.proof.fix.spelling import quoted
from assay.proof.rowsource import Style
from assay.schema.models.layout import bracketed, docstring, kept
from assay.schema.models.model import Field, Model, Models
from assay.schema.models.writer import PackageWriter


def rows_source(models: Models, style: Style) -> tuple[str, dict[str, str]]:
    """The source of the module, and the classes of enum types by the types' names."""
    every = [field for model in models.models for field in model.fields]
    taken = {field.name for field in every} | {field.values for field in every} | {model.row for model in models.models}
    writer = PackageWriter(style, taken - {""})
    classes = ["\n".join(row_class(writer, model)) for model in models.models]
    lists = ["\n".join(lines) for model in models.models for lines in _lists(writer, model)]
    return source(writer, lists, [*writer.classes, *classes]), dict(writer.enums)


def source(writer: PackageWriter, assignments: list[str], blocks: list[str]) -> str:
    """A module's text: imports, assignments, and then classes and functions, with the blank lines between them."""
    imports = writer.import_lines("\n".join([*assignments, *blocks]))
    head = "\n\n".join(["\n".join(imports), *assignments])
    return "\n\n\n".join([part for part in (head, *blocks) if part]) + "\n"


def row_class(writer: PackageWriter, model: Model) -> list[str]:
    """The lines of one row class."""
    relation = model.relation
    of = f"A row of the {relation.kind} {relation.label}" if relation.is_view else f"A row of {relation.label}"
    doc = f"{of}: {relation.comment}" if relation.comment.strip() else f"{of}."
    lines = [*class_head(writer, model.row), *docstring(doc), ""]
    for field in model.fields:
        lines.append(kept(f"    {field.name}: {writer.annotation(field)}"))
        lines += docstring(field.column.comment) if field.column.comment.strip() else []
    return lines


def class_head(writer: PackageWriter, name: str, *, keywords: bool = False) -> list[str]:
    """What a class of the writer's style begins with."""
    if writer.style == "struct":
        return [f"class {name}({writer.module_of('msgspec')}.Struct{', kw_only=True' if keywords else ''}):"]
    decorator = writer.imported("dataclasses", "dataclass")
    return [f"@{decorator}(slots=True{', kw_only=True' if keywords else ''})", f"class {name}:"]


def _lists(writer: PackageWriter, model: Model) -> Iterator[list[str]]:
    """The type aliases for the columns whose values a CHECK lists."""
    for field in model.fields:
        if field.values and field.payload is None:
            yield type_alias(
                writer, field.values, f"{writer.name('Literal')}[", _values(field), "]",
                f"What {model.relation.label}.{field.column.name} can be.",
            )  # fmt: skip


def type_alias(writer: PackageWriter, name: str, head: str, parts: list[str], tail: str, doc: str) -> list[str]:
    """An assignment of a type to a name, with what it is."""
    alias = writer.imported("typing", "TypeAlias")
    return [*bracketed(f"{name}: {alias} = {head}", parts, tail), *docstring(doc, indent=0)]


def _values(field: Field) -> list[str]:
    """The members of the Literal, as the table of types writes it for such a column."""
    described = field.described
    tree = ast.parse(python_type(described.type, described.allowed), mode="eval").body
    assert isinstance(tree, ast.Subscript)  # noqa: S101 - a field has values only where it is a Literal
    members = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
    return [quoted(str(ast.literal_eval(member)), '"') for member in members]
