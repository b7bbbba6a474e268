"""The site of ``assay schema docs`` in a real browser: no error, no request to anywhere else, and all of it usable."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from tests.fixtures.browser import Browser, browser
from tests.fixtures.projects import Project

from assay.config import DatabaseUrl
from assay.schema.docs.facts import gather
from assay.schema.docs.folder import write_folder
from assay.schema.docs.site import site

__all__ = ["browser"]

ROOT = Path(__file__).parents[2]
BACKENDS = sorted(path.parent for path in ROOT.glob("backends/*/migrations"))
HOSTILE = ROOT / "tests" / "data" / "models" / "hostile.sql"
DESKTOP = {"viewport": {"width": 1366, "height": 860}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
EVIL = """<img src=x onerror="window.pwned=1">"""
EVIL_SCRIPT = """</script></title></style><script>window.pwned=1</script>"""
SHOP = """
create table customers (id bigint generated always as identity primary key, email text not null unique);
create table orders (id bigint primary key, customer_id bigint not null references customers, note text);
create table items (order_id bigint references orders, line int, price numeric(12,2), primary key (order_id, line));
create table visits (id bigint primary key, customer_id bigint references customers, parent_id bigint references visits);
comment on table orders is 'What was bought.';
"""
MEASURED = "[document.documentElement.scrollWidth, innerWidth, document.querySelectorAll('h1').length]"
Make = Callable[[str | bytes], Path]


@pytest.fixture
def make(server_18: DatabaseUrl, tmp_path: Path) -> Iterator[Make]:
    """Writes the site of a schema, from a database of its own."""
    name = f"test_{secrets.token_hex(6)}"
    url = server_18.with_database(name)

    def made(schema: str | bytes) -> Path:
        with psycopg.connect(url.reveal(), autocommit=True) as driver:
            driver.execute(schema.encode() if isinstance(schema, str) else schema)
        with ThreadPoolExecutor(1) as elsewhere:  # Playwright's loop runs in this thread
            facts = elsewhere.submit(lambda: asyncio.run(gather(url, "Shop", []))).result()
        write_folder(tmp_path / "site", site(facts))
        return tmp_path / "site"

    with psycopg.connect(server_18.reveal(), autocommit=True) as admin:
        admin.execute(f"create database {name}".encode())
        yield made
        admin.execute(f"drop database {name} with (force)".encode())


def assert_pages_are_well(browser: Browser, root: Path, pattern: str = "**/*.html") -> None:
    """Pages open without an error or a request elsewhere, and do not scroll sideways, wide and narrow, light and dark."""
    with browser.site(root, **DESKTOP) as watched:
        for path in sorted(root.glob(pattern)):
            page = watched.open(path.relative_to(root).as_posix())
            for size, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
                page.set_viewport_size(size["viewport"])
                page.emulate_media(color_scheme=scheme)
                width, room, heads = page.evaluate(MEASURED)
                assert width <= room, (path.name, size)
                assert heads == 1


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda path: path.name)
def test_the_site_of_each_backend_is_well(
    browser: Browser, tmp_path: Path, backend: Path, server_18: DatabaseUrl, assay_home: Path
) -> None:
    shutil.copytree(backend, tmp_path / backend.name, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    project = Project(tmp_path / backend.name, server_18)
    done = project.run("schema", "docs", "-o", str(tmp_path / "site"), ASSAY_HOME=str(assay_home))
    assert (done.code, done.err) == (0, "")
    assert_pages_are_well(browser, tmp_path / "site")


def test_hostile_names_do_no_harm(browser: Browser, make: Make) -> None:
    root = make(HOSTILE.read_bytes())
    assert_pages_are_well(browser, root, "*.html")
    assert_pages_are_well(browser, root, "tables/*_*.html")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""')[:63] + '"'


def test_no_name_comment_or_value_becomes_markup(browser: Browser, make: Make) -> None:
    evil, kind, script = quoted(EVIL), quoted(f"e{EVIL}"), quoted(EVIL_SCRIPT)
    said = EVIL_SCRIPT + EVIL
    root = make(f"""
        create type {kind} as enum ($${EVIL}$$, 'x');
        create table {evil} ({script} int primary key default length($${EVIL}$$), {evil} {kind} not null,
            constraint {script} check ({script} > length($${said}$$)));
        create table {script} (id int references {evil}, {evil} text default $${said}$$);
        create index {quoted("i" + EVIL_SCRIPT)} on {evil} ({evil});
        create view "view {EVIL[:50].replace('"', "")}" as select {evil} from {evil} where {evil}::text <> $${said}$$;
        create function {script}(text) returns text language sql as $f$ select $${said}$$ $f$;
        comment on table {evil} is $${said}$$;
        comment on column {evil}.{evil} is $${said}$$;
        comment on type {kind} is $${said}$$;
        comment on function {script}(text) is $${said}$$;
    """)
    with browser.site(root, **DESKTOP) as watched:
        for path in sorted(root.rglob("*.html")):
            page = watched.open(path.relative_to(root).as_posix())
            page.fill("#search", "img")
            page.wait_for_selector("#found [role=option]")
            assert page.evaluate("window.pwned") is None, path
            assert page.locator("img").count() == 0
            assert page.locator("script").count() == 3


def test_search_finds_tables_and_columns_by_keyboard(browser: Browser, make: Make) -> None:
    with browser.site(make(SHOP), **DESKTOP) as watched:
        page = watched.open("tables/items.html")
        page.keyboard.press("/")
        page.keyboard.type("customer")
        assert page.locator("#found [aria-selected=true] .found-name").inner_text() == "customers"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url("**/tables/orders.html#column-2")
        assert page.locator("tr:target .column").inner_text() == "customer_id"
        page.fill("#search", "nothing like it")
        assert page.locator("#found .none").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator("#found").is_visible()


def test_the_theme_is_switched_and_kept(browser: Browser, make: Make) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with browser.site(make(SHOP), **DESKTOP, color_scheme="light") as watched:
        page = watched.open("index.html")
        light = page.evaluate(ground)
        page.click("#theme")
        assert page.locator("#theme").inner_text() == "Theme: dark"
        dark = page.evaluate(ground)
        assert dark != light
        page = watched.open("diagram.html")
        assert page.evaluate(ground) == dark, "it is kept from page to page"
        page.click("#theme")
        assert (page.evaluate(ground), page.locator("#theme").inner_text()) == (light, "Theme: light")
        page.click("#theme")
        assert page.locator("#theme").inner_text() == "Theme: system"


def test_the_diagram_is_moved_zoomed_and_searched(browser: Browser, make: Make) -> None:
    place = "document.querySelector('#stage svg').style.transform"
    with browser.site(make(SHOP), **DESKTOP) as watched:
        page = watched.open("diagram.html")
        fitted = page.evaluate(place)
        stage = page.locator("#stage").bounding_box()
        middle = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
        page.mouse.move(*middle)
        page.mouse.wheel(0, -300)
        page.wait_for_function(f"{place} !== {fitted!r}")
        zoomed = page.evaluate(place)
        page.mouse.move(stage["x"] + 8, stage["y"] + 8)
        page.mouse.down()
        page.mouse.move(stage["x"] + 90, stage["y"] + 60, steps=4)
        page.mouse.up()
        assert page.evaluate(place) != zoomed
        page.click("[data-zoom=fit]")
        assert page.evaluate(place) == fitted
        page.focus("#stage")
        page.keyboard.press("ArrowLeft")
        assert page.evaluate(place) != fitted
        page.keyboard.press("0")
        assert page.evaluate(place) == fitted
        page.fill("#find-table", "visits")
        assert page.locator("#diagram-said").inner_text() == "visits is in the middle"
        assert page.locator("#stage .erd-near").count() == 2
        box = page.locator("[data-table='public.visits'] .erd-box").bounding_box()
        assert abs(box["x"] + box["width"] / 2 - middle[0]) < 2
        assert abs(box["y"] + box["height"] / 2 - middle[1]) < 2


def test_a_table_in_the_diagram_leads_to_its_page_and_back(browser: Browser, make: Make) -> None:
    with browser.site(make(SHOP), **DESKTOP) as watched:
        page = watched.open("diagram.html#orders")
        assert page.locator("#stage .erd-near").count() == 3
        page.locator("[data-table='public.orders'] .erd-title").click()
        page.wait_for_url("**/tables/orders.html")
        page.click("text=the whole diagram")
        page.wait_for_url("**/diagram.html#orders")


def test_a_dragged_table_is_not_a_clicked_one(browser: Browser, make: Make) -> None:
    with browser.site(make(SHOP), **DESKTOP) as watched:
        page = watched.open("diagram.html")
        box = page.locator("[data-table='public.orders'] .erd-title").bounding_box()
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        page.mouse.down()
        page.mouse.move(box["x"] + 60, box["y"] + 40, steps=5)
        page.mouse.up()
        assert page.url.endswith("/diagram.html")


def test_two_fingers_zoom_on_a_phone(browser: Browser, make: Make) -> None:
    with browser.site(make(SHOP), **PHONE) as watched:
        page = watched.open("diagram.html")
        scale = "new DOMMatrix(document.querySelector('#stage svg').style.transform).a"
        before = page.evaluate(scale)
        session = page.context.new_cdp_session(page)
        stage = page.locator("#stage").bounding_box()
        x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2

        def touch(kind: str, *points: float) -> None:
            fingers = [{"x": point, "y": y, "id": number} for number, point in enumerate(points)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

        touch("touchStart", x - 20, x + 20)
        touch("touchMove", x - 50, x + 50)
        touch("touchMove", x - 90, x + 90)
        touch("touchEnd")
        page.wait_for_function(f"{scale} > {before} * 1.5")


def test_the_menu_opens_on_a_phone_and_needs_no_script(browser: Browser, make: Make) -> None:
    root = make(SHOP)
    with browser.site(root, **PHONE, java_script_enabled=False) as watched:
        page = watched.open("tables/orders.html")
        assert not page.locator("#navigation").is_visible()
        page.click(".menu")
        page.click("#navigation >> text=customers")
        page.wait_for_url("**/tables/customers.html")
        assert page.locator("h1").inner_text() == "customers"
        assert not page.locator("#theme").is_visible(), "what needs a script is not shown without one"
    with browser.site(root, **DESKTOP, java_script_enabled=False) as watched:
        assert watched.open("diagram.html").locator("#stage svg").is_visible()


def test_everything_is_reached_by_the_tab_key(browser: Browser, make: Make) -> None:
    with browser.site(make(SHOP), **DESKTOP) as watched:
        page = watched.open("diagram.html")
        reached: list[str] = []
        for _ in range(30):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate(
                    "document.activeElement.dataset.table || document.activeElement.id || document.activeElement.textContent"
                )
            )
        assert reached[0] == "Skip to the content"
        assert {"search", "theme", "find-table", "stage", "Fit", "public.orders", "public.visits"} <= set(reached)
