"""A row class for a statement, as source code."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from assay.errors import UsageError
from assay.pgtypes.model import PgType
from assay.pgtypes.python import python_type, refusal
from assay.proof.description import Column, Description
from assay.proof.fix.spelling import written
from assay.proof.fix.wanted import MODULES
from assay.proof.verdict.rows import may_be_missing, may_be_none, nested_columns
from assay.wording import listed

Style = Literal["dataclass", "struct"]

_HEADS = {"dataclass": "@dataclass(slots=True)\nclass {}:", "struct": "class {}(msgspec.Struct):"}
_WIDTH = 120


def row_source(description: Description, style: Style, name: str) -> str:
    """A module with a class that takes the rows of a statement, and the classes that it needs.

    Raises UsageError when the statement returns no columns, or one that no field can be named after or hold.
    """
    reserved = name in MODULES or hasattr(builtins, name) or name in ("StrEnum", "asyncpg", "dataclass", "msgspec")
    if not name.isidentifier() or keyword.iskeyword(name) or reserved:
        raise UsageError(f'"{name}" cannot be the name of a class')
    if not description.columns:
        raise UsageError("The statement returns no columns, so that there is no row to write a class for")
    writer = RowWriter(style, {name, *_field_names(description.columns)})
    body = writer.row(name, f"A row of {_tables(description)}.", description.columns)
    classes = [*writer.classes, body]
    return "\n\n\n".join(["\n".join(writer.imports()), *classes]) + "\n"


@dataclass(slots=True)
class RowWriter:
    """Writes classes, and keeps what they need."""

    style: Style
    taken: set[str]
    """Names that no further class may have: of classes, and of fields, whose annotations would mean the field."""
    classes: list[str] = field(default_factory=list)
    enums: dict[str, str] = field(default_factory=dict)
    """Names of classes by the names of enum types."""
    used: set[str] = field(default_factory=set)
    """Names that are imported, of those in the annotations."""

    def row(self, name: str, doc: str, columns: Sequence[Column], *, absent: frozenset[str] = frozenset()) -> str:
        """The class for a row; those inside it are added to the others."""
        fields = dict(self._fields(name, columns, absent=absent))
        lines = [_HEADS[self.style].format(name), *docstring_lines(doc), "", *fields.values()]
        return "\n".join(lines)

    def _fields(self, name: str, columns: Sequence[Column], *, absent: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Each field's name and its line, in the order of the columns."""
        nested = nested_columns(tuple(columns))
        done: set[str] = set()
        for column in columns:
            own = column.name.partition(".")[0] if "." in column.name else column.name
            if own in done and "." in column.name:
                continue
            if own in done or ("." not in column.name and own in nested):
                raise UsageError(f'Two columns are named "{own}"; give each a name of its own with as')
            done.add(own)
            check_field_name(own)
            yield own, f"    {own}: {self._annotation(name, own, column, nested.get(own), absent=absent)}"

    def _annotation(
        self, name: str, own: str, column: Column, below: tuple[Column, ...] | None, *, absent: frozenset[str]
    ) -> str:
        if below is not None and "." in column.name:
            inside = absent.union(may_be_missing(below))
            inner = self.unique(camel(own))
            self.classes.append(self.row(inner, f"The {own} of a {name}.", below, absent=inside))
            return f"{inner} | None" if inside > absent else inner
        if refusal(column.type) is not None:
            raise UsageError(f'No field can hold the column "{column.name}": {refusal(column.type)}')
        text = self.type_of(column.type, column.allowed)
        return f"{text} | None" if may_be_none(column, absent) and text != "None" else text

    def type_of(self, kind: PgType, allowed: tuple[str, ...] | None = None) -> str:
        """The annotation for a type; an enum type has a class of its own."""
        if kind.kind == "enum":
            return self.enum_class(kind)
        if kind.kind in ("array", "domain") and kind.element is not None and not allowed:
            inner = self.type_of(kind.element)
            return f"{self.name('list')}[{inner}]" if kind.kind == "array" else inner
        tree = ast.parse(python_type(kind, allowed), mode="eval").body
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        return written(tree, {name: self.name(name) for name in names}, '"')

    def name(self, name: str) -> str:
        """A name for an annotation; one that is a field's as well is imported under another."""
        self.used.add(name)
        alias = name
        while alias in self.taken:
            alias += "_"
        return alias

    def enum_class(self, kind: PgType) -> str:
        """The class of an enum type, written when it is first asked for."""
        shown = str(kind)
        if shown not in self.enums:
            self.enums[shown] = name = self.unique(camel(kind.name))
            members = enum_members(kind.labels)
            lines = [f"class {name}(StrEnum):", *docstring_lines(f"The labels of the type {shown}."), "", *members]
            self.classes.append("\n".join(lines))
        return self.enums[shown]

    def unique(self, wanted: str) -> str:
        """A name for a class that nothing else has."""
        name, number = wanted, 1
        while name in self.taken or name in MODULES or name in ("StrEnum", "None", "True", "False"):
            number += 1
            name = f"{wanted}{number}"
        self.taken.add(name)
        return name

    def imports(self) -> list[str]:
        """The import statements, sorted, third-party packages in a section of their own."""
        froms = {(MODULES[name], self._as(name)) for name in self.used & MODULES.keys()}
        froms |= {
            ("builtins", self._as(name)) for name in self.used if hasattr(builtins, name) and self.name(name) != name
        }
        froms |= {("enum", "StrEnum")} if self.enums else set()
        froms |= {("dataclasses", "dataclass")} if self.style == "dataclass" else set()
        standard = [
            f"from {module} import {', '.join(_sorted(n for m, n in froms if m == module))}"
            for module in sorted({m for m, _ in froms})
        ]
        others = [f"import {self._as('asyncpg')}"] if "asyncpg" in self.used else []
        others += ["import msgspec"] if self.style == "struct" else []
        return [*standard, *([""] if standard and others else []), *others]

    def _as(self, name: str) -> str:
        alias = self.name(name)
        return name if alias == name else f"{name} as {alias}"


def _sorted(names: Iterable[str]) -> list[str]:
    """Classes before functions and types in lower case, as import sorters have it."""
    return sorted(names, key=lambda name: (name[:1].islower(), name))


def _field_names(columns: Iterable[Column]) -> Iterator[str]:
    for column in columns:
        yield from column.name.split(".")


def check_field_name(name: str) -> None:
    """Raise UsageError for what cannot be the name of a field."""
    fine = name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")
    if not fine or unicodedata.normalize("NFKC", name) != name:
        raise UsageError(f'"{name}" cannot be the name of a field; give the column another with as')


def _tables(description: Description) -> str:
    """The tables that a statement reads and writes, in words."""
    touched = (name.split(".") for name in (*description.reads, *description.writes))
    names = sorted({".".join(parts[:2]).removeprefix("public.") for parts in touched})
    return listed(names) if names else "the statement"


def docstring_lines(text: str, width: int = _WIDTH) -> list[str]:
    """A docstring's lines, indented; whatever names are in it, it does not end early."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"')
    safe = "".join(character if character.isprintable() else " " for character in safe)
    wrapped = textwrap.wrap(safe, width - 10, break_long_words=False, break_on_hyphens=False)
    if len(wrapped) == 1:
        return [f'    """{wrapped[0]}"""']
    return [f'    """{wrapped[0]}', *(f"    {line}" for line in wrapped[1:]), '    """']


def enum_members(labels: Sequence[str]) -> list[str]:
    """The members of an enum class, each with a name of its own."""
    lines: list[str] = []
    taken: set[str] = set()
    for label in labels:
        wanted = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", label)).strip("_").upper() or "EMPTY"
        wanted = wanted if wanted.isidentifier() else f"LABEL_{wanted}"
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name)
        lines.append(f"    {name} = {_quoted(label)}")
    return lines


def _quoted(text: str) -> str:
    return written(ast.Constant(text), {}, '"')


def camel(name: str) -> str:
    """``verification_log`` as the name of a class: ``VerificationLog``."""
    parts = [part for part in re.split(r"[^0-9A-Za-z]+", unicodedata.normalize("NFKD", name)) if part]
    joined = "".join(part[:1].upper() + part[1:] for part in parts)
    return joined if joined.isidentifier() and not keyword.iskeyword(joined) else f"Type{joined}"
