"""``assay schema`` as a person runs it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.fixtures.projects import Project, make_project

from assay.config import DatabaseUrl


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl, assay_home: Path) -> Project:
    return make_project(tmp_path, server_18)


def test_the_file_is_written_once_and_then_is_as_it_was(project: Project, assay_home: Path) -> None:
    home = {"ASSAY_HOME": str(assay_home)}
    assert project.run("schema", "dump", **home).out == "schema.sql written, 7 statements\n"
    written = (project.root / "schema.sql").read_bytes()
    assert b"CREATE TYPE public.mood AS ENUM" in written
    assert project.run("schema", "dump", **home).out == "schema.sql is as it was, 7 statements\n"
    assert (project.root / "schema.sql").read_bytes() == written
    assert project.run("schema", "dump", "-o", "-", **home).out.encode() == written


def test_a_file_that_is_missing_or_old_fails_the_check(project: Project, assay_home: Path) -> None:
    home = {"ASSAY_HOME": str(assay_home)}
    missing = project.run("schema", "dump", "--check", **home)
    assert (missing.code, missing.out) == (1, "schema.sql is missing: write it with assay schema dump\n")
    assert not (project.root / "schema.sql").exists()
    project.run("schema", "dump", **home)
    good = project.run("schema", "dump", "--check", **home)
    assert (good.code, good.out) == (0, "schema.sql is up to date\n")
    project.write("migrations/20250101000003_age.sql", "alter table person add age integer;\n")
    old = project.run("schema", "dump", "--check", **home)
    assert old.code == 1
    assert "+    age integer" in old.lines
    assert old.lines[-1] == "schema.sql is not up to date: write it with assay schema dump"


def test_json_has_the_whole_schema(project: Project, assay_home: Path) -> None:
    found = project.run("schema", "dump", "--output-format", "json", ASSAY_HOME=str(assay_home)).json
    assert (found["changed"], found["loaded"], found["statements"]) == (True, True, 7)
    assert found["sql"] == (project.root / "schema.sql").read_text()


def test_a_database_as_it_is_can_be_dumped(project: Project, database_18: DatabaseUrl) -> None:
    done = project.run("schema", "dump", "-o", "-", "--database-url", database_18.reveal())
    assert (done.code, done.out) == (0, "-- The schema on PostgreSQL 18, written by assay schema dump.\n")


def test_without_migrations_nothing_is_written(project: Project, assay_home: Path) -> None:
    for path in (project.root / "migrations").iterdir():
        path.unlink()
    done = project.run("schema", "dump", ASSAY_HOME=str(assay_home))
    told = "error: There are no migrations in migrations to write out; -D URL writes out a database as it is\n"
    assert (done.code, done.out, done.err) == (2, "", told)
    assert not (project.root / "schema.sql").exists()


def test_one_statement_is_one_statement(project: Project, database_18: DatabaseUrl) -> None:
    with psycopg.connect(database_18.reveal()) as driver:
        driver.execute("create table t (a integer)")
    done = project.run("schema", "dump", "-D", database_18.reveal())
    assert done.out == "schema.sql written, 1 statement\n"


def test_a_file_that_cannot_be_written_is_told(project: Project, database_18: DatabaseUrl) -> None:
    done = project.run("schema", "dump", "-o", "nowhere/schema.sql", "-D", database_18.reveal())
    assert (done.code, done.out) == (2, "")
    assert "nowhere/schema.sql cannot be written: No such file or directory" in done.err


def test_a_file_that_is_no_text_is_not_overwritten(project: Project, database_18: DatabaseUrl) -> None:
    (project.root / "schema.sql").write_bytes(b"\xff\xfe")
    done = project.run("schema", "dump", "-D", database_18.reveal())
    assert done.code == 2
    assert (project.root / "schema.sql").read_bytes() == b"\xff\xfe"
