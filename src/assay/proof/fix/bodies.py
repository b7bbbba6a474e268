"""Fields added to the body of a class, and removed from it, in libcst's tree."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from assay.proof.fix.changes import AddField, RemoveField

Statement = cst.BaseStatement | cst.BaseSmallStatement


def with_field(body: cst.BaseSuite, edit: AddField) -> cst.BaseSuite | None:
    """A class's body with a new field; None when the field that it comes after is not there.

    It comes after the docstring of that field, and without one at the beginning, after the docstring of the class.
    """
    if isinstance(body, cst.SimpleStatementSuite):
        index = _index(body.body, edit.after)
        added = _small(edit.line)
        return None if index is None else body.with_changes(body=_joined(body.body[:index], [added], body.body[index:]))
    if not isinstance(body, cst.IndentedBlock):
        return None
    index = _index(body.body, edit.after)
    line = cst.SimpleStatementLine([_small(edit.line)])
    return None if index is None else body.with_changes(body=[*body.body[:index], line, *body.body[index:]])


def without_field(body: cst.BaseSuite, edit: RemoveField) -> cst.BaseSuite | None:
    """A class's body without a field and its docstring; None when it is not there. Comments before it are kept."""
    if isinstance(body, cst.SimpleStatementSuite):
        kept = [part for part in body.body if not _is_field(part, edit.name)]
        return body.with_changes(body=_joined(kept or [cst.Pass()])) if len(kept) < len(body.body) else None
    if not isinstance(body, cst.IndentedBlock):
        return None
    for index, line in enumerate(body.body):
        if isinstance(line, cst.SimpleStatementLine) and any(_is_field(part, edit.name) for part in line.body):
            return _without(body, index, line, edit.name)
    return None


def _without(body: cst.IndentedBlock, index: int, line: cst.SimpleStatementLine, name: str) -> cst.IndentedBlock:
    before, after = list(body.body[:index]), list(body.body[index + 1 :])
    kept = [part for part in line.body if not _is_field(part, name)]
    if kept:
        return body.with_changes(body=[*before, line.with_changes(body=_joined(kept)), *after])
    after = after[1:] if after and _is_docstring(after[0]) else after
    if not before and not after:
        return body.with_changes(body=[cst.SimpleStatementLine([cst.Pass()], line.leading_lines)])
    if not after:
        comments = any(each.comment is not None for each in line.leading_lines)
        return body.with_changes(body=before, footer=[*(line.leading_lines if comments else ()), *body.footer])
    first = after[0]
    lines = _joined_lines(line.leading_lines, getattr(first, "leading_lines", ()))
    return body.with_changes(body=[*before, first.with_changes(leading_lines=lines), *after[1:]])


def _joined_lines(above: Sequence[cst.EmptyLine], below: Sequence[cst.EmptyLine]) -> Sequence[cst.EmptyLine]:
    """The lines before a field that goes and those before what follows: all comments, but no doubled blank lines."""
    commented = any(line.comment is not None for line in above)
    return below if below and below[0].comment is None and not commented else [*above, *below]


def _index(statements: Sequence[Statement], after: str) -> int | None:
    """Where a new field goes: behind the field it comes after, or behind the docstring."""
    if not after:
        return 1 if statements and _is_docstring(statements[0]) else 0
    for index, statement in enumerate(statements):
        parts = statement.body if isinstance(statement, cst.SimpleStatementLine) else [statement]
        if any(_is_field(part, after) for part in parts):
            following = statements[index + 1 : index + 2]
            return index + 2 if following and _is_docstring(following[0]) else index + 1
    return None


def _is_field(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.AnnAssign) and isinstance(node.target, cst.Name) and node.target.value == name


def _is_docstring(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.SimpleStatementLine):
        return len(node.body) == 1 and _is_docstring(node.body[0])
    return isinstance(node, cst.Expr) and isinstance(node.value, (cst.SimpleString, cst.ConcatenatedString))


def _small(text: str) -> cst.BaseSmallStatement:
    line = cst.ensure_type(cst.parse_statement(text), cst.SimpleStatementLine)
    return line.body[0]


def _joined(*groups: Sequence[cst.BaseSmallStatement]) -> list[cst.BaseSmallStatement]:
    """Statements on one line, with semicolons between them."""
    return [part.with_changes(semicolon=cst.MaybeSentinel.DEFAULT) for group in groups for part in group]
