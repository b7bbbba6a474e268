"""Which calls are taken for Assay's, and what they are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.proof.discover import discover
from assay.proof.discover.model import Call, Discovery, NotConstant, Sql

PACKAGE = {
    "app/__init__.py": "",
    "app/db.py": (
        "import assay\n"
        "from contextlib import asynccontextmanager\n"
        "from collections.abc import AsyncIterator\n"
        "from typing import Annotated\n"
        "class Repository:\n"
        "    pool: assay.Pool\n"
        "    def __init__(self, other: assay.Connection):\n"
        "        self.other = other\n"
        "class Own(assay.Executor):\n"
        "    pass\n"
        "class Wrapper:\n"
        "    def fetch_all(self, row, sql): ...\n"
        "Db = Annotated[assay.Executor, 'depends']\n"
        "@asynccontextmanager\n"
        "async def session() -> AsyncIterator[assay.Transaction]:\n"
        "    yield\n"
        "async def opened() -> assay.Connection: ...\n"
    ),
}


def find(tmp_path: Path, code: str, **more: str) -> Discovery:
    """What is found in one module of a package."""
    for name, text in {**PACKAGE, "app/main.py": code, **more}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    return discover(tmp_path, [tmp_path / "app" / "main.py"])


def statements(found: Discovery) -> list[str]:
    return [call.sql.text for call in found.calls if isinstance(call.sql, Sql)]


S = 'await x.execute("select 1")'


def lines(*text: str) -> str:
    return "\n".join(text)


OURS = {
    "an annotated parameter": f"import assay\nasync def f(x: assay.Executor): {S}",
    "an imported class": f"from assay import Pool\nasync def f(x: Pool): {S}",
    "an annotation in quotes": f"import assay\nasync def f(x: 'assay.Pool | None'): {S}",
    "a class of the runtime by its full name": f"from assay.runtime.pool import Pool\nasync def f(x: Pool): {S}",
    "imported for type checkers": lines(
        "import typing", "if typing.TYPE_CHECKING:", "  from assay import Pool", f"async def f(x: 'Pool'): {S}"
    ),
    "an optional": f"import assay\nfrom typing import Optional\nasync def f(x: Optional[assay.Pool]): {S}",
    "an alias": f"from app.db import Db\nasync def f(x: Db): {S}",
    "a subclass": f"from app.db import Own\nasync def f(x: Own): {S}",
    "a constructor": f"import assay\nasync def f():\n  x = assay.Pool('u')\n  {S}",
    "an opened connection": f"import assay\nasync def f():\n  x = await assay.connect('u')\n  {S}",
    "a context manager": f"import assay\nasync def f(p: assay.Pool):\n  async with p.transaction() as x:\n    {S}",
    "a function that yields": f"from app.db import session\nasync def f():\n  async with session() as x:\n    {S}",
    "a function that returns": f"from app.db import opened\nasync def f():\n  x = await opened()\n  {S}",
    "an attribute annotated in the class": lines(
        "from app.db import Repository", "async def f(r: Repository):", '  await r.pool.execute("select 1")'
    ),
    "an attribute given in __init__": lines(
        "from app.db import Repository", "async def f(r: Repository):", '  await r.other.execute("select 1")'
    ),
    "self": lines(
        "import assay",
        "class R:",
        "  def __init__(self, p: assay.Pool): self.p = p",
        '  async def f(self): await self.p.execute("select 1")',
    ),
    "a property": lines(
        "import assay",
        "class R:",
        "  @property",
        "  def p(self) -> assay.Pool: ...",
        '  async def f(self): await self.p.execute("select 1")',
    ),
    "a cast": f"import assay, typing\nasync def f(o):\n  x = typing.cast(assay.Pool, o)\n  {S}",
    "unknown, where Assay is imported": f"import assay\nasync def f(x): {S}",
    "a call on several lines": lines(
        "import assay", "async def f(x: assay.Pool):", "  await (", "    x", '    .execute("select 1")', "  )"
    ),
    "in a lambda": 'import assay\nf = lambda x: x.execute("select 1")',
    "in a comprehension": 'import assay\nasync def f(x: assay.Pool): [await x.execute("select 1") for _ in y]',
    "in a nested function": f"import assay\nasync def f(x: assay.Pool):\n  async def g():\n    {S}",
    "by keyword": 'import assay\nasync def f(x: assay.Pool): await x.execute(sql="select 1")',
}


@pytest.mark.parametrize("code", OURS.values(), ids=OURS.keys())
def test_counts(tmp_path: Path, code: str) -> None:
    assert statements(find(tmp_path, code)) == ["select 1"]


OTHERS = {
    "another database's connection": 'import aiomysql\nasync def f(x: aiomysql.Connection): await x.execute("select 1")',
    "another driver's, beside Assay": 'import assay, sqlite3\ndef f(x: sqlite3.Cursor): x.execute("select 1")',
    "opened by another library": 'import assay, sqlite3\nx = sqlite3.connect("f")\nx.execute("select 1")',
    "a class of the project's own": lines(
        "import assay", "from app.db import Wrapper", 'def f(x: Wrapper): x.fetch_all(R, "select 1")'
    ),
    "unknown, in a file of another library": 'from sqlalchemy import text\ndef f(x): x.execute("select 1")',
    "another database's, by an alias that type checkers see differently": lines(
        "import assay, aiomysql",
        "from typing import TYPE_CHECKING",
        "if TYPE_CHECKING:",
        "  Driver = aiomysql.Connection[aiomysql.Record]",
        "else:",
        "  Driver = aiomysql.Connection",
        'async def f(connection: Driver): await connection.execute("select 1")',
    ),
    "unknown, in a file of another database": 'import sqlite3\ndef f(x): x.execute("select 1")',
    "no statement": 'import assay\ndef f(x): x.execute("do it now, please")',
    "a task": "import assay\ndef f(runner, task): runner.execute(task)",
    "no argument": "import assay\ndef f(x: assay.Pool): x.execute()",
    "a fetch with the statement first": 'def f(database): database.fetch_all("select 1")',
}


@pytest.mark.parametrize("code", OTHERS.values(), ids=OTHERS.keys())
def test_does_not_count(tmp_path: Path, code: str) -> None:
    assert find(tmp_path, code).calls == ()


NOT_PROVABLE = {
    "ours, whatever it is given": "import assay\nasync def f(x: assay.Pool, q): await x.execute(q)",
    "unknown, with the beginning of a statement": 'import assay\nasync def f(x, q): await x.execute("select " + q)',
    "unknown, cut off": 'import assay\nasync def f(x, t): await x.execute("update " + t)',
    "unknown, by its format": 'import assay\nasync def f(x, q): await x.execute("delete from {}".format(q))',
    "unknown, named like a database": "import assay\nasync def f(db, q): await db.execute(q)",
    "unknown, named like a pool": "import assay\nasync def f(app, q): await app.db_pool.fetch_all(R, q)",
}


@pytest.mark.parametrize("code", NOT_PROVABLE.values(), ids=NOT_PROVABLE.keys())
def test_counts_without_a_constant_statement(tmp_path: Path, code: str) -> None:
    (call,) = find(tmp_path, code).calls
    assert isinstance(call.sql, NotConstant)


def only(tmp_path: Path, call: str) -> Call:
    (found,) = find(tmp_path, f"import assay\nasync def f(db: assay.Pool, a, b, r): await db.{call}").calls
    return found


def test_arguments_by_position_follow_the_statement(tmp_path: Path) -> None:
    call = only(tmp_path, 'fetch_all(Row, "select $1, $2", a, b)')
    assert call.row is not None
    assert [(argument.name, argument.node.id) for argument in call.arguments] == [(None, "a"), (None, "b")]  # type: ignore[attr-defined]
    assert not call.unpacked


def test_arguments_by_name(tmp_path: Path) -> None:
    call = only(tmp_path, 'execute("delete from t where a = :a", a=b)')
    assert call.row is None
    assert [argument.name for argument in call.arguments] == ["a"]


@pytest.mark.parametrize("call", ['execute("select $1", *a)', 'execute("select :a", **a)'])
def test_unpacked_arguments_are_noted(tmp_path: Path, call: str) -> None:
    found = only(tmp_path, call)
    assert found.unpacked
    assert found.arguments == ()


def test_a_call_is_placed_where_it_begins(tmp_path: Path) -> None:
    assert str(only(tmp_path, 'execute("select 1")').place) == "app/main.py:2:45"


def test_calls_come_in_the_order_of_the_code(tmp_path: Path) -> None:
    code = lines(
        "import assay",
        "def f(db: assay.Pool):",
        '  db.execute("select 1")',
        '  db.execute("select 2")',
        'db.execute("select 3")',
    )
    assert statements(find(tmp_path, code)) == ["select 1", "select 2", "select 3"]


def test_a_file_with_a_syntax_error_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    find(
        tmp_path, OURS["an annotated parameter"], **{"app/broken.py": "x = 1\ndef f(:\n", "app/latin.py": "x = '\xff'"}
    )
    (tmp_path / "app" / "latin.py").write_bytes(b"x = '\xff'")
    (tmp_path / "app" / "nul.py").write_bytes(b"x = '\0'")
    found = discover(tmp_path, [tmp_path])
    assert statements(found) == ["select 1"]
    assert [(part.place.path, part.place.line) for part in found.unreadable] == [
        ("app/broken.py", 2),
        ("app/latin.py", 1),
        ("app/nul.py", 1),
    ]
    assert found.unreadable[0].why.startswith("it is not valid Python ")


def test_other_encodings_and_line_ends_keep_their_places(tmp_path: Path) -> None:
    code = b"# coding: latin-1\r\nimport assay\r\ndef f(db: assay.Pool):\r\n"
    code += b"  db.execute('''select '\xe9',\r\n   word''')\r\n"
    (tmp_path / "m.py").write_bytes(code)
    (call,) = discover(tmp_path, [tmp_path]).calls
    assert isinstance(call.sql, Sql)
    assert call.sql.text == "select 'é',\n   word"
    assert str(call.sql.place(call.sql.text.index("word") + 1)) == "m.py:5:4"


def test_a_byte_order_mark_does_not_move_columns(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_bytes(b"\xef\xbb\xbfimport assay\nassay.Pool('u').execute('select 1')\n")
    (call,) = discover(tmp_path, [tmp_path]).calls
    assert str(call.place) == "m.py:2:1"
