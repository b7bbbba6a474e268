"""docs/schema-models.md and docs/schema-docs.md: what they show is what the commands write and print."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import psycopg
import pytest
from tests.fixtures.projects import Project

from assay.config import DatabaseUrl

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[tuple[str, str]]:
    """What each block of code is called, and its text."""
    return re.findall(r"```(\w+(?: \S+)?)\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def set_up(page: str, folder: Path, server: DatabaseUrl) -> Project:
    """A project of the files that a page shows."""
    project = Project(folder, server)
    project.write("pyproject.toml", "[tool.assay]\n")
    for name, text in blocks(page):
        kind, _, file = name.partition(" ")
        if kind in ("sql", "toml", "python") and file and not file.startswith("tables/") and file != "use":
            project.write(file, text)
    return project


def test_models_are_as_the_page_shows(
    tmp_path: Path, server_18: DatabaseUrl, database_18: DatabaseUrl, assay_home: Path
) -> None:
    project = set_up("schema-models.md", tmp_path, server_18)
    done = project.run("schema", "models", ASSAY_HOME=str(assay_home))
    assert (done.code, done.err) == (0, "")
    shown = blocks("schema-models.md")
    assert [text for name, text in shown if name == "text"] == [done.out]
    for name, text in shown:
        file = name.partition(" ")[2]
        if file.startswith("tables/"):
            assert text in (tmp_path / file).read_text(), file
    (use,) = [text for name, text in shown if name == "python use"]
    with psycopg.connect(database_18.reveal(), autocommit=True) as driver:
        driver.execute((tmp_path / "migrations/0001_shop.sql").read_bytes())
    project.write(
        "use.py",
        "import asyncio\nimport assay\nfrom tables import State\n"
        + use
        + textwrap.dedent(f"""
            async def main():
                connection = await assay.connect({database_18.reveal()!r})
                newest, following = await example(connection)
                print(len(newest), newest[0].state, newest[0].channel, following)
                await connection.close()

            asyncio.run(main())
        """),
    )
    ran = project.python("use.py")
    assert (ran.out, ran.err) == ("1 paid None []\n", "")


def test_the_diagram_is_as_the_page_shows(tmp_path: Path, server_18: DatabaseUrl, assay_home: Path) -> None:
    project = set_up("schema-docs.md", tmp_path, server_18)
    done = project.run("schema", "erd", ASSAY_HOME=str(assay_home))
    assert [text for name, text in blocks("schema-docs.md") if name == "text"] == [done.out]
    assert project.run("schema", "erd", "--output", "schema.svg", ASSAY_HOME=str(assay_home)).code == 0
    done = project.run("schema", "docs", ASSAY_HOME=str(assay_home))
    assert done.out.startswith("schema-docs written: ")


@pytest.mark.parametrize("page", ["schema-models.md", "schema-docs.md"])
def test_options_that_the_pages_name_are_there(page: str, tmp_path: Path, server_18: DatabaseUrl) -> None:
    project = Project(tmp_path, server_18)
    helped = "".join(project.run("schema", name, "--help").out for name in ("models", "erd", "docs"))
    for option in re.findall(r"`(--[a-z-]+)", (DOCS / page).read_text()):
        assert option in helped, option
