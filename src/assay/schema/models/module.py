"""A module that is being written, and how a function with one statement is added to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from assay.schema.models.layout import WIDTH, bracketed, docstring, sql_literal
from assay.schema.models.model import Field, Model
from assay.schema.models.names import numbered, unlike
from assay.schema.models.writer import PackageWriter
from assay.wording import listed

MODULE_NAMES = frozenset({"New", "Position", "Nullable"})
"""What a module has besides functions."""
_LOCAL = frozenset({"db", "after", "limit", "clear", "row", "rows", "place", "deleted", "True", "False", "None"})


@dataclass(slots=True)
class Module:
    """A module that is being written."""

    model: Model
    writer: PackageWriter
    assignments: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)
    statements: list[tuple[str, str]] = field(default_factory=list)
    """The name of each function and its SQL, as the runtime is given it."""
    names: set[str] = field(default_factory=set)
    without: frozenset[str] = frozenset()
    """Functions that are left out."""

    @property
    def row(self) -> str:
        """The row class, as the module spells it."""
        return self.writer.borrow(self.model.row)

    @property
    def executor(self) -> str:
        """The first parameter of each function."""
        return f"db: {self.writer.module_of('assay')}.Executor"

    def parameter(self, column: Field) -> str:
        """The name of a column's parameter: the field's, unless the function's body has that for something else."""
        return numbered(column.name, {*_LOCAL, *MODULE_NAMES, self.row, "assay"})

    def typed(self, column: Field) -> str:
        """A parameter for a value of a column that is not NULL."""
        return f"{self.parameter(column)}: {self.writer.annotation(column, null=False)}"


@dataclass(frozen=True, slots=True)
class Call:
    """How a function runs its statement."""

    start: str
    """``return await db.fetch_one``"""
    row: str
    """The row class that is asked for; empty for none."""
    arguments: Sequence[str] = ()
    """``id=id``"""


def write_function(
    module: Module,
    name: str,
    parameters: Sequence[str],
    returns: str,
    doc: tuple[str, str],
    lines: Sequence[str],
    call: Call,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    head: str = "async def",
) -> None:
    """Add a function that runs one statement."""
    name = unlike(name, module.names)
    module.names.add(name)
    if name in module.without:
        return
    signature = bracketed(f"{head} {name}(", [module.executor, *_starred(parameters)], f") -> {returns}:")
    if any(len(line) > WIDTH for line in signature):
        signature[-1] += "  # fmt: skip"
    row = [f"        {call.row},"] if call.row else []
    body = [
        *(f"    {line}" for line in before),
        f"    {call.start}(",
        *row,
        *sql_literal(lines),
        *(f"        {argument}," for argument in call.arguments),
        "    )",
        *(f"    {line}" for line in after),
    ]
    module.blocks.append("\n".join([*signature, *docstring(*doc), *body]))
    literal = "\n".join(lines)
    module.statements.append((name, ast.literal_eval(f'"""\n{literal}\n"""')))


def _starred(parameters: Sequence[str]) -> Iterator[str]:
    """The parameters with ``*`` before the first that has a default, so that it is given by name."""
    starred = False
    for parameter in parameters:
        if " = " in parameter and not starred:
            starred = True
            yield "*"
        yield parameter


def passed(names: Sequence[str]) -> list[str]:
    """Arguments by name, from parameters of the same names."""
    return [f"{name}={name}" for name in names]


def names_of(fields: Sequence[Field]) -> str:
    """The names of columns, in words."""
    return listed([field.column.name for field in fields])
