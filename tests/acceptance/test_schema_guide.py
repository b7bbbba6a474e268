"""docs/schema.md: what it shows prints what is shown."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
from tests.fixtures.projects import Project

from assay.config import DatabaseUrl

PAGE = (Path(__file__).parents[2] / "docs" / "schema.md").read_text()


def block(info: str) -> str:
    """The one example that begins so."""
    (found,) = re.findall(rf"^```{re.escape(info)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_difference_is_shown_and_closed_as_the_page_has_it(
    tmp_path: Path, database_18: DatabaseUrl, assay_home: Path
) -> None:
    project = Project(tmp_path, database_18)
    project.write("pyproject.toml", "[tool.assay]\n")
    project.write("migrations/0001_person.sql", block("sql migrations/0001_person.sql"))
    with psycopg.connect(database_18.reveal()) as driver:
        driver.execute(block("sql migrations/0001_person.sql").encode())
        driver.execute(block("sql by hand").encode())
    arguments = ("schema", "diff", "-D", database_18.reveal(), "--write", "close.sql")
    done = project.run(*arguments, ASSAY_HOME=str(assay_home))
    assert (done.code, done.out, done.err) == (1, block("text"), "")
    assert (tmp_path / "close.sql").read_text() == block("sql close.sql")
