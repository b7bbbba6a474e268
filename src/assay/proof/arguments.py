"""The type of an argument, as far as annotations tell."""

from __future__ import annotations

import ast
import inspect
import sys
import typing
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, Union

from assay.pgtypes.hints import Hint, class_of, full_name, is_type, literal_values, read_hint, show
from assay.proof.discover.resolve import Bound, External, Module
from assay.proof.discover.scopes import Binding, Scope
from assay.proof.discover.source import Source
from assay.proof.expressions import Expressions, NotImported, Unresolved
from assay.proof.narrowing import is_tested
from assay.sql.omit import Omitted


class Unknown:
    """The type of an expression that no annotation tells; there is one, :data:`UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

_DEPTH = 8
"""How many steps from one definition to the next are followed."""

_RESULTS: dict[str, tuple[str, ...]] = {
    "uuid.UUID": ("uuid.uuid1", "uuid.uuid3", "uuid.uuid4", "uuid.uuid5", "uuid.uuid6", "uuid.uuid7", "uuid.uuid8"),
    "datetime.datetime": tuple(
        f"datetime.datetime.{name}"
        for name in ("now", "utcnow", "today", "fromtimestamp", "fromisoformat", "strptime", "combine")
    ),
    "datetime.date": tuple(
        f"datetime.date.{name}" for name in ("today", "fromtimestamp", "fromisoformat", "fromordinal")
    ),
    "builtins.bytes": ("bytes.fromhex", "posix.urandom", "secrets.token_bytes"),
    "builtins.str": ("json.dumps", "secrets.token_hex", "secrets.token_urlsafe", "builtins.repr", "builtins.format"),
    "builtins.int": ("builtins.len", "time.time_ns", "builtins.abs", "builtins.round", "builtins.hash"),
    "builtins.float": ("time.time", "time.monotonic"),
}
"""What functions of the standard library return, which has no annotations to ask."""


class Arguments:
    """Finds the types of arguments."""

    def __init__(self, expressions: Expressions) -> None:
        self._typist = _Typist(expressions)
        self._known: dict[ast.expr, Any] = {}
        self._lost: dict[ast.expr, str] = {}

    def type_of(self, node: ast.expr, scope: Scope, source: Source) -> Any:
        """The annotation that an expression's values have, or UNKNOWN; what a test has narrowed is left out.

        It is looked for once: a call with clauses asks for each statement that it stands for.
        """
        if node not in self._known:
            self._known[node] = self._type_of(node, scope, source)
        return self._known[node]

    def why_unknown(self, node: ast.expr) -> str:
        """Why an annotation of an expression that ``type_of`` looked for could not be read; empty if it has none."""
        return self._lost.get(node, "")

    def _type_of(self, node: ast.expr, scope: Scope, source: Source) -> Any:
        try:
            found = self._typist.find(node, scope, source, _DEPTH)
        except NotImported as error:
            self._lost[node] = str(error)
            return UNKNOWN
        except Unresolved:
            return UNKNOWN
        if found is UNKNOWN:
            return found
        hint = read_hint(found)
        strange = next((member for member in hint.members if not is_type(member)), None)
        if strange is not None:
            self._lost[node] = f"{show(strange)} is an object of {full_name(type(strange))}, not a type"
            return UNKNOWN
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return found
        if (len(hint.members) == 1 and not hint.optional) or not is_tested(node, scope):
            return found
        return _narrowed(hint)

    def member(self, annotation: Any, name: str) -> Any:
        """The annotation of an attribute of an object, or UNKNOWN; for a TypedDict, of a key."""
        try:
            return self._typist.member(annotation, name)
        except Unresolved:
            return UNKNOWN

    def fields(self, annotation: Any) -> list[str]:
        """The names that an object of a known class has, properties among them; empty where that is not known."""
        members = read_hint(annotation).members if annotation is not UNKNOWN else ()
        kind = class_of(members[0]) if len(members) == 1 else None
        try:
            hints = self._typist.expressions.hints(kind) if kind is not None and kind.__module__ != "builtins" else {}
        except Unresolved:
            return []
        properties = [name for name, value in inspect.getmembers_static(kind) if isinstance(value, property)]
        return [*hints, *properties] if hints else []


class _Typist:
    """One method for each kind of expression."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.project = expressions.project

    def find(self, node: ast.expr, scope: Scope, source: Source, depth: int) -> Any:
        if depth == 0:
            return UNKNOWN
        find = _BY_NODE.get(type(node))
        return find(self, node, scope, source, depth - 1) if find else UNKNOWN

    def constant(self, node: ast.Constant, *_: object) -> Any:
        if node.value is None:
            return None
        if isinstance(node.value, (str, int, bool)):
            return typing.Literal[node.value]
        return type(node.value)

    def negated(self, node: ast.UnaryOp, scope: Scope, source: Source, depth: int) -> Any:
        if isinstance(node.op, ast.Not):
            return bool
        inner = self.find(node.operand, scope, source, depth)
        values = literal_values(inner)
        return type(values[0]) if values else inner

    def choice(self, node: ast.IfExp, scope: Scope, source: Source, depth: int) -> Any:
        parts = [self.find(part, scope, source, depth) for part in (node.body, node.orelse)]
        return UNKNOWN if UNKNOWN in parts else Union[tuple(parts)]  # noqa: UP007 - made from a list

    def display(self, node: ast.List | ast.Tuple | ast.Set, scope: Scope, source: Source, depth: int) -> Any:
        parts = [self.find(part, scope, source, depth) for part in node.elts]
        generic: Any = _DISPLAYS[type(node)]
        if not parts or UNKNOWN in parts:
            return generic
        return generic[tuple(parts) if isinstance(node, ast.Tuple) else Union[tuple(parts)]]  # noqa: UP007

    def name(self, node: ast.Name, scope: Scope, source: Source, depth: int) -> Any:
        return self._target(node, scope, source, depth)

    def _target(self, node: ast.Name | ast.Attribute, scope: Scope, source: Source, depth: int) -> Any:
        target = self.project.resolve(node, scope, source)
        if isinstance(target, External) and target.path == "assay.OMIT":
            return Omitted
        if not isinstance(target, Bound) or target.only is None:
            return UNKNOWN
        return self._binding(target.only, target.source, depth)

    def _binding(self, binding: Binding, source: Source, depth: int) -> Any:
        if binding.annotation is not None:
            return self.expressions.evaluate(binding.annotation, binding.scope, source)
        if binding.kind == "assigned" and binding.value is not None:
            return self.find(binding.value, binding.scope, source, depth)
        return UNKNOWN

    def attribute(self, node: ast.Attribute, scope: Scope, source: Source, depth: int) -> Any:
        if isinstance(node.value, ast.Name) and self._is_self(node.value, scope):
            return self._own(node, scope, source, depth)
        target = self.project.resolve(node.value, scope, source)
        if isinstance(target, (External, Module)):
            return self._target(node, scope, source, depth)
        if isinstance(target, Bound) and target.class_scope is not None:
            return self._of_class(node, scope, source)
        return self.member(self.find(node.value, scope, source, depth), node.attr)

    def _is_self(self, node: ast.Name, scope: Scope) -> bool:
        method = scope.method_class()
        return method is not None and method[0] == node.id

    def _own(self, node: ast.Attribute, scope: Scope, source: Source, depth: int) -> Any:
        """``self.name``: annotated in the class, or assigned once by its methods."""
        method = scope.method_class()
        for owner, home in self.project.lineage(method[1], source) if method else ():
            bindings = [*owner.names.get(node.attr, ()), *owner.attributes.get(node.attr, ())]
            annotated = [binding for binding in bindings if binding.annotation is not None]
            if annotated or len(bindings) == 1:
                return self._binding((annotated or bindings)[0], home, depth)
        return UNKNOWN

    def _of_class(self, node: ast.Attribute, scope: Scope, source: Source) -> Any:
        """``Status.ACTIVE`` is that member; any other attribute of a class has its own type."""
        value = self.expressions.evaluate(node, scope, source)
        if full_name(type(value)) in ("builtins.type", "type"):
            return UNKNOWN
        return typing.Literal[value] if literal_values(type(value)) is not None else type(value)

    def member(self, owner: Any, name: str) -> Any:
        """An attribute of an object of a known class: its annotation, or what its property returns."""
        if owner is UNKNOWN:
            return UNKNOWN
        members = read_hint(owner).members
        kind = class_of(members[0]) if len(members) == 1 else None
        if kind is None:
            return UNKNOWN
        value = inspect.getattr_static(kind, name, None)
        if isinstance(value, property) and isinstance(value.fget, FunctionType):
            return _returned(value.fget)
        return self.expressions.hints(kind).get(name, UNKNOWN) if kind.__module__ != "builtins" else UNKNOWN

    def call(self, node: ast.Call, scope: Scope, source: Source, depth: int) -> Any:
        called = self._called(node.func, scope, source)
        if isinstance(called, type):
            return called
        if not callable(called) or inspect.iscoroutinefunction(called):
            return UNKNOWN
        found = _returned(called) if isinstance(called, FunctionType) else UNKNOWN
        return _library_result(called) if found is UNKNOWN else found

    def _called(self, node: ast.expr, scope: Scope, source: Source) -> Any:
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self.expressions.evaluate(node, scope, source)
        return None

    def awaited(self, node: ast.Await, scope: Scope, source: Source, depth: int) -> Any:
        if not isinstance(node.value, ast.Call):
            return UNKNOWN
        called = self._called(node.value.func, scope, source)
        return _returned(called) if inspect.iscoroutinefunction(called) else UNKNOWN


def _returned(function: Any) -> Any:
    """What a function is annotated to return, or UNKNOWN."""
    try:
        return typing.get_type_hints(function, include_extras=True).get("return", UNKNOWN)
    except Exception:
        return UNKNOWN


def _library_result(function: Any) -> Any:
    owner = getattr(function, "__self__", None)
    prefix = f"{owner.__module__}." if isinstance(owner, type) and owner.__module__ != "builtins" else ""
    module = "" if prefix or isinstance(owner, type) else f"{getattr(function, '__module__', '')}."
    name = f"{prefix}{module}{getattr(function, '__qualname__', '')}"
    for result, functions in _RESULTS.items():
        if name in functions:
            package, _, kind = result.rpartition(".")
            return getattr(sys.modules[package], kind)
    return UNKNOWN


def _narrowed(hint: Hint) -> Any:
    """What a tested value is: without its None and OMIT, and nothing for certain of a union."""
    members = [member for member in hint.members if member is not Omitted]
    return members[0] if len(members) == 1 else UNKNOWN


_DISPLAYS: dict[type[ast.expr], Any] = {ast.List: list, ast.Tuple: tuple, ast.Set: set}


def _fixed(annotation: Any) -> Callable[..., Any]:
    return lambda *_: annotation


_BY_NODE: dict[type[ast.expr], Callable[..., Any]] = {
    ast.Constant: _Typist.constant,
    ast.UnaryOp: _Typist.negated,
    ast.IfExp: _Typist.choice,
    ast.List: _Typist.display,
    ast.Tuple: _Typist.display,
    ast.Set: _Typist.display,
    ast.Name: _Typist.name,
    ast.Attribute: _Typist.attribute,
    ast.Call: _Typist.call,
    ast.Await: _Typist.awaited,
    ast.JoinedStr: _fixed(str),
    ast.Compare: _fixed(bool),
    ast.Dict: _fixed(dict),
    ast.DictComp: _fixed(dict),
    ast.ListComp: _fixed(list),
    ast.SetComp: _fixed(set),
}
