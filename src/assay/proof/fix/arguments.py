"""Keyword arguments spelled as the statement spells its placeholders."""

from __future__ import annotations

import ast

from assay.proof.discover.model import Call
from assay.proof.findings import Keywords
from assay.proof.fix.changes import Change, Replace, Span
from assay.proof.fix.locate import span_of
from assay.proof.fix.wanted import Contradiction


def respelled(subject: Keywords, call: Call) -> list[Change]:
    """Keyword arguments renamed; raises Contradiction where the statement may be what is misspelled."""
    given = {argument.arg: argument for argument in call.node.keywords if argument.arg is not None}
    for old, _ in subject.renames:
        if old not in given:
            raise Contradiction(f"{old} is not a keyword argument of the call itself")
    return [_renamed(call, given[old], old, new) for old, new in subject.renames]


def _renamed(call: Call, argument: ast.keyword, old: str, new: str) -> Change:
    if call.scope.lookup(old) and not call.scope.lookup(new):
        raise Contradiction(f'"{old}" has a meaning in the code, so that :{new} may be what is misspelled')
    span = span_of(argument, call.source)
    edit = Replace(Span(span.line, span.column, span.line, span.column + len(old)), new)
    place = call.source.place_at(call.source.offset(argument.lineno, argument.col_offset))
    return Change(call.source, edit, place, f"the argument {old} is {new}")
