"""``assay schema erd`` as a person runs it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest
from tests.fixtures.projects import Project, make_project

from assay.config import DatabaseUrl

HOSTILE = Path(__file__).parents[1] / "data" / "models" / "hostile.sql"
SVG = "{http://www.w3.org/2000/svg}"
SHOWN = """\
erDiagram
    person {
        integer id PK
        text name
        text nick "null"
        mood mood
        integer team_id FK "null"
        text level
    }
    team {
        integer id PK
        text name UK
    }
    person }o--o| team : "team_id"
"""


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    return make_project(tmp_path, server_18)


@pytest.fixture
def erd(project: Project, assay_home: Path):
    """Runs the command on what the project's migrations build."""
    return lambda *options: project.run("schema", "erd", *options, ASSAY_HOME=str(assay_home))


def test_mermaid_goes_to_standard_output(erd) -> None:
    done = erd()
    assert (done.code, done.out, done.err) == (0, SHOWN, "")


def test_a_picture_is_written_and_the_same_again(erd, project: Project) -> None:
    done = erd("-o", "erd.svg")
    assert (done.code, done.out, done.err) == (0, "erd.svg written, 2 tables, 1 foreign key\n", "")
    picture = (project.root / "erd.svg").read_bytes()
    root = ElementTree.fromstring(picture)
    assert [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "erd-title"] == ["person", "team"]
    erd("-o", "erd.svg")
    assert (project.root / "erd.svg").read_bytes() == picture
    assert erd("--as", "svg").out.encode() == picture
    assert b"http" not in picture.replace(b"http://www.w3.org/2000/svg", b""), "nothing comes from elsewhere"


@pytest.mark.parametrize("options", [("-o", "erd.png"), ("-o", "erd.PDF"), ("--as", "svg", "-o", "erd.jpeg")])
def test_a_file_of_another_kind_is_refused_and_not_written(erd, project: Project, options: tuple[str, ...]) -> None:
    done = erd(*options)
    assert (done.code, done.out) == (2, "")
    assert f"{options[-1]} cannot be written: the diagram is an .svg, or Mermaid's text in a file that" in done.err
    assert not (project.root / options[-1]).exists()


@pytest.mark.parametrize("name", ["erd.mmd", "erd.mermaid", "erd.md", "erd.txt", "erd"])
def test_a_file_of_text_has_mermaid(erd, project: Project, name: str) -> None:
    assert erd("-o", name).code == 0
    assert (project.root / name).read_text() == SHOWN


def test_tables_can_be_chosen_and_columns_left_out(erd) -> None:
    assert erd("--table", "team", "--columns", "keys").out == SHOWN.replace("        text name\n", "").replace(
        '        text nick "null"\n        mood mood\n', ""
    ).replace("        text level\n", "")
    refused = erd("--table", "teem")
    assert refused.code == 2
    assert "There is no table teem in the schema; there are person, public.person" in refused.err


def test_json_has_tables_and_references(erd) -> None:
    found = erd("--output-format", "json").json
    assert found["tables"] == ["person", "team"]
    assert found["foreign_keys"] == [
        {
            "name": "person_team_id_fkey", "table": "person", "columns": ["team_id"], "refers_to": "team",
            "many": True, "optional": True,
        }
    ]  # fmt: skip
    assert (found["form"], found["file"], found["text"]) == ("mermaid", None, SHOWN)


def test_any_database_is_drawn(project: Project, database: DatabaseUrl) -> None:
    with psycopg.connect(database.reveal(), autocommit=True) as driver:
        driver.execute(HOSTILE.read_bytes())
    done = project.run("schema", "erd", "-D", database.reveal(), "--as", "svg")
    assert (done.code, done.err) == (0, "")
    titles = [
        text.text for text in ElementTree.fromstring(done.out).iter(f"{SVG}text") if text.get("class") == "erd-title"
    ]
    assert 'Odd "T""' in titles
    assert "audit.event" in titles
    assert "audit.event_1" not in titles, "a partition is a part of its table"
    assert "active" not in titles, "a view is no table"


def test_a_file_that_cannot_be_written_is_told(erd) -> None:
    done = erd("-o", "no/such/folder.svg")
    assert done.code == 2
    assert "cannot be written: No such file or directory" in done.err
