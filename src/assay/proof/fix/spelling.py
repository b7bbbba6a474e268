"""Annotations as a file would write them: its names, its quotes, its way to say None."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from assay.proof.discover.scopes import Binding, Scope
from assay.proof.discover.source import Source
from assay.proof.fix.changes import Import
from assay.proof.fix.wanted import MODULES

_WRAPPERS = frozenset({"Annotated", "ClassVar", "Final", "InitVar", "NotRequired", "ReadOnly", "Required"})


class Unspeakable(Exception):
    """An annotation cannot be written in a file; the text says why."""


@dataclass(frozen=True, slots=True)
class Spelled:
    """An annotation for a file, and what the file must import for it."""

    text: str
    imports: frozenset[Import] = frozenset()


class Speller:
    """Writes annotations for one file."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @cached_property
    def quote(self) -> str:
        """The quotation mark that the file prefers."""
        return "'" if self.source.text.count("'") > self.source.text.count('"') else '"'

    @cached_property
    def _optional(self) -> str | None:
        """``Optional`` as the file writes it, when it prefers that to ``| None``."""
        found, bars = [], 0
        for node in ast.walk(self.source.tree):
            match node:
                case ast.Subscript(value=ast.Name(id="Optional") | ast.Attribute(attr="Optional") as name):
                    found.append(ast.unparse(name))
                case ast.BinOp(op=ast.BitOr(), right=ast.Constant(value=None)):
                    bars += 1
        return found[0] if len(found) > bars else None

    def text_of(self, node: ast.expr) -> str:
        """An expression as it stands in the file."""
        start, end = self.source.span(node)
        return self.source.text[start:end]

    def with_none(self, text: str) -> str:
        """An annotation that takes None too."""
        tree = ast.parse(f"({text})", mode="eval").body
        if isinstance(tree, ast.Subscript) and _last_name(tree.value) == "Union" and "#" not in text:
            return f"{text.removesuffix(']').rstrip().removesuffix(',')}, None]"
        return f"{self._optional}[{text}]" if self._optional else f"{text} | None"

    def spell(self, text: str, scope: Scope | None = None) -> Spelled:
        """An annotation of PostgreSQL's types, with the names that the file has for its parts.

        ``scope`` is the class that it is for, whose attributes hide names of the module. Raises Unspeakable when a
        name that it needs means something else in the file.
        """
        tree = ast.parse(text, mode="eval").body
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        spelled = {name: self._name(name, scope) for name in names & {*MODULES, "asyncpg"}}
        for name in names - set(spelled):
            if name in self.source.scope.names or self._hidden(name, scope):
                raise self._taken_for(name)
        imports = frozenset(found[1] for found in spelled.values() if found[1] is not None)
        return Spelled(written(tree, {name: found[0] for name, found in spelled.items()}, self.quote), imports)

    def _name(self, name: str, scope: Scope | None) -> tuple[str, Import | None]:
        """How to write one of the known names, and the import that is missing for it."""
        module = MODULES.get(name, name)
        own = name if name in MODULES else ""
        for local, bindings in self.source.scope.names.items():
            if self._means(local, bindings, module, own, scope):
                return local, None
            if own and self._means(local, bindings, module, "", scope):
                return f"{local}.{name}", None
        for spelling, wanted in ((name, Import(module, own)), (f"{module}.{name}", Import(module))):
            local = spelling.partition(".")[0]
            if self._free(local, wanted, scope) and (own or spelling == name):
                return spelling, wanted
        raise self._taken_for(name)

    def _free(self, local: str, wanted: Import, scope: Scope | None) -> bool:
        """Whether a file may import something under a name; that type checkers see it already does no harm."""
        same = ("imported", wanted.module, wanted.name or None)
        bindings = self.source.scope.names.get(local, [])
        return not self._hidden(local, scope) and all((b.kind, b.module, b.attribute) == same for b in bindings)

    def _taken_for(self, name: str) -> Unspeakable:
        return Unspeakable(f'"{name}" means something else in {self.source.shown}')

    def _means(self, local: str, bindings: list[Binding], module: str, name: str, scope: Scope | None) -> bool:
        """Whether a name of the file is bound, once and when it runs, to a module or to a name of it."""
        wanted = (module, name or None)
        return (
            not self._hidden(local, scope)
            and all(binding.kind == "imported" for binding in bindings)
            and all((binding.module, binding.attribute) == wanted for binding in bindings)
            and any(binding.node in self.source.tree.body for binding in bindings)
        )

    def _hidden(self, name: str, scope: Scope | None) -> bool:
        """Whether the class has a value of that name, so that its annotations mean that one."""
        bindings = scope.names.get(name, []) if scope is not None else []
        return any(binding.kind != "assigned" or binding.value is not None for binding in bindings)


def inner_node(node: ast.expr) -> ast.expr:
    """The annotation inside ``Annotated[...]``, ``NotRequired[...]`` and the like."""
    while isinstance(node, ast.Subscript) and _last_name(node.value) in _WRAPPERS:
        node = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
    return node


def without_none(node: ast.expr) -> ast.expr:
    """The one part of ``X | None`` or ``Optional[X]`` that is not None; the node itself for anything else."""
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return left
        case ast.BinOp(left=ast.Constant(value=None), op=ast.BitOr(), right=right):
            return right
        case ast.Subscript(value=value, slice=inner) if _last_name(value) == "Optional":
            return inner
    return node


def is_literal(node: ast.expr) -> bool:
    """Whether an expression is ``Literal[...]``."""
    return isinstance(node, ast.Subscript) and _last_name(node.value) == "Literal"


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def written(node: ast.expr, names: Mapping[str, str], quote: str) -> str:
    """An annotation with other names in the place of some, and one kind of quotation mark."""
    match node:
        case ast.Name(id=name):
            return names.get(name, name)
        case ast.Attribute(value=value, attr=attr):
            return f"{written(value, names, quote)}.{attr}"
        case ast.Subscript(value=value, slice=ast.Tuple(elts=parts)):
            inner = ", ".join(written(part, names, quote) for part in parts)
            return f"{written(value, names, quote)}[{inner}]"
        case ast.Subscript(value=value, slice=part):
            return f"{written(value, names, quote)}[{written(part, names, quote)}]"
        case ast.BinOp(left=left, right=right):
            return f"{written(left, names, quote)} | {written(right, names, quote)}"
        case ast.Constant(value=str(text)):
            return quoted(text, quote)
    return ast.unparse(node)


def quoted(text: str, quote: str) -> str:
    """A string literal in the quotation marks that are preferred, where it has none of them in it."""
    shown = repr(text)
    return shown if shown[0] == quote or quote in text else f"{quote}{shown[1:-1]}{quote}"
