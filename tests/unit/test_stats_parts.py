"""The parts of assay stats that need no server: texts without values, normal forms, tables, who waits for whom."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.ops.stats.activity import tree
from assay.ops.stats.model import Field, Section
from assay.ops.stats.normalising import normalised
from assay.ops.stats.redacting import HIDDEN, redacted
from assay.ops.stats.text import readable_bytes, readable_seconds, to_text

# --- texts without values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("select 'secret'", "select '...'"),
        ("select E'it''s', $$secret$$, U&'x', 12.5e3", "select '...', '...', '...', 0"),
        ("select name /* secret */ from t -- secret\nwhere id = $1", "select name from t where id = $1"),
        ("alter role r password 'sec", "alter role r password '...' ..."),
        ("select 'it\\'s', secret, 'x'", "select '...' ..."),
        ('select "Name" from t where x = -7', 'select "Name" from t where x = -0'),
        ('select "secr', 'select "..."'),
        ("select $q$ sec", "select '...' ..."),
        (HIDDEN, None),
        (None, None),
    ],
)
def test_literals_numbers_and_comments_are_taken_out(text: str | None, shown: str | None) -> None:
    assert redacted(text) == shown


SECRET = "tUNGSTEN"
QUOTES = st.sampled_from(["'{}'", "E'{}'", "$${}$$", "$x${}$x$", "U&'{}'", "n'{}'", "/* {} */", "-- {}\n", "b'{}'"])


@given(st.lists(QUOTES, min_size=1, max_size=4), st.integers(0, 40), st.text(" \n,(=", max_size=6))
def test_no_value_is_ever_shown_also_of_a_text_that_is_cut_off(quotes: list[str], cut: int, between: str) -> None:
    text = f"select {between.join(quote.format(SECRET) for quote in quotes)}"
    whole = redacted(text)
    part = redacted(text[: len(text) - cut])
    assert whole is not None
    assert part is not None
    assert SECRET[:3] not in whole + part


# --- normal forms


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("select a from t where b = 'x'", "select a from t where b = $1"),
        ("SELECT  a\nFROM t -- which\nWHERE b IN (1, 2, 3);", "select a from t where b in ($1 /*, ... */)"),
        ("select a from t where b in ($1, $2)", "select a from t where b in ($1,$2)"),
        ("select -1, a - 1 from t", "select $1, a - $2 from t"),
        ("select -1, a -1 from t", "select $1, a $2 from t"),
        ("select true, null from t where a is not null", "select $1, $2 from t where a is not null"),
        ("select interval '1 day'", "select interval $1"),
        ("select a from t limit 5", "select a from t limit $1"),
        ('select "a" from t', "select a from t"),
    ],
)
def test_a_statement_of_the_code_is_the_one_that_the_server_kept(code: str, kept: str) -> None:
    assert normalised(code) == normalised(kept)


@pytest.mark.parametrize(
    "other",
    ["select a from t where b > 1", "select b from t where b = 1", 'select "A" from t where b = 1', "select a from t"],
)
def test_statements_that_differ_in_more_than_constants_are_not_one(other: str) -> None:
    assert normalised(other) != normalised("select a from t where b = 1")


WORDS = st.sampled_from(
    ["select", "a", '"B"', "from", "(", ")", ",", "=", "-", "1", "-2", "'x'", "$1", "null", "in", "::", "?"]
)


@given(st.lists(WORDS, max_size=12))
def test_white_space_comments_and_capitals_do_not_matter(words: list[str]) -> None:
    loud = [word if word.startswith(("'", '"')) else word.upper() for word in words]
    assert normalised(" ".join(words)) == normalised("\n /* c */ ".join(loud) + " ;")


# --- who waits for whom


@given(st.dictionaries(st.integers(1, 9), st.lists(st.integers(1, 9), max_size=4), max_size=9))
def test_everybody_stands_there_once_below_somebody_that_is_waited_for(blocked: dict[int, list[int]]) -> None:
    known = {pid: [other for other in others if other in blocked] for pid, others in blocked.items()}
    lines = tree(known)
    assert sorted(pid for pid, _ in lines) == sorted(known)
    above: list[int] = []
    for pid, depth in lines:
        del above[depth:]
        assert depth == len(above)
        assert not above or above[-1] in known[pid]
        assert known[pid] or depth == 0
        above.append(pid)


def test_a_queue_of_many_is_one_level() -> None:
    queue = {0: [], **{pid: list(range(pid)) for pid in range(1, 300)}}
    assert tree(queue) == [(0, 0), *((pid, 1) for pid in range(1, 300))]


def test_a_circle_begins_with_its_first() -> None:
    assert tree({1: [2], 2: [1], 3: [2]}) == [(1, 0), (2, 1), (3, 2)]


# --- tables

FIELDS = (
    Field("name", "name", long=True),
    Field("bytes", "size", "bytes"),
    Field("query", "query", long=True),
    Field("more", "more", only_json=True),
    Field("mark", "mark", only_text=True),
)
ROWS = (("public.device", 2048, "select " + "x" * 100, 1, "!"), ("a", None, "select\n1", 2, ""))


def test_a_table_fits_the_terminal_and_only_long_columns_are_cut() -> None:
    section = Section("s", "Sizes", FIELDS, ROWS, ("so it is",))
    lines = list(to_text(section, 60))
    assert max(map(len, lines)) <= 60
    assert lines == [
        "Sizes",
        "  name             size  query                          mark",
        "  public.device  2.0 kB  select xxxxxxxxxxxxxxxxxxxxx…  !",
        "  a                   -  select 1",
        "  note: so it is",
    ]
    assert "x" * 100 in "\n".join(to_text(section, None))


@given(st.integers(20, 200), st.lists(st.integers(0, 60), min_size=5, max_size=5))
def test_no_line_of_a_table_is_wider_than_the_terminal(width: int, sizes: list[int]) -> None:
    row = ("n" * sizes[0], 10 ** (sizes[1] // 4), "q" * sizes[2], 1, "m" * sizes[4])
    _, *table = to_text(Section("s", "Sizes", FIELDS, (row,)), width)
    assert max(map(len, table)) <= width


def test_json_has_what_text_has_not_and_the_other_way() -> None:
    section = Section("s", "Sizes", FIELDS, ROWS[1:])
    assert section.to_json() == {
        "rows": [{"name": "a", "bytes": None, "query": "select\n1", "more": 2}],
        "notes": [],
    }


def test_a_section_without_rows_says_so() -> None:
    assert list(to_text(Section("s", "Sizes", FIELDS, nothing="no tables"), 80)) == ["Sizes", "  no tables"]


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 kB"), (10 * 1024**2, "10 MB"), (-2048, "-2.0 kB")]
)
def test_bytes_read_in_steps_of_1024(count: int, shown: str) -> None:
    assert readable_bytes(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.00031, "0.31 ms"), (0.5, "500 ms"), (1.234, "1.23 s"), (59.99, "60 s"), (60, "1 min"), (185, "3 min 5 s"),
        (3600, "1 h"), (7860, "2 h 11 min"), (90000, "1 d 1 h"), (-1.5, "-1.5 s"),
    ],
)  # fmt: skip
def test_seconds_read_in_two_units(seconds: float, shown: str) -> None:
    assert readable_seconds(seconds) == shown


@given(st.floats(0, 1e9))
def test_no_time_reads_as_a_number_with_an_exponent(seconds: float) -> None:
    assert re.fullmatch(r"[\d.e-]+ ms|[\d.]+ s|\d+ \w+( \d+ \w+)?", readable_seconds(seconds))
