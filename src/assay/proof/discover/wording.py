"""What the words of a call say about it, when it is not known whose object it is of."""

from __future__ import annotations

import ast
import re

from assay.proof.discover.given import Given
from assay.proof.discover.libraries import Owner

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

_DATABASE_NAMES = re.compile(
    r"(?:^|_)(?:db|database|pool|conn|connection|cur|curs|cursor|tx|transaction|executor)$", re.IGNORECASE
)


def is_statement(text: str) -> bool:
    """Whether a text begins like a statement."""
    return _STATEMENT.match(text) is not None


def holds_statement(node: ast.expr) -> bool:
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
                return is_statement(text) or _CUT_OFF.match(text) is not None
            case _:
                return False


def is_named_like_a_database(node: ast.expr) -> bool:
    """Whether an object has the name of a connection, a pool, a cursor or the like."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return _DATABASE_NAMES.search(name) is not None


_FORMAT = re.compile(r"%s(?!\w)|%\(\w+\)s")
_NUMBERED = re.compile(r"\$\d")


def is_written_for(owner: Owner, text: str, given: Given) -> bool:
    """Whether a statement's placeholders, and the parameters given, are of a library's kind."""
    formats, numbers = bool(_FORMAT.search(text)), bool(_NUMBERED.search(text))
    match owner:
        case Owner.ASSAY | Owner.ASYNCPG:
            return not formats
        case Owner.PSYCOPG | Owner.PSYCOPG2:
            return formats or not (numbers or given.arguments)
        case _:
            return not (formats or numbers)
