"""What every page of the site has around its content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assay.schema.docs.markup import Child, Html, joined, tag
from assay.schema.docs.model import Facts, TableLink

_POLICY = "default-src 'none'; style-src 'self' file:; script-src 'self' file:; img-src 'self' data:; base-uri 'none'"
"""Nothing from elsewhere, and no script but the site's own."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as its maker gives it."""

    file: str
    """``tables/devices.html``."""
    title: str
    content: Html
    wide: bool = False
    """Whether it takes the whole window."""

    @property
    def up(self) -> str:
        """The way from the page to the site's root."""
        return "../" * self.file.count("/")


def whole_page(page: Page, facts: Facts) -> str:
    """The text of the file."""
    title = page.title if page.title == facts.title else f"{page.title} · {facts.title}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="stylesheet", href=f"{page.up}assets/erd.css"),
        tag("link", rel="stylesheet", href=f"{page.up}assets/site.css"),
        tag("script", src=f"{page.up}assets/theme.js"),
    )
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#content", class_="skip"),
        _bar(page, facts),
        _navigation(page, facts),
        tag("main", page.content, _foot(facts), id="content", class_="wide" if page.wide else None, tabindex="-1"),
        tag("script", src=f"{page.up}assets/search-index.js"),
        tag("script", src=f"{page.up}assets/site.js"),
        data_root=page.up or "./",
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _bar(page: Page, facts: Facts) -> Html:
    search = tag(
        "div",
        tag(
            "input",
            type="search",
            id="search",
            placeholder="Search tables, columns, types …",
            autocomplete="off",
            spellcheck="false",
            role="combobox",
            aria_label="Search",
            aria_expanded="false",
            aria_controls="found",
            aria_autocomplete="list",
        ),
        tag("kbd", "/", aria_hidden="true"),
        tag("ul", id="found", role="listbox", aria_label="What was found", hidden=True),
        class_="search",
    )
    theme = tag("button", tag("span", "Theme: system", id="theme-name"), id="theme", type="button", class_="theme")
    return tag(
        "header",
        tag("a", tag("span", "Menu"), href="#navigation", class_="menu", aria_label="Menu"),
        tag("a", facts.title, href=f"{page.up}index.html", class_="name"),
        search,
        theme,
        class_="bar",
    )


def _navigation(page: Page, facts: Facts) -> Html:
    tables = [table for table in facts.tables if not table.relation.is_view]
    views = [table for table in facts.tables if table.relation.is_view]
    pages = [("Overview", "index.html"), ("Diagram", "diagram.html")]
    pages += [("Types", "types.html")] if facts.types else []
    pages += [("Functions", "functions.html")] if facts.routines else []
    pages += [("Queries", "queries.html")] if facts.queries else []
    return tag(
        "nav",
        tag("a", "Close", href="#content", class_="close"),
        _entries(page, (TableLink(title, file) for title, file in pages)),
        _group(page, "Tables", (TableLink(table.relation.label, table.file) for table in tables)),
        _group(page, "Views", (TableLink(view.relation.label, view.file) for view in views)),
        id="navigation",
        aria_label="Pages",
    )


def _group(page: Page, title: str, links: Iterable[TableLink]) -> Html | None:
    links = list(links)
    if not links:
        return None
    return joined(tag("h2", title, " ", tag("span", str(len(links)), class_="count")), _entries(page, links))


def _entries(page: Page, links: Iterable[TableLink]) -> Html:
    return tag(
        "ul",
        [
            tag(
                "li",
                tag(
                    "a",
                    link.label,
                    href=f"{page.up}{link.file}",
                    aria_current="page" if link.file == page.file else None,
                ),
            )
            for link in links
        ],
    )


def _foot(facts: Facts) -> Html:
    notes: list[Child] = [tag("p", note, class_="note") for note in facts.notes]
    return tag(
        "footer", notes, tag("p", f"PostgreSQL {facts.major} · written by assay schema docs · no page asks the network")
    )


# --- pieces that several pages have


def link_to(page_up: str, link: TableLink) -> Child:
    """A table's name, as a link where it has a page."""
    return tag("a", link.label, href=f"{page_up}{link.file}", class_="object") if link.file else link.label


def section(title: str, name: str, *content: Child, count: int | None = None) -> Html:
    """A part of a page that a link can lead to."""
    number = [" ", tag("span", str(count), class_="count")] if count is not None else []
    return tag(
        "section",
        tag("h2", tag("a", title, href=f"#{name}"), number, id=name),
        *content,
        aria_labelledby=name,
    )


def grid(heads: list[str], rows: Iterable[tuple[str, Sequence[Child]]], *, class_: str = "") -> Html:
    """A table; each row's first value is its element's id, an empty text for none.

    On a narrow screen every cell stands under its head's name.
    """
    return tag(
        "table",
        tag("thead", tag("tr", [tag("th", head, scope="col") for head in heads])),
        tag(
            "tbody",
            [
                tag(
                    "tr",
                    [tag("td", cell, data_head=head) for head, cell in zip(heads, cells, strict=True)],
                    id=name or None,
                )
                for name, cells in rows
            ],
        ),
        class_=f"grid {class_}".strip(),
    )


def badge(text: str, kind: str = "") -> Html:
    """A short mark."""
    return tag("span", text, class_=f"badge {kind}".strip())
