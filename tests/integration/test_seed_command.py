"""``assay seed`` as a person calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from assay.config import DatabaseUrl


@pytest.fixture
async def project(tmp_path: Path, driver: asyncpg.Connection) -> Path:
    """A project with a table and two seeds, one of them for development alone."""
    await driver.execute("create table pets (id int primary key, name text)")
    (tmp_path / "pyproject.toml").write_text('[tool.assay]\nseeds = "data"\n')
    (tmp_path / "data" / "dev").mkdir(parents=True)
    (tmp_path / "data" / "pets.sql").write_text("insert into pets values (1, 'Ada'), (2, 'Bo') on conflict do nothing;")
    (tmp_path / "data" / "dev" / "more.sql").write_text("insert into pets values (3, 'Cy') on conflict do nothing;")
    return tmp_path


def seed(project: Path, url: DatabaseUrl, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/bin:/bin", "DATABASE_URL": url.reveal(), "HOME": str(project)}
    command = [sys.executable, "-m", "assay", "seed", *arguments]
    return subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, timeout=60)


def test_each_file_and_the_total_are_shown(database: DatabaseUrl, project: Path) -> None:
    done = seed(project, database, "--env", "dev")
    assert (done.returncode, done.stderr) == (0, "")
    *files, total = done.stdout.splitlines()
    assert files == ["data/pets.sql      2 rows", "data/dev/more.sql  1 row"]
    assert total.startswith(f"Seeded {database.place} with 2 files, 3 rows, in ")


def test_a_second_run_changes_nothing_and_says_so(database: DatabaseUrl, project: Path) -> None:
    seed(project, database)
    done = seed(project, database)
    assert done.stdout.splitlines()[0] == "data/pets.sql  0 rows"


def test_json_has_the_rows_of_each_file(database: DatabaseUrl, project: Path) -> None:
    report = json.loads(seed(project, database, "--output-format", "json").stdout)
    assert [(one["file"], one["rows"]) for one in report["files"]] == [("data/pets.sql", 2)]
    assert report["rows"] == 2
    assert report["seconds"] > 0


def test_the_database_and_the_folder_can_be_given(database: DatabaseUrl, project: Path) -> None:
    elsewhere = DatabaseUrl.parse("postgresql://nobody@127.0.0.1:1/nothing")
    done = seed(project, elsewhere, "--source", "data/dev", "-D", database.reveal())
    assert done.stdout.splitlines()[0] == "data/dev/more.sql  1 row"


def test_an_error_is_one_line_with_its_place_and_exit_code_2(database: DatabaseUrl, project: Path) -> None:
    (project / "data" / "zoo.sql").write_text("insert into pets\nvalues (4, 'Di', 5) on conflict do nothing;")
    done = seed(project, database)
    assert done.returncode == 2
    assert done.stderr == "error: data/zoo.sql:2:18: INSERT has more expressions than target columns\n"
    assert done.stdout == "data/pets.sql  2 rows\n"


def test_an_environment_that_is_not_there_is_misuse(database: DatabaseUrl, project: Path) -> None:
    done = seed(project, database, "--env", "prod")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: data has no environment 'prod'; there are dev\n"


def test_a_project_without_seeds_is_told_where_to_put_them(database: DatabaseUrl, project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.assay]\n")
    done = seed(project, database)
    assert done.returncode == 2
    assert done.stderr.startswith("error: There is no folder seeds; put seeds there")


@pytest.fixture
def migrated(project: Path) -> Path:
    (project / "migrations").mkdir()
    (project / "migrations" / "1_pets.sql").write_text("create table pets (id int primary key, name text);")
    return project


def test_check_loads_twice_into_a_scratch_database_and_leaves_the_project_s_alone(
    database: DatabaseUrl, migrated: Path
) -> None:
    done = seed(migrated, database, "--check", "--env", "dev", "-D", database.reveal())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "data/pets.sql      2 rows, then 0",
        "data/dev/more.sql  1 row, then 0",
        "2 files can be loaded again and again",
    ]


def test_check_exits_with_1_and_names_file_and_table(database: DatabaseUrl, migrated: Path) -> None:
    (migrated / "data" / "zoo.sql").write_text("insert into pets select max(id) + 1 from pets on conflict do nothing")
    done = seed(migrated, database, "--check", "-D", database.reveal(), "--output-format", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert [(one["file"], one["table"]) for one in report["changed"]] == [("data/zoo.sql", "public.pets")]
    assert [(one["rows"], one["rows_again"]) for one in report["files"]] == [(2, 0), (1, 1)]


def test_check_needs_migrations(database: DatabaseUrl, project: Path) -> None:
    done = seed(project, database, "--check")
    assert done.returncode == 2
    assert "There are no migrations in migrations to build a scratch database from" in done.stderr
