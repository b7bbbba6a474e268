"""Which of several assignments a name has its value from, where it is used.

The statements before the use are walked backwards. Conditions fork the way, and each fork is remembered; what a loop
or a ``try`` may have assigned is not followed.
"""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from assay.proof.discover.model import Choice
from assay.proof.discover.scopes import Binding, Scope
from assay.proof.discover.source import Source
from assay.wording import shortened

MOST_FORMS = 1024
"""So many forms of one string are told apart."""


def too_many() -> str:
    """Why a string is not followed further."""
    return f"it has more than {MOST_FORMS:,} forms"


Definition = ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr


@dataclass(frozen=True, slots=True)
class Reached:
    """A definition that a name may have its value from, or why that cannot be told."""

    definition: Definition | str
    """A string says why not, in words that follow "because"."""
    choices: tuple[Choice, ...] = ()
    """The conditions under which it is this one."""


def reaching(
    bindings: tuple[Binding, ...], scope: Scope, source: Source, name: str, use: ast.AST | None
) -> list[Reached]:
    """The definitions of a name, bound in ``scope``, that its value may be from.

    Args:
        use: where it is used, an expression or statement of the same scope; None for the scope's end, which is where a
            function finds a name of its module, or a method one of its class.
    """
    if any(binding.scope is not scope and binding.kind != "parameter" for binding in bindings):
        return [Reached(assigned_often(name, bindings))]
    return _Flow(bindings, scope, source, name).reaching(use)


def assigned_often(name: str, bindings: tuple[Binding, ...]) -> str:
    """Why a name has no one value."""
    lines = sorted({binding.line for binding in bindings})
    return f'"{name}" is given a value in more than one place, lines {", ".join(map(str, lines))}'


Entry = Callable[[], list[Reached]]
"""What reaches the beginning of a block."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A statement on the way from the scope down to the use: where it is in its block."""

    block: list[ast.stmt]
    index: int

    @property
    def statement(self) -> ast.stmt:
        return self.block[self.index]


class _Flow:
    """The way back from one use of one name."""

    def __init__(self, bindings: tuple[Binding, ...], scope: Scope, source: Source, name: str) -> None:
        self.nodes = [binding.node for binding in bindings if binding.kind != "parameter"]
        self.parameter = next((binding for binding in bindings if binding.kind == "parameter"), None)
        self._known: dict[tuple[int, int], tuple[list[ast.stmt], list[Reached]]] = {}
        """What reaches a place in a block, by the block's identity: one comes to it on many ways."""
        self.starts = sorted(_span(node)[0] for node in self.nodes)
        self.scope = scope
        self.source = source
        self.name = name

    def reaching(self, use: ast.AST | None) -> list[Reached]:
        body: list[ast.stmt] = getattr(self.scope.node, "body", [])
        if use is None:
            return self._backwards(body, len(body), self._beginning)
        path = _path(body, use)
        return self._before(path) if path else self._no(assigned_often(self.name, self._all()))

    def _all(self) -> tuple[Binding, ...]:
        return tuple(self.scope.names.get(self.name, ()))

    def _no(self, why: str) -> list[Reached]:
        return [Reached(why)]

    def _beginning(self) -> list[Reached]:
        if self.parameter is not None:
            return self._no(f'"{self.name}" is a parameter (line {self.parameter.line})')
        return []

    def _before(self, path: list[_Step]) -> list[Reached]:
        """What reaches the innermost statement of a path."""
        step = path[-1]
        if len(path) == 1:
            return self._backwards(step.block, step.index, self._beginning)
        outer = path[:-1]
        return self._backwards(step.block, step.index, partial(self._into, outer, step.block))

    def _into(self, path: list[_Step], block: list[ast.stmt]) -> list[Reached]:
        """What reaches the beginning of a block of the innermost statement of a path."""
        statement = path[-1].statement
        match statement:
            case ast.If():
                return self._under(self._choice(statement, block is statement.body), partial(self._before, path))
            case ast.For() | ast.AsyncFor() | ast.While():
                if self._binds(statement):
                    return self._no(f'"{self.name}" is put together in a loop (line {statement.lineno})')
            case ast.Try() | ast.TryStar() if block is not statement.body:
                if block is statement.orelse:
                    return self._end(statement.body, partial(self._before, path))
                if self._binds(statement):
                    return self._no(f'"{self.name}" is given a value in a try statement (line {statement.lineno})')
            case ast.Match():
                case = next(case for case in statement.cases if case.body is block)
                return self._under(self._case(statement, case), partial(self._before, path))
            case ast.With() | ast.AsyncWith():
                if any(self._binds(item) for item in statement.items):
                    return self._no(f'"{self.name}" is not given a constant string')
        return self._before(path)

    def _backwards(self, block: list[ast.stmt], end: int, entry: Entry) -> list[Reached]:
        """What reaches the place in a block before statement number ``end``."""
        key = (id(block), end)
        if key not in self._known:
            found = self._reaching_back(block, end, entry)
            # The block is kept, so that no other gets its identity.
            self._known[key] = (block, found if len(found) <= MOST_FORMS else self._no(too_many()))
        return self._known[key][1]

    def _reaching_back(self, block: list[ast.stmt], end: int, entry: Entry) -> list[Reached]:
        for index in range(end - 1, -1, -1):
            statement = block[index]
            if self._binds(statement):
                return self._after(statement, partial(self._backwards, block, index, entry))
        return entry()

    def _after(self, statement: ast.stmt, before: Entry) -> list[Reached]:
        """What leaves a statement that binds the name."""
        match statement:
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() if statement in self.nodes:
                return self._assigned(statement, before)
            case ast.If() if not self._binds(statement.test):
                return self._forked(statement, before)
            case ast.With() | ast.AsyncWith() if not any(self._binds(item) for item in statement.items):
                return self._end(statement.body, before)
            case ast.Match() if not self._binds(statement.subject):
                return self._matched(statement, before)
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._no(f'"{self.name}" is put together in a loop (line {statement.lineno})')
            case ast.Try() | ast.TryStar():
                return self._tried(statement, before)
            case ast.Expr() | ast.Return() | ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                inside = [node for node in self.nodes if _contains(statement, node)]
                if len(inside) == 1 and isinstance(inside[0], ast.NamedExpr):
                    return [Reached(inside[0])]
        return self._no(f'"{self.name}" is not given a constant string')

    def _assigned(self, statement: ast.Assign | ast.AnnAssign | ast.AugAssign, before: Entry) -> list[Reached]:
        if statement.value is None:
            return before()
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if not any(isinstance(target, ast.Name) and target.id == self.name for target in targets):
            return self._no(f'"{self.name}" is not given a constant string')
        return [Reached(statement)]

    def _forked(self, statement: ast.If, before: Entry) -> list[Reached]:
        found: list[Reached] = []
        for block, holds in ((statement.body, True), (statement.orelse, False)):
            if not _leaves(block):
                found += self._under(self._choice(statement, holds), partial(self._end, block, before))
        return found

    def _matched(self, statement: ast.Match, before: Entry) -> list[Reached]:
        found: list[Reached] = []
        for case in statement.cases:
            if not _leaves(case.body):
                found += self._under(self._case(statement, case), partial(self._end, case.body, before))
        if not any(_takes_all(case) for case in statement.cases):
            found += self._under(self._case(statement, None), before)
        return found

    def _tried(self, statement: ast.Try | ast.TryStar, before: Entry) -> list[Reached]:
        """A ``try`` whose handlers all leave is as good as its body."""
        if any(self._binds(part) for part in statement.finalbody) or not all(
            _leaves(handler.body) for handler in statement.handlers
        ):
            return self._no(f'"{self.name}" is given a value in a try statement (line {statement.lineno})')
        return self._end([*statement.body, *statement.orelse], before)

    def _end(self, block: list[ast.stmt], entry: Entry) -> list[Reached]:
        return self._backwards(block, len(block), entry)

    def _under(self, choice: Choice, inner: Entry) -> list[Reached]:
        """What comes from inside under a condition; contradictions drop out."""
        found = ((reached, joined(reached.choices, (choice,))) for reached in inner())
        return [Reached(reached.definition, choices) for reached, choices in found if choices is not None]

    def _choice(self, statement: ast.If, holds: bool) -> Choice:
        choice = condition(statement.test, holds, self.scope, self.source)
        match statement.orelse:
            case [ast.If(test=test)] if not holds:
                asked = condition(test, True, self.scope, self.source)
                return replace(choice, asks=(asked.condition, asked.line))
        return choice

    def _case(self, statement: ast.Match, case: ast.match_case | None) -> Choice:
        subject, line = ast.unparse(statement.subject), statement.lineno
        number = statement.cases.index(case) if case is not None else -1
        words = f"{subject} is {ast.unparse(case.pattern)}" if case is not None else f"no case of {subject} holds"
        return Choice((self.source.path, line, statement.col_offset), number, f"{words} (line {line})", line)

    def _binds(self, node: ast.AST) -> bool:
        first, last = _span(node)
        index = bisect_left(self.starts, first)
        return index < len(self.starts) and self.starts[index] <= last


def condition(test: ast.expr, holds: bool, scope: Scope, source: Source) -> Choice:
    """The choice that a test makes; tests that must come out alike make the same."""
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, holds = test.operand, not holds
    text = ast.unparse(test)
    same: Hashable = (source.path, id(scope.function), text) if _is_steady(test, scope) else (source.path, id(test))
    return Choice(same, holds, f"{shortened(text)} is {'true' if holds else 'false'} (line {test.lineno})", test.lineno)


def _is_steady(test: ast.expr, scope: Scope) -> bool:
    """Whether the test has the same outcome wherever it stands in one run of the function."""
    steady = (
        ast.Name, ast.Attribute, ast.Constant, ast.Compare, ast.BoolOp, ast.UnaryOp,
        ast.cmpop, ast.boolop, ast.unaryop, ast.expr_context,
    )  # fmt: skip
    return all(
        isinstance(node, steady) and (not isinstance(node, ast.Name) or len(scope.lookup(node.id)) <= 1)
        for node in ast.walk(test)
    )


def joined(one: tuple[Choice, ...], other: tuple[Choice, ...]) -> tuple[Choice, ...] | None:
    """Both sets of conditions at once; None when they contradict each other."""
    known = {choice.condition: choice for choice in one}
    for choice in other:
        if known.setdefault(choice.condition, choice).outcome != choice.outcome:
            return None
    return tuple(known.values())


def _path(body: list[ast.stmt], use: ast.AST) -> list[_Step]:
    """The statements around a use, outermost first; empty when it is in a function of its own, or nowhere."""
    path: list[_Step] = []
    block: list[ast.stmt] | None = body
    while block is not None:
        index = bisect_right(block, _span(use)[0], key=lambda part: _span(part)[0]) - 1
        if index < 0 or not _contains(block[index], use):
            break
        path.append(_Step(block, index))
        statement = block[index]
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and statement is not use:
            return []
        block = next((inner for inner in _blocks(statement) if any(_contains(part, use) for part in inner)), None)
    return path


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        inner = getattr(statement, name, None)
        if inner:
            yield inner
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def _contains(node: ast.AST, inner: ast.AST) -> bool:
    """Whether a node of the same file stands inside another, by their places."""
    first, last = _span(node)
    begin, end = _span(inner)
    return first <= begin and end <= last


Position = tuple[int, int]


def _span(node: ast.AST) -> tuple[Position, Position]:
    if isinstance(node, ast.withitem):
        last = node.optional_vars or node.context_expr
        return _span(node.context_expr)[0], _span(last)[1]
    line: int = getattr(node, "lineno", 0)
    column: int = getattr(node, "col_offset", 0)
    return (line, column), (getattr(node, "end_lineno", line), getattr(node, "end_col_offset", column))


def _leaves(block: list[ast.stmt]) -> bool:
    """Whether what follows the block is not reached from its end."""
    match block[-1:]:
        case [ast.Return() | ast.Raise() | ast.Continue() | ast.Break()]:
            return True
        case [ast.If(body=body, orelse=orelse)]:
            return _leaves(body) and _leaves(orelse)
        case [ast.With(body=body) | ast.AsyncWith(body=body)]:
            return _leaves(body)
    return False


def _takes_all(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
