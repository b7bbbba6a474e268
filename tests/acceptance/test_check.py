"""``assay check`` on whole projects, on real servers."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.projects import MIGRATIONS, QUERIES, Project, make_project

from assay.config import DatabaseUrl


@pytest.fixture
def project(tmp_path: Path, server: DatabaseUrl) -> Project:
    """On each server."""
    return make_project(tmp_path, server)


@pytest.fixture
def project_18(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    """On one server, for what does not differ between them."""
    return make_project(tmp_path, server_18)


def test_a_sound_project_is_proved(project: Project) -> None:
    done = project.check("--strict")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r"Proved 4 of 4 queries against PostgreSQL 1[58]\.\d+, 2 migrations, in \d\.\d\d s\n", done.out)


def test_a_dropped_not_null_reads_as_in_the_design(project: Project) -> None:
    project.replace("migrations/20250101000002_person.sql", "    name text not null,\n", "    name text,\n")
    done = project.check()
    assert done.code == 1
    assert done.lines[:3] == [
        f'{project.place("src/app/queries.py", "db.fetch_optional")} ASY203 column "name" may be NULL, Person.name is str',
        "  because person.name has no NOT NULL constraint",
        "  fix: annotate it str | None   (assay check --fix)",
    ]
    assert done.lines[3].startswith("Proved 3 of 4 queries against PostgreSQL ")
    assert len(done.lines) == 4


def test_a_renamed_column_is_found_at_the_word_in_the_constant_it_stands_in(project: Project) -> None:
    project.replace("migrations/20250101000002_person.sql", "nick text", "nickname text")
    done = project.check()
    place = project.place("src/app/queries.py", "nick, mood")
    assert done.lines[0] == f'{place} ASY101 column "nick" does not exist'
    assert len([line for line in done.lines if "ASY" in line]) == 1


EMPTYING = """\
import assay


async def empty(db: assay.Executor) -> None:
    await db.execute("lock table only team in exclusive mode; truncate person, teams cascade")
    await db.execute("refresh materialized view concurrently totals")
    await db.execute("create temp table fresh (id integer)")
    await db.execute("truncate fresh")
"""


def test_what_truncate_lock_and_refresh_name_is_looked_up(project: Project) -> None:
    project.write("src/app/emptying.py", EMPTYING)
    done = project.check()
    words = ("teams", "totals", "fresh (", 'fresh")')
    teams, totals, created, used = (project.place("src/app/emptying.py", word) for word in words)
    assert [line for line in done.lines if line.startswith(("src", "  because"))] == [
        f'{teams} ASY101 relation "teams" does not exist',
        f'{totals} ASY101 relation "totals" does not exist',
        f'{used} ASY105 warning: the statement could not be proven: relation "fresh" does not exist',
        f"  because the code creates it at {created}",
    ]


def test_a_changed_field_is_found_at_its_call(project_18: Project) -> None:
    project_18.replace("src/app/models.py", "    nick: str | None\n", "    nick: int | None\n")
    done = project_18.check()
    assert done.lines[:3] == [
        (
            f'{project_18.place("src/app/queries.py", "db.fetch_optional")} ASY204 column "nick" is text, '
            "Person.nick is int | None"
        ),
        "  because text arrives as str",
        "  fix: annotate it str | None   (assay check --fix)",
    ]
    assert len(done.lines) == 4


def test_a_misspelled_parameter_is_found_where_it_stands(project_18: Project) -> None:
    project_18.replace("src/app/queries.py", "set name = :name", "set name = :nmae")
    done = project_18.check()
    assert done.lines[:3] == [
        (
            f"{project_18.place('src/app/queries.py', ':nmae')} ASY301 the call does not give :nmae; it gives name=…, "
            "which the statement does not have"
        ),
        "  because its placeholders are :nmae, :id",
        "  fix: write :name in the statement, or nmae=… in the call",
    ]
    assert len(done.lines) == 4


def test_a_row_that_an_outer_join_may_not_find_is_optional(project: Project) -> None:
    project.replace("src/app/models.py", "    team: Team | None\n", "    team: Team\n")
    done = project.check()
    assert done.lines[:3] == [
        (
            f'{project.place("src/app/queries.py", "db.fetch_all")} ASY203 columns "team.…" may all be NULL, '
            "Member.team is Team"
        ),
        "  because an outer join may find no row of t",
        "  fix: annotate it Team | None   (assay check --fix)",
    ]


def test_labels_of_an_enum_are_compared(project_18: Project) -> None:
    project_18.replace("migrations/20250101000001_mood.sql", "'sad'", "'sad', 'angry'")
    done = project_18.check()
    assert done.lines[:3] == [
        (
            f"{project_18.place('src/app/queries.py', 'db.fetch_optional')} "
            "ASY204 column \"mood\" is mood, Person.mood is Literal['happy', 'sad']"
        ),
        "  because Literal['happy', 'sad'] lacks 'angry'",
        "  fix: annotate it Literal['happy', 'sad', 'angry']   (assay check --fix)",
    ]


def test_null_for_a_column_that_refuses_it(project_18: Project) -> None:
    project_18.replace("src/app/queries.py", "name: str) -> int", "name: str | None) -> int")
    (found,) = project_18.check("--output-format", "json").json["findings"]
    assert (found["code"], found["message"]) == (
        "ASY303",
        "parameter :name must not be NULL, name may be None: it is str | None",
    )


def test_warnings_fail_only_when_strict(project_18: Project) -> None:
    project_18.write(
        "src/app/more.py", 'import assay\nasync def f(db: assay.Pool): await db.execute("delete from team")\n'
    )
    done = project_18.check()
    assert done.code == 0
    assert done.lines[0] == "src/app/more.py:2:48 ASY501 warning: the statement changes every row of its table"
    assert project_18.check("--strict").code == 1


def test_json_says_everything(project_18: Project) -> None:
    report = project_18.check("--output-format", "json").json
    assert {key: report[key] for key in ("files", "findings", "migrations", "offline", "proved", "unverified")} == {
        "files": 3,
        "findings": [],
        "migrations": 2,
        "offline": False,
        "proved": 4,
        "unverified": [],
    }
    query = report["queries"][0]
    assert (query["path"], query["line"], query["method"]) == ("src/app/queries.py", 11, "fetch_optional")
    assert query["sql"] == "select id, name, nick, mood, level from person where id = $1"
    assert query["description"]["rows"] == "optional"


def test_unverified_arguments_are_listed_on_request(project_18: Project) -> None:
    project_18.replace("src/app/queries.py", "person_id: int) -> Person", "person_id) -> Person")
    assert len(project_18.check().lines) == 1
    assert project_18.check("--show-unverified").lines[0] == (
        f"{project_18.place('src/app/queries.py', 'person_id)' + chr(10) + chr(10) + chr(10) + 'async def members')} "
        "unverified: parameter $1 is given person_id, whose type is not annotated"
    )


def test_sql_that_is_not_constant_is_told(project_18: Project) -> None:
    project_18.replace("src/app/queries.py", '"select count(*) from person"', '"select count(*) from " + table')
    done = project_18.check()
    assert done.lines[:3] == [
        f"{project_18.place('src/app/queries.py', 'table)')} ASY102 the SQL of fetch_one is not a constant",
        '  because where "table" comes from cannot be told from the code',
        "  fix: write it as one literal, or put it together from constants; values belong in parameters",
    ]


def test_a_file_that_cannot_be_parsed_or_imported_leaves_the_rest_checked(project_18: Project) -> None:
    project_18.write("src/app/broken.py", "def f(:\n")
    project_18.write("src/app/missing.py", "import nowhere_to_be_found\n")
    query = 'import assay\nfrom .missing import x\nasync def f(db: assay.Pool): await db.fetch_all(int, "select 1")\n'
    project_18.write("src/app/one.py", query)
    project_18.write("src/app/alone.py", query.replace('db.fetch_all(int, "select 1")', 'db.execute("select 1")'))
    project_18.write("src/app/two.py", query)
    done = project_18.check()
    assert done.code == 1
    found = [line for line in done.lines if "ASY" in line]
    assert found == [
        (
            "src/app/broken.py:1:7 ASY103 src/app/broken.py cannot be read: "
            f"it is not valid Python {sys.version_info.major}.{sys.version_info.minor}: invalid syntax"
        ),
        (
            "src/app/missing.py:1:1 ASY103 src/app/missing.py cannot be imported: ModuleNotFoundError: "
            "No module named 'nowhere_to_be_found'"
        ),
    ]
    assert done.lines[-1].startswith("Proved 5 of 7 queries")


def test_what_modules_print_and_how_they_exit_does_not_matter(project_18: Project) -> None:
    project_18.replace("src/app/models.py", "from dataclasses", "print('hello')\nfrom dataclasses")
    project_18.write(
        "src/app/script.py",
        'import assay, sys\nasync def f(db: assay.Pool): await db.fetch_all(int, "select 1")\nsys.exit(3)\n',
    )
    done = project_18.check("--output-format", "json")
    assert [found["message"] for found in done.json["findings"]] == [
        "src/app/script.py cannot be imported: SystemExit: 3"
    ]


def test_only_the_paths_that_are_named_are_checked(project_18: Project) -> None:
    project_18.write("src/app/broken.py", "def f(:\n")
    assert project_18.check("src/app/queries.py").lines[0].startswith("Proved 4 of 4 queries")


def test_a_project_without_queries_needs_no_server(project_18: Project) -> None:
    project_18.write("src/app/queries.py", "")
    done = project_18.run("check", "--database-url", "postgresql://nobody@127.0.0.1:1/none")
    assert (done.code, done.out) == (0, "Found no queries in 3 files\n")


def test_a_server_that_is_not_there_is_a_failed_run(project_18: Project) -> None:
    done = project_18.run("check", "--database-url", "postgresql://me:secret@127.0.0.1:1/none")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert "secret" not in done.err


def test_a_migration_that_fails_is_a_failed_run(project_18: Project) -> None:
    project_18.replace("migrations/20250101000001_mood.sql", "as enum", "as enumm")
    done = project_18.check()
    assert done.code == 2
    assert "20250101000001_mood.sql" in done.err


async def test_without_migrations_the_database_is_taken_as_it_is(tmp_path: Path, database_18: DatabaseUrl) -> None:
    project = make_project(tmp_path, database_18)
    for name in MIGRATIONS:
        (tmp_path / "migrations" / name).unlink()
    connection = await asyncpg.connect(database_18.reveal())
    await connection.execute("".join(MIGRATIONS.values()))
    await connection.close()
    for done in (project.check(), project.run("check", DATABASE_URL=database_18.reveal())):
        assert done.code == 0, done
        assert f'against PostgreSQL 18.6, database "{database_18.database}" at ' in done.out


HOSTILE = {
    "two statements": ('"select 1; drop table person"', None),
    "two statements, prepared as one": ('"select $1::int; drop table person", 1', "ASY101"),
    "the end of the wrapper": ("'''select 1; end; drop table person; --'''", None),
    "the end of the wrapper, prepared": ("'''select $1::int; end; drop table person; --''', 1", "ASY101"),
    "a comment that swallows what follows": ('"select 1 --"', None),
    "nothing": ('""', None),
    "a NUL": ('"select \\0"', "ASY101"),
    "half a surrogate pair": ("\"select '\\ud800'\"", "ASY101"),
    "a syntax error": ('"selct 1"', "ASY101"),
    "a side effect": ("\"select setval(pg_get_serial_sequence('person', 'id'), 1)\"", None),
    "very long": ("\"select '" + "x" * 1_000_000 + "'\"", None),
}


def test_hostile_statements_are_refused_or_described_and_nothing_is_run(project_18: Project) -> None:
    for sql, code in HOSTILE.values():
        project_18.write("src/app/queries.py", f"import assay\nasync def f(db: assay.Pool): await db.execute({sql})\n")
        done = project_18.check("--output-format", "json")
        assert [found["code"] for found in done.json["findings"]] == ([code] if code else []), (sql[:60], done)
    project_18.write("src/app/queries.py", QUERIES)
    assert project_18.check().code == 0
