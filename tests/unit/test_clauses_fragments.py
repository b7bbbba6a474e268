"""What can take a choice's place, and what cannot."""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.sql.fragments import fault, fragment
from assay.sql.lexer import Kind, tokenize


class Order(StrEnum):
    NEWEST = "created_at desc"
    LENGTH = "length(name), id"


class Old(str, Enum):  # noqa: UP042 - the older way is taken, too
    NAME = "name"


class Number(IntEnum):
    ONE = 1


class Impostor(str):
    pass


@pytest.mark.parametrize(
    "text",
    [
        "", "name", "name desc", "Name ASC Nulls Last", "t.name, 2 desc nulls first", 's."Some ""odd"" name".x',
        "größe", "_a$1", "desc", "a,b , c", " name ",
    ],
)  # fmt: skip
def test_names_with_their_directions_can_be_chosen(text: str) -> None:
    assert fault(text, fixed=False, called=False) is None


@pytest.mark.parametrize(
    "text",
    [
        "name; drop table t", "f(x)", "(select 1)", "name --", "name /* */", "'a'", "a b", "a from b", "a desc b",
        "a union all select b", "1 + 1", "a::text", "a = 1", "*", "$1", ":a", "a,", ", a", "a..b", '"a', '""', "a[1]",
        "{b}", "e'x'", "$$x$$", "a\0", "a nulls first last", "-1", "1.5", 'U&"\\0061"', "a\u2029;", "a @@ b",
    ],
)  # fmt: skip
def test_anything_else_cannot(text: str) -> None:
    assert fault(text, fixed=False, called=False) is not None


def test_a_function_is_named_by_an_enum_alone() -> None:
    assert fault("pg_sleep", fixed=False, called=True) == (
        "a function may be called by it, and only the members of an enum can name functions"
    )
    assert fault("min", fixed=True, called=True) is None


@pytest.mark.parametrize(
    "text", ["length(name), id", "a > 'b'", "a -> 'x' ->> 'y'", "case when a[1] then b end", "a::int"]
)
def test_members_of_an_enum_can_be_any_words(text: str) -> None:
    assert fault(text, fixed=True, called=False) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a; b", "'a; b' has ; in it"),
        ("a = $1", "'a = $1' has $1 in it"),
        ("a = :b", "'a = :b' has : in it"),
        ("{a}", "'{a}' has { in it"),
        ("a -- b", "'a -- b' has a comment in it"),
        ("a /* b", "'a /* b' has a quote or a comment that does not end"),
        ("a 'b", '"a \'b" has a quote or a comment that does not end'),
        ("$$a", "'$$a' has a quote or a comment that does not end"),
        ("f(a", "'f(a' has a ( that is not closed"),
        ("a)", "'a)' has a ) that closes nothing"),
        ("(a]", "'(a]' has a ] that closes nothing"),
    ],
)
def test_members_of_an_enum_stay_in_their_place(text: str, why: str) -> None:
    assert fault(text, fixed=True, called=False) == why


def test_a_text_is_a_string_or_a_member_of_an_enum_of_strings() -> None:
    assert [fragment(value) for value in ("a", Order.NEWEST, Old.NAME)] == ["a", "created_at desc", "name"]
    assert [fragment(value) for value in (Number.ONE, Impostor("a"), b"a", None, 1)] == [None] * 5


def test_a_member_that_was_made_afterwards_is_none() -> None:
    made = str.__new__(Order, "drop")
    made._value_ = "drop"
    assert fragment(made) is None


@given(st.one_of(st.text(alphabet="ab,. \"'()-;:$1/*\n[]{}desc", max_size=20), st.text(max_size=20)))
def test_what_can_be_chosen_has_only_names_numbers_commas_and_dots(text: str) -> None:
    if fault(text, fixed=False, called=False) is None:
        tokens = [token for token in tokenize(text) if token.kind is not Kind.WHITESPACE]
        assert all(token.closed for token in tokens)
        assert all(
            token.kind in (Kind.WORD, Kind.QUOTED, Kind.NUMBER) or text[token.start : token.end] in (",", ".")
            for token in tokens
        )
