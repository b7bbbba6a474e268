"""Where in the code each character of a string literal stands."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.discover.fold import Folder
from assay.proof.discover.literals import Chunk, Unexpected, scan
from assay.proof.discover.model import Sql
from assay.proof.discover.resolve import Project
from assay.proof.discover.source import Source


def folded(code: str, name: str = "sql") -> Sql:
    """The constant that a name is given at the top of a module."""
    source = Source(Path("/p/m.py"), "m.py", "m", code, ast.parse(code))
    (form,) = Folder(Project(Path("/p"))).forms(ast.parse(name, mode="eval").body, source, source.scope)
    sql = form.sql
    assert isinstance(sql, Sql), sql
    return sql


def pointed_at(code: str, word: str) -> str:
    """What stands in the code at the place that a word of the constant is said to have."""
    sql = folded(code)
    place = sql.place(sql.text.index(word) + 1)
    return code.split("\n")[place.line - 1][place.column - 1 :]


LITERALS = {
    "plain": 'sql = "select word from t"',
    "single quotes": "sql = 'select word'",
    "triple quotes": 'sql = """\n   select\n     word\n"""',
    "joined": 'sql = "select " "word"',
    "joined over lines": 'sql = (\n  "select "\n  # why not\n  \'x, \' "word"\n)',
    "joined by a backslash": 'sql = "select " \\\n  "word"',
    "line continued inside": 'sql = "select \\\n word"',
    "escapes": r'sql = "\tselect \x41\u00e9\U0001F600\N{BULLET}\101\n word"',
    "unknown escape": r'sql = "select \d word"',
    "raw": r'sql = r"select \n \" word"',
    "raw ending in two backslashes": 'sql = r"select \\\\" "word"',
    "quotes inside triple quotes": 'sql = """select "a" ""b word"""',
    "plus": 'sql = "select " + "word"',
    "letters of two bytes": 'sql = "é ☃ 😀 word"',
    "f-string without fields": 'sql = f"select {{}} word"',
    "f-string around a constant": 'T = "t"\nsql = f"select {T} word"',
    "triple f-string": 'T = "t"\nsql = f"""\nselect {\nT\n}\n   word"""',
    "f-string with a format of nothing": 'T = "t"\nsql = f"select {T!s} word"',
    "raw f-string": 'T = "t"\nsql = rf"select \\d {T} \\{T} word"',
    "f-string joined to a string": 'T = "t"\nsql = "select {x} " f"{T} " "word"',
    "constant inside an f-string": 'T = "é word"\nsql = f"select {T} from t"',
    "number inside an f-string": 'N = 20\nsql = f"limit {N} word"',
    "walrus": 'x = (sql := "select word")',
    "byte order of names": 'a = "word"\nb = a\nsql = b + " x"',
}


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("code", LITERALS.values(), ids=LITERALS.keys())
def test_a_word_is_found_where_it_stands(code: str) -> None:
    assert pointed_at(code, "word").startswith("word")


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("code", [code for code in LITERALS.values() if "T" not in code and "N" not in code])
def test_the_folded_text_is_what_python_makes_of_it(code: str) -> None:
    names: dict[str, str] = {}
    exec(compile(code, "m", "exec"), names)
    assert folded(code).text == names["sql"]


def test_an_escape_stands_where_its_backslash_does() -> None:
    assert pointed_at(r'sql = "select \x41"', "A") == r'\x41"'


def test_beyond_the_end_is_the_last_character() -> None:
    assert str(folded('sql = "ab"').place(99)) == "m.py:1:9"


@pytest.mark.parametrize("code", ['sql = ""', 'sql = f""'])
def test_an_empty_string_has_a_place(code: str) -> None:
    assert str(folded(code).place(1)) == "m.py:1:7"


def test_what_is_no_literal_is_not_scanned() -> None:
    with pytest.raises(Unexpected):
        scan('"a" + "b"', 0, 9)


@given(st.lists(st.text(), min_size=1, max_size=4), st.sampled_from(["", "r", "f"]))
def test_any_text_written_by_repr_is_read_back(texts: list[str], prefix: str) -> None:
    """The scanner agrees with Python about every literal that repr() can write."""
    parts = [repr(text) for text in texts]
    if prefix == "r":
        parts = [f"r{part}" for part in parts if "\\" not in part]
    if prefix == "f":
        parts = [f"f{part}".replace("{", "{{").replace("}", "}}") for part in parts if "\\N" not in part]
    code = " ".join(parts)
    if not parts:
        return
    pieces = scan(code, 0, len(code))
    assert "".join(piece.text for piece in pieces if isinstance(piece, Chunk)) == ast.literal_eval(_without_f(code))


def _without_f(code: str) -> str:
    return repr(eval(code))
