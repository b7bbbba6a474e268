"""Seeds that would add the same rows again are told from those that would not, by their text."""

from __future__ import annotations

import ast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.ops.seed_repeats import is_allowed, passed_over, repeats_of_python, repeats_of_sql
from assay.sql.splitting import split_statements

PASSES = {
    "on conflict": "insert into pets values (1, 'a') on conflict do nothing",
    "on conflict with a returning": "insert into pets (id) values (1) on conflict (id) do nothing returning id",
    "an upsert": "insert into pets values (1) on conflict (id) do update set name = excluded.name",
    "where not exists": "insert into pets select 1 where not exists (select from pets where id = 1)",
    "except": "insert into pets select id from wanted except select id from pets",
    "where not in": "insert into pets select id from wanted where id not in (select id from pets)",
    "reckoned from the new row": "insert into p values (1, 2) on conflict (id) do update set cost = excluded.cost * 2",
    "reckoned from another table": "update only p as a set cost = s.cost * 2 from s where s.id = a.id",
    "merge": "merge into pets using wanted on wanted.id = pets.id when not matched then insert values (1)",
    "an update": "update pets set name = 'a', age = 3 where id = 1",
    "an update by another column": "update pets set total = price + 1",
    "a value made tidy": "update pets set name = trim(name)",
    "a delete": "delete from pets where id = 3",
    "emptied before": "delete from pets; insert into pets values (1)",
    "emptied before, with its schema": "truncate table toys, public.pets cascade; insert into pets values (1)",
    "emptied by another case": 'truncate "pets"; insert into PETS values (1)',
    "a temporary table": "create temp table if not exists x (id int); insert into x values (1); copy x from '/tmp/x'",
    "setval": "select setval('pets_id_seq', 100)",
    "the words within a literal": "select 'insert into pets values (1)'",
    "a comment": "-- insert into pets values (1)\nselect 1",
    "a block that asks": "do $$ begin if not exists (select from pets) then insert into pets values (1); end if; end $$",
    "a block with on conflict": "do $x$ begin insert into pets values (1) on conflict do nothing; end $x$",
    "a table called conflict": 'insert into "on conflict" values (1) on conflict do nothing',
}
REFUSED = {
    "an insert": ("insert into pets values (1)", 0, "INSERT"),
    "insert and select": ("insert into pets select i from generate_series(1, 3) i", 0, "INSERT"),
    "a second one": ("insert into a values (1) on conflict do nothing;\n insert into b values (1)", 50, "INSERT"),
    "emptied in part": ("delete from pets where id = 1; insert into pets values (1)", 31, "INSERT"),
    "another table emptied": ("truncate toys; insert into pets values (1)", 15, "INSERT"),
    "emptied after": ("insert into pets values (1); truncate pets", 0, "INSERT"),
    "the name of its schema": ("truncate shop.pets; insert into pets values (1)", 20, "INSERT"),
    "within a with": ("with x as (insert into pets values (1) returning id) select * from x", 11, "INSERT"),
    "only the other is settled": (
        "with x as (insert into a values (1) returning id) insert into b select id from x on conflict do nothing",
        11,
        "INSERT",
    ),
    "words in a literal": ("insert into pets values ('on conflict')", 0, "INSERT"),
    "a name in quotes": ('insert into "on conflict" values (1)', 0, "INSERT"),
    "exists in a query": ("insert into pets select 1 where exists (select 1)", 0, "INSERT"),
    "a block": ("do $$ begin insert into pets values (1); end $$", 12, "INSERT"),
    "copy from a file": ("copy pets from '/tmp/pets.csv' csv", 0, "COPY"),
    "a counter": ("update pets set visits = visits + 1", 16, 'UPDATE of "visits"'),
    "a counter among others": ("update pets set name = 'x', visits = pets.visits - 1", 28, 'UPDATE of "visits"'),
    "a counter by an alias": ("update public.pets as p set visits = p.visits * 2", 28, 'UPDATE of "visits"'),
    "a text that grows": ("update pets set name = name || '!' where id = 1", 16, 'UPDATE of "name"'),
    "a counter in an upsert": (
        "insert into pets as p values (1) on conflict (id) do update set visits = p.visits + 1",
        64,
        'UPDATE of "visits"',
    ),
}


@pytest.mark.parametrize("sql", PASSES.values(), ids=PASSES)
def test_what_can_be_loaded_again_passes(sql: str) -> None:
    assert list(repeats_of_sql(split_statements(sql))) == []


@pytest.mark.parametrize(("sql", "at", "what"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_is_refused_at_its_place(sql: str, at: int, what: str) -> None:
    (found,) = repeats_of_sql(split_statements(sql))
    assert (found.at, found.text.startswith(f"this {what} ")) == (at, True)
    assert "assay: allow-repeats" in found.text


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("-- assay: allow-repeats, the log only grows\ninsert into log values (1)", True),
        ("\n/* Visits.\n   assay: no */ -- assay: allow-repeats\nselect 1", True),
        ("select 1; -- assay: allow-repeats", False),
        ("select '-- assay: allow-repeats'", False),
        ("insert into log values (1)", False),
    ],
)
def test_the_first_comments_can_allow_it(text: str, allowed: bool) -> None:
    assert is_allowed(text) is allowed


def test_python_is_allowed_by_its_first_comments() -> None:
    assert is_allowed("# Visits.\n# assay: allow-repeats\nimport assay\n", python=True)
    assert not is_allowed("import assay\n# assay: allow-repeats\n", python=True)


def test_literal_sql_and_copy_in_of_python_are_looked_at() -> None:
    source = (
        "async def seed(db):\n"
        "    await db.execute('insert into pets values ($1)', 1)\n"
        "    await db.execute('insert into pets values ($1) on conflict do nothing', 1)\n"
        "    await db.copy_in('pets', [(1,)])\n"
        "    print('insert the coin')\n"
    )
    places = [(source.count("\n", 0, one.at) + 1, one.text.split()[1]) for one in
              repeats_of_python(source, ast.parse(source))]  # fmt: skip
    assert sorted(places) == [(2, "INSERT"), (4, "copy_in")]


def test_the_place_in_python_is_counted_in_characters_and_lines_of_python() -> None:
    source = 'async def seed(db):\n    "\x0c\u2028"\n    names = ["zoë", "noël"]; await db.copy_in("pets", names)\n'
    (found,) = repeats_of_python(source, ast.parse(source))
    assert source[found.at :].startswith("db.copy_in")


PIECES = (
    "insert into copy from update set delete truncate table only create temp values select where not exists in on "
    'conflict do nothing except with as pets "pets" public . , ; ( ) = + $$ $x$ \' -- /* */ 1 begin end do excluded'
)


@given(st.lists(st.sampled_from(PIECES.split(" ")), max_size=25).map(" ".join))
@example("insert into")
@example("insert into pets ( on conflict do nothing")
def test_no_text_is_too_strange_to_be_looked_at(text: str) -> None:
    found = list(repeats_of_sql(split_statements(text)))
    assert all(0 <= one.at < len(text) for one in found)
    assert all(column in text for _, columns in passed_over(split_statements(text)) for column in columns)


@given(st.lists(st.sampled_from(sorted(PASSES.values())), max_size=4))
def test_scripts_of_statements_that_pass_pass(statements: list[str]) -> None:
    assert list(repeats_of_sql(split_statements(";\n".join(statements)))) == []
