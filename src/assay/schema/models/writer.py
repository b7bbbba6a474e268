"""Annotations for columns, and the imports that a module needs for them."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from assay.pgtypes.model import PgType
from assay.proof.fix.wanted import MODULES
from assay.proof.rowsource import RowWriter
from assay.schema.models.layout import bracketed
from assay.schema.models.model import Field
from assay.schema.models.settings import Payload


@dataclass(slots=True)
class PackageWriter(RowWriter):
    """Writes annotations for the fields of one module, and remembers what is to be imported."""

    package: dict[str, str] | None = None
    """The classes of enum types, by the names of the types, that the package has; None in the package itself."""
    borrowed: set[str] = field(default_factory=set)
    """Names that are imported from the package."""
    payloads: set[Payload] = field(default_factory=set)
    standard: set[tuple[str, str]] = field(default_factory=set)
    """Modules and names of the standard library that are imported besides those of annotations."""

    def annotation(self, column: Field, *, null: bool | None = None) -> str:
        """The annotation of a field; with None where the column may be NULL, unless told otherwise."""
        text = self._value(column)
        optional = column.nullable if null is None else null
        return f"{text} | None" if optional else text

    def _value(self, column: Field) -> str:
        if column.payload is not None:
            self.payloads.add(column.payload)
            return self.spelled(column.payload.name)
        if column.values:
            return column.values if self.package is None else self.borrow(column.values)
        return self.type_of(column.described.type)

    def enum_class(self, kind: PgType) -> str:
        """The class of an enum type: written here, or borrowed from the package."""
        if self.package is None:
            return RowWriter.enum_class(self, kind)
        return self.borrow(self.package[str(kind)])

    def borrow(self, name: str) -> str:
        """A name of the package, as this module spells it."""
        self.borrowed.add(name)
        return self.spelled(name)

    def spelled(self, name: str) -> str:
        """A name under which something is imported: with underscores after it where fields or functions have it."""
        while name in self.taken:
            name += "_"
        return name

    def imported(self, module: str, name: str) -> str:
        """A name of the standard library, as this module spells it."""
        self.standard.add((module, name))
        return self.spelled(name)

    def module_of(self, name: str) -> str:
        """A package that is imported whole, as this module spells it."""
        self.used.add(name)
        return self.spelled(name)

    def import_lines(self, body: str) -> list[str]:
        """The import statements that a module's body needs, in their sections, sorted as import sorters have it."""
        words = set(re.findall(r"\w+", body))
        self.used = {name for name in self.used if self.spelled(name) in words}
        self.standard = {(module, name) for module, name in self.standard if self.spelled(name) in words}
        self.borrowed = {name for name in self.borrowed if self.spelled(name) in words}
        sections = [self._standard(), self._third_party(), self._own()]
        return "\n\n".join("\n".join(section) for section in sections if section).splitlines()

    def _standard(self) -> list[str]:
        names = {(MODULES[name], name) for name in self.used & MODULES.keys()} | self.standard
        names |= {("builtins", name) for name in self.used if hasattr(builtins, name) and name in self.taken}
        if self.enums:
            names.add(("enum", "StrEnum"))
        return self._from_lines(names)

    def _third_party(self) -> list[str]:
        plain = {"asyncpg"} & self.used | {name for name in ("assay", "msgspec") if name in self.used}
        lines = [f"import {self._clause(name)}" for name in sorted(plain)]
        return lines + self._from_lines({(payload.module, payload.name) for payload in self.payloads})

    def _own(self) -> list[str]:
        return self._from_lines({(".", name) for name in self.borrowed})

    def _from_lines(self, names: Iterable[tuple[str, str]]) -> list[str]:
        by_module: dict[str, list[str]] = {}
        for module, name in names:
            by_module.setdefault(module, []).append(name)
        return [line for module in sorted(by_module) for line in self._from_line(module, by_module[module])]

    def _from_line(self, module: str, names: list[str]) -> list[str]:
        clauses = [self._clause(name) for name in sorted(names, key=lambda name: (name[:1].islower(), name))]
        line = f"from {module} import {', '.join(clauses)}"
        return [line] if len(line) <= 88 else bracketed(f"from {module} import (", clauses, ")")

    def _clause(self, name: str) -> str:
        alias = self.spelled(name)
        return name if alias == name else f"{name} as {alias}"
