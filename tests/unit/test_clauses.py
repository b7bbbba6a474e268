"""Clauses and choices are found where they are, and nowhere else; variants are what one would write by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ParameterError
from assay.runtime.dynamic import DynamicQuery
from assay.sql.omit import OMIT
from assay.sql.placeholders import parse
from assay.sql.templates import Template, TemplateError, parse_template
from assay.sql.variants import Variant, left_out, selections, variant, variants


def template(sql: str) -> Template:
    found = parse_template(sql)
    assert found is not None, sql
    return found


def made(sql: str, *omitted: str, **texts: str) -> Variant:
    found = template(sql)
    return variant(found, left_out(found, set(omitted)), texts)


def text(sql: str, *omitted: str, **texts: str) -> str:
    """The statement sent when these keys are OMIT, with runs of blanks as one."""
    return " ".join(made(sql, *omitted, **texts).statement.text.split())


# What is a clause


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "select array[[1, 2], [3, 4]]",
        "select ARRAY [[:a, 2], [3, $b]]",
        "select array[[[1]], [[2]]], array[[:x]]",
        "select array[ [[1],[2]], [[3],[4]] ]",
        "select array/* c */[[1]]",
        "select a[b[1]], a[b[c[:i]]]",
        "select a[array[[1]][1][1]]",
        "select '[[ :a ]]', \"[[ :a ]]\", $$[[ :a ]]$$, $q$ ]] {x} $q$, e'\\'[[' -- [[ :a",
        "select 1 /* [[ :a ]] {b} */",
        "select '{a}', '{\"a\": 1}'::jsonb, '{1,2}'::int[]",
        "select { a }, {}, {1}, {a, b}, {'a'}, {:a}",
        "select a ] [ b [ [",
    ],
)
def test_statement_without_clauses_or_choices_has_no_template(sql: str) -> None:
    assert parse_template(sql) is None


@pytest.mark.parametrize(
    ("sql", "whole", "without"),
    [
        ("where true [[ and a = :x ]] limit 1", "where true and a = $1 limit 1", "where true limit 1"),
        ("[[:x]]", "$1", ""),
        ("a[[+:x]]b", "a +$1 b", "a b"),
        ("a = 1[[-:x]]", "a = 1 -$1", "a = 1"),
        ("a -[[-:x]]", "a - -$1", "a -"),
        ("[[ and a[1 + :x]]]", "and a[1 + $1]", ""),
        ("[[ and a[b[1 + :x]]]]", "and a[b[1 + $1]]", ""),
        ("[[ and a = any(array[[:x], [2]]) ]]", "and a = any(array[[$1], [2]])", ""),
        ("array[1 [[ , :x ]]]", "array[1 , $1 ]", "array[1 ]"),
        ("array[[1] [[ , [:x]]]]", "array[[1] , [$1] ]", "array[[1] ]"),
        ("array[[[1]] [[ , [[:x]]]]]", "array[[[1]] , [[$1]] ]", "array[[[1]] ]"),
        ("f(a [[ , :x ]])", "f(a , $1 )", "f(a )"),
        ("[[ and b = ' ]] ' || :x ]]", "and b = ' ]] ' || $1", ""),
        ("[[ and a = :x -- ]]\n ]]", "and a = $1 -- ]]", ""),
        ("[[ :x::int[] ]]", "$1::int[]", ""),
        ("a[1 [[ : :x ]]]", "a[1 : $1 ]", "a[1 ]"),
    ],
)
def test_clause_is_in_or_out(sql: str, whole: str, without: str) -> None:
    assert (text(sql), text(sql, ":x")) == (whole, without)


def test_inner_clause_goes_with_the_outer_one_and_not_the_other_way_round() -> None:
    sql = "select 1 [[ where a = :a [[ and b = :b ]] ]] limit :n"
    assert text(sql) == "select 1 where a = $1 and b = $2 limit $3"
    assert text(sql, ":b") == "select 1 where a = $1 limit $2"
    assert text(sql, ":a") == text(sql, ":a", ":b") == "select 1 limit $1"
    assert made(sql, ":a").taken == (2,)


def test_any_parameter_of_a_clause_leaves_it_out_wherever_it_stands() -> None:
    sql = "[[ :a between :low and :high ]] [[ , :low ]]"
    assert text(sql, ":high") == ", $1"
    assert text(sql, ":low") == ""
    assert selections(template(sql), 10) == [frozenset(), frozenset({0}), frozenset({0, 1})]


def test_a_parameter_that_also_stands_outside_cannot_be_omitted() -> None:
    found = template("select :a [[ , :a, :b ]]")
    assert found.omittable == {":b"}


def test_positional_parameters_are_numbered_anew() -> None:
    sql = "select $3 [[ , $1 ]] [[ , $2, $3 ]]"
    kept = made(sql, "$1")
    assert " ".join(kept.statement.text.split()) == "select $2 , $1, $2"
    assert kept.taken == (1, 2)
    assert (kept.statement.positional_count, kept.statement.numbers) == (2, (2, 3))
    assert [kept.statement.shown(index) for index in range(2)] == ["$2", "$3"]
    assert made(sql).statement.numbers == (1, 2, 3)


def test_names_are_numbered_as_in_the_statement_that_is_left() -> None:
    sql = "[[ :b , :c ]] :a , :b"
    kept = made(sql, ":c")
    assert kept.statement.names == ("a", "b")
    assert kept.statement.text.split() == ["$1", ",", "$2"]
    assert kept.taken == (2, 0)


# What is a choice


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("order by {x}", "order by name"),
        ("order by {x};", "order by name;"),
        ("order by t.{x}, {x}", "order by t.name, name"),
        ("({x})", "(name)"),
        ("{x}::text, 'a'::{x}", "name::text, 'a'::name"),
        ("{x}--c", "name--c"),
        ("/* c */{x}/* c */", "/* c */name/* c */"),
        ("a[{x}]", "a[name]"),
        ("a[{x} :n]", "a[name :n]"),
        ("[[ order by {x} ]]", "order by name"),
        ("[[{x}]]", "name"),
        ("{x} '{x}' {y }", "name '{x}' {y }"),
    ],
)
def test_choice_is_replaced(sql: str, expected: str) -> None:
    assert text(sql, x="name") == expected


@pytest.mark.parametrize(
    "sql",
    ["a{x}", "{x}b", "{x}{y}", "-{x}", "{x}=1", ":{x}", "${x}", "'a'{x}", "{x}'a'", "1.{x}", "a[{x}:n]"],
)
def test_choice_is_a_word_of_its_own(sql: str) -> None:
    with pytest.raises(TemplateError, match=r"^\{x\} is part of a longer word \(line 1\); leave a blank around it$"):
        parse_template(sql)


def test_choice_in_a_clause_can_be_omitted() -> None:
    found = template("select 1 [[ order by {x} ]] limit 1")
    assert found.omittable == {"{x}"}
    assert text(found.source, "{x}") == "select 1 limit 1"
    assert made(found.source, "{x}").chosen == ()


def test_choice_before_a_parenthesis_is_known_to_be_called() -> None:
    assert made("select {f}(a), {g} [[ , {h} ]] (:x) [[ , :y]]", f="min", g="a", h="b").called == {"f", "h"}
    assert made("select {f}(a), {g} [[ , {h} ]] (:x)", "{h}", f="min", g="a").called == {"f", "g"}


# What is refused

GIVE = "put a parameter into it that can be OMIT, or take the brackets out"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select 1\n[[ and :a", "the clause is not closed (line 2); write ]] at its end, outside of comments"),
        ("[[ :a -- ]]", "the clause is not closed (line 1); write ]] at its end, outside of comments"),
        ("[[ :a ]", "the ] closes nothing in its clause (line 1); let the clause hold both"),
        ("[[ :a ] ]", "the ] closes nothing in its clause (line 1); let the clause hold both"),
        ("f([[ :a ) ]]", "the ) closes nothing in its clause (line 1); let the clause hold both"),
        ("[[ f( :a ]] )", "the clause ends before its ( is closed (line 1); let the clause hold both"),
        ("select :a ]]", "there is no clause for ]] to close (line 1); write [[ where it begins"),
        ("[ [ and :a ]]", None),
        (
            "[[ and true ]]",
            f"the clause can never be left out, since it has no parameter of its own (line 1); {GIVE}",
        ),
        (
            "[[ [[ :a ]] ]]",
            f"the clause can never be left out, since it has no parameter of its own (line 1); {GIVE}",
        ),
        (
            "select :a, :b [[ , :b, :a, :b ]]",
            f"the clause can never be left out, since :b, :a also stand outside of clauses (line 1); {GIVE}",
        ),
        ("select :a, {a}", ":a and {a} cannot be told apart (line 1); rename one of them"),
        ("select $3 [[ , $1 ]]", "there is a $3, but no $2 (line 1); number them without gaps"),
        (
            "select $1 [[ , :a ]]",
            "The statement has placeholders of both kinds, $1 and :a (line 1); use $1, $2 or names alone",
        ),
    ],
)
def test_what_is_not_well_formed_is_refused(sql: str, message: str | None) -> None:
    if message is None:
        assert parse_template(sql) is None  # two subscripts, closed; the server says what it thinks of them
        return
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        parse_template(sql)


# Laws


@given(st.text(alphabet="[]{}()'\"$:ax1, -\n", max_size=30))
def test_any_text_can_be_read(sql: str) -> None:
    try:
        found = parse_template(sql)
    except ParameterError:
        return
    if found is not None:
        assert all(clause.start < clause.end <= len(sql) for clause in found.clauses)
        assert all(sql[hole.start : hole.end] for hole in found.holes)


ELEMENT = st.sampled_from(["1", ":a", "x", "a[1]", "a[b[1]]", "a[:n]", "f(a[b[:i + 1]])", "'[['", "(1)", "a[1:b[2]]"])


def arrays(blank: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Nested array constructors, with blanks here and there."""

    def listed(parts: list[str], gap: str) -> str:
        return f"[{gap}" + f"{gap},{gap}".join(parts) + f"{gap}]"

    inner = st.recursive(
        ELEMENT,
        lambda children: st.builds(listed, st.lists(children, min_size=1, max_size=3), blank),
        max_leaves=8,
    )
    return st.builds(lambda part, gap: f"array{gap}[{gap}{part}{gap}]", inner, blank)


@given(st.lists(st.one_of(arrays(st.sampled_from(["", " ", "\n", "/* [[ */"])), ELEMENT), min_size=1, max_size=4))
def test_arrays_and_subscripts_are_never_clauses(parts: list[str]) -> None:
    sql = "select " + ", ".join(parts)
    assert parse_template(sql) is None


@given(st.lists(arrays(st.sampled_from(["", " "])), min_size=1, max_size=3))
def test_arrays_in_a_clause_stay_whole(parts: list[str]) -> None:
    inside = ", ".join(parts)
    assert text(f"select 1 [[ , {inside}, :zz ]]") == " ".join(parse(f"select 1 , {inside}, :zz").text.split())
    assert text(f"select 1 [[, {inside}, :zz]]", ":zz") == "select 1"


@dataclass(frozen=True)
class Part:
    """A clause as a tree, for the reference: its own texts and parameters, and the clauses inside it."""

    names: tuple[str, ...]
    children: tuple[Part, ...]
    choice: str | None = None

    def written(self) -> str:
        own = " ".join(f", f(:{name})" for name in self.names) + (f" , {{{self.choice}}}" if self.choice else "")
        return f"[[ {own} {' '.join(child.written() for child in self.children)} ]]"

    def kept(self, omitted: set[str], texts: dict[str, str]) -> str:
        """The straightforward way: what is left of it, in the user's own notation."""
        if omitted.intersection(self.names) or self.choice in omitted:
            return " "
        own = " ".join(f", f(:{name})" for name in self.names) + (f" , {texts[self.choice]}" if self.choice else "")
        return f"  {own} {' '.join(child.kept(omitted, texts) for child in self.children)}  "


NAMES = "abcde"
CHOICES = {"p": ("one", "two"), "q": ("three", "four", "five")}
PARTS = st.recursive(
    st.builds(
        Part,
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map(tuple),
        st.just(()),
        st.sampled_from([None, None, *CHOICES]),
    ),
    lambda children: st.builds(
        Part,
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map(tuple),
        st.lists(children, max_size=3).map(tuple),
        st.sampled_from([None, None, *CHOICES]),
    ),
    max_leaves=6,
)


def subsets(keys: set[str]) -> Iterator[set[str]]:
    ordered = sorted(keys)
    return map(set, chain.from_iterable(combinations(ordered, size) for size in range(len(ordered) + 1)))


@given(st.lists(PARTS, min_size=1, max_size=3), st.booleans())
def test_variants_are_what_the_straightforward_way_gives_and_all_are_proven(parts: list[Part], outside: bool) -> None:
    always = ", :z" if outside else ""
    sql = f"select 0 {' '.join(part.written() for part in parts)} {always}"
    found = template(sql)
    every = variants(found, CHOICES, 100_000)
    assert every is not None
    proven = {one.statement.text for one in every}
    assert len(proven) == len(every) or found.choices
    reached: set[str] = set()
    for omitted in subsets({key.strip(":{}") for key in found.omittable}):
        gone = left_out(found, {f":{name}" if name not in CHOICES else f"{{{name}}}" for name in omitted})
        for first in CHOICES["p"]:
            for second in CHOICES["q"]:
                texts = {"p": first, "q": second}
                one = variant(found, gone, texts)
                by_hand = parse(f"select 0 {' '.join(part.kept(omitted, texts) for part in parts)} {always}")
                assert one.statement.text == by_hand.text
                assert one.statement.names == by_hand.names
                assert [found.keys[index] for index in one.taken] == [f":{name}" for name in by_hand.names]
                reached.add(one.statement.text)
    assert reached == proven


@given(st.lists(PARTS, min_size=1, max_size=3), st.data())
def test_whatever_the_runtime_would_run_is_proven(parts: list[Part], data: st.DataObject) -> None:
    sql = f"select 0 {' '.join(part.written() for part in parts)}"
    found = template(sql)
    every = variants(found, CHOICES, 100_000)
    assert every is not None
    values: dict[str, object] = {}
    for key in found.keys:
        name = key.strip(":{}")
        values[name] = data.draw(st.one_of(st.just(OMIT), st.sampled_from(CHOICES.get(name, (1, None, "x")))))
    query, sent = DynamicQuery(found).bind((), values)
    assert query.statement.text in {one.statement.text for one in every}
    assert sent == tuple(values[name] for name in query.statement.names)
    assert OMIT not in sent


@given(st.lists(PARTS, min_size=1, max_size=3))
def test_every_position_of_a_variant_maps_back(parts: list[Part]) -> None:
    sql = f"select 0 {' '.join(part.written() for part in parts)} end"
    for one in variants(template(sql), CHOICES, 100_000) or ():
        statement = one.statement
        back = [statement.source_offset(offset) for offset in range(len(statement.text) + 1)]
        assert back == sorted(back)
        assert back[-1] == len(sql)
        for match in re.finditer(r"\$\d+", statement.text):
            assert sql.startswith(f":{statement.names[int(match[0][1:]) - 1]}", back[match.start()])
        for word in re.finditer(r"\b(f|select|end)\b", statement.text):
            assert sql.startswith(word[0], back[word.start()])


def test_more_variants_than_allowed_are_not_listed() -> None:
    sql = "select 0 " + " ".join(f"[[ , :p{number} ]]" for number in range(10))
    assert len(variants(template(sql), {}, 1024) or ()) == 1024
    assert variants(template(sql + " [[ , :more ]]"), {}, 1024) is None
    assert variants(template(sql + " order by {x}"), {"x": ["1", "2"]}, 1024) is None
    assert len(variants(template(sql + " order by {x}"), {"x": ["1", "1"]}, 1024) or ()) == 1024


def test_a_hundred_clauses_with_one_parameter_are_two_statements() -> None:
    found = template("select 0 " + "[[ , :p ]] " * 100)
    assert [len(one.left_out) for one in variants(found, {}, 1024) or ()] == [0, 100]


def test_a_thousand_clauses_are_given_up_at_once() -> None:
    sql = "select 0 " + " ".join(f"[[ , :p{number} ]]" for number in range(1000))
    assert variants(template(sql), {}, 1024) is None


def test_clauses_nested_hundreds_deep_are_read() -> None:
    depth = 300
    sql = "select 0 " + "".join(f"[[ , :p{number} " for number in range(depth)) + "]]" * depth
    found = template(sql)
    assert len(variants(found, {}, 1024) or ()) == depth + 1


def test_placeholders_in_a_slice_are_in_order() -> None:
    assert parse("select a[:i + f(:x) : n]").text == "select a[$1 + f($2) : n]"
