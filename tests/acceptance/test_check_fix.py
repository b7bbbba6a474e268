"""``assay check --fix`` on whole projects, proven again by a real server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.fixtures.projects import MODELS, QUERIES, Project, make_project

from assay.config import DatabaseUrl


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    return make_project(tmp_path, server_18)


@pytest.fixture
def drifted(project: Project) -> Project:
    """The schema moved on: an enum got a label, a column lost NOT NULL, another is of another type now."""
    project.replace("migrations/20250101000001_mood.sql", "'sad'", "'sad', 'angry'")
    project.write(
        "migrations/20250101000003_drift.sql",
        "alter table person alter name drop not null, alter level type uuid using null;\n",
    )
    return project


def read(project: Project, name: str = "src/app/models.py") -> str:
    return (project.root / name).read_text()


MENDED = (
    MODELS.replace("    name: str\n    nick", "    name: str | None\n    nick")
    .replace('Literal["happy", "sad"]', 'Literal["happy", "sad", "angry"]')
    .replace("level: str", "level: UUID")
    .replace("import Literal\n", "import Literal\nfrom uuid import UUID\n")
)


def test_what_can_be_mended_is_mended_and_proven_again(drifted: Project) -> None:
    assert drifted.check().code == 1
    done = drifted.check("--fix")
    assert (done.code, done.err) == (0, "")
    assert done.lines[:-1] == [
        "fixed src/app/models.py: Person.name is str | None",
        'fixed src/app/models.py: Person.mood is Literal["happy", "sad", "angry"]',
        "fixed src/app/models.py: Person.level is UUID",
    ]
    assert done.lines[-1].startswith("Proved 4 of 4 queries against PostgreSQL 18.6, 3 migrations, in ")
    assert read(drifted) == MENDED
    assert read(drifted, "src/app/queries.py") == QUERIES


def test_a_second_run_changes_nothing(drifted: Project) -> None:
    drifted.check("--fix")
    before = (drifted.root / "src/app/models.py").stat()
    done = drifted.check("--fix")
    assert (done.code, len(done.lines)) == (0, 1)
    after = (drifted.root / "src/app/models.py").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_a_diff_is_shown_and_nothing_is_written(drifted: Project) -> None:
    done = drifted.check("--fix", "--diff")
    assert (done.code, done.err) == (1, "Would mend 3 of 3 findings in 1 file; nothing was written\n")
    assert read(drifted) == MODELS
    subprocess.run(["git", "apply", "-"], input=done.out, text=True, cwd=drifted.root, check=True)
    assert read(drifted) == MENDED


def test_a_diff_of_nothing_is_empty(project: Project) -> None:
    done = project.check("--fix", "--diff")
    assert (done.code, done.out) == (0, "")


def test_what_is_left_is_reported_with_the_reason(drifted: Project) -> None:
    drifted.write(
        "src/app/more.py",
        "import assay\nfrom .models import Person\n"
        "async def f(db: assay.Pool) -> list[Person]:\n"
        "    return await db.fetch_all(Person, \"select id, name, nick, mood, 'x' as level from person\")\n",
    )
    done = drifted.check("--fix")
    assert done.code == 1
    assert "fixed src/app/models.py: Person.name is str | None" in done.lines
    assert "level: str" in read(drifted)
    assert "  left: its queries need str at src/app/more.py:4 and UUID at src/app/queries.py:11" in done.lines
    assert done.lines[-1].startswith("Proved 4 of 5 queries")


def test_what_is_silenced_is_not_mended(drifted: Project) -> None:
    drifted.replace(
        "src/app/queries.py", "await db.fetch_optional(", "await db.fetch_optional(  # assay: ignore[ASY203]\n        "
    )
    drifted.check("--fix")
    assert "    name: str\n    nick" in read(drifted)
    assert "level: UUID" in read(drifted)


def test_arguments_are_respelled_and_rows_of_one_value_change(project: Project) -> None:
    project.replace("src/app/queries.py", "id=person_id, name=name)", "idd=person_id, name=name)")
    project.replace("src/app/queries.py", 'fetch_one(int, "select count(*)', 'fetch_one(int, "select max(id)')
    done = project.check("--fix")
    assert done.code == 0
    assert done.lines[:2] == [
        "fixed src/app/queries.py: the argument idd is id",
        "fixed src/app/queries.py: the row is int | None",
    ]
    assert 'where id = :id", id=person_id, name=name)' in read(project, "src/app/queries.py")
    assert "fetch_one(int | None," in read(project, "src/app/queries.py")


def test_json_has_what_was_fixed_and_what_the_diff_is(drifted: Project) -> None:
    diff = drifted.check("--fix", "--diff", "--output-format", "json").json
    assert diff["diff"].startswith("--- a/src/app/models.py\n")
    assert [found["fixable"] for found in diff["findings"]] == [True, True, True]
    fixed = drifted.check("--fix", "--output-format", "json").json
    assert fixed["fixed"][2] == {"path": "src/app/models.py", "what": "Person.level is UUID"}
    assert (fixed["findings"], fixed["proved"]) == ([], 4)


def test_a_diff_goes_with_a_fix(project: Project) -> None:
    done = project.check("--diff")
    assert (done.code, "give both" in done.err) == (2, True)


def test_without_libcst_nothing_is_done(drifted: Project) -> None:
    script = "import sys; sys.modules['libcst'] = None; from assay.cli import main; main()"
    done = drifted.python("-c", script, "check", "--fix", "--database-url", drifted.server.reveal())
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: Editing code needs libcst, which is not installed; pip install 'assay[dev]' brings it\n"
    )
    assert read(drifted) == MODELS


def test_a_row_of_several_statements_takes_what_all_of_them_give(project: Project) -> None:
    project.write(
        "src/app/more.py",
        "import assay\n"
        "async def f(db: assay.Pool, by: bool) -> list[str]:\n"
        '    return await db.fetch_all(str, "select nick from person" if by else "select name from person")\n'
        "async def g(db: assay.Pool, name: str | assay.Omitted = assay.OMIT) -> list[str]:\n"
        '    return await db.fetch_all(str, "select nick from person where true [[ and nick = :name ]]", name=name)\n',
    )
    done = project.check("--fix")
    assert (done.code, done.lines[:-1]) == (
        0,
        ["fixed src/app/more.py: the row is str | None", "fixed src/app/more.py: the row is str | None"],
    )
    assert read(project, "src/app/more.py").count("db.fetch_all(str | None,") == 2
