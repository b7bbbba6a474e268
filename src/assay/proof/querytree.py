"""PostgreSQL's analysed query tree, read from its text form.

``pg_proc.prosqlbody`` and ``pg_rewrite.ev_action`` hold trees as ``nodeToString`` writes them
(src/backend/nodes/outfuncs.c): ``{TAG :field value ...}`` for a node, ``(...)`` for a list, ``(b 1 2)`` for a set of
integers, ``<>`` for nothing. Node and field names are PostgreSQL's own; see src/include/nodes/primnodes.h and
parsenodes.h.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from assay.errors import ProofError

_TOKEN = re.compile(r'[(){}]|"(?:[^"\\]|\\.)*"|(?:[^\s(){}\\"]|\\.)(?:[^\s(){}\\]|\\.)*', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_NUMBER = re.compile(r"-?\d+\Z")
_NAMES = frozenset({"resname", "aliasname", "ctename", "enrname", "name", "argname", "cursor_name", "relkind"})
"""Fields whose value is always text, though it may look like a number or a truth value."""


class Node(dict[str, Any]):
    """A node: its tag, and its fields by name. Values are Node, list, str, int, float, bool or None."""

    __slots__ = ("_key", "tag")

    def __init__(self, tag: str, **fields: Any) -> None:
        super().__init__(fields)
        self.tag = tag
        self._key: str | None = None

    def __repr__(self) -> str:
        return f"{self.tag}{dict(self)!r}"

    @property
    def key(self) -> str:
        """A text that equal expressions share, wherever in the statement they stand."""
        if self._key is None:
            self._key = _key(self)
        return self._key


def parse(text: str) -> Any:
    """Read the text of a tree; a list of nodes, for a function body or a rewrite rule's action."""
    root: list[Any] = []
    stack: list[Any] = [root]
    field = ""
    tokens = iter(_TOKEN.findall(text))
    for token in tokens:
        top = stack[-1]
        named = top.__class__ is Node
        if token == "{":
            _open(Node(next(tokens)), top, field, stack)
            field = ""
        elif token == "(":
            _open([], top, field, stack)
            field = ""
        elif token in ")}":
            stack.pop()
            field = ""
        elif named and not field:
            if token == "[":
                top[next(reversed(top))] = [int(byte) for byte in iter(lambda: next(tokens), "]")]
            else:
                field = token[1:]
        elif named:
            top[field] = _atom(token, field)
            field = ""
        elif token in _SETS and not top:
            _integers(tokens, stack)
        else:
            top.append(_atom(token, ""))
    if len(stack) != 1 or len(root) != 1:
        raise ProofError("The query tree that the server gave is not complete")
    return root[0]


def _open(value: Any, top: Any, field: str, stack: list[Any]) -> None:
    if field:
        top[field] = value
    else:
        top.append(value)
    stack.append(value)


def _integers(tokens: Iterator[str], stack: list[Any]) -> None:
    """The rest of ``(b 1 2)``: a set, or a list of integers, object identifiers or transaction identifiers."""
    stack[-1].extend(int(number) for number in iter(lambda: next(tokens), ")"))
    stack.pop()


_SETS = frozenset("biox")


def _atom(token: str, field: str) -> Any:
    if token == "<>":
        return None
    if token[0] == '"':
        return _ESCAPE.sub(r"\1", token[1:-1])
    if field not in _NAMES:
        if _NUMBER.match(token):
            return int(token)
        if token in ("true", "false"):
            return token == "true"
    return _ESCAPE.sub(r"\1", token) if "\\" in token else token


_PLACES = frozenset(
    {"location", "list_start", "list_end", "coercionform", "funcformat", "relabelformat", "coerceformat"}
)
"""Fields that tell how an expression was written, which ``equal()`` ignores too (equalfuncs.c)."""


def _key(value: Any) -> str:
    if isinstance(value, Node):
        inner = ",".join(f"{k}={_nested(v)}" for k, v in value.items() if k not in _PLACES and not k.endswith("syn"))
        return f"{value.tag}({inner})"
    if isinstance(value, list):
        return f"[{','.join(_nested(item) for item in value)}]"
    return repr(value)


def _nested(value: Any) -> str:
    return value.key if isinstance(value, Node) else _key(value)


def walk(value: Any, *, into_queries: bool = True) -> Iterator[Node]:
    """Every node in a tree, each before what is in it; without the insides of queries unless asked."""
    stack = [value]
    while stack:
        item = stack.pop()
        inner: Iterable[Any] = item
        if item.__class__ is Node:
            yield item
            if not into_queries and item.tag == "QUERY" and item is not value:
                continue
            inner = item.values()
        stack += [part for part in inner if part.__class__ is Node or part.__class__ is list]
