"""A diagram as the text of Mermaid's ``erDiagram`` (https://mermaid.js.org/syntax/entityRelationshipDiagram.html)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from assay.schema.erd.model import Box, Diagram, Link, Row
from assay.schema.models.names import unlike

_KEYWORDS = frozenset({
    *("accdescr", "acctitle", "class", "classdef", "direction", "end", "erdiagram", "style", "subgraph", "title"),
    *("bt", "fk", "lr", "many", "o", "one", "only", "optionally", "pk", "rl", "tb", "to", "u", "uk", "v", "zero"),
})  # fmt: skip
"""What begins a statement of Mermaid's, or stands for a cardinality or a key."""


def mermaid(diagram: Diagram) -> str:
    """The text of a diagram; what is no word of Mermaid's stands in quotation marks or in a comment."""
    ids = _ids(box.title for box in diagram.boxes)
    lines = ["erDiagram"]
    for box, name in zip(diagram.boxes, ids, strict=True):
        lines += _entity(box, name)
    lines += [f"    {line}" for link in diagram.links for line in _relation(link, ids)]
    return "\n".join(lines) + "\n"


def _ids(names: Iterable[str]) -> list[str]:
    """A word for each name, no two the same."""
    taken: set[str] = set()
    ids: list[str] = []
    for name in names:
        ids.append(unlike(_word(name), taken))
        taken.add(ids[-1])
    return ids


def _entity(box: Box, name: str) -> Iterator[str]:
    label = "" if name == box.title else f'["{_text(box.title)}"]'
    yield f"    {name}{label} {{"
    for row, word in zip(box.rows, _ids(row.name for row in box.rows), strict=True):
        yield f"        {_attribute(row, word)}"
    yield "    }"


def _attribute(row: Row, name: str) -> str:
    kind = _type(row.type)
    notes = [] if name == row.name else [row.name]
    notes += ["null"] if row.nullable else []
    notes += [row.comment] if row.comment.strip() else []
    marks = f" {', '.join(row.marks)}" if row.marks else ""
    return f"{kind} {name}{marks}" + (f' "{_text("; ".join(notes))}"' if notes else "")


def _relation(link: Link, ids: list[str]) -> Iterator[str]:
    left = "}o" if link.many else "|o"
    right = "o|" if link.optional else "||"
    yield f'{ids[link.child]} {left}--{right} {ids[link.parent]} : "{_text(", ".join(link.columns))}"'


def _type(name: str) -> str:
    return _word(short_type(name).replace("[]", "_array"))


def short_type(name: str) -> str:
    """A type by the shorter of its names: ``timestamptz``, ``varchar(20)``."""
    for long, short in (
        (r"^timestamp(\(\d\))? with time zone", r"timestamptz\1"),
        (r"^timestamp(\(\d\))? without time zone", r"timestamp\1"),
        (r"^time(\(\d\))? with time zone", r"timetz\1"),
        (r"^time(\(\d\))? without time zone", r"time\1"),
        (r"^character varying", "varchar"),
        (r"^character\b", "char"),
        (r"^double precision", "float8"),
        (r"^bit varying", "varbit"),
    ):
        name = re.sub(long, short, name)
    return name


def _word(text: str) -> str:
    """Letters, digits and underscores, with no digit at the beginning."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    word = re.sub(r"[^A-Za-z0-9_]+", "_", plain)
    return word if word[:1].isalpha() and word.lower() not in _KEYWORDS else f"x_{word}"


def _text(text: str) -> str:
    """A text within double quotation marks, where Mermaid has no escapes but for its entities."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return plain.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
