"""``assay schema models`` as a person runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tests.fixtures.projects import Project, make_project

from assay.config import DatabaseUrl

ROOT = Path(__file__).parents[2]
BACKENDS = sorted(path.parent for path in ROOT.glob("backends/*/migrations"))
HOSTILE = ROOT / "tests" / "data" / "models" / "hostile.sql"


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    return make_project(tmp_path, server_18)


@pytest.fixture
def models(project: Project, assay_home: Path):
    """Runs the command on what the project's migrations build."""
    return lambda *options: project.run("schema", "models", *options, ASSAY_HOME=str(assay_home))


def tool(folder: Path, *arguments: str) -> str:
    """What a tool says of code, with no settings but its own; empty when all is well."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True, timeout=240)
    return "" if done.returncode == 0 else done.stdout + done.stderr


Check = Callable[[Project, DatabaseUrl, str], None]


@pytest.fixture(scope="session")
def assert_well_made(tmp_path_factory: pytest.TempPathFactory) -> Check:
    """That a generated package is proven, typed and formatted as it is; mypy reads Assay itself only once."""
    cache = tmp_path_factory.mktemp("mypy")
    return lambda project, server, package: _assert_well_made(project, server, package, cache)


def _assert_well_made(project: Project, server: DatabaseUrl, package: str, cache: Path) -> None:
    done = project.run("check", "--strict", "--database-url", server.reveal(), package)
    assert (done.code, done.err) == (0, ""), done.out
    assert tool(project.root, "mypy", "--strict", "--cache-dir", str(cache), package) == ""
    for width in ("88", "120"):
        assert tool(project.root, "ruff", "format", "--isolated", "--check", "--line-length", width, package) == ""


def test_row_classes_are_printed_where_no_output_is_named(models, project: Project) -> None:
    done = models()
    assert (done.code, done.err) == (0, "")
    assert '@dataclass(slots=True)\nclass Person:\n    """A row of person."""\n\n    id: int\n' in done.out
    assert "    mood: Mood\n    team_id: int | None\n" in done.out
    assert 'class Mood(StrEnum):\n    """The labels of the type mood."""\n\n    HAPPY = "happy"' in done.out
    project.write("rows.py", done.out)
    assert project.python("-c", "import rows; print(rows.Mood('sad'))").out == "sad\n"


def test_a_package_is_proven_and_the_same_when_it_is_written_again(
    models, project: Project, assert_well_made: Check
) -> None:
    done = models("--crud", "-o", "tables")
    assert (done.code, done.err) == (0, "")
    assert done.lines[-1] == "tables: 2 row classes, 18 functions"
    before = {path.name: path.read_bytes() for path in (project.root / "tables").iterdir()}
    assert sorted(before) == ["__init__.py", "person.py", "team.py"]
    assert models("--crud", "-o", "tables").out == "tables: 2 row classes, 18 functions, all as they were\n"
    assert {path.name: path.read_bytes() for path in (project.root / "tables").iterdir()} == before
    assert models("--crud", "-o", "tables", "--check").code == 0
    assert_well_made(project, project.server, "tables")


def test_a_file_holds_row_classes_alone(models, project: Project) -> None:
    done = models("-o", "rows.py")
    assert (done.code, done.out) == (0, "rows.py written\nrows.py: 2 row classes\n")
    refused = models("-o", "rows.py", "--crud")
    assert refused.code == 2
    assert "--crud writes a package; name its folder" in refused.err


def test_code_by_hand_stays_around_what_is_generated(models, project: Project) -> None:
    models("--crud", "-o", "tables")
    path = project.root / "tables" / "team.py"
    path.write_text("# ours\n" + path.read_text() + "\n\nOURS = 1\n")
    project.write("migrations/20250101000003_more.sql", "alter table team add motto text;\n")
    assert models("--crud", "-o", "tables").code == 0
    text = path.read_text()
    assert text.startswith("# ours\n")
    assert text.endswith("\n\nOURS = 1\n")
    assert "motto: str | None = None" in text


def test_an_edit_between_the_marks_is_refused_unless_forced(models, project: Project) -> None:
    models("--crud", "-o", "tables")
    path = project.root / "tables" / "team.py"
    generated = path.read_text()
    path.write_text(generated.replace("limit: int = 100", "limit: int = 10"))
    project.write("migrations/20250101000003_more.sql", "alter table person add age int;\n")
    person = (project.root / "tables" / "person.py").read_text()
    done = models("--crud", "-o", "tables")
    assert done.code == 2
    assert "team.py was changed by hand between its two marks" in done.err
    assert (project.root / "tables" / "person.py").read_text() == person, "nothing is written where one is refused"
    assert models("--crud", "-o", "tables", "--force").code == 0
    assert path.read_text() == generated


def test_a_file_that_was_not_generated_is_never_written_over(models, project: Project) -> None:
    project.write("tables/team.py", "MINE = 1\n")
    done = models("--crud", "-o", "tables", "--force")
    assert done.code == 2
    assert "team.py was not written by assay schema models" in done.err
    assert (project.root / "tables" / "team.py").read_text() == "MINE = 1\n"


def test_check_tells_what_is_not_up_to_date_and_writes_nothing(models, project: Project) -> None:
    models("--crud", "-o", "tables")
    project.write("migrations/20250101000003_more.sql", "create table extra (id int primary key);\n")
    done = models("--crud", "-o", "tables", "--check")
    assert done.code == 1
    assert done.lines == [
        "tables/__init__.py is not up to date",
        "tables/extra.py is missing",
        "Write them with assay schema models",
    ]
    assert not (project.root / "tables" / "extra.py").exists()


def test_the_module_of_a_table_that_is_gone_goes_too_unless_it_has_code_by_hand(models, project: Project) -> None:
    project.write("migrations/20250101000003_more.sql", "create table extra (id int primary key);\n")
    models("--crud", "-o", "tables")
    extra, text = project.root / "tables" / "extra.py", (project.root / "tables" / "extra.py").read_text()
    project.write("migrations/20250101000004_less.sql", "drop table extra;\n")
    extra.write_text(text + "\n\nOURS = 1\n")
    done = models("--crud", "-o", "tables")
    assert done.code == 2
    assert "extra.py is of a table that there is no more, and has code by hand in it" in done.err
    extra.write_text(text)
    assert models("--crud", "-o", "tables").lines[0] == "tables/__init__.py written"
    assert not extra.exists()


def test_settings_name_the_package_and_the_class_of_a_payload(
    models, project: Project, assert_well_made: Check
) -> None:
    project.write(
        "migrations/20250101000003_more.sql", "create table note (id int primary key, body jsonb not null);\n"
    )
    project.write(
        "pyproject.toml",
        '[tool.assay]\n[tool.assay.models]\noutput = "tables"\ncrud = true\n"note.body" = "payloads:Body"\n',
    )
    project.write(
        "payloads.py", "from dataclasses import dataclass\n\n\n@dataclass\nclass Body:\n    words: list[str]\n"
    )
    assert models().code == 0
    assert "from payloads import Body\n" in (project.root / "tables" / "__init__.py").read_text()
    assert "    body: Body | None = None,\n" in (project.root / "tables" / "note.py").read_text()
    assert_well_made(project, project.server, "tables")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ('"note.boddy" = "payloads:Body"', "names a class for note.boddy, and there is no such column"),
        ('"person.nick" = "payloads:Body"', "person.nick, which is text; only json and jsonb are decoded into classes"),
        ("outptu = 1", "has no setting 'outptu'"),
    ],
)
def test_settings_that_fit_nothing_are_refused(models, project: Project, setting: str, words: str) -> None:
    project.write("pyproject.toml", f"[tool.assay]\n[tool.assay.models]\n{setting}\n")
    done = models()
    assert done.code == 2
    assert words in done.err


def test_json_has_each_file_and_its_state(models, project: Project) -> None:
    first = models("--crud", "-o", "tables", "--output-format", "json").json
    assert [file["state"] for file in first["files"]] == ["new"] * 3
    assert (first["relations"], first["functions"], first["changed"], first["notes"]) == (2, 18, True, [])
    again = models("--crud", "-o", "tables", "--output-format", "json").json
    assert [file["state"] for file in again["files"]] == ["unchanged"] * 3
    assert "class Team:" in models("--output-format", "json").json["source"]


def test_hostile_names_types_and_tables_are_proven(
    tmp_path: Path, database: DatabaseUrl, request: pytest.FixtureRequest, assert_well_made: Check
) -> None:
    style = {"pg18": "dataclass", "pg15": "struct"}[request.node.callspec.id]  # each once; what differs is elsewhere
    with psycopg.connect(database.reveal(), autocommit=True) as driver:
        driver.execute(HOSTILE.read_bytes())
    project = Project(tmp_path, database)
    project.write("pyproject.toml", "[tool.assay]\n")
    done = project.run("schema", "models", "--crud", "-o", "tables", "--style", style, "-D", database.reveal())
    assert done.code == 0, done.err
    by_rule = "The statement is changed by a rule on its table; only its types are known"
    assert [line.removeprefix("warning: ").partition(" is left out: ")[::2] for line in done.err.splitlines()] == [
        ("empty", "it has no columns"),
        ("ruled: insert", by_rule),
        ("ruled: insert_many", by_rule),
        ("ruled: upsert", "INSERT with ON CONFLICT clause cannot be used with table that has INSERT or UPDATE rules"),
    ]
    head = {"dataclass": "\nclass Pair:", "struct": "class Pair(msgspec.Struct):"}[style]
    assert head in (tmp_path / "tables" / "__init__.py").read_text()
    assert done.lines[-1] == "tables: 30 row classes, 198 functions"
    assert not list((tmp_path / "tables").glob("audit_event_1.py")), "a partition is a part of its table"
    assert_well_made(project, database, "tables")


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda path: path.name)
def test_the_schema_of_each_backend_is_proven(
    tmp_path: Path, backend: Path, server_18: DatabaseUrl, assay_home: Path, assert_well_made: Check
) -> None:
    project = Project(tmp_path, server_18)
    project.write("pyproject.toml", "[tool.assay]\n")
    shutil.copytree(backend / "migrations", tmp_path / "migrations")
    done = project.run("schema", "models", "--crud", "-o", "tables", ASSAY_HOME=str(assay_home))
    assert (done.code, done.err) == (0, "")
    assert_well_made(project, server_18, "tables")
