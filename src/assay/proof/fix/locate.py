"""Where row classes and their fields stand in the code."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.proof.discover.resolve import Bound, Project
from assay.proof.discover.scopes import Binding, Scope
from assay.proof.discover.source import Source
from assay.proof.fix.changes import Span
from assay.proof.fix.spelling import inner_node, is_literal, without_none


@dataclass(frozen=True, slots=True)
class Written:
    """An expression in a file, and where its names are looked up."""

    node: ast.expr
    source: Source
    scope: Scope

    @property
    def span(self) -> Span:
        """Where it stands."""
        return span_of(self.node, self.source)


@dataclass(frozen=True, slots=True)
class WrittenClass:
    """A class statement."""

    name: str
    """Its qualified name."""
    scope: Scope
    source: Source

    @property
    def node(self) -> ast.ClassDef:
        """The statement itself."""
        assert isinstance(self.scope.node, ast.ClassDef)  # noqa: S101 - scopes of classes are made from nothing else
        return self.scope.node

    def fields(self) -> Iterator[ast.AnnAssign]:
        """The annotated names of its body, in order."""
        for statement in self.node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                yield statement

    def field(self, name: str) -> ast.AnnAssign | None:
        """The only annotated name of its body that is called so."""
        found = [field for field in self.fields() if isinstance(field.target, ast.Name) and field.target.id == name]
        return found[0] if len(found) == 1 and len(self.scope.names[name]) == 1 else None

    def mentions(self, name: str) -> bool:
        """Whether its own code uses a field, as an attribute or by its name in a string."""
        for node in ast.walk(self.node):
            match node:
                case ast.Attribute(attr=attr) if attr == name:
                    return True
                case ast.Constant(value=value) if value == name:
                    return True
        return False


class Locator:
    """Finds classes, fields and lists of values in the files of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._classes: dict[type, WrittenClass | None] = {}
        self._lineages: dict[type, list[WrittenClass]] = {}

    def written(self, kind: type) -> WrittenClass | None:
        """The class statement of a class; None when the project has none, or several of its name."""
        if kind not in self._classes:
            self._classes[kind] = self._find(kind)
        return self._classes[kind]

    def _find(self, kind: type) -> WrittenClass | None:
        file = getattr(sys.modules.get(kind.__module__), "__file__", None)
        path = Path(file).resolve() if isinstance(file, str) else None
        if path is None or not path.is_relative_to(self.project.root) or "site-packages" in path.parts:
            return None
        source = self.project.read(path)
        if not isinstance(source, Source):
            return None
        scope: Scope | None = source.scope
        for name in kind.__qualname__.split("."):
            known = scope is not None and len(scope.names.get(name, ())) == 1
            scope = scope.classes.get(name) if scope is not None and known else None
        return WrittenClass(kind.__qualname__, scope, source) if scope is not None else None

    def lineage(self, kind: type) -> list[WrittenClass]:
        """The class statements of a class and of those of the project that it inherits from, nearest first."""
        if kind not in self._lineages:
            own = self.written(kind)
            found = self.project.lineage(own.scope, own.source) if own is not None else ()
            self._lineages[kind] = [WrittenClass(_qualified(scope), scope, source) for scope, source in found]
        return self._lineages[kind]

    def declaring(self, kind: type, name: str) -> WrittenClass | None:
        """The nearest of them that has a field of that name, when it is written as one."""
        owner = next((owner for owner in self.lineage(kind) if name in owner.scope.names), None)
        return owner if owner is not None and owner.field(name) is not None else None

    def literal(self, written: Written) -> tuple[Written, str] | None:
        """The ``Literal[...]`` that an annotation is but for None, and the name that it has elsewhere, or ``""``."""
        node = without_none(inner_node(written.node))
        if is_literal(node):
            return Written(node, written.source, written.scope), ""
        target = self.project.resolve(node, written.scope, written.source)
        binding = target.only if isinstance(target, Bound) else None
        if not isinstance(target, Bound) or binding is None or binding.value is None or not is_literal(binding.value):
            return None
        return Written(binding.value, target.source, binding.scope), target.name

    def is_alias(self, written: Written) -> bool:
        """Whether an expression is a name that was given to another expression."""
        target = self.project.resolve(written.node, written.scope, written.source)
        return isinstance(target, Bound) and any(_is_value(binding) for binding in target.bindings)


def span_of(node: ast.expr | ast.keyword, source: Source) -> Span:
    """Where a node stands."""
    start = source.place_at(source.offset(node.lineno, node.col_offset))
    end = source.place_at(source.offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset))
    return Span(start.line, start.column - 1, end.line, end.column - 1)


def _is_value(binding: Binding) -> bool:
    return binding.kind not in ("class", "imported")


def _qualified(scope: Scope) -> str:
    names: list[str] = []
    inner: Scope | None = scope
    while inner is not None and isinstance(inner.node, ast.ClassDef):
        names.insert(0, inner.node.name)
        inner = inner.parent
    return ".".join(names)
