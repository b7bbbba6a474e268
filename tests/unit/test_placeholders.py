"""Placeholders are found where they are, and nowhere else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ParameterError
from assay.sql.placeholders import Statement, parse

NAMES = st.sampled_from(["id", "name", "größe", "_x1", "class"])
PLAIN = st.lists(
    st.sampled_from(
        ["select", "a", "a::int", "b := 1", "a[1:2]", "a[i:j]", "a[:n]", "(x)", "->>", "'it''s'", "1.5", ",", "/* c */"]
    ),
    max_size=12,
).map(" ".join)


def quoted(form: str) -> st.SearchStrategy[str]:
    """A literal, identifier or comment with colons and parameters inside; no ``$`` between dollars that would end it."""
    opening, closing = form.split("…")
    inner = st.text(alphabet=":abc 1\n[]" if "$" in form else ":abc $1\n[]", max_size=15)
    return inner.map(lambda text: opening + text + closing)


QUOTED = st.one_of(
    *(quoted(form) for form in ["'…'", "E'\\'…'", "U&'…'", "B'…'", "$$…$$", "$q$…$q$", '"…"', "/*…*/", "/*/*…*/*/"])
)


def numbered(sql: str) -> str:
    return parse(sql).text


@given(PLAIN)
def test_statement_without_placeholders_stays_as_it_is(sql: str) -> None:
    assert parse(sql) == Statement(sql, sql)


@given(st.text(max_size=60))
def test_any_text_can_be_read(sql: str) -> None:
    try:
        statement = parse(sql)
    except ParameterError:
        return
    assert bool(statement.names) <= bool(statement.edits)
    assert statement.text == sql or statement.names


@given(QUOTED)
def test_nothing_inside_quotes_or_comments_is_a_placeholder(literal: str) -> None:
    sql = f"select {literal} , :id"
    assert parse(sql).text == f"select {literal} , $1"


@given(st.lists(st.tuples(PLAIN, NAMES), min_size=1, max_size=6), PLAIN)
def test_every_position_maps_back(parts: list[tuple[str, str]], end: str) -> None:
    sql = "".join(f"{plain} + :{name} " for plain, name in parts) + end
    statement = parse(sql)
    back = [statement.source_offset(offset) for offset in range(len(statement.text) + 1)]
    assert back == sorted(back)
    assert back[-1] == len(sql)
    for match in re.finditer(r"\$\d+", statement.text):
        name = statement.names[int(match[0][1:]) - 1]
        assert sql.startswith(f":{name}", back[match.start()])
        assert back[match.end() - 1] == back[match.start()]
    outside = re.sub(r"\$\d+", lambda match: "\0" * len(match[0]), statement.text)
    assert all(sql[back[offset]] == character for offset, character in enumerate(outside) if character != "\0")


@given(st.lists(NAMES, min_size=1, max_size=12))
def test_a_name_is_one_parameter_however_often_it_stands(names: list[str]) -> None:
    statement = parse("select " + ", ".join(f":{name}" for name in names))
    assert statement.names == tuple(dict.fromkeys(names))
    numbers = [f"${statement.names.index(name) + 1}" for name in names]
    assert statement.text == "select " + ", ".join(numbers)


def test_positional_parameters_are_counted_by_the_highest() -> None:
    statement = parse("select $2::int, '$7', $1")
    assert (statement.positional_count, statement.parameter_count, statement.names) == (2, 2, ())


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("select :id::uuid", "select $1::uuid"),
        ("select f(a := :a, b => :b)", "select f(a := $1, b => $2)"),
        ("where a<:low and b>=:high", "where a<$1 and b>=$2"),
        ("select 'a':x", "select 'a'$1"),
        ("limit :n;", "limit $1;"),
        ("select : x, :1, :'x', :\"x\"", "select : x, :1, :'x', :\"x\""),
        ("select e'\\':a', :b", "select e'\\':a', $1"),
        ("select '\\', :b --:c", "select '\\', $1 --:c"),
        ("do $$ begin perform :x; end $$", "do $$ begin perform :x; end $$"),
    ],
)
def test_colons_outside_of_brackets(sql: str, sent: str) -> None:
    assert numbered(sql) == sent


@pytest.mark.parametrize(
    "sql",
    [
        "a[1:2]",
        "a[:2]",
        "a[2:]",
        "a[:]",
        "a[i:j]",
        "a[:n]",
        "a[ :n ]",
        "a[f(x):n]",
        "a[b[1]:n]",
        "a['k':n]",
        "a[1:n][:m]",
    ],
)
def test_slices_are_left_alone(sql: str) -> None:
    assert numbered(f"select {sql}") == f"select {sql}"


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("a[(:n)]", "a[($1)]"),
        ("a[1 + :n]", "a[1 + $1]"),
        ("a[1 : :n]", "a[1 : $1]"),
        ("a[: :n]", "a[: $1]"),
        ("a[:i : n]", "a[$1 : n]"),
        ("a[:i:j]", "a[$1:j]"),
        ("a[:i : :j]", "a[$1 : $2]"),
        ("a[(:i):(:j)]", "a[($1):($2)]"),
        ("a[case when :c then 1 else :d end]", "a[case when $1 then 1 else $2 end]"),
        ("array[:a, :b]", "array[$1, $2]"),
        ("ARRAY [[:a], [:b]]", "ARRAY [[$1], [$2]]"),
        ("array[a[:n], :b]", "array[a[:n], $1]"),
        ("array[f(:a, b[1:c])]", "array[f($1, b[1:c])]"),
        ("a[1:2] = :x", "a[1:2] = $1"),
        ("a] = :x", "a] = $1"),
    ],
)
def test_placeholders_near_slices(sql: str, sent: str) -> None:
    assert numbered(f"select {sql}") == f"select {sent}"


@pytest.mark.parametrize("sql", ["select $1, :id", "select :id where a = $2"])
def test_both_kinds_in_one_statement_are_refused(sql: str) -> None:
    with pytest.raises(ParameterError, match=r"both kinds, \$\d and :id \(line 1\)"):
        parse(sql)


def test_name_is_kept_in_the_form_python_gives_keywords() -> None:
    def received(**named: Any) -> tuple[str, ...]:
        return tuple(named)

    assert parse("select :ﬁeld").names == eval("received(ﬁeld=1)", {"received": received}) == ("field",)


def test_statement_is_read_once() -> None:
    assert parse("select :once") is parse("select :once")
