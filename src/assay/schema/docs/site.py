"""All files of the site."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files

from assay.schema.docs.anchors import column_anchor, routine_anchors, type_anchors
from assay.schema.docs.model import Facts
from assay.schema.docs.pages import (
    diagram_page,
    functions_page,
    overview,
    queries_page,
    types_page,
)
from assay.schema.docs.shell import Page, whole_page
from assay.schema.docs.table_page import table_page
from assay.schema.erd.svg import style

_ASSETS = ("site.css", "site.js", "theme.js")


def site(facts: Facts) -> dict[str, bytes]:
    """The content of each file by its path, the same bytes for the same facts."""
    made = {page.file: whole_page(page, facts).encode() for page in _pages(facts)}
    folder = files("assay.schema.docs").joinpath("assets")
    made |= {f"assets/{name}": folder.joinpath(name).read_bytes() for name in _ASSETS}
    made["assets/erd.css"] = style().encode()
    made["assets/search-index.js"] = _search_index(facts).encode()
    return dict(sorted(made.items()))


def _pages(facts: Facts) -> Iterator[Page]:
    yield overview(facts)
    yield diagram_page(facts)
    yield from (table_page(table, facts) for table in facts.tables)
    if facts.types:
        yield types_page(facts)
    if facts.routines:
        yield functions_page(facts)
    if facts.queries:
        yield queries_page(facts)


def _search_index(facts: Facts) -> str:
    """What the search knows: name, kind, where it is, and the page; a script, for pages from a disk cannot fetch."""
    entries = [list(entry) for entry in _entries(facts)]
    return f"window.assayIndex = {json.dumps(entries, separators=(',', ':'))};\n"


def _entries(facts: Facts) -> Iterator[tuple[str, str, str, str]]:
    for table in facts.tables:
        yield table.relation.label, table.relation.kind, table.relation.comment[:120], table.file
    for found, anchor in zip(facts.types, type_anchors(facts), strict=True):
        yield found.name.removeprefix("public."), found.kind, found.comment[:120], f"types.html#{anchor}"
    for routine, anchor in zip(facts.routines, routine_anchors(facts), strict=True):
        yield routine.name.removeprefix("public."), routine.kind, routine.comment[:120], f"functions.html#{anchor}"
    for table in facts.tables:
        for number, column in enumerate(table.relation.columns):
            page = f"{table.file}#{column_anchor(number)}"
            yield column.name, "column", table.relation.label, page
