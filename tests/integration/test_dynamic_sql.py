"""Clauses that are left out, and words that are chosen, on a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, cast

import pytest

import assay
from assay import OMIT, Omitted
from assay.config import DatabaseUrl
from assay.runtime.dynamic import MAX_VARIANTS, DynamicQuery, query_for
from assay.sql.templates import parse_template

SEARCH = """
select id, name from item
where true [[ and price <= :max [[ and price >= :min ]] ]] [[ and name like :name -- the [[ ]] of a comment
]] [[ order by {order} ]] [[ limit :limit ]]
"""


@dataclass(slots=True)
class Item:
    id: int
    name: str


@dataclass(slots=True)
class Wanted:
    """What :data:`SEARCH` takes, as one object."""

    max: int | Omitted = OMIT
    min: int | Omitted = OMIT
    name: str | Omitted = OMIT
    order: Literal["id", "name desc"] | Omitted = "id"
    limit: int | Omitted = OMIT


class Order(StrEnum):
    BY_LENGTH = "length(name) desc, id"
    BY_ID = "id"


@pytest.fixture(params=["pool", "connection", "transaction"])
async def db(request: pytest.FixtureRequest, database_18: DatabaseUrl) -> AsyncIterator[assay.Executor]:
    """Each kind of executor, on a database with items 1 to 4: a for 10, bb for 20, cc for 30, d for 40."""
    async with assay.Pool(database_18) as pool:
        await pool.execute(
            "create table item (id int primary key, name text not null, price int not null, tags jsonb);"
            "insert into item values (1, 'a', 10), (2, 'bb', 20), (3, 'cc', 30), (4, 'd', 40)"
        )
        match request.param:
            case "pool":
                yield pool
            case "connection":
                async with pool.acquire() as connection:
                    yield connection
            case "transaction":
                async with pool.transaction() as tx:
                    yield tx


async def search(db: assay.Executor, wanted: Wanted) -> list[int]:
    return [item.id for item in await db.fetch_all(Item, SEARCH, wanted)]


async def test_clauses_of_omitted_parameters_are_left_out(db: assay.Executor) -> None:
    assert await search(db, Wanted()) == [1, 2, 3, 4]
    assert await search(db, Wanted(max=30)) == [1, 2, 3]
    assert await search(db, Wanted(max=30, min=15)) == [2, 3]
    assert await search(db, Wanted(min=15)) == [1, 2, 3, 4]
    assert await search(db, Wanted(name="%b", limit=1)) == [2]
    assert sorted(await search(db, Wanted(order=OMIT))) == [1, 2, 3, 4]


async def test_words_are_chosen(db: assay.Executor) -> None:
    assert await search(db, Wanted(order="name desc", limit=3)) == [4, 3, 2]
    sql = "select id from item order by {order}"
    assert await db.fetch_all(int, sql, order=Order.BY_LENGTH) == [2, 3, 1, 4]
    assert await db.fetch_all(int, sql, order="id desc") == [4, 3, 2, 1]


async def test_keyword_arguments_and_an_object_with_a_choice_beside_it(db: assay.Executor) -> None:
    sql = "select id from item where name = :name [[ and id = :id ]] order by {order}"
    assert await db.fetch_all(int, sql, name="a", id=OMIT, order="id") == [1]
    assert await db.fetch_all(int, sql, {"name": "a", "id": 2}, order="id") == []
    assert await db.fetch_all(int, sql, {"name": "a", "id": 1, "order": "id"}) == [1]
    assert await db.fetch_all(int, "select id from item order by {order}", {"order": "id"}) == [1, 2, 3, 4]


async def test_positional_parameters_are_numbered_anew(db: assay.Executor) -> None:
    sql = "select id from item where true [[ and price > $1 ]] [[ and name = any($2) ]] and id < $3 order by {order}"
    assert await db.fetch_all(int, sql, OMIT, OMIT, 3, order="id") == [1, 2]
    assert await db.fetch_all(int, sql, OMIT, ["a", "cc"], 9, order="id") == [1, 3]
    assert await db.fetch_all(int, sql, 15, ["a", "cc"], 9, order="id") == [3]


async def test_statements_without_rows(db: assay.Executor) -> None:
    sql = "update item set price = :price [[ , name = :name ]] [[ where id = :id ]]"
    assert await db.execute(sql, price=1, name=OMIT, id=2) == 1
    assert await db.execute(sql, price=1, name="z", id=OMIT) == 4
    assert await db.fetch_all(str, "select distinct name from item") == ["z"]
    assert await db.execute("delete from item [[ where id = $1 ]]", OMIT) == 4


async def test_null_is_a_value_and_leaves_nothing_out(db: assay.Executor) -> None:
    sql = "select id from item where true [[ and name is not distinct from :name ]]"
    assert await db.fetch_all(int, sql, name=None) == []
    assert len(await db.fetch_all(int, sql, name=OMIT)) == 4


async def test_array_syntax_needs_no_escape(db: assay.Executor) -> None:
    sql = "select (array[[:a, 2], [3, 4]])[(array[1,2])[1]][1] [[ where (array[1])[(array[1])[1]] = :b::int ]]"
    assert await db.fetch_all(int, sql, a=7, b=OMIT) == [7]
    assert await db.fetch_all(int, sql, a=7, b=1) == [7]
    assert await db.fetch_all(int, sql, a=7, b=2) == []


# What is refused


@pytest.mark.parametrize(
    "text",
    ["id; drop table item", "id from secret", "(select 1)", "id --", "pg_sleep(9)", "id desc, (1)", "'id'", "id, $1"],
)
async def test_a_text_from_outside_is_refused_before_it_is_sent(db: assay.Executor, text: str) -> None:
    with pytest.raises(assay.ParameterError, match=r"\{order\} cannot be .* is more than names, numbers, asc, desc"):
        await db.fetch_all(Item, SEARCH, Wanted(order=cast("Any", text)))
    assert await db.fetch_one(int, "select count(*) from item") == 4


async def test_a_text_in_a_clause_that_is_left_out_is_refused_as_well(db: assay.Executor) -> None:
    sql = "select id from item [[ where id = :id order by {order} ]]"
    with pytest.raises(assay.ParameterError, match="cannot be '; drop table item'"):
        await db.fetch_all(int, sql, id=OMIT, order="; drop table item")


async def test_a_function_is_not_named_from_outside(db: assay.Executor) -> None:
    sql = "select {function}(price) from item"
    with pytest.raises(assay.ParameterError, match="only the members of an enum can name functions"):
        await db.fetch_all(int, sql, function="pg_sleep")


async def test_an_enums_member_does_not_open_the_door_for_its_text(db: assay.Executor) -> None:
    sql = "select id from item order by {order}"
    assert await db.fetch_all(int, sql, order=Order.BY_LENGTH) == [2, 3, 1, 4]
    with pytest.raises(assay.ParameterError, match="is more than names"):
        await db.fetch_all(int, sql, order=str(Order.BY_LENGTH.value))


@pytest.mark.parametrize("value", [None, 1, b"id", ["id"], {}])
async def test_what_is_no_text_is_refused(db: assay.Executor, value: object) -> None:
    with pytest.raises(assay.ParameterError, match=f"not {type(value).__name__}$"):
        await db.fetch_all(int, "select id from item order by {order}", order=value)


@pytest.mark.parametrize(
    ("sql", "named", "message"),
    [
        (
            "select :a::int [[ , :a, :b ]]",
            {"a": OMIT, "b": 1},
            ":a is OMIT, and stands outside of [[ ]]; give it a value",
        ),
        ("select 1 order by {x}", {"x": OMIT}, "{x} is OMIT, and stands outside of [[ ]]; give it a value"),
        ("select 1 order by {x}", {}, "{x} has no text; pass x=..."),
        ("select 1 [[ , :a ]]", {}, "The placeholder :a has no value; pass a=..."),
        ("select 1 [[ , :a ]]", {"a": 1, "b": 2}, "The statement has no placeholder :b, only :a"),
        ("select 1 [[ , :a ]", {"a": 1}, "the ] closes nothing in its clause (line 1); let the clause hold both"),
    ],
)
async def test_arguments_that_do_not_fit(db: assay.Executor, sql: str, named: dict[str, Any], message: str) -> None:
    with pytest.raises(assay.ParameterError) as caught:
        await db.fetch_all(Any, cast("Any", sql), **named)
    assert str(caught.value).startswith(message)


async def test_omit_in_a_statement_without_clauses_is_no_value(db: assay.Executor) -> None:
    with pytest.raises(assay.Error, match=r"OMIT"):
        await db.fetch_all(int, "select id from item where id = $1", OMIT)
    with pytest.raises(assay.ParameterError, match=r"\$1 cannot be encoded as JSON"):
        await db.execute("update item set tags = $1", OMIT)


# How it is done


async def test_errors_point_into_the_statement_as_written(db: assay.Executor) -> None:
    sql = "select id from item [[ where id = $1 ]]\n [[ and prize = $2 ]]"
    with pytest.raises(assay.StatementError) as caught:
        async with db.transaction() as tx:
            await tx.fetch_all(int, sql, 1, 2)
    assert caught.value.statement == sql
    assert caught.value.position == sql.index("prize") + 1


async def test_errors_name_the_argument_as_written(db: assay.Executor) -> None:
    with pytest.raises(assay.Error, match=r"query argument \$2"):
        await db.fetch_all(int, "select id from item [[ where name = $1 ]] [[ limit $2 ]]", OMIT, "x")
    with pytest.raises(assay.ParameterError, match=r"for :tags cannot be encoded as JSON"):
        await db.execute(
            "update item set price = 1 [[ , name = :name ]] [[ , tags = :tags ]]", name=OMIT, tags=OMIT.__class__
        )


async def test_each_variant_is_prepared_once(database_18: DatabaseUrl) -> None:
    sql = "select 1 as prepared_once [[ , :a::int ]] [[ , :b::int, :c::int ]]"
    async with await assay.connect(database_18) as connection:
        for _ in range(3):
            for a in (1, OMIT):
                for b in (1, OMIT):
                    for c in (1, OMIT):
                        await connection.execute(sql, a=a, b=b, c=c)
        texts = await connection.fetch_all(
            str, "select statement from pg_prepared_statements where statement like '%prepared_once%' order by 1"
        )
    assert sorted(" ".join(text.split()) for text in texts if "pg_prepared" not in text) == [
        "select 1 as prepared_once , $1::int",
        "select 1 as prepared_once , $1::int , $2::int, $3::int",
        "select 1 as prepared_once , $1::int, $2::int",
    ]


def test_variants_remembered_are_bounded() -> None:
    query = query_for("select {x} as bounded")
    assert isinstance(query, DynamicQuery)
    for number in range(MAX_VARIANTS + 50):
        query.bind((), {"x": f"a{number}"})
    assert len(query._known) == len(query._queries) == MAX_VARIANTS


def test_one_query_for_all_ways_to_the_same_statement() -> None:
    query = query_for("select 1 [[ , :a, :b, {x} ]]")
    queries = {
        id(query.bind((), {"a": a, "b": b, "x": x})[0])
        for a, b in ((OMIT, 1), (1, OMIT), (OMIT, OMIT))
        for x in ("one", "two")
    }
    assert len(queries) == 1


def test_a_fixed_statement_is_not_read_as_a_template() -> None:
    assert parse_template("select array[[1]], a[b[1]], '{x}'") is None
    assert not isinstance(query_for("select array[[1]], a[b[1]], '{x}'"), DynamicQuery)
