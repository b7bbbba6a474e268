"""One walk over a module: its scopes, the names bound in them, and the calls of methods that may take SQL."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from assay.proof.discover.scopes import Binding, Function, Scope
from assay.proof.discover.surfaces import METHODS


@dataclass(frozen=True, slots=True)
class Found:
    """What one walk over a module gives."""

    module: Scope
    calls: tuple[tuple[ast.Call, Scope], ...]
    """Calls of methods named like those that take SQL."""
    classes: tuple[Scope, ...]
    packages: frozenset[str]
    """What is imported anywhere in it, by the first part of the dotted names."""


def survey(tree: ast.Module) -> Found:
    """Walk a module once, without recursion, so that no nesting is too deep."""
    surveyor = _Surveyor(Scope("module", tree))
    surveyor.walk(tree)
    classes = tuple(scope for scope in surveyor.scopes if scope.kind == "class")
    return Found(surveyor.module, tuple(surveyor.calls), classes, frozenset(surveyor.packages))


class _Surveyor:
    def __init__(self, module: Scope) -> None:
        self.module = module
        self.calls: list[tuple[ast.Call, Scope]] = []
        self.scopes: list[Scope] = []
        self.packages: set[str] = set()
        self.todo: list[tuple[ast.AST, Scope]] = []

    def walk(self, tree: ast.Module) -> None:
        self._children(tree, self.module)
        while self.todo:
            node, scope = self.todo.pop()
            handle = _HANDLERS.get(type(node))
            if handle is None:
                self._children(node, scope)
            else:
                handle(self, node, scope)
        for scope in self.scopes:
            _move_elsewhere(scope)

    def _children(self, node: ast.AST, scope: Scope) -> None:
        self.todo += [(child, scope) for child in reversed(list(ast.iter_child_nodes(node)))]

    def _visit(self, nodes: list[ast.AST], scope: Scope) -> None:
        self.todo += [(node, scope) for node in reversed(nodes)]

    def _inner(self, kind: Literal["class", "function", "comprehension"], node: ast.AST, scope: Scope) -> Scope:
        inner = Scope(kind, node, scope)
        self.scopes.append(inner)
        return inner

    def function(self, node: Function, scope: Scope) -> None:
        scope.bind(node.name, Binding("function", node, scope))
        inner = self._inner("function", node, scope)
        _bind_parameters(node.args, scope, inner)
        outer: list[ast.AST] = [*node.decorator_list, node.args]
        self._visit([*node.body], inner)
        self._visit(outer, scope)

    def lambda_(self, node: ast.Lambda, scope: Scope) -> None:
        inner = self._inner("function", node, scope)
        _bind_parameters(node.args, scope, inner)
        self._visit([node.body], inner)
        self._visit([node.args], scope)

    def class_(self, node: ast.ClassDef, scope: Scope) -> None:
        scope.bind(node.name, Binding("class", node, scope))
        inner = self._inner("class", node, scope)
        scope.classes[node.name] = inner
        self._visit([*node.body], inner)
        self._visit([*node.decorator_list, *node.bases, *node.keywords], scope)

    def comprehension(self, node: ast.AST, scope: Scope) -> None:
        inner = self._inner("comprehension", node, scope)
        for generator in ast.iter_child_nodes(node):
            if isinstance(generator, ast.comprehension):
                _bind_target(generator.target, inner, Binding("other", generator.target, inner))
        self._children(node, inner)

    def assign(self, node: ast.Assign, scope: Scope) -> None:
        for target in node.targets:
            _bind_target(target, scope, Binding("assigned", node, scope, node.value))
        self._children(node, scope)

    def annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        _bind_target(node.target, scope, Binding("assigned", node, scope, node.value, node.annotation))
        self._children(node, scope)

    def walrus(self, node: ast.NamedExpr, scope: Scope) -> None:
        owner = scope
        while owner.kind == "comprehension" and owner.parent is not None:
            owner = owner.parent
        _bind_target(node.target, owner, Binding("assigned", node, scope, node.value))
        self._children(node, scope)

    def changed(self, node: ast.AugAssign | ast.For | ast.AsyncFor, scope: Scope) -> None:
        _bind_target(node.target, scope, Binding("other", node, scope))
        self._children(node, scope)

    def deleted(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            _bind_target(target, scope, Binding("other", node, scope))

    def entered(self, node: ast.withitem, scope: Scope) -> None:
        if node.optional_vars is not None:
            _bind_target(node.optional_vars, scope, Binding("entered", node.optional_vars, scope, node.context_expr))
        self._children(node, scope)

    def import_(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            module = alias.name if alias.asname else name
            scope.bind(name, Binding("imported", node, scope, module=module))
            self.packages.add(module.partition(".")[0])

    def import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        module = "." * node.level + (node.module or "")
        self.packages.add(module.partition(".")[0])
        for alias in node.names:
            binding = Binding("imported", node, scope, module=module, attribute=alias.name)
            if alias.name == "*":
                scope.stars.append(binding)
            else:
                scope.bind(alias.asname or alias.name, binding)

    def elsewhere(self, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
        scope.elsewhere.update(dict.fromkeys(node.names, isinstance(node, ast.Global)))

    def named(self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar, scope: Scope) -> None:
        if node.name:
            scope.bind(node.name, Binding("other", node, scope))
        self._children(node, scope)

    def call(self, node: ast.Call, scope: Scope) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            self.calls.append((node, scope))
        self._children(node, scope)

    def alias(self, node: ast.AST, scope: Scope) -> None:
        name, value = getattr(node, "name", None), getattr(node, "value", None)
        if isinstance(name, ast.Name):
            scope.bind(name.id, Binding("alias", node, scope, value))


_HANDLERS: dict[type[ast.AST], Callable[[_Surveyor, Any, Scope], None]] = {
    ast.FunctionDef: _Surveyor.function,
    ast.AsyncFunctionDef: _Surveyor.function,
    ast.Lambda: _Surveyor.lambda_,
    ast.ClassDef: _Surveyor.class_,
    ast.ListComp: _Surveyor.comprehension,
    ast.SetComp: _Surveyor.comprehension,
    ast.DictComp: _Surveyor.comprehension,
    ast.GeneratorExp: _Surveyor.comprehension,
    ast.Assign: _Surveyor.assign,
    ast.AnnAssign: _Surveyor.annotated,
    ast.NamedExpr: _Surveyor.walrus,
    ast.AugAssign: _Surveyor.changed,
    ast.For: _Surveyor.changed,
    ast.AsyncFor: _Surveyor.changed,
    ast.Delete: _Surveyor.deleted,
    ast.withitem: _Surveyor.entered,
    ast.Import: _Surveyor.import_,
    ast.ImportFrom: _Surveyor.import_from,
    ast.Global: _Surveyor.elsewhere,
    ast.Nonlocal: _Surveyor.elsewhere,
    ast.ExceptHandler: _Surveyor.named,
    ast.MatchAs: _Surveyor.named,
    ast.MatchStar: _Surveyor.named,
    ast.Call: _Surveyor.call,
}
if sys.version_info >= (3, 12):
    _HANDLERS[ast.TypeAlias] = _Surveyor.alias


def _bind_parameters(arguments: ast.arguments, outer: Scope, inner: Scope) -> None:
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        inner.bind(argument.arg, Binding("parameter", argument, outer, annotation=argument.annotation))
    for rest in (arguments.vararg, arguments.kwarg):
        if rest is not None:
            inner.bind(rest.arg, Binding("other", rest, outer))


def _bind_target(target: ast.expr, scope: Scope, binding: Binding) -> None:
    """Bind the names of an assignment's target; what a tuple is unpacked into has no expression of its own."""
    if isinstance(target, ast.Name):
        scope.bind(target.id, binding)
    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        method = scope.method_class()
        if method is not None and method[0] == target.value.id:
            method[1].attributes.setdefault(target.attr, []).append(binding)
    else:
        for name in _names(target):
            scope.bind(name, Binding("other", binding.node, scope))


def _names(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            yield node.id


def _move_elsewhere(scope: Scope) -> None:
    for name in scope.elsewhere:
        for binding in scope.names.pop(name, []):
            scope.target(name).bind(name, binding)
