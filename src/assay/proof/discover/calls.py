"""Which calls are Assay's, and what each is given.

A call counts when its object is known to be Assay's. When that is not known, it counts if the code around speaks for
it: the file imports Assay and no other database library is in sight, or the arguments can be nothing else. What
counts and has no constant statement is reported; what does not count is left alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from assay.proof.discover.fold import Folder
from assay.proof.discover.model import Argument, Call, NotConstant, Sql
from assay.proof.discover.receivers import Owner, Receivers
from assay.proof.discover.resolve import Project
from assay.proof.discover.scopes import Scope
from assay.proof.discover.source import Source
from assay.proof.discover.surfaces import METHODS, OTHER_LIBRARIES, Surface

_STATEMENT = re.compile(
    r"""
    \s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*|\(\s*)*
    (?: select\b | insert\s+into\b | update\s+.+?\sset\b | delete\s+from\b | merge\s+into\b | values\s*\(
    | with\s+.+?\sas\b | table\s+[\w."]+\s*;?\s*$ | call\s+[\w."]+\s*\( | truncate\b | notify\s+[\w"] | listen\s+[\w"]
    | (?:create|alter|drop|comment\s+on|lock|refresh)\s+
      (?:or\s|unique\s|temp|unlogged\s|table\b|index\b|view\b|materialized\b|type\b|schema\b|function\b|role\b)
    | set\s+(?:local\s|session\s|role\b|[\w.]+\s*(?:=|\sto\s)) | do\s+\$ | copy\s+.+?\s(?:from|to)\b )
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
"""How a statement begins; enough to tell it from other text."""

_CUT_OFF = re.compile(r"\s*(?:update|merge\s+into|with|truncate)\s+[\w.\"]*\s*$", re.IGNORECASE)
"""A statement that goes on in something that is not constant: ``"update " + table``."""

_METHOD = re.compile(rf"\.\s*(?:{'|'.join(METHODS)})\b")

_DATABASE_NAMES = re.compile(r"(?:^|_)(?:db|database|pool|conn|connection|tx|transaction|executor)$", re.IGNORECASE)


class CallFinder:
    """Finds the calls of one project's files that count."""

    def __init__(self, project: Project) -> None:
        self.folder = Folder(project)
        self.receivers = Receivers(project)

    def find(self, source: Source) -> Iterator[Call]:
        """The calls of a file, in the order of the code."""
        if _METHOD.search(source.text) is None:
            return
        setting = _imports(source)
        for node, scope in sorted(source.found.calls, key=lambda found: (found[0].lineno, found[0].col_offset)):
            call = self._call(node, scope, source, setting)
            if call is not None:
                yield call

    def _call(self, node: ast.Call, scope: Scope, source: Source, setting: Owner) -> Call | None:
        assert isinstance(node.func, ast.Attribute)  # noqa: S101 - the survey collects no other calls
        surface = METHODS[node.func.attr]
        statement = _argument(node, surface.sql, "sql")
        if statement is None:
            return None
        owner = self.receivers.owner(node.func.value, scope, source)
        if owner is Owner.OTHER or (owner is Owner.UNKNOWN and setting is Owner.OTHER):
            return None
        sql = self.folder.fold(statement, source, scope)
        if owner is Owner.UNKNOWN and not _speaks_for_itself(surface, node, statement, sql, setting):
            return None
        row = _argument(node, surface.row, "row") if surface.row is not None else None
        arguments, unpacked = _arguments(node, surface)
        return Call(surface, source, scope, node, row, sql, arguments, unpacked)


def _argument(node: ast.Call, index: int, keyword: str) -> ast.expr | None:
    before = node.args[: index + 1]
    if len(before) == index + 1 and not any(isinstance(argument, ast.Starred) for argument in before):
        return before[index]
    return next((given.value for given in node.keywords if given.arg == keyword), None)


def _arguments(node: ast.Call, surface: Surface) -> tuple[tuple[Argument, ...], bool]:
    given = node.args[surface.sql + 1 :]
    positional = [Argument(argument) for argument in given if not isinstance(argument, ast.Starred)]
    taken = {"sql", "row"} if len(node.args) <= surface.sql else set()
    named = [Argument(k.value, k.arg) for k in node.keywords if k.arg is not None and k.arg not in taken]
    unpacked = len(positional) < len(given) or any(k.arg is None for k in node.keywords)
    return (*positional, *named), unpacked or surface.batch


def _imports(source: Source) -> Owner:
    """Whose database calls a file makes, going by its imports."""
    packages = {
        binding.module.partition(".")[0]
        for bindings in source.scope.names.values()
        for binding in bindings
        if binding.kind == "imported"
    }
    if "assay" in packages:
        return Owner.OURS
    return Owner.OTHER if packages & OTHER_LIBRARIES else Owner.UNKNOWN


def _speaks_for_itself(
    surface: Surface, node: ast.Call, statement: ast.expr, sql: Sql | NotConstant, setting: Owner
) -> bool:
    """Whether a call on an object of unknown kind must be Assay's."""
    if surface.row is not None and len(node.args) <= surface.sql and setting is not Owner.OURS:
        return False
    if isinstance(sql, Sql):
        return _STATEMENT.match(sql.text) is not None
    if _holds_statement(statement):
        return True
    assert isinstance(node.func, ast.Attribute)  # noqa: S101 - as above
    return setting is Owner.OURS and _DATABASE_NAMES.search(_last_name(node.func.value)) is not None


def _holds_statement(node: ast.expr) -> bool:
    """Whether an expression that is not constant begins with the text of a statement."""
    while True:
        match node:
            case ast.BinOp():
                node = node.left
            case ast.JoinedStr(values=[first, *_]):
                node = first
            case ast.Call(func=ast.Attribute(value=value)) | ast.IfExp(body=value):
                node = value
            case ast.Constant(value=str(text)):
                return _STATEMENT.match(text) is not None or _CUT_OFF.match(text) is not None
            case _:
                return False


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
