"""Imports added to a module, in libcst's tree."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import takewhile

import libcst as cst
from libcst.helpers import get_full_name_for_node

from assay.proof.fix.changes import Import

_Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
_BLANK = cst.EmptyLine(indent=False)


def add_imports(module: cst.Module, imports: Iterable[Import]) -> cst.Module:
    """A module with more imports: in the statement that imports from the same module, or in one of its own.

    Only imports at the top of the module are looked at, so that the names are there when the classes are made.
    """
    for wanted in sorted(imports):
        module = module.with_changes(body=_extended(module.body, wanted) or _inserted(module.body, wanted))
    return module


def _top(body: Sequence[_Statement]) -> list[tuple[int, cst.SimpleStatementLine]]:
    """The imports that a module begins with, and their indexes."""
    begins = takewhile(lambda pair: _imported(pair[1]) is not None or _is_docstring(*pair), enumerate(body))
    return [
        (i, line) for i, line in begins if isinstance(line, cst.SimpleStatementLine) and _imported(line) is not None
    ]


def _imported(line: _Statement) -> cst.Import | cst.ImportFrom | None:
    if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], (cst.Import, cst.ImportFrom)):
        return line.body[0]
    return None


def _is_docstring(index: int, line: _Statement) -> bool:
    if index or not isinstance(line, cst.SimpleStatementLine) or not isinstance(line.body[0], cst.Expr):
        return False
    return isinstance(line.body[0].value, (cst.SimpleString, cst.ConcatenatedString))


def _extended(body: Sequence[_Statement], wanted: Import) -> list[_Statement] | None:
    """With the name added to an import from its module; None when there is no such statement."""
    for index, line in _top(body):
        found = _imported(line)
        if not wanted.name or not isinstance(found, cst.ImportFrom) or _order(found)[1:] != (True, wanted.module):
            continue
        if len(line.body) == 1 and not isinstance(found.names, cst.ImportStar):
            changed = found.with_changes(names=_with_name(found.names, wanted.name))
            return [*body[:index], line.with_changes(body=[changed]), *body[index + 1 :]]
    return None


def _with_name(names: Sequence[cst.ImportAlias], name: str) -> list[cst.ImportAlias]:
    """Names with one more before the first that sorts after it; commas are as between the others."""
    orders = [_name_order(alias.evaluated_name) for alias in names]
    index = next((i for i, order in enumerate(orders) if order > _name_order(name)), len(names))
    between = names[0].comma if len(names) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if index < len(names):
        return [*names[:index], cst.ImportAlias(cst.Name(name), comma=between), *names[index:]]
    last = names[-1]
    return [*names[:-1], last.with_changes(comma=between), cst.ImportAlias(cst.Name(name), comma=last.comma)]


def _name_order(name: str) -> tuple[int, str]:
    """Constants, classes, then the rest: the order that import sorters keep."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


def _inserted(body: Sequence[_Statement], wanted: Import) -> list[_Statement]:
    """With a new statement, where import sorters would have it."""
    line, top = _statement(wanted), _top(body)
    order = _order(line.body[0])
    earlier = [(index, other) for index, other in top if _order(other.body[0]) <= order]
    if earlier:
        index, other = earlier[-1]
        if _order(other.body[0])[0] == order[0]:
            return [*body[: index + 1], line, *body[index + 1 :]]
        return _apart(body[: index + 1], line, body[index + 1 :])
    if top:
        index, other = top[0]
        line = line.with_changes(leading_lines=other.leading_lines)
        apart = _order(other.body[0])[0] != order[0]
        return [*body[:index], line, other.with_changes(leading_lines=[_BLANK] if apart else []), *body[index + 1 :]]
    index = 1 if body and _is_docstring(0, body[0]) else 0
    return _apart(body[:index], line, body[index:])


def _apart(
    before: Sequence[_Statement], line: cst.SimpleStatementLine, after: Sequence[_Statement]
) -> list[_Statement]:
    """The new statement between blank lines."""
    line = line.with_changes(leading_lines=[_BLANK] if before else [])
    if after and not getattr(after[0], "leading_lines", ()):
        after = [after[0].with_changes(leading_lines=[_BLANK]), *after[1:]]
    return [*before, line, *after]


def _statement(wanted: Import) -> cst.SimpleStatementLine:
    text = f"from {wanted.module} import {wanted.name}" if wanted.name else f"import {wanted.module}"
    return cst.ensure_type(cst.parse_statement(text), cst.SimpleStatementLine)


def _order(found: cst.CSTNode) -> tuple[int, bool, str]:
    """The section, whether it is ``from``, and the module: the order of import sorters."""
    if isinstance(found, cst.ImportFrom):
        module = get_full_name_for_node(found.module) or "" if found.module is not None else ""
        return (3 if found.relative else _section(module)), True, module
    assert isinstance(found, cst.Import)  # noqa: S101 - only imports are asked for
    name = found.names[0].evaluated_name
    return _section(name), False, name


def _section(module: str) -> int:
    package = module.partition(".")[0]
    return 0 if package == "__future__" else 1 if package in sys.stdlib_module_names else 2
