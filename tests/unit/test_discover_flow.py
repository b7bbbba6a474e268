"""Which strings a statement can be, and under which conditions."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.discovering import told

PATHS: dict[str, tuple[str, dict[str, str]]] = {
    "a conditional expression": (
        """
        def f(db, x):
            db.execute("a" if x else "b")
        """,
        {"x is true (line 3)": "a", "x is false (line 3)": "b"},
    ),
    "one inside a sum": (
        """
        def f(db, x):
            db.execute("a " + ("b" if x.y > 3 else "c") + " d")
        """,
        {"x.y > 3 is true (line 3)": "a b d", "x.y > 3 is false (line 3)": "a c d"},
    ),
    "one inside an f-string": (
        """
        def f(db, x):
            order = "a" if x else "b"
            db.execute(f"by {order}")
        """,
        {"x is true (line 3)": "by a", "x is false (line 3)": "by b"},
    ),
    "two of the same condition": (
        """
        def f(db, x):
            db.execute(("a" if x else "b") + ("c" if not x else "d"))
        """,
        {"x is true (line 3)": "ad", "x is false (line 3)": "bc"},
    ),
    "two of different conditions": (
        """
        def f(db, x, y):
            db.execute(("a" if x else "b") + ("c" if y else "d"))
        """,
        {
            "x is true (line 3) and y is true (line 3)": "ac",
            "x is true (line 3) and y is false (line 3)": "ad",
            "x is false (line 3) and y is true (line 3)": "bc",
            "x is false (line 3) and y is false (line 3)": "bd",
        },
    ),
    "a condition that may come out otherwise the second time": (
        """
        def f(db, x):
            q = "a" if x() else "b"
            q += "c" if x() else "d"
            db.execute(q)
        """,
        {
            "x() is true (line 3) and x() is true (line 4)": "ac",
            "x() is true (line 3) and x() is false (line 4)": "ad",
            "x() is false (line 3) and x() is true (line 4)": "bc",
            "x() is false (line 3) and x() is false (line 4)": "bd",
        },
    ),
    "a condition on a name that changes in between": (
        """
        def f(db, x):
            q = "a" if x else "b"
            x = not x
            q += "c" if x else "d"
            db.execute(q)
        """,
        {
            "x is true (line 3) and x is true (line 5)": "ac",
            "x is true (line 3) and x is false (line 5)": "ad",
            "x is false (line 3) and x is true (line 5)": "bc",
            "x is false (line 3) and x is false (line 5)": "bd",
        },
    ),
    "one side that is not constant": (
        """
        def f(db, x, q):
            db.execute("a" if x else q)
        """,
        {"x is true (line 3)": "a", "x is false (line 3)": '["q" is a parameter (line 2)]'},
    ),
    "an if with an else": (
        """
        def f(db, x):
            if x:
                q = "a"
            else:
                q = "b"
            db.execute(q)
        """,
        {"x is true (line 3)": "a", "x is false (line 3)": "b"},
    ),
    "an if alone": (
        """
        def f(db, x):
            q = "a"
            if x is None:
                q = "b"
            db.execute(q)
        """,
        {"x is None is true (line 4)": "b", "x is None is false (line 4)": "a"},
    ),
    "a chain of conditions": (
        """
        def f(db, x, y):
            if x:
                q = "a"
            elif y:
                q = "b"
            else:
                raise ValueError
            db.execute(q)
        """,
        {"x is true (line 3)": "a", "y is true (line 5)": "b"},
    ),
    "a chain to its end, of which each condition implies that those above it failed": (
        """
        def f(db, x, y, z):
            q = ""
            if x:
                q = "a"
            elif not y:
                q = "b"
            elif z:
                q = "c"
            else:
                q = "d"
            db.execute(q)
        """,
        {
            "x is true (line 4)": "a",
            "y is false (line 6)": "b",
            "z is true (line 8)": "c",
            "z is false (line 8)": "d",
        },
    ),
    "an if of its own under else": (
        """
        def f(db, x, y):
            if x:
                q = "a"
            else:
                q = "b"
                if y:
                    q = "c"
            db.execute(q)
        """,
        {
            "x is true (line 3)": "a",
            "x is false (line 3) and y is false (line 7)": "b",
            "x is false (line 3) and y is true (line 7)": "c",
        },
    ),
    "added under a condition": (
        """
        def f(db, x, y):
            q = "a"
            if x:
                q += " b"
            if y:
                q += " c"
            db.execute(q)
        """,
        {
            "x is true (line 4) and y is true (line 6)": "a b c",
            "x is false (line 4) and y is true (line 6)": "a c",
            "x is true (line 4) and y is false (line 6)": "a b",
            "x is false (line 4) and y is false (line 6)": "a",
        },
    ),
    "added to itself": (
        """
        def f(db):
            q = "a"
            q = q + " b"
            q = f"{q} c"
            db.execute(q)
        """,
        {"": "a b c"},
    ),
    "used under the condition that decided": (
        """
        def f(db, x):
            q = "a" if x else "b"
            if x:
                db.execute(q)
        """,
        {"x is true (line 3)": "a", "x is false (line 3)": "b"},
    ),
    "given under the condition of its use": (
        """
        def f(db, x):
            q = "a"
            if x:
                q = "b"
                db.execute(q)
        """,
        {"": "b"},
    ),
    "a way that leaves": (
        """
        def f(db, x):
            q = "a"
            if x:
                q = "b"
                return
            db.execute(q)
        """,
        {"": "a"},
    ),
    "inside with": (
        """
        async def f(db, x):
            async with x as y:
                q = "a"
            q += "b"
            db.execute(q)
        """,
        {"": "ab"},
    ),
    "a try whose handlers leave": (
        """
        def f(db):
            q = "a"
            try:
                q = "b"
            except ValueError:
                return
            db.execute(q)
        """,
        {"": "b"},
    ),
    "inside a try": (
        """
        def f(db):
            q = "a"
            try:
                q += "b"
                db.execute(q)
            except ValueError:
                pass
        """,
        {"": "ab"},
    ),
    "a match": (
        """
        def f(db, kind):
            match kind:
                case "x":
                    q = "a"
                case "y" | "z":
                    q = "b"
                case _:
                    q = "c"
            db.execute(q)
        """,
        {"kind is 'x' (line 3)": "a", "kind is 'y' | 'z' (line 3)": "b", "kind is _ (line 3)": "c"},
    ),
    "a match that may not": (
        """
        def f(db, kind):
            q = "a"
            match kind:
                case "x":
                    q = "b"
            db.execute(q)
        """,
        {"kind is 'x' (line 4)": "b", "no case of kind holds (line 4)": "a"},
    ),
    "a new value in each turn of a loop": (
        """
        def f(db, xs):
            q = ""
            for x in xs:
                q = "a"
                db.execute(q)
        """,
        {"": "a"},
    ),
    "a value from before a loop that leaves it alone": (
        """
        def f(db, xs):
            q = "a"
            q += "b"
            while xs:
                db.execute(q)
        """,
        {"": "ab"},
    ),
    "inside a comprehension": (
        """
        def f(db, xs):
            q = "a"
            q += "b"
            [db.execute(q) for x in xs]
        """,
        {"": "ab"},
    ),
    "a module's name from a function": (
        """
        if DEBUG:
            Q = "a"
        else:
            Q = "b"
        def f(db):
            db.execute(Q)
        """,
        {"DEBUG is true (line 2)": "a", "DEBUG is false (line 2)": "b"},
    ),
    "a class's name from a method": (
        """
        class R:
            Q = "a"
            Q += "b"
            def f(self, db):
                db.execute(self.Q)
        """,
        {"": "ab"},
    ),
    "a parameter that is given a value": (
        """
        def f(db, q=None):
            q = "a"
            db.execute(q)
        """,
        {"": "a"},
    ),
    "a parameter that may be given a value": (
        """
        def f(db, q=None):
            if q is None:
                q = "a"
            db.execute(q)
        """,
        {"q is None is true (line 3)": "a", "q is None is false (line 3)": '["q" is a parameter (line 2)]'},
    ),
    "an annotation before the value": (
        """
        def f(db, x):
            q: str
            if x:
                q = "a"
            else:
                q = "b"
            db.execute(q)
        """,
        {"x is true (line 4)": "a", "x is false (line 4)": "b"},
    ),
    "the same text on both sides": (
        """
        def f(db, x):
            db.execute("a" if x else b)
        """,
        {"x is true (line 3)": "a", "x is false (line 3)": '[where "b" comes from cannot be told from the code]'},
    ),
    "a class that overrides": (
        """
        class Base:
            TABLE = "a"
            def f(self, db):
                db.execute(f"from {self.TABLE}")
        class One(Base):
            TABLE = "b"
        class Two(One):
            TABLE = "c"
        """,
        {"self is a Base": "from a", "self is a One": "from b", "self is a Two": "from c"},
    ),
    "a class that leaves it to others": (
        """
        class Base:
            TABLE: str
            @classmethod
            def f(cls, db):
                db.execute("from " + cls.TABLE + " where " + cls.TABLE)
        class One(Base):
            TABLE = "b"
        """,
        {"": "from b where b"},
    ),
}


@pytest.mark.parametrize(("code", "expected"), PATHS.values(), ids=PATHS.keys())
def test_every_string_is_found(tmp_path: Path, code: str, expected: dict[str, str]) -> None:
    assert told(tmp_path, code) == expected


def test_a_class_in_another_file_overrides(tmp_path: Path) -> None:
    code = 'class Base:\n    Q = "a"\n    def f(self, db):\n        db.execute(self.Q)\n'
    below = 'from m import Base\nclass Below(Base):\n    Q = "b"\n'
    assert told(tmp_path, code, below=below) == {"self is a Base": "a", "self is a Below": "b"}
