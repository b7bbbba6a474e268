"""What calls of other libraries are given: parameters in their ways, and several statements at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.proof.discover import discover
from assay.proof.discover.model import Call, Sql
from assay.sql.styles import Style


def found(folder: Path, code: str) -> tuple[Call, ...]:
    """The calls in a module."""
    (folder / "m.py").write_text(code)
    return discover(folder, [folder]).calls


def only(folder: Path, head: str, call: str) -> Call:
    (call_found,) = found(folder, f"{head}\nasync def f(x: X, a, b, rows, **kw): x.{call}")
    return call_found


ASYNCPG, PSYCOPG = "from asyncpg import Connection as X", "from psycopg import Cursor as X"
PSYCOPG2 = "from psycopg2.extensions import cursor as X"
SQLALCHEMY = "from sqlalchemy import Connection as X, bindparam, text"
DATABASES = "from databases import Database as X"

ARGUMENTS: dict[str, tuple[str, str, Style, list[str | None], bool, bool]] = {
    "asyncpg, one by one": (
        ASYNCPG,
        'fetch("select $1, $2", a, b, timeout=3)',
        Style.NUMBERED,
        [None, None],
        False,
        False,
    ),
    "asyncpg, unpacked": (ASYNCPG, 'fetch("select $1", *a)', Style.NUMBERED, [], True, False),
    "asyncpg, many": (ASYNCPG, 'executemany("select $1", rows)', Style.NUMBERED, [None], True, True),
    "asyncpg, later": (ASYNCPG, 'prepare("select $1", name="n")', Style.NUMBERED, [], True, False),
    "psycopg, none": (PSYCOPG, 'execute("select 5 % 2")', Style.NUMBERED, [], False, False),
    "psycopg, None": (PSYCOPG, 'execute("select 5 % 2", None)', Style.NUMBERED, [], False, False),
    "psycopg, a tuple": (PSYCOPG, 'execute("select %s, %s", (a, b))', Style.FORMAT, [None, None], False, False),
    "psycopg, a list": (PSYCOPG, 'execute("select %s", params=[a])', Style.FORMAT, [None], False, False),
    "psycopg, a dictionary": (PSYCOPG, 'execute("select %(a)s", {"a": a})', Style.FORMAT, ["a"], False, False),
    "psycopg, a dictionary in words": (
        PSYCOPG,
        'execute("select %(a)s", dict(a=a))',
        Style.FORMAT,
        ["a"],
        False,
        False,
    ),
    "psycopg, a dictionary and more": (
        PSYCOPG,
        'execute("select %(a)s", {**kw, "b": b})',
        Style.FORMAT,
        ["b"],
        True,
        False,
    ),
    "psycopg, a name": (PSYCOPG, 'execute("select %s", a)', Style.FORMAT, [], True, False),
    "psycopg, a raw cursor": (PSYCOPG, 'execute("select $1", [a])', Style.NUMBERED, [None], False, False),
    "psycopg, many": (PSYCOPG, 'executemany("select %s", rows)', Style.FORMAT, [], True, True),
    "psycopg2, a tuple": (PSYCOPG2, 'execute("select %s", (a,))', Style.WRITTEN, [None], False, False),
    "sqlalchemy, a dictionary": (SQLALCHEMY, 'execute(text("select :a"), {"a": a})', Style.COLON, ["a"], False, False),
    "sqlalchemy, many": (SQLALCHEMY, 'execute(text("select :a"), [{"a": a}])', Style.COLON, [], True, True),
    "sqlalchemy, as in version 1": (SQLALCHEMY, 'execute(text("select :a"), a=a)', Style.COLON, ["a"], False, False),
    "sqlalchemy, options": (
        SQLALCHEMY,
        'execute(text("select 1"), execution_options={"a": a})',
        Style.COLON,
        [],
        False,
        False,
    ),
    "sqlalchemy, bound before": (
        SQLALCHEMY,
        'execute(text("select :a, :b").bindparams(bindparam("a", a), b=b), {"b": 3})',
        Style.COLON,
        ["b", "a"],
        False,
        False,
    ),
    "sqlalchemy, bound to something": (
        SQLALCHEMY,
        'execute(text("select :a").bindparams(a))',
        Style.COLON,
        [],
        True,
        False,
    ),
    "sqlalchemy, the driver's numbers": (
        SQLALCHEMY,
        'exec_driver_sql("select $1", (a,))',
        Style.NUMBERED,
        [None],
        False,
        False,
    ),
    "sqlalchemy, the driver's percents": (
        SQLALCHEMY,
        'exec_driver_sql("select %s", (a,))',
        Style.FORMAT,
        [None],
        False,
        False,
    ),
    "databases, by name": (DATABASES, 'fetch_one("select :a", {"a": a})', Style.COLON, ["a"], False, False),
    "databases, by keyword": (
        DATABASES,
        'execute(query="select :a", values={"a": a})',
        Style.COLON,
        ["a"],
        False,
        False,
    ),
    "databases, many": (DATABASES, 'execute_many("select :a", rows)', Style.COLON, [], True, True),
}


@pytest.mark.parametrize(
    ("head", "call", "style", "names", "unpacked", "batch"), ARGUMENTS.values(), ids=ARGUMENTS.keys()
)
def test_arguments(
    tmp_path: Path, head: str, call: str, style: Style, names: list[str | None], unpacked: bool, batch: bool
) -> None:
    made = only(tmp_path, head, call)
    assert made.style is style
    assert [argument.name for argument in made.arguments] == names
    assert (made.unpacked, made.batch) == (unpacked, batch)


def test_a_list_that_is_expanded_is_noted(tmp_path: Path) -> None:
    call = only(tmp_path, SQLALCHEMY, 'execute(text("select :a").bindparams(bindparam("a", expanding=True)), {"a": a})')
    assert call.expanding == {"a"}


def statements(folder: Path, head: str, call: str) -> list[str]:
    calls = found(folder, f"{head}\nasync def f(x: X, a, b): x.{call}")
    return [call.sql.text for call in calls if isinstance(call.sql, Sql)]


SEVERAL = {
    "assay": ("from assay import Pool as X", "execute({})"),
    "asyncpg": (ASYNCPG, "execute({})"),
    "psycopg": (PSYCOPG, "execute({})"),
    "psycopg2": (PSYCOPG2, "execute({})"),
    "sqlalchemy": (SQLALCHEMY, "execute(text({}))"),
}


@pytest.mark.parametrize(("head", "call"), SEVERAL.values(), ids=SEVERAL.keys())
def test_several_statements_without_parameters_are_taken_one_by_one(tmp_path: Path, head: str, call: str) -> None:
    assert statements(tmp_path, head, call.format("'select 1; select 2'")) == ["select 1;", " select 2"]
    assert statements(tmp_path, head, call.format("'select 1;'")) == ["select 1;"]


@pytest.mark.parametrize(
    ("head", "call"),
    [
        ("from assay import Pool as X", "execute('select $1; select 2', a)"),
        ("from assay import Pool as X", "fetch_all(int, 'select 1; select 2')"),
        (ASYNCPG, "execute('select $1; select 2', a)"),
        (ASYNCPG, "fetch('select 1; select 2')"),
        (PSYCOPG, "execute('select %s; select 2', (a,))"),
        (PSYCOPG, "executemany('select 1; select 2', a)"),
    ],
)
def test_several_statements_that_the_server_refuses_stay_together(tmp_path: Path, head: str, call: str) -> None:
    (sql,) = statements(tmp_path, head, call)
    assert sql.endswith("; select 2")


def test_parameters_written_into_several_statements_are_shared_out(tmp_path: Path) -> None:
    calls = found(
        tmp_path, f"{PSYCOPG2}\ndef f(x: X, a, b, c): x.execute('select %s, %s; select 1; select %s', (a, b, c))"
    )
    assert [[argument.node.id for argument in call.arguments] for call in calls] == [["a", "b"], [], ["c"]]  # type: ignore[attr-defined]
    calls = found(tmp_path, f"{PSYCOPG2}\ndef f(x: X, a): x.execute('select %(a)s; select %(a)s', {{'a': a}})")
    assert [len(call.arguments) for call in calls] == [1, 1]
