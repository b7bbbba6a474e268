"""What the expressions at a call name: classes and annotations, looked up in the imported modules.

Only names, attributes of modules and classes, and the operators of annotations are evaluated, so that checking a
project calls none of its functions.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import typing
from functools import reduce
from operator import or_
from types import ModuleType
from typing import Any

from assay.errors import RowClassError
from assay.proof.discover.receivers import parsed_annotation
from assay.proof.discover.resolve import Project, absolute
from assay.proof.discover.scopes import Binding, Scope
from assay.proof.discover.source import Source
from assay.proof.modules import ImportFailure, Modules
from assay.runtime.annotations import class_hints


class Unresolved(Exception):
    """An expression names no class that can be looked up; the text says why, as in ``"row" is a parameter``."""


class NotImported(Unresolved):
    """What an expression names is not known because its module cannot be imported; the text says why."""


_WELL_KNOWN = {
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "typing": frozenset({"Annotated", "Any", "Literal", "Optional", "Union"}),
    "uuid": frozenset({"UUID"}),
}
"""What a name means that is imported from here can be told without importing the module that it stands in."""


class Expressions:
    """Evaluates the names and annotations of a project's files."""

    def __init__(self, project: Project, modules: Modules) -> None:
        self.project = project
        self.modules = modules

    def evaluate(self, node: ast.expr, scope: Scope, source: Source) -> Any:
        """The object that a name, a dotted name or an annotation stands for; raises Unresolved."""
        match node:
            case ast.Name(id=name):
                return self._name(name, scope, source)
            case ast.Attribute(value=value):
                return self._attribute(self.evaluate(value, scope, source), node, source)
            case ast.Constant(value=str()):
                return self.evaluate(_unquoted(node), scope, source)
            case ast.Constant(value=value):
                return value
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return _union([self.evaluate(part, scope, source) for part in (left, right)])
            case ast.Subscript(value=value, slice=part):
                return self._subscript(self.evaluate(value, scope, source), part, scope, source)
            case ast.List(elts=parts):
                return [self.evaluate(part, scope, source) for part in parts]
        raise Unresolved(f'"{ast.unparse(node)}" is computed while the program runs')

    def hints(self, kind: type) -> dict[str, Any]:
        """The annotations of a class's attributes, inherited ones too; raises Unresolved for a name not found."""
        try:
            return class_hints(kind)
        except RowClassError as error:
            raise Unresolved(error.message) from None
        except Exception as error:
            raise Unresolved(f"the annotations of {kind.__name__} cannot be evaluated: {error}") from None

    def is_for_type_checkers(self, node: ast.Name, scope: Scope, source: Source) -> bool:
        """Whether a name is imported for type checkers alone, so that it is not there when the code runs."""
        owner = scope.owner(node.id)
        bindings = owner.names.get(node.id, []) if owner is not None and owner.kind == "module" else []
        module = self.modules.load(source)
        return (
            bool(bindings)
            and all(binding.kind == "imported" for binding in bindings)
            and isinstance(module, ModuleType)
            and not hasattr(module, node.id)
        )

    def _name(self, name: str, scope: Scope, source: Source) -> Any:
        owner = scope.owner(name)
        bindings = owner.names.get(name, []) if owner is not None else []
        if owner is not None and owner.kind != "module":
            return self._local(name, bindings, owner, source)
        module = self.modules.load(source)
        if isinstance(module, ImportFailure):
            return self._from_text(name, bindings, source, module)
        if hasattr(module, name):
            return getattr(module, name)
        if bindings and bindings[0].kind == "imported":
            return self._imported(bindings[0], source)
        if hasattr(builtins, name):
            return getattr(builtins, name)
        raise Unresolved(f'"{name}" is not defined')

    def _from_text(self, name: str, bindings: list[Binding], source: Source, failure: ImportFailure) -> Any:
        """What a name at the top of a module that cannot be imported means, where its text alone tells."""
        if not bindings and not source.scope.stars and hasattr(builtins, name):
            return getattr(builtins, name)
        known = {(binding.module, binding.attribute) for binding in bindings if binding.kind == "imported"}
        if len(known) == 1 and all(binding.kind == "imported" for binding in bindings):
            ((module, attribute),) = known
            if module in _WELL_KNOWN and self.project.module(module) is None:
                if attribute is None:
                    return importlib.import_module(module)
                if attribute in _WELL_KNOWN[module]:
                    return getattr(importlib.import_module(module), attribute)
        raise NotImported(f"its module cannot be imported: {failure.why}")

    def _local(self, name: str, bindings: list[Binding], owner: Scope, source: Source) -> Any:
        if not bindings:
            raise Unresolved(f'"{name}" is not defined')
        binding = bindings[0]
        if binding.kind == "imported":
            return self._imported(binding, source)
        if binding.kind == "assigned" and binding.value is not None and len(bindings) == 1:
            return self.evaluate(binding.value, binding.scope, source)
        if binding.kind == "parameter":
            raise Unresolved(f'"{name}" is a parameter (line {binding.line})')
        where = "class body" if owner.kind == "class" else "function"
        raise Unresolved(f'"{name}" is defined inside a {where} (line {binding.line})')

    def _imported(self, binding: Binding, source: Source) -> Any:
        name = absolute(binding.module, source)
        try:
            module = self.modules.named(name, source)
            if binding.attribute is None:
                return module
            if hasattr(module, binding.attribute):
                return getattr(module, binding.attribute)
            return self.modules.named(f"{name}.{binding.attribute}", source)
        except Exception as error:
            raise Unresolved(f'"{name}" cannot be imported: {error}') from None

    def _attribute(self, base: Any, node: ast.Attribute, source: Source) -> Any:
        if isinstance(base, (ModuleType, type)) and hasattr(base, node.attr):
            return getattr(base, node.attr)
        if not isinstance(base, ModuleType):
            raise Unresolved(f'"{ast.unparse(node)}" cannot be looked up without running the code')
        try:
            return self.modules.named(f"{base.__name__}.{node.attr}", source)
        except Exception:
            raise Unresolved(f'"{ast.unparse(node)}" is not defined') from None

    def _subscript(self, base: Any, part: ast.expr, scope: Scope, source: Source) -> Any:
        parts = part.elts if isinstance(part, ast.Tuple) else [part]
        if base is typing.Annotated:
            return self.evaluate(parts[0], scope, source)
        if getattr(base, "_name", None) == "Literal":
            values = tuple(self._literal(value, scope, source) for value in parts)
        else:
            values = tuple(self.evaluate(value, scope, source) for value in parts)
        try:
            return base[values if len(values) != 1 or isinstance(part, ast.Tuple) else values[0]]
        except (TypeError, AttributeError, KeyError) as error:
            raise Unresolved(f"{error}") from None

    def _literal(self, node: ast.expr, scope: Scope, source: Source) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
                return -value
        return self.evaluate(node, scope, source)


def _unquoted(node: ast.expr) -> ast.expr:
    inner = parsed_annotation(node)
    if inner is node:
        raise Unresolved(f"{ast.unparse(node)} is not an annotation")
    return inner


def _union(parts: list[Any]) -> Any:
    try:
        return reduce(or_, (type(None) if part is None else part for part in parts))
    except TypeError as error:
        raise Unresolved(str(error)) from None
