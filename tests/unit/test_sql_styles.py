"""Other libraries' placeholders, rewritten to what the server takes, with every character where it stood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ParameterError
from assay.sql.lexer import Kind, tokenize
from assay.sql.placeholders import Statement
from assay.sql.styles import Misplaced, Style, parse, shown, shown_name

FORMAT, WRITTEN, COLON, NUMBERED = Style.FORMAT, Style.WRITTEN, Style.COLON, Style.NUMBERED

REWRITTEN = {
    "by position": (FORMAT, "select %s, %s", "select $1, $2", (), 2),
    "by name": (FORMAT, "select %(a)s, %(b)s, %(a)s", "select $1, $2, $1", ("a", "b"), 0),
    "a name that is a number": (FORMAT, "select %(1)s", "select $1", ("1",), 0),
    "binary and text": (FORMAT, "select %b, %t", "select $1, $2", (), 2),
    "a percent sign": (FORMAT, "select 5 %% %s", "select 5 % $1", (), 1),
    "a percent sign in a literal": (FORMAT, "select 'a%%', %s", "select 'a%', $1", (), 1),
    "next to an operator": (FORMAT, "select a=%s", "select a=$1", (), 1),
    "before a cast": (FORMAT, "select %s::int", "select $1::int", (), 1),
    "a name in a comment": (FORMAT, "select %(a)s -- %(b)s", "select $1 -- %(b)s", ("a",), 0),
    "no placeholders": (FORMAT, "select 1", "select 1", (), 0),
    "a tuple written out": (WRITTEN, "select 1 where a in %s", "select 1 where a in ($1)", (), 1),
    "a literal's type": (WRITTEN, "select interval %s, 1", "select cast($1 as interval), 1", (), 1),
    "a literal's type by name": (WRITTEN, "select date %(d)s", "select cast($1 as date)", ("d",), 0),
    "written, by position": (WRITTEN, "update t set a = %s", "update t set a = $1", (), 1),
    "a colon": (COLON, "select :a, :b, :a", "select $1, $2, $1", ("a", "b"), 0),
    "a colon with a digit": (COLON, "select :1", "select $1", ("1",), 0),
    "a cast": (COLON, "select a::int, :a", "select a::int, $1", ("a",), 0),
    "escaped": (COLON, r"select ':\:x', :a\:\:int", "select '::x', $1::int", ("a",), 0),
    "a time of day": (COLON, "select '12:30'", "select '12:30'", (), 0),
    "a bound of a slice": (COLON, "select a[:n]", "select a[$1]", ("n",), 0),
    "two bounds of a slice": (COLON, "select a[1:n]", "select a[1:n]", (), 0),
    "a cast that the library stumbles over": (COLON, "select :abc::int", "select :abc::int", (), 0),
    "a list": (COLON, "select 1 where a in :ids", "select 1 where a in ($1)", ("ids",), 0),
    "a name in a comment of text": (COLON, "select :a /* :b */", "select $1 /* :b */", ("a",), 0),
    "a percent sign in text": (COLON, "select 'a%' like :a", "select 'a%' like $1", ("a",), 0),
    "as the server has them": (NUMBERED, "select $2, $1, ':x %s'", "select $2, $1, ':x %s'", (), 2),
    "colons of no meaning": (NUMBERED, "select :a", "select :a", (), 0),
}


@pytest.mark.parametrize(("style", "sql", "text", "names", "count"), REWRITTEN.values(), ids=REWRITTEN.keys())
def test_rewritten(style: Style, sql: str, text: str, names: tuple[str, ...], count: int) -> None:
    statement = parse(sql, style)
    assert (statement.text, statement.names, statement.positional_count) == (text, names, count)


def test_a_list_that_is_bound_as_one_is_in_parentheses() -> None:
    assert parse("select a = any(array :ids)", COLON, frozenset({"ids"})).text == "select a = any(array ($1))"


STUMBLED = {
    "a percent sign alone": (FORMAT, "select 'a%', %s", "%'", True),
    "a percent sign at the end": (FORMAT, "select 5 %", "%", True),
    "another conversion": (FORMAT, "select %d", "%d", True),
    "another conversion of a name": (FORMAT, "select %(a)d", "%(a)d", True),
    "binary in psycopg2": (WRITTEN, "select %b", "%b", True),
    "both kinds": (FORMAT, "select %s, %(a)s", "%(a)s", True),
    "in a literal": (FORMAT, "select '%s'", "%s", True),
    "in a quoted name": (FORMAT, 'select "%s"', "%s", True),
    "in a comment": (FORMAT, "select 1 /* %s */", "%s", True),
    "in a literal that it is written into": (WRITTEN, "select interval '%s days'", "%s", False),
    "a row written out": (WRITTEN, "insert into t values %s", "%s", False),
    "rows compared": (WRITTEN, "select 1 where (a, b) in %s", "%s", False),
    "a utility statement": (WRITTEN, "set work_mem = %s", "%s", False),
    "a colon in a literal": (COLON, "select ':a'", ":a", True),
    "a colon in a dollar quote": (COLON, "do $$ select :a $$", ":a", True),
}


@pytest.mark.parametrize(("style", "sql", "word", "certain"), STUMBLED.values(), ids=STUMBLED.keys())
def test_what_the_library_stumbles_over_is_told_where_it_stands(
    style: Style, sql: str, word: str, certain: bool
) -> None:
    with pytest.raises(Misplaced) as caught:
        parse(sql, style)
    assert caught.value.offset == sql.index(word)
    assert caught.value.certain is certain
    assert caught.value.message
    assert caught.value.fix


def test_messages_name_what_stands_there() -> None:
    with pytest.raises(Misplaced) as caught:
        parse("select 'a%', %s", FORMAT)
    assert caught.value.message == '"%\'" is no placeholder: the driver knows %s, %b and %t'
    with pytest.raises(Misplaced) as caught:
        parse("select '%s'", FORMAT)
    assert caught.value.message == "the placeholder %s stands inside quotes, where the server puts no value"


def test_assays_own_style_is_read_by_its_own_rules() -> None:
    assert parse("select :a", Style.ASSAY) == Statement(
        "select $1", "select :a", ("a",), 0, parse("select :a", Style.ASSAY).edits
    )
    with pytest.raises(ParameterError):
        parse("select :a, $1", Style.ASSAY)


def test_the_same_characters_in_two_styles_are_two_statements() -> None:
    sql = "select 'a%%'"
    assert {parse(sql, FORMAT).source, parse(sql, NUMBERED).source} == {"select 'a%'", sql}


@pytest.mark.parametrize(
    ("style", "sql", "word"),
    [
        (FORMAT, "select %s, nmae, 'a%%b' || %s, wrod from t", "wrod"),
        (FORMAT, "select %(name)s, %(name)s, wrod", "wrod"),
        (WRITTEN, "select interval %s, a in %s, wrod", "wrod"),
        (COLON, r"select :a, ':\:', :a\:\:int, wrod", "wrod"),
    ],
)
def test_a_word_is_found_where_the_user_wrote_it(style: Style, sql: str, word: str) -> None:
    statement = parse(sql, style)
    assert statement.source_offset(statement.text.index(word)) == sql.index(word)


@pytest.mark.parametrize(
    ("style", "sql", "placeholder"),
    [
        (FORMAT, "select 'a%%', %(name)s", "%(name)s"),
        (WRITTEN, "select a in %s", "%s"),
        (COLON, "select a in :ids", ":ids"),
    ],
)
def test_a_parameter_is_found_at_its_placeholder(style: Style, sql: str, placeholder: str) -> None:
    statement = parse(sql, style)
    assert statement.source_offset(statement.text.index("$1")) == sql.index(placeholder)


def test_parameters_are_shown_as_they_are_written() -> None:
    assert shown(FORMAT, parse("select %s, %s", FORMAT), 1) == "%s no. 2"
    assert shown(FORMAT, parse("select %(a)s", FORMAT), 0) == "%(a)s"
    assert shown(COLON, parse("select :a", COLON), 0) == ":a"
    assert shown(NUMBERED, parse("select $1", NUMBERED), 0) == "$1"
    assert shown_name(WRITTEN, "a") == "%(a)s"


PIECES = st.lists(
    st.sampled_from(["%s", "%%", "'it''s'", "-- c\n", "/* x */", "a", "::int", "=", " ", "$$x$$", "\n", '"q"']),
    max_size=12,
).map(" ".join)


@given(PIECES)
def test_offsets_lead_back_to_the_same_characters(sql: str) -> None:
    statement = parse(sql, FORMAT)
    assert statement.positional_count == sql.count("%s")
    for token in tokenize(statement.text):
        if token.kind is Kind.WORD:
            start = statement.source_offset(token.start)
            assert sql[start : start + token.end - token.start] == statement.text[token.start : token.end]


@given(PIECES)
def test_a_statement_without_parameters_is_sent_as_it_is(sql: str) -> None:
    assert parse(sql, NUMBERED).text == sql
