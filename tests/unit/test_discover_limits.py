"""Where following strings ends, and where the characters of those that are followed stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.discovering import forms, told

from assay.proof.discover.model import Sql

NO = {
    "a loop that adds": (
        """
        def f(db, xs):
            q = "a"
            for x in xs:
                q += "b"
            db.execute(q)
        """,
        '"q" is put together in a loop (line 4)',
    ),
    "a loop that adds after the use": (
        """
        def f(db, xs):
            q = "a"
            while xs:
                db.execute(q)
                q += "b"
        """,
        '"q" is put together in a loop (line 4)',
    ),
    "a try that may have added": (
        """
        def f(db):
            q = "a"
            try:
                q = "b"
            except ValueError:
                pass
            db.execute(q)
        """,
        '"q" is given a value in a try statement (line 4)',
    ),
    "a function around that changes it": (
        """
        def f(db):
            q = "a"
            q += "b"
            def g():
                db.execute(q)
            q += "c"
        """,
        '"q" is given a value in more than one place, lines 3, 4, 7',
    ),
    "a function inside that changes it": (
        """
        def f(db):
            q = "a"
            def g():
                nonlocal q
                q = "b"
            g()
            db.execute(q)
        """,
        '"q" is given a value in more than one place, lines 3, 6',
    ),
    "another operator": (
        """
        def f(db):
            q = "a"
            q *= 3
            db.execute(q)
        """,
        "it is computed while the program runs",
    ),
    "unpacked": (
        """
        def f(db, x):
            q = "a"
            q, y = x
            db.execute(q)
        """,
        '"q" is not given a constant string',
    ),
    "taken from a context": (
        """
        def f(db, x):
            q = "a"
            with x as q:
                db.execute(q)
        """,
        '"q" is not given a constant string',
    ),
    "no value on any way": (
        """
        def f(db, x):
            if x:
                db.execute(q)
            q = "a"
            q = "b"
        """,
        '"q" has no value here',
    ),
}


@pytest.mark.parametrize(("code", "why"), NO.values(), ids=NO.keys())
def test_what_cannot_be_told_is_said(tmp_path: Path, code: str, why: str) -> None:
    assert told(tmp_path, code) == {"": f"[{why}]"}


def test_the_conditions_that_all_forms_share_are_not_told(tmp_path: Path) -> None:
    code = """
    def f(db, x, y):
        q = "a"
        if x:
            if y:
                q = "b"
            else:
                q = "c"
            db.execute(q)
    """
    assert told(tmp_path, code) == {"y is true (line 5)": "b", "y is false (line 5)": "c"}


def adding(count: int) -> str:
    names = [f"x{number}" for number in range(count)]
    added = "".join(f"    if {name}:\n        q += 'b'\n" for name in names)
    return f"def f(db, {', '.join(names)}):\n    q = 'a'\n{added}    db.execute(q)\n"


def test_as_many_forms_as_are_told_apart(tmp_path: Path) -> None:
    assert len(forms(tmp_path, adding(10))) == 1024


@pytest.mark.parametrize("count", [11, 40])
def test_more_forms_than_that_are_one_reason(tmp_path: Path, count: int) -> None:
    assert told(tmp_path, adding(count)) == {"": "[it has more than 1,024 forms]"}


def test_a_string_of_thousands_of_steps_is_one_reason(tmp_path: Path) -> None:
    code = "def f(db):\n    q = 'a'\n" + "    q += 'b'\n" * 3000 + "    db.execute(q)\n"
    assert told(tmp_path, code) == {"": "[it is put together in too many steps]"}


def test_characters_are_found_where_they_stand(tmp_path: Path) -> None:
    code = "def f(db, x):\n    q = ' a'.strip()\n    if x:\n        q += ' wh' 'ere'\n    db.execute(q)\n"
    (form, _) = forms(tmp_path, code)
    assert isinstance(form.sql, Sql)
    assert [str(form.sql.place(form.sql.text.index(word) + 1)) for word in ("a", "wh", "ere")] == [
        "m.py:2:11",
        "m.py:4:16",
        "m.py:4:21",
    ]


def test_findings_point_into_a_file_of_sql(tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "one.sql").write_text("select 1,\n  2\n")
    (form,) = forms(tmp_path, "import assay\nQ = assay.sql_file('queries/one.sql')\ndb.execute(Q)\n")
    assert isinstance(form.sql, Sql)
    assert str(form.sql.place(form.sql.text.index("2") + 1)) == "queries/one.sql:2:3"


def test_ways_that_part_and_meet_again_are_walked_once(tmp_path: Path) -> None:
    part = ["if a:", "    if b: q = '1'", "else:", "    if c: q = '2'"]
    lines = [f"    {line}" for _ in range(40) for line in part]
    code = "\n".join(["def f(db, a, b, c):", "    q = '0'", *lines, "    db.execute(q)"])
    found = told(tmp_path, code)
    assert set(found.values()) <= {"0", "1", "2", "[it has more than 1,024 forms]"}


def test_conditions_in_conditions_are_one_reason(tmp_path: Path) -> None:
    code = "def f(db, x):\n    db.execute(" + "('a' if x() else " * 60 + "'b'" + ")" * 61 + "\n"
    assert len(forms(tmp_path, code)) == 61
