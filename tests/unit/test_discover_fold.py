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
    return Folder(project).fold(call.args[0], source, scope)


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
    "two assignments": (
        'q = "a"\nq = "b"\ndb.execute(q)',
        '"q" is given a value in more than one place, lines 1, 2',
        "3:12",
    ),
    "an addition in place": (
        'q = "a"\nq += "b"\ndb.execute(q)',
        '"q" is given a value in more than one place, lines 1, 2',
        "3:12",
    ),
    "assigned through global": (
        'q = "a"\ndef f():\n    global q\n    q = "b"\ndb.execute(q)',
        '"q" is given a value in more than one place, lines 1, 4',
        "5:12",
    ),
    "a loop variable": ("for q in qs:\n    db.execute(q)", '"q" is not given a constant string', "2:16"),
    "a call": ("db.execute(make())", "it is the result of a call", "1:12"),
    "a format": ('db.execute("a {}".format(x))', "it is the result of a call", "1:12"),
    "a percent": ('db.execute("a %s" % x)', "it is computed while the program runs", "1:12"),
    "a condition": ('db.execute("a" if x else "b")', "it depends on a condition", "1:12"),
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
    sql = Folder(Project(Path("/p"))).fold(tree, source, source.scope)
    assert isinstance(sql, Sql)
    assert len(sql.text) == 20_001
