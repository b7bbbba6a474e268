"""The scopes of a module and the names bound in each."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Literal

BindingKind = Literal["parameter", "assigned", "entered", "imported", "function", "class", "alias", "other"]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Binding:
    """One place where a name gets a value."""

    kind: BindingKind
    """``entered`` is the target of a ``with``; ``other`` is anything whose value is not a single expression."""
    node: ast.AST
    scope: Scope
    """Where the expressions of the binding are evaluated."""
    value: ast.expr | None = None
    annotation: ast.expr | None = None
    module: str = ""
    """Of an import, the module, with leading dots when relative."""
    attribute: str | None = None
    """Of ``from module import attribute``."""

    @property
    def line(self) -> int:
        """Where the binding is, from 1."""
        line: int = getattr(self.node, "lineno", 1)
        return line

    @property
    def declares_only(self) -> bool:
        """Whether it gives the name a type and no value: ``name: str``."""
        return self.kind == "assigned" and self.value is None


@dataclass(eq=False, slots=True)
class Scope:
    """A module, class, function, lambda or comprehension."""

    kind: Literal["module", "class", "function", "comprehension"]
    node: ast.AST
    parent: Scope | None = None
    names: dict[str, list[Binding]] = field(default_factory=dict)
    attributes: dict[str, list[Binding]] = field(default_factory=dict)
    """Of a class, what its methods assign to attributes of their first parameter."""
    stars: list[Binding] = field(default_factory=list)
    """``from module import *``."""
    elsewhere: dict[str, bool] = field(default_factory=dict)
    """Names declared global (True) or nonlocal (False)."""
    classes: dict[str, Scope] = field(default_factory=dict)

    def bind(self, name: str, binding: Binding) -> None:
        """Note that a name gets a value here."""
        self.names.setdefault(name, []).append(binding)

    def owner(self, name: str) -> Scope | None:
        """The scope whose name a name refers to here, by Python's rules; None when the module does not bind it."""
        scope: Scope | None = self
        while scope is not None:
            if scope is self or scope.kind != "class":
                if name in scope.elsewhere:
                    return scope.target(name)
                if name in scope.names:
                    return scope
            scope = scope.parent
        return None

    def lookup(self, name: str) -> list[Binding]:
        """The bindings that a name refers to here; empty when the module does not bind it."""
        owner = self.owner(name)
        return owner.names.get(name, []) if owner is not None else []

    def target(self, name: str) -> Scope:
        """The scope that a name declared global or nonlocal belongs to."""
        if self.elsewhere[name]:
            return self.module
        scope = self.parent
        while scope is not None and (scope.kind != "function" or name not in scope.names):
            scope = scope.parent
        return scope or self.module

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    @property
    def function(self) -> Scope | None:
        """The innermost function around, itself included."""
        scope: Scope | None = self
        while scope is not None and scope.kind != "function":
            scope = scope.parent
        return scope

    def method_class(self) -> tuple[str, Scope] | None:
        """In a method, the name of its first parameter and the scope of its class."""
        function = self.function
        while function is not None and (function.parent is None or function.parent.kind != "class"):
            function = function.parent.function if function.parent else None
        if function is None or function.parent is None or not isinstance(function.node, Function):
            return None
        arguments = [*function.node.args.posonlyargs, *function.node.args.args]
        return (arguments[0].arg, function.parent) if arguments else None
