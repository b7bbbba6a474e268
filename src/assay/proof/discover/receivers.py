"""Whose object it is that a method is called of, as far as the code says without being run."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from assay.proof.discover.libraries import LIBRARIES, OTHER_LIBRARIES, PACKAGES, Owner
from assay.proof.discover.resolve import Bound, External, Project, Target
from assay.proof.discover.scopes import Binding, Function, Scope
from assay.proof.discover.source import Source

_CARRIERS = frozenset({
    "AbstractAsyncContextManager", "AbstractContextManager", "AsyncContextManager", "AsyncGenerator",
    "AsyncIterable", "AsyncIterator", "Awaitable", "ContextManager", "Coroutine", "Final", "ClassVar", "Generator",
    "Iterable", "Iterator", "Optional", "Required", "Annotated",
})  # fmt: skip
"""Generic annotations that stand for an object of their first argument once it is awaited, entered or unwrapped."""

_DEPTH = 12
"""How many steps from one definition to the next are followed; more is a knot, not a program."""


class Receivers:
    """Tells whose object an expression is."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def owner(self, node: ast.expr, scope: Scope, source: Source, depth: int = _DEPTH) -> Owner:
        """Whose object an expression evaluates to."""
        if depth == 0:
            return Owner.UNKNOWN
        match node:
            case ast.Await() | ast.NamedExpr():
                return self.owner(node.value, scope, source, depth - 1)
            case ast.IfExp(body=body, orelse=orelse) | ast.BoolOp(values=[body, orelse]):
                return _first(self.owner(part, scope, source, depth - 1) for part in (body, orelse))
            case ast.Name():
                return self._target(self.project.resolve(node, scope, source), depth)
            case ast.Attribute():
                return self._attribute(node, scope, source, depth)
            case ast.Call():
                return self._call(node, scope, source, depth)
        return Owner.UNKNOWN

    def _target(self, target: Target | None, depth: int) -> Owner:
        if not isinstance(target, Bound):
            return _of_library(target.path) if isinstance(target, External) else Owner.UNKNOWN
        return _first(self._binding(binding, target.source, depth) for binding in target.bindings)

    def _binding(self, binding: Binding, source: Source, depth: int) -> Owner:
        if binding.annotation is not None:
            return self.annotated(binding.annotation, binding.scope, source, depth - 1)
        if binding.kind in ("assigned", "entered") and binding.value is not None:
            return self.owner(binding.value, binding.scope, source, depth - 1)
        if isinstance(binding.node, Function) and binding.node.returns is not None:  # a property
            return self.annotated(binding.node.returns, binding.scope, source, depth - 1)
        return Owner.UNKNOWN

    def _attribute(self, node: ast.Attribute, scope: Scope, source: Source, depth: int) -> Owner:
        method = scope.method_class()
        if method is not None and isinstance(node.value, ast.Name) and node.value.id == method[0]:
            return self._member(method[1], source, node.attr, depth)
        target = self.project.resolve(node, scope, source)
        if target is not None:
            return self._target(target, depth)
        found = self._class_of(node.value, scope, source, depth - 1)
        if found is not None:
            return self._member(*found, node.attr, depth)
        return _given(self.owner(node.value, scope, source, depth - 1), node.attr)

    def _member(self, scope: Scope, source: Source, name: str, depth: int) -> Owner:
        bound = self.project.class_attribute(scope, source, name)
        return self._target(bound, depth) if bound is not None else Owner.UNKNOWN

    def _class_of(self, node: ast.expr, scope: Scope, source: Source, depth: int) -> tuple[Scope, Source] | None:
        """The project's class that an annotated name or a constructor call is an instance of."""
        if depth <= 0:
            return None
        if isinstance(node, ast.Call):
            target = self.project.resolve(node.func, scope, source)
            return _as_class(target)
        target = self.project.resolve(node, scope, source)
        if not isinstance(target, Bound):
            return None
        annotated = [binding for binding in target.bindings if binding.annotation is not None]
        binding = annotated[0] if annotated else target.only
        if binding is None:
            return None
        if binding.annotation is not None:
            return _as_class(self.project.resolve(parsed_annotation(binding.annotation), binding.scope, target.source))
        if binding.value is not None:
            return self._class_of(binding.value, binding.scope, target.source, depth - 1)
        return None

    def _call(self, node: ast.Call, scope: Scope, source: Source, depth: int) -> Owner:
        target = self.project.resolve(node.func, scope, source)
        if isinstance(target, External):
            return self._external_call(target, node, scope, source, depth)
        if isinstance(target, Bound):
            if target.class_scope is not None:
                return self._class(target, depth)
            return self._returned(target, depth)
        if isinstance(node.func, ast.Attribute):
            given = _given(self.owner(node.func.value, scope, source, depth - 1), node.func.attr)
            return self._method(node.func, scope, source, depth) if given is Owner.UNKNOWN else given
        return self.owner(node.func, scope, source, depth - 1)  # sessionmaker(engine)()

    def _external_call(self, target: External, node: ast.Call, scope: Scope, source: Source, depth: int) -> Owner:
        if target.path == "typing.cast" and node.args:
            return self.annotated(node.args[0], scope, source, depth - 1)
        if target.path == "contextlib.closing" and node.args:
            return self.owner(node.args[0], scope, source, depth - 1)
        return _of_library(target.path)

    def _method(self, node: ast.Attribute, scope: Scope, source: Source, depth: int) -> Owner:
        found = self._class_of(node.value, scope, source, depth - 1)
        bound = self.project.class_attribute(*found, node.attr) if found else None
        return self._returned(bound, depth) if bound is not None else Owner.UNKNOWN

    def _returned(self, target: Bound, depth: int) -> Owner:
        """What a function of the project returns, or an object that it has made by a call of a library's factory."""
        node = target.only.node if target.only else None
        if target.only is None:
            return Owner.UNKNOWN
        if target.only.kind == "assigned":
            return self._binding(target.only, target.source, depth)
        if not isinstance(node, Function) or node.returns is None:
            return Owner.UNKNOWN
        return self.annotated(node.returns, target.only.scope, target.source, depth - 1)

    def annotated(self, node: ast.expr, scope: Scope, source: Source, depth: int) -> Owner:
        """Whose an object annotated so is; the members of a union are asked one by one."""
        node = parsed_annotation(node)
        if depth <= 0:
            return Owner.UNKNOWN
        if isinstance(node, ast.Constant):
            return Owner.OTHER if node.value is None else Owner.UNKNOWN
        if isinstance(node, ast.BinOp):
            return _first(self.annotated(part, scope, source, depth - 1) for part in (node.left, node.right))
        if isinstance(node, ast.Subscript):
            return self._generic(node, scope, source, depth)
        target = self.project.resolve(node, scope, source)
        if isinstance(target, External):
            return Owner.UNKNOWN if target.path in _ANYTHING else _of_class(target.path)
        return self._class(target, depth) if isinstance(target, Bound) else Owner.UNKNOWN

    def _generic(self, node: ast.Subscript, scope: Scope, source: Source, depth: int) -> Owner:
        name = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        if name not in _CARRIERS and name != "Union":
            return self.annotated(node.value, scope, source, depth - 1)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        carried = parts if name == "Union" else parts[:1]
        return _first(self.annotated(part, scope, source, depth - 1) for part in carried)

    def _class(self, target: Bound, depth: int) -> Owner:
        """Of a class of the project, by what it inherits from; an alias is what it stands for."""
        scope = target.class_scope
        if scope is None:
            return _first(self._alias(binding, target.source, depth) for binding in target.bindings)
        found = [
            Owner.UNKNOWN if base.path in _PROTOCOLS else _of_class(base.path)
            for owner, home in self.project.lineage(scope, target.source)
            for base in self.project.bases(owner, home)
            if isinstance(base, External)
        ]
        return _first([*found, Owner.OTHER])

    def _alias(self, binding: Binding, source: Source, depth: int) -> Owner:
        if binding.value is None or binding.kind not in ("assigned", "alias"):
            return Owner.UNKNOWN
        return self.annotated(binding.value, binding.scope, source, depth - 1)


_ANYTHING = frozenset({"typing.Any", "typing_extensions.Any"})
_PROTOCOLS = frozenset({"typing.Protocol", "typing_extensions.Protocol"})
"""What a class that is only a shape inherits from: whose objects have that shape is not known."""

_PRECEDENCE = (*LIBRARIES, Owner.UNKNOWN, Owner.OTHER)


def _first(owners: Iterable[Owner]) -> Owner:
    """Of several that it may be, a library's before one that is not known, and that before another's."""
    return min(owners, key=_PRECEDENCE.index, default=Owner.UNKNOWN)


def _given(owner: Owner, name: str) -> Owner:
    """Whose is what a method or attribute of an object gives."""
    if owner not in LIBRARIES:
        return Owner.UNKNOWN
    # Whatever else Assay's objects hand out has none of these methods.
    return owner if owner is Owner.ASSAY or name in LIBRARIES[owner].gives else Owner.OTHER


def _of_class(path: str) -> Owner:
    package, _, name = path.partition(".")
    library = PACKAGES.get(package)
    return library.owner if library is not None and name.rpartition(".")[2] in library.classes else Owner.OTHER


def _of_library(path: str) -> Owner:
    """Whose the result of a function, or an object, of another package is."""
    package, _, name = path.partition(".")
    library = PACKAGES.get(package)
    if library is None:
        return Owner.OTHER if package in OTHER_LIBRARIES else Owner.UNKNOWN
    return library.owner if name.rpartition(".")[2] in library.classes | library.makers else Owner.OTHER


def _as_class(target: Target | None) -> tuple[Scope, Source] | None:
    if isinstance(target, Bound) and target.class_scope is not None:
        return target.class_scope, target.source
    return None


def parsed_annotation(node: ast.expr) -> ast.expr:
    """An annotation in quotes as the expression it holds."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return ast.parse(node.value, mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            return node
    return node
