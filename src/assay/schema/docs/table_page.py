"""The page of one table or view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from assay.schema.docs.anchors import column_anchor, type_uses
from assay.schema.docs.markup import Child, Html, joined, tag
from assay.schema.docs.model import Facts, Item, TableLink, TablePage, Use
from assay.schema.docs.shell import Page, badge, grid, link_to, section
from assay.schema.docs.sqltext import sql_block, sql_inline
from assay.schema.erd.diagram import diagram_of
from assay.schema.erd.mermaid import short_type
from assay.schema.erd.model import Box
from assay.schema.erd.svg import draw
from assay.schema.structure.model import Column, ForeignKey
from assay.wording import counted

_UP = "../"
_NEAR = 12
"""More neighbours than these are not drawn on a table's own page."""
_OPEN = 3
"""So many queries are shown without a click."""


def table_page(table: TablePage, facts: Facts) -> Page:
    """The page of a table or view."""
    relation = table.relation
    parts = [
        _head(table),
        section("Columns", "columns", _columns(table, facts), count=len(relation.columns)),
        _definition(table),
        _relations(table, facts),
        *(_items(table, kind, title) for kind, title in _KINDS),
        _partitions(table),
        _uses(table),
        _facets(table),
    ]
    return Page(table.file, relation.label, joined(*parts))


_KINDS = (
    ("constraint", "Constraints"),
    ("index", "Indexes"),
    ("trigger", "Triggers"),
    ("policy", "Policies"),
    ("rule", "Rules"),
    ("statistics", "Statistics"),
)


def _head(table: TablePage) -> Html:
    relation = table.relation
    facts = [counted(len(relation.columns), "column")]
    facts += [counted(len(table.parents), "reference")] if table.parents else []
    facts += [f"{counted(len(table.children), 'reference')} to it"] if table.children else []
    facts += [counted(len(table.uses), "query", "queries")] if table.uses else []
    comment = tag("p", relation.comment, class_="lead") if relation.comment.strip() else None
    return joined(
        tag("p", relation.schema, " · ", relation.kind, class_="kicker"),
        tag("h1", relation.label),
        comment,
        tag("p", " · ".join(facts), class_="facts"),
    )


# --- columns


def _columns(table: TablePage, facts: Facts) -> Html:
    anchors = type_uses(facts)
    rows = [
        (
            column_anchor(number),
            [
                [tag("span", column.name, class_="column"), _marks(table, column)],
                _type(column, anchors.get((table.file, column.name))),
                badge("NOT NULL") if column.not_null else tag("span", "null", class_="soft"),
                _default(column),
                _about(table, column),
            ],
        )
        for number, column in enumerate(table.relation.columns)
    ]
    return grid(["Column", "Type", "Null", "Default", "About"], rows, class_="columns")


def _type(column: Column, anchor: str | None) -> Html:
    """A column's type, which leads to where it is explained if it is not one that every server has."""
    short = short_type(column.type)
    shown = tag("code", short, title=column.type if short != column.type else None)
    return tag("a", shown, href=f"{_UP}types.html#{anchor}") if anchor else shown


def _marks(table: TablePage, column: Column) -> Iterator[Child]:
    relation = table.relation
    primary = relation.primary_key
    if primary is not None and column.name in primary.columns:
        yield from (" ", badge("PK", "pk"))
    if any(column.name in key.columns for key in relation.foreign_keys):
        yield from (" ", badge("FK", "fk"))
    if any(key.columns == (column.name,) and not key.primary for key in relation.keys):
        yield from (" ", badge("UK", "uk"))


def _default(column: Column) -> Child:
    if column.identity:
        return tag("span", f"identity, {column.identity}", class_="soft")
    if column.generated:
        return [tag("span", f"generated, {column.generated}: ", class_="soft"), sql_inline(column.default)]
    return sql_inline(column.default) if column.default else None


def _about(table: TablePage, column: Column) -> list[Child]:
    parts: list[Child] = []
    for target, key in table.parents:
        if column.name in key.columns:
            other = key.target_columns[key.columns.index(column.name)]
            parts.append(tag("p", "→ ", link_to(_UP, target), f".{other}", class_="reference"))
    if column.comment.strip():
        parts.append(tag("p", column.comment))
    return parts


# --- relations


def _relations(table: TablePage, facts: Facts) -> Html | None:
    if not (table.parents or table.children or table.views or table.sources):
        return None
    parts: list[Child] = [_picture(table, facts)]
    parts += [_references("Refers to", table.parents)] if table.parents else []
    if table.children:
        parts.append(_references("Referred to by", table.children))
    for title, links in (("Made of", table.sources), ("Read by the views", table.views)):
        if links:
            parts += [tag("h3", title), tag("ul", [tag("li", link_to(_UP, link)) for link in links])]
    return section("Relations", "relations", *parts)


def _references(title: str, keys: Iterable[tuple[TableLink, ForeignKey]]) -> Html:
    rows = [
        tag("li", link_to(_UP, link), " ", tag("code", f"({', '.join(key.columns)})"), _rules(key))
        for link, key in keys
    ]
    return joined(tag("h3", title), tag("ul", rows))


def _rules(key: ForeignKey) -> Child:
    rules = [f"on delete {key.on_delete}"] if key.on_delete != "no action" else []
    rules += [f"on update {key.on_update}"] if key.on_update != "no action" else []
    return tag("span", f" {', '.join(rules)}", class_="soft") if rules else None


def _picture(table: TablePage, facts: Facts) -> Child:
    """The table with those that it has to do with; nothing where these are none or very many."""
    if table.relation.is_view or not (table.parents or table.children):
        return None
    diagram = diagram_of(facts.structure, detail="keys", only=[table.relation.address])
    whole = tag(
        "a", "the whole diagram", href=f"{_UP}diagram.html#{table.file.removeprefix('tables/').removesuffix('.html')}"
    )
    if len(diagram.boxes) > _NEAR:
        return tag("p", f"{len(diagram.boxes) - 1} tables have to do with this one: see ", whole, ".")
    files = {each.relation.address: each.file.removeprefix("tables/") for each in facts.tables}

    def address(box: Box) -> str:
        return files[box.address]

    title = f"{table.relation.label} and the tables that it has to do with"
    drawn = draw(diagram, title=title, address=address, standalone=False, marked=table.relation.address)
    picture = Html(drawn.svg)
    return tag("figure", tag("div", picture, class_="picture"), tag("figcaption", "Keys only; see ", whole, "."))


# --- the rest


def _definition(table: TablePage) -> Html | None:
    return section("Definition", "definition", sql_block(table.definition)) if table.definition else None


def _items(table: TablePage, kind: str, title: str) -> Html | None:
    items = table.items[kind]
    if not items:
        return None
    rows = [("", [tag("span", item.name, class_="object"), _said(item)]) for item in items]
    return section(title, title.lower(), grid(["Name", "Definition"], rows, class_="items"), count=len(items))


def _said(item: Item) -> list[Child]:
    parts: list[Child] = [sql_block(item.definition)]
    parts += [tag("p", item.comment)] if item.comment.strip() else []
    if item.facets and item.facets.get("valid"):
        parts.append(tag("p", badge("INVALID", "bad"), " it is not used until it is built again"))
    return parts


def _partitions(table: TablePage) -> Html | None:
    if not table.partitions:
        return None
    names = [tag("li", tag("code", partition.label)) for partition in table.partitions]
    return section("Partitions", "partitions", tag("ul", names), count=len(names))


def _uses(table: TablePage) -> Html | None:
    if not table.uses:
        return None
    shown = [_use(use, len(table.relation.columns), opened=index < _OPEN) for index, use in enumerate(table.uses)]
    return section("Queries", "queries", tag("div", shown, class_="queries"), count=len(table.uses))


def _use(use: Use, total: int, *, opened: bool) -> Html:
    marks: list[Child] = [badge("reads", "reads")] if use.reading else []
    marks += [" ", badge("writes", "writes")] if use.writing else []
    lines: list[Child] = []
    for verb, columns in (("reads", use.reads), ("writes", use.writes)):
        if len(columns) == total:
            lines.append(tag("p", f"{verb} every column", class_="soft"))
        elif columns:
            lines.append(tag("p", tag("span", f"{verb} ", class_="soft"), tag("code", ", ".join(columns))))
    summary = tag(
        "summary",
        tag("code", use.query.place, class_="place"),
        tag("span", marks),
        tag("span", use.query.method, class_="soft"),
    )
    return tag("details", summary, sql_block(use.query.sql), lines, open=opened)


def _facets(table: TablePage) -> Html | None:
    if not table.facets:
        return None
    rows = [("", [name, tag("code", value)]) for name, value in table.facets.items()]
    return section("More", "more", grid(["What", "Value"], rows, class_="items"))
