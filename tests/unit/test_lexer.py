"""The lexer divides SQL as the server's scanner does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.sql.lexer import BLANK, Kind, Token, tokenize

WORDS = r"""select a é $1 $$ $tag$ ' '' " E' e'\' U&' U&" B'1' -- /* */ : :: := :name [ ] ( ) { } ; , . .. 1 1.5e10
0x_ff + - = <> @> ?| \ foo$bar$"""
PIECES = [*WORDS.split(), " ", "\t", "\n", "\r", "\x00"]
sql_like = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=40)


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind.value, text[token.start : token.end]) for token in tokenize(text) if token.kind not in BLANK]


def only(text: str) -> Token:
    (token,) = tokenize(text)
    return token


@given(sql_like)
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(text[token.start : token.end] for token in tokenize(text)) == text


@given(sql_like)
def test_only_the_last_token_can_be_left_open(text: str) -> None:
    tokens = list(tokenize(text))
    assert all(token.closed for token in tokens[:-1])
    assert all(token.start < token.end for token in tokens)


@pytest.mark.parametrize(
    "text",
    [
        "'it''s'",
        "E'it\\'s'",
        "e'\\\\'",
        "U&'d\\0061t'",
        "B'101'",
        "x'1F'",
        "N'n'",
        "$$ it's $$",
        "$a$ $b$ $$ $a$",
        "$é$x$é$",
        "'a\nb'",
        "E'a'\n'b\\'c'",
        "E'a' -- note\n  'b\\'c'",
    ],
)
def test_literal_of_every_form_is_one_token(text: str) -> None:
    assert only(text) == Token(Kind.STRING, 0, len(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("'a", Kind.STRING),
        ("E'a\\'", Kind.STRING),
        ("'a''", Kind.STRING),
        ("$$ a $", Kind.STRING),
        ("$a$ $b$", Kind.STRING),
        ('"a""', Kind.QUOTED),
        ("/* a /* b */", Kind.COMMENT),
    ],
)
def test_what_is_not_closed_reaches_to_the_end(text: str, kind: Kind) -> None:
    assert only(text) == Token(kind, 0, len(text), closed=False)


def test_backslash_is_ordinary_in_a_plain_literal() -> None:
    assert kinds(r"'\' || a") == [("string", "'\\'"), ("operator", "||"), ("word", "a")]


def test_block_comments_nest() -> None:
    assert only("/* a /* b */ c */").kind is Kind.COMMENT


def test_line_comment_leaves_the_end_of_the_line() -> None:
    assert [token.kind for token in tokenize("--a\r\nb")] == [Kind.COMMENT, Kind.WHITESPACE, Kind.WORD]


def test_dollars_inside_a_word_open_no_literal() -> None:
    assert kinds("foo$bar$ 'x'") == [("word", "foo$bar$"), ("string", "'x'")]


def test_a_letter_before_a_literal_is_a_prefix_only_by_itself() -> None:
    assert kinds(r"fooe'\' || $1") == [
        ("word", "fooe"), ("string", "'\\'"), ("operator", "||"), ("parameter", "$1")
    ]  # fmt: skip


def test_colons_are_told_apart() -> None:
    assert [kind for kind, _ in kinds("a::int, b := 1, :c, d[1:2]")].count("colon") == 2
    assert ("cast", "::") in kinds("a::int")
    assert ("assign", ":=") in kinds("b := 1")
    assert kinds(":::x") == [("cast", "::"), ("colon", ":"), ("word", "x")]


def test_operators_end_where_the_server_ends_them() -> None:
    assert kinds("a=-1") == [("word", "a"), ("operator", "="), ("operator", "-"), ("number", "1")]
    assert kinds("a@-1") == [("word", "a"), ("operator", "@-"), ("number", "1")]
    assert kinds("a+--b") == [("word", "a"), ("operator", "+")]
    assert kinds("a*/*b*/c") == [("word", "a"), ("operator", "*"), ("word", "c")]


@pytest.mark.parametrize("text", ["1", "1_000", "1.5", ".5", "1.", "1e10", "1.5E-3", "0xFF", "0b1_0", "0o17"])
def test_number_of_every_form_is_one_token(text: str) -> None:
    assert only(text).kind is Kind.NUMBER


def test_two_dots_are_not_part_of_a_number() -> None:
    assert kinds("1..2")[0] == ("number", "1")
