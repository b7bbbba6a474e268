"""``assay check`` on code that has never heard of Assay: asyncpg, psycopg, psycopg2, SQLAlchemy, databases."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.fixtures.projects import MIGRATIONS, Project

from assay.config import DatabaseUrl

ASYNCPG = '''
"""People, by asyncpg."""

from __future__ import annotations

import asyncpg

COLUMNS = "id, name, nick, mood"


class People:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    async def by_id(self, person_id: int) -> asyncpg.Record | None:
        return await self.pool.fetchrow(f"select {COLUMNS} from person where id = $1", person_id)

    async def named(self, name: str, newest: bool) -> list[asyncpg.Record]:
        query = "select id from person where name = $1"
        if newest:
            query += " order by id desc"
        return await self.pool.fetch(query, name)

    async def first(self) -> int | None:
        return await self.pool.fetchval("select id from person")

    async def add(self, people: list[tuple[int, str]]) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("set local statement_timeout = '1s'; lock table team in share mode")
            await connection.executemany("insert into team (id, name) values ($1, $2)", people)

    async def listen(self) -> None:
        async with self.pool.acquire() as connection:
            await connection.execute("listen people")
            async for row in connection.cursor("select * from person"):
                print(row["name"])
'''
PSYCOPG = '''
"""People, by psycopg 3 and psycopg2."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg
    import psycopg2.extensions


def by_name(conn: psycopg.Connection, name: str) -> list[tuple[int]]:
    with conn.cursor() as cur:
        cur.execute("select id from person where name like %s || '%%' and mood = %s", (name, "sad"))
        return cur.fetchall()


def rename(conn: psycopg.Connection, person_id: int, name: str) -> None:
    conn.execute("update person set name = %(name)s where id = %(id)s", {"id": person_id, "name": name})


def since(cur: psycopg2.extensions.cursor, names: list[str], days: str) -> None:
    cur.execute("select id, now() - interval %s from person where name in %s", (days, tuple(names)))


def both(cur: psycopg2.extensions.cursor, person_id: int) -> None:
    cur.execute("delete from person where id = %s; delete from team where id = %s", (person_id, person_id))
'''
SQLALCHEMY = '''
"""People, by SQLAlchemy."""

from __future__ import annotations

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

BY_IDS = text("select name from person where id in :ids").bindparams(bindparam("ids", expanding=True))


def by_ids(session: Session, ids: list[int]) -> list[str]:
    return list(session.scalars(BY_IDS, {"ids": ids}))


def rename(session: Session, person_id: int, name: str, model: type) -> None:
    session.execute(
        text(r"update person set name = :name, nick = ':\\:)' where id = CAST(:id AS integer)"),
        {"id": person_id, "name": name, "unused": 1},
    )
    session.execute(select(model))
'''


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    """A project with queries by several libraries and nothing wrong with them."""
    made = Project(tmp_path, server_18)
    made.write("pyproject.toml", "[tool.assay]\n")
    for name, text in MIGRATIONS.items():
        made.write(f"migrations/{name}", text)
    for name, text in {"by_asyncpg": ASYNCPG, "by_psycopg": PSYCOPG, "by_sqlalchemy": SQLALCHEMY}.items():
        made.write(f"src/app/{name}.py", text.lstrip())
    made.write("src/app/__init__.py", "")
    return made


def findings(project: Project, *arguments: str) -> list[str]:
    """What is found, without the excerpts."""
    done = project.check(*arguments)
    assert done.err == ""
    return [line for line in done.lines if re.match(r"\S+:\d+:\d+ ASY|  because|  fix", line)]


def test_a_sound_project_is_proved_with_nothing_installed(project: Project) -> None:
    done = project.check("--strict")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Proved 16 of 16 queries against PostgreSQL 18.")


def test_a_dropped_column_is_found_in_every_style_at_its_word(project: Project) -> None:
    project.replace("migrations/20250101000002_person.sql", "    name text not null,\n", "    title text not null,\n")
    places = [line for line in findings(project) if "ASY101" in line]
    assert [line.partition(" ")[0] for line in places] == [
        project.place("src/app/by_asyncpg.py", "name, nick, mood"),
        project.place("src/app/by_asyncpg.py", "name = $1"),
        project.place("src/app/by_psycopg.py", "name like"),
        project.place("src/app/by_psycopg.py", "name = %(name)s"),
        project.place("src/app/by_psycopg.py", "name in %s"),
        project.place("src/app/by_sqlalchemy.py", "name from person"),
        project.place("src/app/by_sqlalchemy.py", "name = :name"),
    ]


def test_a_form_of_a_statement_is_named(project: Project) -> None:
    project.replace("src/app/by_asyncpg.py", "order by id desc", "order by idd desc")
    place = project.place("src/app/by_asyncpg.py", "idd desc")
    assert findings(project) == [
        f'{place} ASY101 column "idd" does not exist, where newest is true (line 19)',
        '  fix: Perhaps you meant to reference the column "person.id".',
    ]


WRONG = {
    "asyncpg: too few": (
        "by_asyncpg.py",
        'person where id = $1", person_id',
        'person where id = $1 and name = $2", person_id',
        [
            "ASY301 the statement takes 2 parameters, the call gives 1",
            "  because its highest placeholder is $2",
            "  fix: pass one argument for each placeholder",
        ],
    ),
    "asyncpg: another type": (
        "by_asyncpg.py",
        "self.pool.fetch(query, name)",
        "self.pool.fetch(query, newest)",
        ["ASY302 parameter $1 is text, newest is bool", "  because text takes str", "  fix: pass str"],
    ),
    "asyncpg: two statements that are prepared": (
        "by_asyncpg.py",
        '"select id from person")',
        '"select id from person; select 1")',
        ["ASY101 cannot insert multiple commands into a prepared statement"],
    ),
    "asyncpg: an unfiltered change": (
        "by_asyncpg.py",
        "lock table team in share mode",
        "delete from person",
        [
            "ASY501 warning: the statement changes every row of its table",
            "  because it has no WHERE",
            "  fix: add where; where every row is meant, say so with where true",
        ],
    ),
    "asyncpg: built at run time": (
        "by_asyncpg.py",
        '"select id from person")',
        '"select id from " + table)',
        [
            "ASY102 the SQL of fetchval is not a constant",
            '  because where "table" comes from cannot be told from the code',
            "  fix: write it as one literal, or put it together from constants; values belong in parameters",
        ],
    ),
    "psycopg: too few": (
        "by_psycopg.py",
        '(name, "sad")',
        "(name,)",
        [
            "ASY301 the statement takes 2 parameters, the call gives 1",
            "  because its highest placeholder is %s no. 2",
            "  fix: pass one argument for each placeholder",
        ],
    ),
    "psycopg: a percent sign": (
        "by_psycopg.py",
        "'%%' and",
        "'%' and",
        [
            'ASY301 "%\'" is no placeholder: the driver knows %s, %b and %t',
            "  fix: write %% for a percent sign in a statement that is given parameters",
        ],
    ),
    "psycopg: inside quotes": (
        "by_psycopg.py",
        "%s || '%%'",
        "'%s%%'",
        [
            "ASY301 the placeholder %s stands inside quotes, where the server puts no value",
            "  fix: put the value together in SQL, as in 'a' || %s, or write %% for a percent sign",
        ],
    ),
    "psycopg: a misspelled name": (
        "by_psycopg.py",
        '"name": name}',
        '"nmae": name}',
        [
            'ASY301 the call does not give %(name)s; it gives "nmae": …, which the statement does not have',
            "  because its placeholders are %(name)s, %(id)s",
            '  fix: write %(nmae)s in the statement, or "name": … in the call',
        ],
    ),
    "psycopg: names from a tuple": (
        "by_psycopg.py",
        '{"id": person_id, "name": name}',
        "(person_id, name)",
        [
            "ASY301 the statement takes %(name)s, %(id)s by name, the call gives 2 parameters by position",
            "  because placeholders with names take their values from a dictionary",
            '  fix: pass a dictionary with "name"',
        ],
    ),
    "psycopg: a type that is far off": (
        "by_psycopg.py",
        "def rename(conn: psycopg.Connection, person_id: int",
        "def rename(conn: psycopg.Connection, person_id: bytes",
        [
            "ASY302 parameter %(id)s is int4, person_id is bytes",
            "  because PostgreSQL does not convert it to int4",
            "  fix: pass int",
        ],
    ),
    "psycopg: NULL where it breaks a constraint": (
        "by_psycopg.py",
        "person_id: int, name: str) -> None",
        "person_id: int, name: str | None) -> None",
        [
            "ASY303 parameter %(name)s must not be NULL, name may be None: it is str | None",
            "  because person.name is NOT NULL",
            "  fix: pass a value, or check for None before the call",
        ],
    ),
    "psycopg2: the second of two statements": (
        "by_psycopg.py",
        "delete from team where id = %s",
        "delete from teams where id = %s",
        ['ASY101 relation "teams" does not exist'],
    ),
    "psycopg2: written into a literal": (
        "by_psycopg.py",
        "interval %s",
        "interval '%s days'",
        [
            "ASY105 warning: the statement could not be proven",
            "  because the placeholder %s stands inside quotes, where the server puts no value",
            "  fix: put the value together in SQL, as in 'a' || %s, or write %% for a percent sign",
        ],
    ),
    "sqlalchemy: a name that is not given": (
        "by_sqlalchemy.py",
        '"id": person_id, ',
        "",
        [
            'ASY301 the call does not give :id; it gives "unused": …, which the statement does not have',
            "  because its placeholders are :name, :id",
            '  fix: write :unused in the statement, or "id": … in the call',
        ],
    ),
    "sqlalchemy: a cast that it stumbles over": (
        "by_sqlalchemy.py",
        "CAST(:id AS integer)",
        ":id::integer",
        ['ASY101 syntax error at or near ":"'],
    ),
    "sqlalchemy: a colon in a literal": (
        "by_sqlalchemy.py",
        r"':\\:)'",
        "':x'",
        [
            "ASY301 :x stands inside quotes, and SQLAlchemy takes it for a parameter all the same",
            r"  fix: write \:x",
        ],
    ),
}


@pytest.mark.parametrize(("name", "old", "new", "lines"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_found(project: Project, name: str, old: str, new: str, lines: list[str]) -> None:
    project.replace(f"src/app/{name}", old.replace("\\\\", "\\"), new)
    (first, *rest) = findings(project)
    assert [first.partition(" ")[2], *rest] == lines
    assert first.startswith(f"src/app/{name}:")


def test_a_type_that_only_the_driver_knows_is_no_error(project: Project) -> None:
    project.replace("src/app/by_psycopg.py", "select id from person where", "select %s is null, id from person where")
    project.replace("src/app/by_psycopg.py", '(name, "sad")', '(None, name, "sad")')
    place = project.place("src/app/by_psycopg.py", "select %s is null")
    assert findings(project) == [
        f"{place} ASY105 warning: the statement could not be proven: could not determine data type of parameter $1",
        "  because the driver gives types that are not known here",
        "  fix: cast the parameter, and it is the same with every driver",
    ]


def test_a_parameter_that_stands_as_two_types_is_no_error_where_the_driver_gives_its_type(project: Project) -> None:
    project.replace(
        "src/app/by_sqlalchemy.py", "where id = CAST(:id AS integer)", "where '' = (:id)::text and id = :id"
    )
    place = project.place("src/app/by_sqlalchemy.py", "= :id")
    assert findings(project) == [
        f"{place} ASY105 warning: the statement could not be proven: operator does not exist: integer = text",
        "  because the driver gives types that are not known here",
        "  fix: cast the parameter, and it is the same with every driver",
    ]


def test_a_table_that_the_code_creates_is_no_error(project: Project) -> None:
    project.replace("src/app/by_asyncpg.py", "lock table team in share mode", "create temp table fresh (id int)")
    project.replace(
        "src/app/by_asyncpg.py", "insert into team (id, name) values ($1, $2)", "insert into fresh values ($1)"
    )
    place = project.place("src/app/by_asyncpg.py", "fresh values")
    assert findings(project) == [
        f'{place} ASY105 warning: the statement could not be proven: relation "fresh" does not exist',
        f"  because the code creates it at {project.place('src/app/by_asyncpg.py', 'fresh (id int)')}",
        "  fix: where it matters, create it in a migration",
    ]


def test_a_function_that_the_code_creates_is_no_error(project: Project) -> None:
    create = "create function fresh(n int) returns int language sql return n"
    project.replace("src/app/by_asyncpg.py", "lock table team in share mode", create)
    project.replace("src/app/by_asyncpg.py", "select id from person where name = $1", "select fresh(1) where '' = $1")
    assert [line.partition(" ")[2] for line in findings(project) if " ASY" in line] == [
        "ASY105 warning: the statement could not be proven: function fresh(integer) does not exist"
    ]


MISSING = "src/app/by_asyncpg.py cannot be imported: ModuleNotFoundError: No module named 'nowhere_to_be_found'"
IMPORTS = """
import datetime as dt
from decimal import Decimal
from typing import Optional
from uuid import UUID

import asyncpg
import nowhere_to_be_found
"""


def without_import(project: Project) -> None:
    """Have the module by asyncpg import something that is not installed."""
    project.replace("src/app/by_asyncpg.py", "\nimport asyncpg\n", IMPORTS)


def test_of_a_module_that_cannot_be_imported_the_text_is_read_and_one_warning_says_so(project: Project) -> None:
    without_import(project)
    done = project.check("--output-format", "json")
    (found,) = done.json["findings"]
    assert (found["code"], found["severity"], found["message"]) == ("ASY103", "warning", MISSING)
    assert found["because"] == ["the types of the arguments around its queries could be read from its text"]
    assert (done.code, done.json["proved"], project.check("--strict").code) == (0, 16, 1)
    assert not [part for part in done.json["unverified"] if "asyncpg" in part["path"] and part["argument"]]


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        ("str", "str"),
        ("bytes", "bytes"),
        ("float", "float"),
        ("Optional[str]", "str | None"),
        ("'str | None'", "str | None"),
        ("UUID", "UUID"),
        ("Decimal", "Decimal"),
        ("dt.datetime", "datetime"),
    ],
)
def test_an_argument_of_the_wrong_type_is_found_without_importing_the_module(
    project: Project, annotation: str, shown: str
) -> None:
    without_import(project)
    project.replace("src/app/by_asyncpg.py", "person_id: int", f"person_id: {annotation}")
    wrong = [line.partition(" ")[2] for line in findings(project) if " ASY302 " in line]
    assert wrong == [f"ASY302 parameter $1 is int4, person_id is {shown}"]


@pytest.mark.parametrize("annotation", ["Id", "nowhere_to_be_found.Id", "date"])
def test_an_annotation_that_the_text_does_not_tell_is_unverified_with_the_reason_and_an_error(
    project: Project, annotation: str
) -> None:
    without_import(project)
    project.replace(
        "src/app/by_asyncpg.py", "class People:", "class Id(int): ...\n\n\nclass date: ...\n\n\nclass People:"
    )
    project.replace("src/app/by_asyncpg.py", "person_id: int", f"person_id: {annotation}")
    done = project.check("--show-unverified")
    assert (done.code, [line for line in done.lines if " ASY" in line]) == (
        1,
        [f"{project.place('src/app/by_asyncpg.py', 'import nowhere')} ASY103 {MISSING}"],
    )
    place = project.place("src/app/by_asyncpg.py", "person_id)")
    assert (
        f"{place} unverified: parameter $1 is given person_id, whose type is not known: its module cannot be imported: "
        "ModuleNotFoundError: No module named 'nowhere_to_be_found'"
    ) in done.lines
    assert done.lines[-1].startswith("Proved 15 of 16 queries ")


def test_names_that_the_module_gives_a_meaning_of_its_own_are_not_taken_for_the_builtin_ones(project: Project) -> None:
    without_import(project)
    project.replace("src/app/by_asyncpg.py", "class People:", "class str(bytes): ...\n\n\nclass People:")
    report = project.check("--output-format", "json").json
    assert [found["severity"] for found in report["findings"]] == ["error"]
    assert {part["argument"] for part in report["unverified"] if part["why"]} == {"name"}


def test_the_summary_says_how_many_columns_are_compared_with_nothing(project: Project) -> None:
    done = project.check()
    assert re.search(r" in \d+\.\d\d s; (\d+) name no class to compare their columns with$", done.lines[-1])
    returning = [part for part in project.check("--output-format", "json").json["queries"] if columns(part)]
    assert f"; {len(returning)} name no class to compare" in done.out
    assert project.check("--output-format", "json").json["classless"] == len(returning) == 8


def columns(query: dict[str, Any]) -> list[Any]:
    return list((query["description"] or {}).get("columns", ()))


def test_the_offline_cache_tells_styles_apart(project: Project) -> None:
    project.write(
        "src/app/styles.py",
        dedent("""
        import psycopg

        def f(cur: psycopg.Cursor) -> None:
            cur.execute("select 'a%%'")
            cur.execute("select 'a%%', 1 where %s", (True,))
            cur.execute("select 'a%%'", ())
        """),
    )
    assert project.run("prepare", "--database-url", project.server.reveal()).code == 0
    texts = {path.name: path.read_text() for path in (project.root / ".assay").glob("query-*.json")}
    assert sum("select 'a%%'\"" in text for text in texts.values()) == 1
    assert sum("select 'a%'\"" in text for text in texts.values()) == 1
    done = project.run("check", ASSAY_OFFLINE="true")
    assert (done.code, done.lines[-1][:21]) == (0, "Proved 19 of 19 queri")


def test_findings_are_silenced_by_comments_in_foreign_code_too(project: Project) -> None:
    project.replace(
        "src/app/by_asyncpg.py",
        '        return await self.pool.fetchval("select id from person")',
        '        return await self.pool.fetchval("select id from " + table)  # assay: ignore[ASY102]',
    )
    assert findings(project) == []


STRANGE = """
class Range:
    def __class_getitem__(cls, bounds: object) -> object:
        return cls()


class People:"""


def test_an_object_that_stands_for_a_type_is_no_type(project: Project) -> None:
    project.replace("src/app/by_asyncpg.py", "class People:", STRANGE)
    project.replace("src/app/by_asyncpg.py", "person_id: int", "person_id: Range[1, 10]")
    done = project.check("--show-unverified")
    assert [line for line in done.lines if " ASY" in line] == []
    (told,) = [line for line in done.lines if "is given person_id" in line]
    assert told.endswith(" is an object of app.by_asyncpg.Range, not a type")


def test_a_failed_import_is_told_without_the_conditions_of_a_call_that_needs_it(project: Project) -> None:
    without_import(project)
    project.replace("src/app/by_asyncpg.py", 'query += " order by id desc"', "query += name")
    told = [line.partition(" ")[2] for line in project.check().lines if " ASY" in line]
    assert told == [
        f"ASY103 warning: {MISSING}",
        "ASY102 the SQL of fetch is not a constant, where newest is true (line 25)",
    ]


def test_where_nobody_says_what_the_tables_are_that_is_the_one_error(
    project: Project, database_18: DatabaseUrl
) -> None:
    (project.root / "migrations").rename(project.root / "elsewhere")
    url = ("--database-url", database_18.reveal())
    for done in (project.run("check", *url), project.run("prepare", *url)):
        assert (done.code, done.lines) == (2, [])
        assert "error: There is no schema to prove against: " in done.err
        assert "has no migrations, and database " in done.err
