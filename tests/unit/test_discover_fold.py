"""Which expressions are constant strings."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from assay.proof.discover.fold import Folder
from assay.proof.discover.model import NotConstant, Sql
from assay.proof.discover.resolve import Project
from assay.proof.discover.source import Source

MODULES = {
    "app/__init__.py": "",
    "app/sql.py": (
        'TABLE = "devices"\n'
        "from .deep.more import DEEP\n"
        "class Queries:\n"
        '    BASE = "select * from "\n'
        '    ALL: str = BASE + "devices"\n'
        "    class Inner:\n"
        '        ONE = "select 1"\n'
        "class More(Queries):\n"
        "    pass\n"
    ),
    "app/deep/__init__.py": "",
    "app/deep/more.py": 'from ..sql import TABLE\nDEEP = "deep " + TABLE\n',
    "app/stars.py": "from app.sql import *\n",
    "app/queries/one.sql": "select 1\n",
    "app/loop.py": "from app.loop2 import A\n",
    "app/loop2.py": "from app.loop import A\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    return Project(tmp_path)


def fold(project: Project, code: str) -> Sql | NotConstant:
    """Fold the argument of the call of ``use`` in a module of the package."""
    path = project.root / "app" / "main.py"
    path.write_text(code)
    source = project.read(path)
    assert isinstance(source, Source), source
    call, scope = next((call, scope) for call, scope in source.found.calls)
    (form,) = Folder(project).forms(call.args[0], source, scope)
    return form.sql


CONSTANT = {
    "a name of the module": ('Q = "select 1"\ndb.execute(Q)', "select 1"),
    "a name of another module": ("from app.sql import TABLE\ndb.execute(TABLE)", "devices"),
    "a relative import": ("from .sql import TABLE as T\ndb.execute(T)", "devices"),
    "a module's attribute": ("from app import sql\ndb.execute(sql.TABLE)", "devices"),
    "a dotted module": ("import app.sql\ndb.execute(app.sql.TABLE)", "devices"),
    "a module under another name": ("import app.sql as s\ndb.execute(s.TABLE)", "devices"),
    "a star import": ("from .sql import *\ndb.execute(TABLE)", "devices"),
    "a star import of a star import": ("from app.stars import *\ndb.execute(TABLE)", "devices"),
    "a name imported through two modules": ("from .sql import DEEP\ndb.execute(DEEP)", "deep devices"),
    "a class attribute": ("from app.sql import Queries\ndb.execute(Queries.ALL)", "select * from devices"),
    "an inherited class attribute": ("from app.sql import More\ndb.execute(More.ALL)", "select * from devices"),
    "a local name given once": ('def f(db):\n    q = "select 1"\n    db.execute(q)', "select 1"),
    "a local import": ("def f(db):\n    from .sql import TABLE\n    db.execute(TABLE)", "devices"),
    "a name of the function around": ('def f(db):\n    q = "a"\n    def g():\n        db.execute(q)', "a"),
    "an attribute of self": (
        'class R:\n    Q = "select 1"\n    def f(self, db):\n        db.execute(self.Q)',
        "select 1",
    ),
    "an attribute of cls": (
        'class R:\n    Q = "a"\n    @classmethod\n    def f(cls, db):\n        db.execute(cls.Q)',
        "a",
    ),
    "a class attribute skipped over by a method": (
        'Q = "outer"\nclass R:\n    Q = "inner"\n    def f(self, db):\n        db.execute(Q)',
        "outer",
    ),
    "a global declared": ('Q = "a"\ndef f(db):\n    global Q\n    db.execute(Q)', "a"),
    "two assignments": ('q = "a"\nq = "b"\ndb.execute(q)', "b"),
    "an addition in place": ('q = "a"\nq += "b"\ndb.execute(q)', "ab"),
    "an attribute given by __init__": (
        'class R:\n    def __init__(self):\n        self.q = "a"\n    def f(self, db):\n        db.execute(self.q)',
        "a",
    ),
    "an attribute with a type": (
        'class R:\n    Q: str = "a"\n    def f(self, db):\n        db.execute(self.Q)',
        "a",
    ),
    "an attribute of a class in a class": ("from app.sql import Queries\ndb.execute(Queries.Inner.ONE)", "select 1"),
    "a method's own name": ('class R:\n    def f(self, db):\n        q = "a"\n        db.execute(q)', "a"),
    "a name given in an expression": ('def f(db):\n    db.execute(q := "a")', "a"),
    "a name given in an expression before": ('def f(db):\n    print(q := "a")\n    db.execute(q)', "a"),
    "stripped": ('db.execute("  a\\n".strip())', "a"),
    "stripped of something": ('db.execute("a;;".rstrip(";"))', "a"),
    "stripped on the left": ('Q = " a "\ndb.execute(Q.lstrip())', "a "),
    "dedented": ('import textwrap\ndb.execute(textwrap.dedent("""\n    a\n      b\n    """))', "\na\n  b\n"),
    "dedented and stripped": (
        'from textwrap import dedent\ndb.execute(dedent("""\\\n    a\n    b\n    """).strip())',
        "a\nb",
    ),
    "a format over constants": ('C = "a"\ndb.execute("{} {{}} {}".format(C, 3))', "a {} 3"),
    "a format by name": ('C = "a"\ndb.execute("x {c} {c}".format(c=C))', "x a a"),
    "a format by number": ('db.execute("x {1} {0}".format("a", "b"))', "x b a"),
    "a percent over a constant": ('C = "a"\ndb.execute("x %s 100%%" % C)', "x a 100%"),
    "a percent over a tuple": ('db.execute("%s, %s" % ("a", "b"))', "a, b"),
    "a percent by name": ('db.execute("%(a)s" % {"a": "b"})', "b"),
    "a join of a tuple": ('C = ("a", "b")\ndb.execute(", ".join(C))', "a, b"),
    "a join of a list that stays": ('C = ["a", "b"]\ndb.execute(f"x {\', \'.join(C)}")', "x a, b"),
    "a join of a list": ('A = "a"\ndb.execute(" ".join([A, "b"]))', "a b"),
    "a text of SQLAlchemy": ("from sqlalchemy import text\ndb.execute(text('a'))", "a"),
    "a text by its full name": ("import sqlalchemy as sa\ndb.execute(sa.sql.expression.text('a'))", "a"),
    "a text given by name": ("import sqlalchemy\nT = sqlalchemy.text(text='a')\ndb.execute(T)", "a"),
    "a text with bound parameters": (
        "from sqlalchemy import bindparam, text\ndb.execute(text('a').bindparams(bindparam('b'), c=1).columns())",
        "a",
    ),
    "a literal of psycopg": ("from psycopg.sql import SQL\ndb.execute(SQL('a') + SQL('b'))", "ab"),
    "a file of SQL": ("import assay\ndb.execute(assay.sql_file('queries/one.sql'))", "select 1\n"),
    "a file of SQL elsewhere": (
        "from assay import sql_file as sql\ndb.execute(sql('../app/queries/one.sql'))",
        "select 1\n",
    ),
    "a sum of three": ('db.execute("a" + "b" + "c")', "abc"),
    "an f-string over names": ('A = "a"\nN = 3\ndb.execute(f"{A} {A} limit {N}")', "a a limit 3"),
}


@pytest.mark.parametrize(("code", "text"), CONSTANT.values(), ids=CONSTANT.keys())
def test_constant(project: Project, code: str, text: str) -> None:
    sql = fold(project, code)
    assert isinstance(sql, Sql), sql
    assert sql.text == text


NOT_CONSTANT = {
    "a parameter": ("def f(db, q):\n    db.execute(q)", '"q" is a parameter (line 1)', "2:16"),
    "assigned through global": (
        'q = "a"\ndef f():\n    global q\n    q = "b"\ndb.execute(q)',
        '"q" is given a value in more than one place, lines 1, 4',
        "5:12",
    ),
    "a loop variable": ("for q in qs:\n    db.execute(q)", '"q" is not given a constant string', "2:16"),
    "a call": ("db.execute(make())", "it is the result of make()", "1:12"),
    "a call of something long": (f"db.execute({'m' * 41}())", "it is the result of a call", "1:12"),
    "a call that is waited for": (
        "async def f(db):\n    db.execute(await self.make())",
        "it is the result of self.make()",
        "2:16",
    ),
    "a format": ('db.execute("a {}".format(x))', 'where "x" comes from cannot be told from the code', "1:26"),
    "a format of more than names": (
        'db.execute("a {:>3}".format("b"))',
        "it is computed while the program runs",
        "1:12",
    ),
    "a format of too few": ('db.execute("a {} {}".format("b"))', "it is computed while the program runs", "1:12"),
    "a format of unpacked values": ('db.execute("a {}".format(*x))', "it is the result of 'a {}'.format()", "1:12"),
    "a percent": ('db.execute("a %s" % x)', 'where "x" comes from cannot be told from the code', "1:21"),
    "a percent of another kind": ('db.execute("a %d" % 3)', "it is computed while the program runs", "1:12"),
    "a join of what is not known": ('db.execute(", ".join(x))', "it is the result of ', '.join()", "1:12"),
    "a join of a list that is changed": (
        'C = ["a"]\nC.append("b")\ndb.execute(", ".join(C))',
        "it is the result of ', '.join()",
        "3:12",
    ),
    "a choice of words": ('db.execute(x or "b")', "it depends on a condition", "1:12"),
    "another method of a string": ('db.execute("a".upper())', "it is the result of 'a'.upper()", "1:12"),
    "a composition of psycopg": (
        'from psycopg import sql\ndb.execute(sql.SQL("select {}").format(sql.Identifier("a")))',
        "psycopg.sql puts it together while the program runs",
        "2:12",
    ),
    "a name of psycopg": (
        "from psycopg2 import sql\ndb.execute(sql.Composed([]))",
        "psycopg.sql puts it together while the program runs",
        "2:12",
    ),
    "a file that is not there": (
        'import assay\ndb.execute(assay.sql_file("no.sql"))',
        "there is no file app/no.sql; paths are seen from the folder of the calling file",
        "2:27",
    ),
    "a file of a name that is not constant": (
        "import assay\ndef f(db, name):\n    db.execute(assay.sql_file(name))",
        '"name" is a parameter (line 2)',
        "3:31",
    ),
    "an attribute that only has a type": (
        "class R:\n    Q: str\n    def f(self, db):\n        db.execute(self.Q)",
        '"self.Q" is not given a value',
        "4:20",
    ),
    "an attribute that methods change": (
        'class R:\n    Q = "a"\n    def f(self, db):\n        self.Q = "b"\n        db.execute(self.Q)',
        '"Q" is given a value in more than one place, lines 2, 4',
        "5:20",
    ),
    "a field with a format": ('A = "a"\ndb.execute(f"{A:>3}")', "it is formatted while the program runs", "2:15"),
    "a field of a parameter": (
        'def f(db, order):\n    db.execute(f"a order by {order}")',
        '"order" is a parameter (line 1)',
        "2:30",
    ),
    "a part of a sum": ('db.execute("a" + b + "c")', 'where "b" comes from cannot be told from the code', "1:18"),
    "an attribute of an instance": (
        "db.execute(self.q)",
        'where "self.q" comes from cannot be told from the code',
        "1:12",
    ),
    "itself": ("q = q\ndb.execute(q)", '"q" is defined by itself', "1:5"),
    "modules in a circle": (
        "from app.loop import A\ndb.execute(A)",
        'where "A" comes from cannot be told from the code',
        "2:12",
    ),
    "bytes": ('db.execute(b"a")', "it is not a constant string", "1:12"),
}


@pytest.mark.parametrize(("code", "why", "place"), NOT_CONSTANT.values(), ids=NOT_CONSTANT.keys())
def test_not_constant(project: Project, code: str, why: str, place: str) -> None:
    found = fold(project, code)
    assert isinstance(found, NotConstant)
    assert (found.why, f"{found.place.line}:{found.place.column}") == (why, place)


def test_a_sum_of_thousands_of_terms(project: Project) -> None:
    code = "db.execute(" + " + ".join(["'a'"] * 900) + ")"
    sql = fold(project, code)
    assert isinstance(sql, Sql)
    assert sql.text == "a" * 900


def test_a_deeply_nested_sum_is_read_without_recursion() -> None:
    node: ast.expr = ast.Constant("a", lineno=1, col_offset=0, end_lineno=1, end_col_offset=3)
    tree = node
    for _ in range(20_000):
        tree = ast.BinOp(tree, ast.Add(), node, lineno=1, col_offset=0, end_lineno=1, end_col_offset=3)
    source = Source(Path("/p/m.py"), "m.py", "m", "'a'", ast.Module([], []))
    (form,) = Folder(Project(Path("/p"))).forms(tree, source, source.scope)
    sql = form.sql
    assert isinstance(sql, Sql)
    assert len(sql.text) == 20_001
