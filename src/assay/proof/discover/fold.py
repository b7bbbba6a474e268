"""Expressions folded to constant strings, remembering where every character stands.

An expression that depends on conditions has several forms, one for each way in which they can come out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from assay.proof.discover.flow import MOST_FORMS, Definition, assigned_often, condition, joined, reaching, too_many
from assay.proof.discover.literals import Chunk, Hole, all_at, literal, pieces_of
from assay.proof.discover.model import Choice, Form, NotConstant, Run, Sql, Wrapper
from assay.proof.discover.resolve import Bound, Project, Target, own_class
from assay.proof.discover.results import computed, result_of
from assay.proof.discover.scopes import Binding, Scope
from assay.proof.discover.source import Source


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an expression stands, and what is being followed to it."""

    source: Source
    scope: Scope
    at: ast.AST
    """What the statements before it are looked for from."""
    following: frozenset[int] = frozenset()

    def no(self, node: ast.expr | ast.stmt, why: str) -> list[Form]:
        """An expression that is not constant, and why."""
        return [Form(NotConstant(self.source.place(node), why))]


class Folder:
    """Folds expressions of a project's modules."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._after: dict[int, list[Form]] = {}
        """What a name is after a definition, by the definition's identity."""

    def forms(self, node: ast.expr, source: Source, scope: Scope) -> tuple[Form, ...]:
        """Every string that an expression can be, and why it is none where it is not one."""
        spot = Spot(source, scope, node)
        try:
            return _distinct(self.fold(node, spot))
        except RecursionError:
            return tuple(spot.no(node, "it is put together in too many steps"))

    def fold(self, node: ast.expr, spot: Spot) -> list[Form]:
        """The forms of an expression where it stands; may raise RecursionError."""
        match node:
            case ast.Constant(value=str()):
                return [Form(literal(node, spot.source))]
            case ast.JoinedStr():
                return self.product(_joined(self, node, spot), node, spot)
            case ast.BinOp(op=ast.Add()):
                return self.product((self.fold(term, spot) for term in _terms(node)), node, spot)
            case ast.NamedExpr():
                return self.fold(node.value, spot)
            case ast.IfExp():
                return self._either(node, spot)
            case ast.Name() | ast.Attribute():
                return self._named(node, spot)
            case ast.Call() | ast.BinOp(op=ast.Mod()):
                return computed(self, node, spot)
            case ast.Await():
                return spot.no(node, result_of(node.value))
        return spot.no(node, _WHY.get(type(node), "it is not a constant string"))

    def value(self, node: ast.expr, spot: Spot) -> list[Form]:
        """What is written for a value inside a string: of a number, its digits."""
        digits = self._digits(node, spot)
        if digits is None:
            return self.fold(node, spot)
        start, end = spot.source.span(node)
        alike = spot.source.text[start:end] == digits
        return [Form(Sql((Run(digits, spot.source, start),)) if alike else all_at(digits, spot.source, start))]

    def _digits(self, node: ast.expr, spot: Spot) -> str | None:
        """The digits of an integer: a literal, or a name that is given one."""
        if isinstance(node, (ast.Name, ast.Attribute)):
            target = self.project.resolve(node, spot.scope, spot.source)
            value = target.only.value if isinstance(target, Bound) and target.only else None
            return self._digits(value, spot) if isinstance(value, ast.Constant) else None
        return str(node.value) if isinstance(node, ast.Constant) and type(node.value) is int else None

    def product(self, parts: Iterable[list[Form]], node: ast.expr, spot: Spot) -> list[Form]:
        """Strings put together of parts that may have several forms each."""
        growing: list[_Growing] = [_Growing()]
        done: list[Form] = []
        for part in parts:
            growing = [grown for form in growing for grown in form.by(part, done)]
            if len(growing) + len(done) > MOST_FORMS:
                return spot.no(node, too_many())
            if not growing:
                break
        empty = Run("", spot.source, spot.source.span(node)[0])
        return [*done, *(Form(Sql(tuple(g.runs) or (empty,)), g.choices, g.wrapper) for g in growing)]

    def _either(self, node: ast.IfExp, spot: Spot) -> list[Form]:
        found: list[Form] = []
        for part, holds in ((node.body, True), (node.orelse, False)):
            choice = condition(node.test, holds, spot.scope, spot.source)
            found += _under((choice,), self.fold(part, spot))
        return found

    def _named(self, node: ast.Name | ast.Attribute, spot: Spot) -> list[Form]:
        target = self.project.resolve(node, spot.scope, spot.source)
        own = own_class(node.value, spot.scope) if isinstance(node, ast.Attribute) else None
        if own is not None and isinstance(node, ast.Attribute):
            overriding = self.project.overriding(own, spot.source, node.attr)
            if overriding:
                return self._inherited(target, overriding, own, node, spot)
        if not isinstance(target, Bound):
            return spot.no(node, f'where "{ast.unparse(node)}" comes from cannot be told from the code')
        return self._bound(target, node, spot)

    def _inherited(
        self, target: Target | None, overriding: list[Bound], own: Scope, node: ast.Attribute, spot: Spot
    ) -> list[Form]:
        """An attribute of ``self`` that classes below give values of their own."""
        found: list[Form] = []
        has_value = isinstance(target, Bound) and not all(binding.declares_only for binding in target.bindings)
        for bound in (*((target,) if has_value else ()), *overriding):
            if isinstance(bound, Bound) and bound.scope is not None:
                name = getattr(bound.scope.node, "name", "")
                choice = Choice(own, bound.scope, f"{ast.unparse(node.value)} is a {name}")
                found += _under((choice,), self._bound(bound, node, spot))
        return found

    def _bound(self, target: Bound, node: ast.Name | ast.Attribute, spot: Spot) -> list[Form]:
        shown = ast.unparse(node)
        values = tuple(binding for binding in target.bindings if not binding.declares_only)
        if len(values) != 1:
            return self._among(replace(target, bindings=values), node, spot)
        (binding,) = values
        why = _not_a_value(binding, shown)
        if why or binding.value is None:
            return spot.no(node, why or f'"{shown}" is not given a constant string')
        if id(binding) in spot.following:
            return spot.no(node, f'"{shown}" is defined by itself')
        inner = Spot(target.source, binding.scope, binding.value, spot.following | {id(binding)})
        return self.fold(binding.value, inner)

    def _among(self, target: Bound, node: ast.expr, spot: Spot) -> list[Form]:
        """A name that is given several values: those that it can have where it stands."""
        scope, shown = target.scope, ast.unparse(node)
        if not target.bindings:
            return spot.no(node, f'"{shown}" is not given a value')
        here = scope is not None and _stands_in(spot, scope, target.source)
        if scope is None or (scope.kind == "function" and not here):
            return spot.no(node, assigned_often(shown, target.bindings))
        found: list[Form] = []
        for reached in reaching(target.bindings, scope, target.source, target.name, spot.at if here else None):
            if isinstance(reached.definition, str):
                forms = spot.no(node, reached.definition)
            else:
                forms = self._defined(reached.definition, target, node, spot)
            found += _under(reached.choices, forms)
            if len(found) > MOST_FORMS:
                return spot.no(node, too_many())
        return found or spot.no(node, f'"{shown}" has no value here')

    def _defined(self, definition: Definition, target: Bound, node: ast.expr, spot: Spot) -> list[Form]:
        """What a name is after one of its definitions."""
        if id(definition) in self._after:
            return self._after[id(definition)]
        if id(definition) in spot.following or definition.value is None or target.scope is None:
            return spot.no(node, f'"{target.name}" is defined by itself')
        inner = Spot(target.source, target.scope, definition, spot.following | {id(definition)})
        if isinstance(definition, ast.AugAssign):
            found = self._added(definition, target, inner)
        else:
            found = self.fold(definition.value, inner)
        self._after[id(definition)] = found
        return found

    def _added(self, definition: ast.AugAssign, target: Bound, spot: Spot) -> list[Form]:
        if not isinstance(definition.op, ast.Add):
            return spot.no(definition, "it is computed while the program runs")
        before = self._among(target, definition.target, spot)
        return self.product([before, self.fold(definition.value, spot)], definition.value, spot)


@dataclass(slots=True)
class _Growing:
    """A string that parts are being added to, under conditions."""

    choices: tuple[Choice, ...] = ()
    runs: list[Run] = field(default_factory=list)
    wrapper: Wrapper | None = None

    def by(self, part: list[Form], done: list[Form]) -> Iterable[_Growing]:
        """The string with each form of the next part; where that is not constant, it is added to ``done`` instead."""
        if len(part) == 1 and not part[0].choices and isinstance(part[0].sql, Sql):
            self.runs += part[0].sql.runs
            self.wrapper = self.wrapper or part[0].wrapper
            yield self
            return
        for form in part:
            choices = joined(self.choices, form.choices)
            if choices is None:
                continue
            if isinstance(form.sql, Sql):
                yield _Growing(choices, [*self.runs, *form.sql.runs], self.wrapper or form.wrapper)
            else:
                done.append(replace(form, choices=choices))


def _under(choices: tuple[Choice, ...], forms: list[Form]) -> list[Form]:
    """Forms under further conditions; what contradicts them drops out."""
    if not choices:
        return forms
    found = ((form, joined(choices, form.choices)) for form in forms)
    return [replace(form, choices=both) for form, both in found if both is not None]


def _distinct(forms: list[Form]) -> tuple[Form, ...]:
    """The forms without the conditions that all of them share, and one for each reason why there is none."""
    shared = set[Choice].intersection(*(set(form.choices) for form in forms)) if len(forms) > 1 else set[Choice]()
    found: dict[object, Form] = {}
    for form in forms:
        choices = tuple(choice for choice in form.choices if choice not in shared)
        found.setdefault(form.sql if isinstance(form.sql, NotConstant) else form, replace(form, choices=choices))
    return tuple(found.values()) if len(found) > 1 else (replace(next(iter(found.values())), choices=()),)


def _terms(node: ast.BinOp) -> list[ast.expr]:
    """The terms of a sum, however many."""
    terms: list[ast.expr] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
        terms.append(left.right)
        left = left.left
    return [left, *reversed(terms)]


def _stands_in(spot: Spot, scope: Scope, source: Source) -> bool:
    """Whether an expression is evaluated in a scope, and not in a function inside it."""
    around: Scope | None = spot.scope
    while around is not None and around.kind == "comprehension":
        around = around.parent
    return around is scope and spot.source is source


_WHY: dict[type[ast.expr], str] = {
    ast.BoolOp: "it depends on a condition",
    ast.BinOp: "it is computed while the program runs",
    ast.Subscript: "it is looked up while the program runs",
    ast.Starred: "it is unpacked from something else",
}


def _not_a_value(binding: Binding, shown: str) -> str | None:
    if binding.kind == "parameter":
        return f'"{shown}" is a parameter (line {binding.line})'
    return None if binding.kind == "assigned" else f'"{shown}" is not given a constant string'


def _joined(folder: Folder, node: ast.JoinedStr, spot: Spot) -> Iterable[list[Form]]:
    """The parts of an f-string, each with its forms."""
    pieces = pieces_of(node, spot.source)
    fields = [value for value in node.values if isinstance(value, ast.FormattedValue)]
    texts = "".join(str(v.value) for v in node.values if isinstance(v, ast.Constant))
    mapped = "".join(piece.text for piece in pieces if isinstance(piece, Chunk)) == texts
    if not mapped or sum(isinstance(piece, Hole) for piece in pieces) != len(fields):
        return _joined_coarsely(folder, node, spot)
    remaining = iter(fields)
    return (
        [Form(Sql((Run(piece.text, spot.source, piece.offset),)))]
        if isinstance(piece, Chunk)
        else _field(folder, next(remaining), spot)
        for piece in pieces
    )


def _joined_coarsely(folder: Folder, node: ast.JoinedStr, spot: Spot) -> Iterable[list[Form]]:
    """For a form of literal that the scanner does not know: right text, all of it placed at its beginning."""
    start = spot.source.span(node)[0]
    for value in node.values:
        if isinstance(value, ast.FormattedValue):
            yield _field(folder, value, spot)
        else:
            yield [Form(all_at(str(getattr(value, "value", "")), spot.source, start))]


def _field(folder: Folder, node: ast.FormattedValue, spot: Spot) -> list[Form]:
    if node.format_spec is not None or node.conversion not in (-1, ord("s")):
        return spot.no(node.value, "it is formatted while the program runs")
    return folder.value(node.value, spot)
