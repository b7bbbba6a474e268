"""Scripts are cut at the semicolons that end a statement, and at no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.sql.lexer import BLANK, tokenize
from assay.sql.splitting import Obstacle, plain_text, split_statements


def texts(script: str) -> list[str]:
    return [statement.text for statement in split_statements(script)]


@pytest.mark.parametrize(
    "statement",
    [
        "select 'a;b'",
        "select 'it''s; fine'",
        "select 'ends with a backslash\\', ';'",
        "select E'quote \\'; still'",
        "select e'doubled ''; still'",
        "select E'a' -- ; it''s a comment\n '\\'; still'",
        "select note'x;y'",
        "select U&'d\\0061t;a'",
        "select b'01', x'ff;'",
        'select 1 as "a;b"',
        'select 1 as "a"";b"',
        "select $$a;b$$",
        "select $tag$ a; $$ ; $other$ ; $tag$",
        "select $é$;$é$",
        "do $do$ begin execute $sql$ select 1; $sql$; end; $do$",
        "select $1, $2",
        "select 1 -- one; two\n",
        "select 1 /* one; /* two; */ three; */ + 1",
        "select 1 +/* ; */ 1",
        "select 1 - 1 / 1",
        "create rule r as on insert to t do also (delete from a; delete from b)",
        "create function f() returns int begin atomic select 1; select 2; end",
        "create or replace procedure p() language sql begin atomic insert into t values (1); delete from t; end",
        "create function f(a int) returns int begin atomic select case when a > 1 then 2 else 3 end; select 4; end",
        "create function f() returns int begin atomic select 1 as end; select t.case from t; end",
        "create function begin() returns int language sql as 'select 1;'",
        'create function "begin atomic"() returns int language sql return 1',
        "create or replace function a.b.c.d.e.f.g.h.i.j.k.l() returns int begin atomic select 1; end",
        "insert into t values ('a;', $x$;$x$, E'\\';', /* ; */ 1)",
        "select a1e'x;'",
    ],
)
def test_one_statement_is_not_cut(statement: str) -> None:
    assert texts(f"{statement};\nselect 2;") == [f"{statement};", "\nselect 2;"]


@pytest.mark.parametrize("opening", ["'a;", '"a;', "E'a\\';", "$$a;", "/* a;", "(a;", "$a$ $b$;"])
def test_what_is_never_closed_takes_the_rest(opening: str) -> None:
    script = f"select 1; select {opening} select 3;"
    assert texts(script) == ["select 1;", script[len("select 1;") :]]


def test_begin_is_no_body_outside_of_create_function() -> None:
    assert texts("begin; select 1; end;") == ["begin;", " select 1;", " end;"]


def test_a_dollar_inside_a_name_opens_nothing() -> None:
    assert texts("select a$b$;select c$b$;") == ["select a$b$;", "select c$b$;"]


def test_a_closing_parenthesis_too_many_does_not_swallow_what_follows() -> None:
    assert texts("select 1);select 2;") == ["select 1);", "select 2;"]


def test_a_comment_ends_with_a_lone_carriage_return() -> None:
    assert texts("select 1 -- ;\r;select 2") == ["select 1 -- ;\r;", "select 2"]


def test_comments_lead_their_statement_and_the_last_ones_trail() -> None:
    script = "-- one\nselect 1;\n;\n-- two\n/* ; */ select 2;\n-- the end;\n"
    first, second = split_statements(script)
    assert first.text == "-- one\nselect 1;"
    assert second.text == script[len(first.text) :]
    assert (first.lead, second.start, script[second.start + second.lead :][:8]) == (7, len(first.text), "select 2")


@pytest.mark.parametrize("script", ["", " \n", ";", " ; ;\n", "-- nothing;\n", "/* a; */", "\n-- x"])
def test_a_script_without_statements_has_none(script: str) -> None:
    assert split_statements(script) == ()


def test_words_are_those_outside_of_parentheses_and_quotes() -> None:
    (statement,) = split_statements('CREATE Index concurrently "X" On t (lower(a)) Where b')
    assert statement.words == ("create", "index", "concurrently", "on", "t", "where", "b")


@pytest.mark.parametrize(
    ("script", "obstacle", "place"),
    [
        ("select 1;\n\\connect other\nselect 2;", Obstacle.BACKSLASH, "\\connect"),
        ("\\restrict abc\nselect 1;", Obstacle.BACKSLASH, "\\restrict"),
        ("select 1 \\gset\n", Obstacle.BACKSLASH, "\\gset"),
        ("select 1;\ncopy t (a, b) from stdin;\n1\t'x\n\\.\n", Obstacle.COPY, "copy t"),
        ("COPY s.t FROM STDIN WITH (format csv);\n1,2\n\\.\n", Obstacle.COPY, "COPY s.t"),
        ("copy (select 1) to stdout;", Obstacle.COPY, "copy (select"),
    ],
)
def test_what_only_psql_understands_is_found(script: str, obstacle: Obstacle, place: str) -> None:
    found = next(statement for statement in split_statements(script) if statement.obstacle)
    assert found.obstacle is obstacle
    assert script[found.start + found.obstacle_at :].startswith(place)


@pytest.mark.parametrize(
    "script", ["copy t from '/srv/stdin'", "select '\\d'", "select 1 -- \\d", "/* \\d */ select 1"]
)
def test_what_the_server_understands_is_no_obstacle(script: str) -> None:
    assert [statement.obstacle for statement in split_statements(script)] == [None]


def test_backslashes_escape_in_plain_literals_when_the_server_says_so() -> None:
    script = "select 'a\\'; b';select 2;"
    escaped = split_statements(script, standard_conforming_strings=False)
    assert [statement.text for statement in escaped] == ["select 'a\\'; b';", "select 2;"]
    assert texts(script) == ["select 'a\\';", " b';select 2;"]


def test_a_set_statement_changes_how_literals_are_read() -> None:
    script = "set standard_conforming_strings = off;select 'a\\'; b';set standard_conforming_strings to on;select '\\';"
    assert len(split_statements(script)) == 4


@pytest.mark.parametrize(
    ("statement", "plain"),
    [
        ("-- why\ncreate  index\n\t on t(a) ; -- so", "create index on t(a)"),
        ("select 'a  -- b;' ,/* c */$$  d $$;\n;", "select 'a  -- b;' , $$  d $$"),
        ('; /* a */ drop table "a  b"', 'drop table "a  b"'),
    ],
)
def test_plain_text_leaves_literals_and_names_alone(statement: str, plain: str) -> None:
    assert plain_text(statement) == plain


_MARKS = st.sampled_from(
    ["'", "''", "E'", "\\", "$$", "$a$", "$", '"', ";", "--", "\n", "\r\n", "/*", "*/", "(", ")", ".", " "]
)
_WORDS = st.sampled_from(
    ["a", "é", "1", "as", "create function f()", " begin atomic ", " case ", " end ", "\0", "\ufeff"]
)
_SCRIPTS = st.lists(st.one_of(_MARKS, _WORDS, st.just("copy t from stdin")), max_size=40).map("".join)


def test_a_backslash_escapes_in_every_literal_of_characters_where_strings_do_not_conform() -> None:
    script = r"select 'a\';', N'b\';', E'c\';', X'\'; select 2"
    statements = split_statements(script, standard_conforming_strings=False)
    assert [one.text for one in statements] == [script.removesuffix(" select 2"), " select 2"]


@given(_SCRIPTS, st.booleans())
def test_joining_the_statements_loses_nothing(script: str, conforming: bool) -> None:
    statements = split_statements(script, standard_conforming_strings=conforming)
    assert not statements or "".join(statement.text for statement in statements) == script
    for statement in statements:
        assert script.startswith(statement.text, statement.start)
        assert not statement.text[statement.lead].isspace()
        assert statement.text[statement.lead] != ";"


@given(_SCRIPTS)
def test_a_statement_is_not_cut_further(script: str) -> None:
    for statement in split_statements(script):
        assert texts(statement.text) == [statement.text]


@given(_SCRIPTS)
def test_the_lexer_sees_a_semicolon_wherever_a_statement_is_cut(script: str) -> None:
    semicolons = {token.end for token in tokenize(script) if script[token.start : token.end] == ";"}
    assert {statement.start for statement in split_statements(script)} <= {0, *semicolons}


@given(_SCRIPTS)
def test_without_parentheses_and_bodies_every_such_semicolon_ends_a_statement(script: str) -> None:
    plain = script.replace("(", "").replace("begin", "")
    filled = [False]
    for token in tokenize(plain):
        if plain[token.start : token.end] == ";":
            filled.append(False)
        elif token.kind not in BLANK:
            filled[-1] = True
    assert len(split_statements(plain)) == sum(filled)
