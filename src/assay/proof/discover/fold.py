"""Expressions folded to constant strings, remembering where every character stands."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from assay.proof.discover.literals import Chunk, Hole, Unexpected, scan
from assay.proof.discover.model import NotConstant, Run, Sql
from assay.proof.discover.resolve import Bound, Project
from assay.proof.discover.scopes import Scope
from assay.proof.discover.source import Source


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where an expression stands, and the names being followed to it."""

    source: Source
    scope: Scope
    following: frozenset[int] = frozenset()

    def no(self, node: ast.expr, why: str) -> NotConstant:
        return NotConstant(self.source.place(node), why)


class Folder:
    """Folds expressions of a project's modules."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def fold(self, node: ast.expr, source: Source, scope: Scope) -> Sql | NotConstant:
        """The constant string that an expression always has, or why it has none."""
        runs = self._runs(node, _Spot(source, scope))
        return runs if isinstance(runs, NotConstant) else Sql(tuple(runs))

    def _runs(self, node: ast.expr, spot: _Spot) -> list[Run] | NotConstant:
        match node:
            case ast.Constant(value=str()):
                return _literal(node, spot.source)
            case ast.JoinedStr():
                return self._joined(node, spot)
            case ast.BinOp(op=ast.Add()):
                return self._sum(node, spot)
            case ast.NamedExpr():
                return self._runs(node.value, spot)
            case ast.Name() | ast.Attribute():
                return self._named(node, spot)
        return spot.no(node, _WHY.get(type(node), "it is not a constant string"))

    def _sum(self, node: ast.BinOp, spot: _Spot) -> list[Run] | NotConstant:
        terms: list[ast.expr] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            terms.append(left.right)
            left = left.left
        runs: list[Run] = []
        for term in (left, *reversed(terms)):
            part = self._runs(term, spot)
            if isinstance(part, NotConstant):
                return part
            runs += part
        return runs

    def _joined(self, node: ast.JoinedStr, spot: _Spot) -> list[Run] | NotConstant:
        pieces = _pieces(node, spot.source)
        fields = [value for value in node.values if isinstance(value, ast.FormattedValue)]
        texts = "".join(str(v.value) for v in node.values if isinstance(v, ast.Constant))
        mapped = "".join(piece.text for piece in pieces if isinstance(piece, Chunk)) == texts
        if not mapped or sum(isinstance(piece, Hole) for piece in pieces) != len(fields):
            return self._joined_coarsely(node, spot)
        runs: list[Run] = []
        remaining = iter(fields)
        for piece in pieces:
            if isinstance(piece, Chunk):
                runs.append(Run(piece.text, spot.source, piece.offset))
                continue
            part = self._field(next(remaining), spot)
            if isinstance(part, NotConstant):
                return part
            runs += part
        return runs or [Run("", spot.source, spot.source.span(node)[0])]

    def _joined_coarsely(self, node: ast.JoinedStr, spot: _Spot) -> list[Run] | NotConstant:
        """For a form of literal that the scanner does not know: right text, all of it placed at its beginning."""
        runs: list[Run] = []
        start = spot.source.span(node)[0]
        for value in node.values:
            field = isinstance(value, ast.FormattedValue)
            part = self._field(value, spot) if isinstance(value, ast.FormattedValue) else []
            if isinstance(part, NotConstant):
                return part
            runs += part if field else _all_at(str(getattr(value, "value", "")), spot.source, start)
        return runs

    def _field(self, node: ast.FormattedValue, spot: _Spot) -> list[Run] | NotConstant:
        if node.format_spec is not None or node.conversion not in (-1, ord("s")):
            return spot.no(node.value, "it is formatted while the program runs")
        number = self._number(node.value, spot)
        if number is not None:
            return _all_at(str(number), spot.source, spot.source.span(node.value)[0])
        return self._runs(node.value, spot)

    def _number(self, node: ast.expr, spot: _Spot) -> int | None:
        """A whole number, such as a page size, that an f-string puts into its text."""
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return node.value
        if isinstance(node, (ast.Name, ast.Attribute)):
            target = self.project.resolve(node, spot.scope, spot.source)
            value = target.only.value if isinstance(target, Bound) and target.only else None
            if isinstance(value, ast.Constant) and type(value.value) is int:
                return value.value
        return None

    def _named(self, node: ast.Name | ast.Attribute, spot: _Spot) -> list[Run] | NotConstant:
        target = self.project.resolve(node, spot.scope, spot.source)
        shown = ast.unparse(node)
        if not isinstance(target, Bound):
            return spot.no(node, f'where "{shown}" comes from cannot be told from the code')
        why = _not_one_value(target, shown)
        binding = target.only
        if why or binding is None or binding.value is None:
            return spot.no(node, why or f'"{shown}" is not given a constant string')
        if id(binding) in spot.following:
            return spot.no(node, f'"{shown}" is defined by itself')
        inner = _Spot(target.source, binding.scope, spot.following | {id(binding)})
        return self._runs(binding.value, inner)


_WHY: dict[type[ast.expr], str] = {
    ast.Call: "it is the result of a call",
    ast.IfExp: "it depends on a condition",
    ast.BoolOp: "it depends on a condition",
    ast.BinOp: "it is computed while the program runs",
    ast.Subscript: "it is looked up while the program runs",
    ast.Await: "it is the result of a call",
    ast.Starred: "it is unpacked from something else",
}


def _not_one_value(target: Bound, shown: str) -> str | None:
    first = target.bindings[0]
    if target.only is None:
        lines = sorted({binding.line for binding in target.bindings})
        return f'"{shown}" is given a value in more than one place, lines {", ".join(map(str, lines))}'
    if first.kind == "parameter":
        return f'"{shown}" is a parameter (line {first.line})'
    return None if first.kind == "assigned" else f'"{shown}" is not given a constant string'


def _literal(node: ast.expr, source: Source) -> list[Run]:
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    pieces = [piece for piece in _pieces(node, source) if isinstance(piece, Chunk)]
    if not text:
        return [Run("", source, source.span(node)[0])]
    if "".join(piece.text for piece in pieces) != text:
        return _all_at(text, source, source.span(node)[0])
    return [Run(piece.text, source, piece.offset) for piece in pieces]


def _pieces(node: ast.expr, source: Source) -> list[Chunk | Hole]:
    try:
        return scan(source.text, *source.span(node))
    except (Unexpected, UnicodeError, ValueError):
        return []


def _all_at(text: str, source: Source, offset: int) -> list[Run]:
    return [Run(character, source, offset) for character in text]
