"""Whether a function tests a value before it passes it on, so that its annotation says too little."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from assay.proof.discover.scopes import Scope


def is_tested(node: ast.expr, scope: Scope) -> bool:
    """Whether a condition anywhere in the function around mentions the expression: ``if x is None: return``.

    Type checkers narrow by where the test stands; here any test is enough to say nothing about None.
    """
    function = scope.function
    if function is None:
        return False
    wanted = ast.unparse(node)
    for test in _tests(function.node):
        for part in ast.walk(test):
            if type(part) is type(node) and ast.unparse(part) == wanted:
                return True
    return False


def _tests(function: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(function):
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
                yield test
            case ast.BoolOp(values=values) | ast.comprehension(ifs=values):
                yield from values
            case ast.Match(subject=subject):
                yield subject
