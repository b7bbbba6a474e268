"""``assay schema diff`` as a person runs it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.fixtures.projects import MIGRATIONS, Project, make_project

from assay.config import DatabaseUrl

DRIFT = """
alter table person alter column nick type varchar(20), add age integer;
create index person_name on person (name);
"""
SHOWN = """\
+ column public.person.age: only the live database has it
~ column public.person.nick
    type
      live:       character varying(20)
      migrations: text
+ index public.person_name: only the live database has it
3 differences
close.sql written
"""


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    return make_project(tmp_path, server_18)


def migrated(url: DatabaseUrl, *more: str) -> None:
    """Give a database what the project's migrations build, and then something else."""
    with psycopg.connect(url.reveal(), autocommit=True) as driver:
        for text in (*MIGRATIONS.values(), *more):
            driver.execute(text.encode())


@pytest.fixture
def diff(project: Project, database: DatabaseUrl, assay_home: Path):
    """Runs the command on a live database, on each server."""
    return lambda *options: project.run("schema", "diff", "-D", database.reveal(), *options, ASSAY_HOME=str(assay_home))


def test_a_database_as_built_has_no_difference(diff, database: DatabaseUrl) -> None:
    migrated(database)
    done = diff()
    assert (done.code, done.out, done.err) == (0, "The database has what the migrations build\n", "")


def test_differences_are_shown_and_closed_by_what_is_written(diff, project: Project, database: DatabaseUrl) -> None:
    migrated(database, DRIFT)
    done = diff("--write", "close.sql")
    assert (done.code, done.out, done.err) == (1, SHOWN, "")
    written = (project.root / "close.sql").read_text()
    assert "-- loses data: the values of public.person.age\nALTER TABLE public.person DROP COLUMN age;" in written
    assert "-- may lose data: each public.person.nick is cast from character varying(20) to text" in written
    with psycopg.connect(database.reveal()) as driver:
        driver.execute(written.encode())
    assert diff().code == 0


def test_the_reverse_is_a_migration_that_takes_the_live_state_over(
    diff, project: Project, database: DatabaseUrl
) -> None:
    migrated(database, DRIFT)
    assert diff("--write", "migrations/20250101000003_drift.sql", "--reverse").code == 1
    done = diff()
    assert (done.code, done.out, done.err) == (0, "The database has what the migrations build\n", "")


def test_json_has_each_difference_and_the_sql(diff, database: DatabaseUrl) -> None:
    migrated(database, "create index person_name on person (name)")
    done = diff("--output-format", "json", "--write", "-")
    assert done.json["differences"] == [
        {"kind": "index", "identity": "public.person_name", "in": "live", "with": 0, "facets": []}
    ]
    assert done.json["sql"].endswith("\nDROP INDEX public.person_name;\n")
    assert (done.code, done.json["not_closed"], done.json["notes"]) == (1, [], [])


def test_roles_that_the_embedded_server_has_not_are_tried_all_the_same(diff, database: DatabaseUrl) -> None:
    role = f"only_live_{database.database}"
    migrated(
        database,
        f"create role {role}; grant select on person to {role}; create policy mine on person to {role} using (true)",
    )
    try:
        done = diff("--write", "-")
    finally:
        migrated_away(database, role)
    assert (done.code, done.err) == (1, "")
    assert f"REVOKE SELECT ON TABLE public.person FROM {role};" in done.lines


def migrated_away(url: DatabaseUrl, role: str) -> None:
    with psycopg.connect(url.reveal(), autocommit=True) as driver:
        driver.execute(f"drop owned by {role}".encode())
        driver.execute(f"drop role {role}".encode())


def test_expressions_that_only_read_back_otherwise_do_not_differ(diff, project: Project, database: DatabaseUrl) -> None:
    project.write("migrations/20250101000003_c.sql", "alter table person add check (level in ('a', 'b'));")
    project.write("migrations/20250101000004_v.sql", "create view v as select level from person where nick in ('a');")
    settled = """
    alter table person add constraint person_level_check
        check (level = any (array['a'::text, 'b'::text]));
    create view v as select level from person where nick = 'a'::text;
    """
    migrated(database, settled)
    assert diff().out == "The database has what the migrations build\n"


def test_without_migrations_there_is_nothing_to_compare_with(tmp_path: Path, database_18: DatabaseUrl) -> None:
    project = Project(tmp_path, database_18)
    project.write("pyproject.toml", "[tool.assay]\n")
    done = project.run("schema", "diff", "-D", database_18.reveal(), DATABASE_URL=database_18.reveal())
    assert (done.code, done.out) == (2, "")
    assert "There are no migrations in " in done.err


def test_the_direction_without_a_file_is_refused(diff) -> None:
    done = diff("--reverse")
    assert (done.code, done.out) == (2, "")
    assert "--reverse says what --write is to write; give both" in done.err


def test_a_database_that_is_not_there_is_a_failure(project: Project, assay_home: Path) -> None:
    done = project.run("schema", "diff", "-D", "postgresql://x@127.0.0.1:1/nothing", ASSAY_HOME=str(assay_home))
    assert (done.code, done.out) == (2, "")
    assert "127.0.0.1" in done.err


def test_a_database_that_does_not_exist_is_not_created(project: Project, assay_home: Path) -> None:
    for _ in range(2):
        done = project.run("schema", "diff", ASSAY_HOME=str(assay_home))
        assert (done.code, done.out) == (2, "")
        assert "the server has no such database; create it with: assay db create" in done.err
