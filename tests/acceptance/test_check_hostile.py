"""``assay check`` and ``describe`` on input that nobody would write, or only somebody with bad intentions.

Nothing of it is executed, nothing makes a check hang (the runner gives each a minute), and what could not be proven
is said.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.fixtures.projects import Project, make_project

import assay
from assay.config import DatabaseUrl
from assay.proof import Description, describe


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    """Four queries and nothing wrong with them."""
    return make_project(tmp_path, server_18)


@pytest.fixture
async def connection(server: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """On each server."""
    connection = await asyncpg.connect(server.reveal())
    yield connection
    await connection.close()


def repeated(before: str, core: str, after: str, times: int) -> str:
    return before * times + core + after * times


def listed(count: int, item: str, separator: str = ", ") -> str:
    """``item`` with each number from 1 on in the place of ``#``."""
    return separator.join(item.replace("#", str(number)) for number in range(1, count + 1))


def joined(count: int, kind: str = "left join") -> str:
    return "pg_am t1 " + " ".join(f"{kind} pg_am t{n} on t{n}.oid = t{n - 1}.oid" for n in range(2, count + 1))


TOO_DEEP = {
    "parentheses": ("select " + repeated("(", "1", ")", 5_000), "one"),
    "functions": ("select " + repeated("lower(", "'a'", ")", 3_000), "many"),
    "operators": ("select " + "+".join(["1"] * 2_000), "many"),
    "negations": ("select 1 where " + repeated("not (", "true", ")", 3_000), "many"),
    "case": ("select " + repeated("case when 1 = 1 then ", "1", " end", 400), None),
    "casts": ("select 1" + "::text::int" * 2_000, "many"),
    "collations": ("select 'a'" + ' collate "C"' * 2_500, "many"),
    "json fields": ("select '{}'::jsonb" + " -> 'a'" * 3_000, None),
    "scalar subqueries": (repeated("select (", "select 1", ")", 1_000), "many"),
    "subqueries in FROM": (repeated("select * from (", "select 1 as a", ") x", 400), "many"),
    "EXISTS": (repeated("select 1 where exists (", "select 1", ")", 900), "many"),
    "WITH": (repeated("with x as (", "select 1", ") select * from x", 900), "many"),
    "WITH in a chain": ("with t0 as (select 1 a), " + ", ".join(f"t{n} as (select * from t{n - 1})" for n in range(1, 300)) + " select * from t299", "many"),
    "set operations": (" union all ".join(["select 1"] * 1_000), "many"),
    "many parameters deep": ("select " + repeated("lower(", "'a'", ")", 1_000) + f" where 1 in ({listed(120, '$#')})", "many"),
}  # fmt: skip
"""Where a bound is given, it is what can be said of it."""


@pytest.mark.parametrize("name", TOO_DEEP)
async def test_deep_nesting_is_described_and_what_is_not_proven_is_said(
    connection: asyncpg.Connection, name: str
) -> None:
    sql, rows = TOO_DEEP[name]
    description = await describe(connection, sql)
    assert len(description.columns) == 1
    assert rows in (None, str(description.rows))
    proven = not description.columns[0].nullable or description.rows != "many"
    assert proven or "nested too deep" in " ".join(description.notes) or "may be NULL" in description.columns[0].reason


LARGE = {
    "a literal of 5 MB": f"select '{'x' * 5_000_000}'",
    "a name of 5 MB": f'select 1 as "{"x" * 5_000_000}"',
    "a comment of 5 MB": f"/*{'x' * 5_000_000}*/ select 1",
    "all the columns there can be": f"select {listed(1_664, '# as c#')}",
    "20,000 conditions": "select 1 where " + " and ".join(["1 = 1"] * 20_000),
    "50,000 values": f"select 1 where 1 in ({listed(50_000, '#')})",
    "20,000 rows": f"values {listed(20_000, '(#)')}",
    "a WITH query that is read twice by the next, 40 times": (
        "with t0 as (select 1 a), "
        + ", ".join(f"t{n} as (select a.a from t{n - 1} a, t{n - 1} b where a.a = b.a)" for n in range(1, 40))
        + " select a from t39"
    ),
    "a join of 200 tables": f"select 1 from {joined(200)}",
    "a full join of 60 tables": f"select coalesce(t1.oid, 0) from {joined(60, 'full join')}",
}


@pytest.mark.parametrize("name", LARGE)
async def test_large_statements_are_proven(connection: asyncpg.Connection, name: str) -> None:
    description = await describe(connection, LARGE[name])
    assert description.notes == ()
    assert not description.columns[0].nullable


async def test_a_tree_that_is_too_large_is_left_alone(connection: asyncpg.Connection) -> None:
    sql = "select t1.relname from " + joined(180).replace("pg_am", "pg_class")
    description = await describe(connection, sql)
    assert description.notes == (
        "The statement has a query tree that is too large to follow; only its types are known",
    )
    assert (description.columns[0].nullable, str(description.rows)) == (True, "many")


REFUSED = {
    "more columns than there can be": (f"select {listed(1_665, '#')}", "at most 1664 entries"),
    "10,000 columns": (f"select {listed(10_000, '#')}", "at most 1664 entries"),
    "too many parentheses": ("select " + repeated("(", "1", ")", 100_000), "memory exhausted"),
    "too many operators": ("select " + "+".join(["1"] * 50_000), "stack depth limit exceeded"),
    "65,535 parameters": (f"select 1 where 1 in ({listed(65_535, '$#')})", "the statement has 65,535 parameters"),
    "one more": (f"select 1 where 1 in ({listed(65_536, '$#')})", "the statement has 65,536 parameters"),
    "a parameter of a large number": ("select $99999999999", "parameter"),
    "the end of the wrapper": ("select 1; end; drop table person; --", "cannot insert multiple commands"),
    "the end of the wrapper's body": ("select 1\n; end; drop table person; --", "cannot insert multiple commands"),
    "a body of its own": ("begin atomic select 1; end", "syntax error"),
    "an open comment": ("select 1 /* ", "unterminated /* comment"),
    "an open literal": ("select 'a", "unterminated quoted string"),
    "an open dollar quote": ("select $a$", "unterminated dollar-quoted string"),
    "an open name": ('select "a', "unterminated quoted identifier"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_postgresql_or_the_driver_refuses_is_an_error_that_says_so(
    connection: asyncpg.Connection, name: str
) -> None:
    sql, words = REFUSED[name]
    with pytest.raises(assay.DatabaseError, match=re.escape(words)):
        await describe(connection, sql)
    assert await connection.fetchval("select 1") == 1


async def test_names_of_every_kind_come_back_as_they_are(connection: asyncpg.Connection) -> None:
    names = [
        'a"b',
        "new\nline",
        "tab\t",
        "Ünï🐘",
        "\u202eabc\u202c",
        " ",
        "{(",
        "\\",
        "<>",
        "$1",
        ":x",
        "--",
        "123",
        "true",
    ]
    quoted = ", ".join(
        "{} as {}".format(number, '"' + name.replace('"', '""') + '"') for number, name in enumerate(names)
    )
    for sql in (
        f"select {quoted}",
        f'select * from (select {quoted}) as "{{(\n"',
        f'with " " as (select {quoted}) table " "',
    ):
        description = await describe(connection, sql)
        assert [column.name for column in description.columns] == names
        assert not any(column.nullable for column in description.columns)


NEWER = {
    "JSON_TABLE": (17, "select * from json_table('[1]', '$[*]' columns (a int path '$')) t"),
    "MERGE RETURNING": (17, "merge into made using (select 1 a) s on false when not matched then do nothing returning made.id"),
    "RETURNING old": (18, "delete from made returning old.id"),
    "IS JSON": (16, "select '1' is json"),
    "any_value": (16, "select any_value(id) from made"),
}  # fmt: skip


@pytest.mark.parametrize("name", NEWER)
async def test_syntax_of_a_newer_version_is_refused_by_an_older_one(connection: asyncpg.Connection, name: str) -> None:
    since, sql = NEWER[name]
    await connection.execute("create temp table made (id int primary key)")
    if connection.get_server_version().major >= since:
        assert (await describe(connection, sql)).columns
    else:
        with pytest.raises(assay.StatementError):
            await describe(connection, sql)


EFFECTS = [
    "select setval('counter', 1000)",
    "select nextval('counter')",
    "select tell()",
    "select * from made where tell() > 0",
    "insert into made default values returning id",
    "update made set id = id + 1000 returning id, tell()",
    "delete from made returning id",
    "with gone as (delete from made returning id) select count(*) from gone",
    "select set_config('search_path', 'nowhere', false)",
    "select pg_advisory_lock(1)",
    "select pg_notify('here', 'x')",
    "select pg_sleep(1000)",
    "select pg_terminate_backend(pg_backend_pid())",
    "select lo_create(4711)",
    "select 1 / 0",
    "explain analyze delete from made",
    "do $$ begin delete from made; end $$",
    "call clear()",
    "create table another (id int)",
    "create table another as select tell()",
    "select tell() into another",
    "truncate made",
    "drop table made",
    "copy made from program 'touch /tmp/never'",
    "notify here",
    "listen here",
    "prepare p as select 1",
    "declare c cursor with hold for select tell()",
    "lock table made",
    "set search_path = nowhere",
    "discard all",
    "begin",
    "commit",
    "rollback",
    "savepoint s",
    "vacuum made",
]
OBJECTS = """
create sequence counter;
create table made (id int primary key default nextval('counter'), at timestamptz default now());
insert into made default values;
create table told (id int);
create function tell() returns int language plpgsql as 'begin insert into told values (1); return 1; end';
create procedure clear() language sql as 'delete from made';
"""
STATE = """
select json_build_object(
    'counter', (select (last_value, is_called) from counter),
    'made', (select json_agg((id, xmin, ctid)) from made),
    'told', (select count(*) from told),
    'objects', (select array_agg(relname order by relname) from pg_class where relnamespace = 'public'::regnamespace),
    'large', (select count(*) from pg_largeobject_metadata),
    'locks', (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
    'functions', (select count(*) from pg_proc where pronamespace = pg_my_temp_schema()),
    'prepared', (select count(*) from pg_prepared_statements where from_sql),
    'cursors', (select count(*) from pg_cursors),
    'channels', (select count(*) from pg_listening_channels()),
    'path', current_setting('search_path')
)::text
"""


async def test_a_statement_with_effects_has_none(database: DatabaseUrl) -> None:
    connection = await asyncpg.connect(database.reveal(), statement_cache_size=0)
    await connection.execute(OBJECTS)
    before = json.loads(await connection.fetchval(STATE))
    for sql in EFFECTS:
        description = await describe(connection, sql)
        assert isinstance(description, Description)
        assert not connection.is_in_transaction(), sql
        assert json.loads(await connection.fetchval(STATE)) == before, sql
    await connection.close()


async def test_a_statement_with_effects_has_none_inside_a_transaction_either(database: DatabaseUrl) -> None:
    connection = await asyncpg.connect(database.reveal(), statement_cache_size=0)
    await connection.execute(OBJECTS)
    async with connection.transaction():
        await connection.execute("insert into told values (7)")
        before = json.loads(await connection.fetchval(STATE))
        for sql in EFFECTS:
            await describe(connection, sql)
            assert connection.is_in_transaction(), sql
            assert json.loads(await connection.fetchval(STATE)) == before, sql
    await connection.close()


# Whole projects.

QUERY = 'import assay\nasync def f(db: assay.Pool): await db.fetch_all(int, "select 1")\n'


def test_large_and_deep_statements_in_code(project: Project) -> None:
    statements = [LARGE["a literal of 5 MB"].replace("select '", "select length('") + ")", TOO_DEEP["operators"][0]]
    statements += [REFUSED["10,000 columns"][0], REFUSED["one more"][0]]
    calls = "".join(f"    await db.fetch_all(int, {json.dumps(sql)})\n" for sql in statements)
    project.write("src/app/queries.py", f"import assay\nasync def f(db: assay.Pool) -> None:\n{calls}")
    done = project.check("--output-format", "json")
    found = [(finding["line"], finding["code"]) for finding in done.json["findings"]]
    assert done.code == 1
    assert (3, "ASY101") not in found
    assert {(4, "ASY105"), (5, "ASY101"), (6, "ASY101")} <= {*found}


UNREADABLE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "bytes that are not UTF-8": (lambda path: path.write_bytes(b"# caf\xe9\n" + QUERY.encode()), "encoding"),
    "UTF-16": (lambda path: path.write_text(QUERY, "utf-16"), "encoding"),
    "a NUL": (lambda path: path.write_text(QUERY + "\0"), "null bytes"),
    "an unknown encoding": (lambda path: path.write_text("# coding: klingon\n" + QUERY), "unknown encoding: klingon"),
    "100,000 parentheses": (lambda path: path.write_text(f"{QUERY}x = {repeated('(', '', ')', 100_000)}\n"), "too many nested"),
    "100,000 lists": (lambda path: path.write_text(f"{QUERY}x = {repeated('[', '', ']', 100_000)}\n"), "too many nested"),
    "50,000 signs": (lambda path: path.write_text(f"{QUERY}x = {'-' * 50_000}1\n"), "it cannot be parsed: "),
    "a link to nowhere": (lambda path: path.symlink_to("nowhere"), "No such file"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "symbolic links"),
    "a pipe": (lambda path: os.mkfifo(path), "it is not a regular file"),
    "a file nobody may read": (lambda path: (path.write_text(QUERY), path.chmod(0)), "Permission denied"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_is_a_finding_and_the_rest_is_checked(project: Project, name: str) -> None:
    make, words = UNREADABLE[name]
    path = project.root / "src/app/odd.py"
    make(path)
    if name == "a file nobody may read" and os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    done = project.check("--output-format", "json")
    (found,) = done.json["findings"]
    assert (done.code, found["code"]) == (1, "ASY103")
    assert words in found["message"]
    assert done.json["proved"] == 4


HARMLESS: dict[str, Callable[[Path], Any]] = {
    "20 MB": lambda path: path.write_text(f'{QUERY}x = "{"y" * 20_000_000}"\n'),
    "Latin-1 that says so": lambda path: path.write_text(f'# coding: latin-1\nx = "é"\n{QUERY}', "latin-1"),
    "a mark of byte order": lambda path: path.write_text(QUERY, "utf-8-sig"),
    "line ends of another system": lambda path: path.write_bytes(QUERY.replace("\n", "\r\n").encode()),
    "190 lists": lambda path: path.write_text(f"{QUERY}x = {repeated('[', '', ']', 190)}\n"),
    "a name with a quote and a line's end": lambda path: path.with_name("a b\n'\"🐘.py").write_text(QUERY),
    "another folder": lambda path: path.write_text(f"import os; os.chdir('/')\n{QUERY}"),
    "an empty path": lambda path: path.write_text(f"import sys; sys.path[:] = []\n{QUERY}"),
    "a closed output": lambda path: path.write_text(f"import sys; sys.stdout.close()\n{QUERY}"),
    "no output": lambda path: path.write_text(f"import sys; sys.stdout = sys.stderr = None\n{QUERY}"),
    "words": lambda path: path.write_text(f"print('hello')\n{QUERY}"),
    "a module that is another": lambda path: path.write_text(f"import sys; sys.modules[__name__] = None\n{QUERY}"),
    "the name of a module of Python's": lambda path: path.with_name("json.py").write_text(QUERY),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_an_odd_file_is_checked_like_any_other(project: Project, name: str) -> None:
    HARMLESS[name](project.root / "src/app/odd.py")
    done = project.check("--output-format", "json")
    assert (done.code, done.json["findings"], done.json["proved"]) == (0, [], 5), done


def test_a_folder_that_is_named_like_a_file_is_a_folder(project: Project) -> None:
    project.write("src/app/odd.py/inner.py", QUERY)
    assert project.check("--output-format", "json").json["proved"] == 5


def test_folders_that_link_in_a_circle_are_entered_once(project: Project) -> None:
    (project.root / "src/app/again").symlink_to("..")
    assert project.check("--output-format", "json").json["proved"] == 4


RAISED = {
    "raise SystemExit(3)": "SystemExit: 3",
    "class B(BaseException): pass\nraise B('no')": "B: no",
    "raise GeneratorExit": "GeneratorExit",
    "import asyncio\nraise asyncio.CancelledError": "CancelledError",
    "raise MemoryError": "MemoryError",
    "def again(): again()\nagain()": "RecursionError: maximum recursion depth exceeded",
    "input()": "EOFError: EOF when reading a line",
    "import sys\ndel sys.modules[__name__]": "KeyError: 'app.odd'",
}


@pytest.mark.parametrize("code", RAISED)
def test_whatever_a_module_raises_is_a_finding(project: Project, code: str) -> None:
    project.write("src/app/odd.py", f"{QUERY}{code}\n")
    done = project.check("--output-format", "json")
    (found,) = done.json["findings"]
    assert (done.code, found["code"]) == (1, "ASY103")
    assert found["message"] == f"src/app/odd.py cannot be imported: {RAISED[code]}"
    assert done.json["proved"] == 4


def test_a_module_that_interrupts_stops_the_check(project: Project) -> None:
    project.write("src/app/odd.py", f"{QUERY}raise KeyboardInterrupt\n")
    done = project.check()
    assert (done.code, done.out) == (130, "")


@pytest.mark.parametrize("annotation", ["1 / 0", "nowhere", "'", "int ="])
def test_a_row_class_whose_annotations_cannot_be_evaluated_is_a_finding(project: Project, annotation: str) -> None:
    row = f"from dataclasses import dataclass\n@dataclass\nclass R:\n    a: {json.dumps(annotation)}\n"
    project.write("src/app/odd.py", row + QUERY.replace("int,", "R,").replace("select 1", "select 1 as a"))
    done = project.check("--output-format", "json")
    (found,) = done.json["findings"]
    assert (done.code, found["code"], done.json["proved"]) == (1, "ASY104", 4)
