"""The pages that are not of one table."""

from __future__ import annotations

from itertools import groupby

from assay.schema.docs.anchors import routine_anchors, type_anchors
from assay.schema.docs.markup import Child, Html, joined, tag
from assay.schema.docs.model import Facts, RoutinePage, TablePage, TypePage
from assay.schema.docs.shell import Page, badge, grid, link_to, section
from assay.schema.docs.sqltext import sql_block
from assay.schema.erd.diagram import diagram_of
from assay.schema.erd.model import Box
from assay.schema.erd.svg import draw
from assay.wording import counted

_SMALL = 12
"""So many tables are drawn on the first page too."""


def overview(facts: Facts) -> Page:
    """The first page."""
    tables = [table for table in facts.tables if not table.relation.is_view]
    views = [table for table in facts.tables if table.relation.is_view]
    counts = [
        (len(tables), "table", "tables", "#tables"), (len(views), "view", "views", "#views"),
        (len(facts.types), "type", "types", "types.html"),
        (len(facts.routines), "function", "functions", "functions.html"),
        (len(facts.queries), "query", "queries", "queries.html"),
    ]  # fmt: skip
    cards = [
        tag("a", tag("strong", str(number)), " ", one if number == 1 else many, href=href, class_="card")
        for number, one, many, href in counts
        if number
    ]
    parts: list[Child] = [
        tag("p", "Database", class_="kicker"),
        tag("h1", facts.title),
        tag("div", cards, class_="cards"),
    ]
    if tables and len(tables) <= _SMALL:
        parts.append(tag("figure", tag("div", _picture(facts), class_="picture")))
    parts += [section("Tables", "tables", _listing(tables), count=len(tables))] if tables else []
    parts += [section("Views", "views", _listing(views), count=len(views))] if views else []
    parts += [tag("p", "There are no tables.")] if not tables and not views else []
    return Page("index.html", facts.title, joined(*parts))


def _listing(tables: list[TablePage]) -> Html:
    heads = ["Name", "About", "Columns", "Refers to", "Referred to by", "Queries"]
    rows = [("", _listed(table)) for table in tables]
    if not any(table.relation.comment.strip() for table in tables):
        heads, rows = [heads[0], *heads[2:]], [(name, [cells[0], *cells[2:]]) for name, cells in rows]
    return grid(heads, rows, class_="listing")


def _listed(table: TablePage) -> list[Child]:
    relation = table.relation
    counts = (len(relation.columns), len(table.parents), len(table.children), len(table.uses))
    return [
        [tag("a", relation.label, href=table.file, class_="object"), _kind(table)],
        tag("p", relation.comment) if relation.comment.strip() else None,
        *(tag("span", str(count), class_="number" if count else "number soft") for count in counts),
    ]


def _kind(table: TablePage) -> Child:
    kind = table.relation.kind
    return None if kind in ("table", "view") else [" ", badge(kind)]


# --- the diagram


def _picture(facts: Facts) -> Html:
    files = {table.relation.address: table.file for table in facts.tables}

    def address(box: Box) -> str:
        return files[box.address]

    diagram = diagram_of(facts.structure)
    title = f"{counted(len(diagram.boxes), 'table')} of {facts.title} and their foreign keys"
    return Html(draw(diagram, title=title, address=address, standalone=False).svg)


def diagram_page(facts: Facts) -> Page:
    """The page with the diagram, which can be moved and searched."""
    names = [
        tag("option", value=table.relation.label, data_table=".".join(table.relation.address), data_slug=_slug(table))
        for table in facts.tables
        if not table.relation.is_view
    ]
    tools = tag(
        "div",
        tag(
            "input", type="search", id="find-table", list="table-names", placeholder="Find a table …",
            aria_label="Find a table", autocomplete="off",
        ),
        tag("datalist", names, id="table-names"),
        tag("button", "−", type="button", data_zoom="out", aria_label="Smaller"),
        tag("button", "+", type="button", data_zoom="in", aria_label="Larger"),
        tag("button", "Fit", type="button", data_zoom="fit"),
        tag("button", "1:1", type="button", data_zoom="one", aria_label="Actual size"),
        tag("p", id="diagram-said", class_="said", role="status"),
        class_="tools",
    )  # fmt: skip
    legend = tag(
        "p",
        "Drag to move, scroll or pinch to zoom; arrow keys, + and − do the same. A crow's foot is many, a ring none; a "
        "dashed line may refer to nothing.",
        class_="legend",
    )
    stage = tag("div", _picture(facts), class_="stage", id="stage", tabindex="0", role="group", aria_label="Diagram")
    return Page("diagram.html", "Diagram", joined(tag("h1", "Diagram"), tools, stage, legend), wide=True)


def _slug(table: TablePage) -> str:
    return table.file.removeprefix("tables/").removesuffix(".html")


# --- types and functions


def types_page(facts: Facts) -> Page:
    """Enums, domains, composite and range types."""
    parts = [_type(found, anchor) for found, anchor in zip(facts.types, type_anchors(facts), strict=True)]
    return Page("types.html", "Types", joined(tag("h1", "Types"), *parts))


def _type(found: TypePage, anchor: str) -> Html:
    used = [tag("li", link_to("", link), f".{column}") for link, column in found.columns]
    return section(
        found.name.removeprefix("public."),
        anchor,
        tag("p", badge(found.kind), class_="facts"),
        tag("p", found.comment) if found.comment.strip() else None,
        sql_block(found.definition),
        [tag("h3", "Used by"), tag("ul", used)] if used else None,
    )


def functions_page(facts: Facts) -> Page:
    """Functions, procedures and aggregates."""
    parts = [_routine(found, anchor) for found, anchor in zip(facts.routines, routine_anchors(facts), strict=True)]
    return Page("functions.html", "Functions", joined(tag("h1", "Functions"), *parts))


def _routine(found: RoutinePage, anchor: str) -> Html:
    return section(
        found.name.removeprefix("public."),
        anchor,
        tag("p", badge(found.kind), class_="facts"),
        tag("p", found.comment) if found.comment.strip() else None,
        sql_block(found.definition),
    )


# --- queries


def queries_page(facts: Facts) -> Page:
    """The statements of the code, file by file."""
    touching: dict[int, list[TablePage]] = {}
    for table in facts.tables:
        for use in table.uses:
            touching.setdefault(id(use.query), []).append(table)
    parts: list[Child] = [tag("h1", "Queries")]
    for number, (path, group) in enumerate(groupby(facts.queries, key=lambda query: query.path), 1):
        found = [
            tag(
                "details",
                tag(
                    "summary",
                    tag("code", query.place, class_="place"),
                    tag("span", query.method, class_="soft"),
                    tag("span", _tables(touching.get(id(query), []))),
                ),
                sql_block(query.sql),
            )
            for query in group
        ]
        parts.append(section(path, f"file-{number}", tag("div", found, class_="queries"), count=len(found)))
    return Page("queries.html", "Queries", joined(*parts))


def _tables(tables: list[TablePage]) -> list[Child]:
    parts: list[Child] = []
    for table in tables:
        parts += [" ", tag("a", table.relation.label, href=table.file, class_="object")]
    return parts
