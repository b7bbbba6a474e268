"""Patterns that tools of this kind are known to have answered wrongly, with Assay's answer.

Each is a statement of our own for what an issue of SQLx or sqlc is about. An answer is held against the facts: the
statement is run on several sets of data, a column said never to be NULL must never be, and one that may be must be
NULL in one of them at least.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from assay.config import DatabaseUrl
from assay.pgtypes.parameters import argument_misfit
from assay.pgtypes.results import result_misfit
from assay.proof import Description, describe

SCHEMA = """
create type channel as enum ('online', 'shop');
create table city (id int primary key, name text not null);
create table person (
    id      int primary key,
    name    text not null,
    mail    text unique,
    city_id int references city
);
create table home (person_id int primary key references person, street text not null);
create table visit (
    id        int primary key,
    person_id int not null references person,
    city_id   int references city,
    channel   channel not null,
    seen      timestamp not null default now(),
    note      text
);
create table follows (person_id int references person, followed_id int references person);
create table file (hash bytea primary key check (length(hash) = 2), size int not null);
create view resident as
    select p.id, p.name, p.mail, c.name as city from person p join city c on c.id = p.city_id;
"""

DATA = {
    "empty": "select",
    "matched": """
        insert into city values (1, 'Graz');
        insert into person values (1, 'Ada', 'ada@b', 1), (2, 'Bob', 'bob@b', 1);
        insert into home values (1, 'Ring 1'), (2, 'Ring 2');
        insert into visit values (1, 1, 1, 'shop', now(), 'x'), (2, 2, 1, 'online', now(), 'y');
        insert into follows values (1, 2);
        insert into file values ('\\x0102', 1)
    """,
    "alone": """
        insert into city values (1, 'Graz'), (2, 'Linz');
        insert into person values (1, 'Ada', null, null), (2, 'Bob', null, 1);
        insert into visit values (1, 2, null, 'shop', now(), null), (2, 2, 2, 'online', now(), null);
        insert into follows values (null, null), (1, null), (null, 1)
    """,
}
"""What the statements are run on."""

PLANS = (
    "set local enable_hashjoin = off; set local enable_mergejoin = off",
    "set local enable_nestloop = off; set local enable_mergejoin = off",
    "set local enable_nestloop = off; set local enable_hashjoin = off",
)
SKEWED = """
    insert into city select n, 'city ' || n from generate_series(1, 1000) n;
    insert into person values (1, 'Ada', null, 1), (2, 'Bob', null, null);
    analyze city, person
"""
"""Data on which PostgreSQL swaps the sides of a left join."""


@dataclass(frozen=True)
class Claims:
    """Holds what Assay says of a statement against what the statement does."""

    connection: asyncpg.Connection

    async def describe(self, sql: str) -> Description:
        return await describe(self.connection, sql)

    async def hold(self, sql: str, marks: str, rows: str, params: str = "", arguments: tuple[Any, ...] = ()) -> None:
        """``marks`` has a ! for each column that is never NULL and a ? for one that may be."""
        description = await self.describe(sql)
        found = "".join("?" if column.nullable else "!" for column in description.columns)
        uses = " ".join(f"{param.type}:{param.null}" for param in description.params)
        assert (found, str(description.rows), uses) == (marks, rows, params), description
        assert await self.seen(sql, arguments, rows) == {n for n, mark in enumerate(marks) if mark == "?"}

    async def seen(self, sql: str, arguments: tuple[Any, ...], rows: str) -> set[int]:
        """The columns that were NULL on some of the data."""
        nulls: set[int] = set()
        for data in DATA.values():
            transaction = self.connection.transaction()
            await transaction.start()
            await self.connection.execute(data)
            found = await self.connection.fetch(sql, *arguments)
            await transaction.rollback()
            assert len(found) in {"one": (1,), "optional": (0, 1)}.get(rows, range(100))
            nulls |= {n for row in found for n, value in enumerate(row.values()) if value is None}
        return nulls


@pytest.fixture
async def claims(database: DatabaseUrl) -> AsyncIterator[Claims]:
    """On a database of its own, with the schema."""
    connection = await asyncpg.connect(database.reveal(), statement_cache_size=0)
    await connection.execute(SCHEMA)
    yield Claims(connection)
    await connection.close()


async def test_left_join_whose_sides_the_plan_swaps(claims: Claims) -> None:
    """SQLx 367: the sides of a join in the plan are not those of the statement."""
    sql = "select p.id, c.name as city from person p left join city c on c.id = p.city_id"
    await claims.hold(sql, "!?", "many")
    before = await claims.describe(sql)
    async with claims.connection.transaction():
        await claims.connection.execute(SKEWED)
        assert await claims.describe(sql) == before


async def test_left_join_after_inner_joins(claims: Claims) -> None:
    """SQLx 3202: an outer join among several joins, one of them on a condition that no index serves."""
    await claims.hold(
        """
        select v.id, p.name, c.name as city, w.id as other
        from visit v
        join person p on p.id = v.person_id
        left join city c on c.id = v.city_id
        left join visit w on lower(w.note) = lower(v.note) and w.id <> v.id
        """,
        "!!??",
        "many",
    )


async def test_two_left_joins_in_a_row(claims: Claims) -> None:
    """SQLx 2796: of two left joins the second looks into what the first may not have found."""
    await claims.hold(
        """
        select p.id, p.name, v.id as visit_id, v.channel, c.id as city_id, c.name as city
        from person p
        left join visit v on v.person_id = p.id
        left join city c on c.id = v.city_id
        """,
        "!!????",
        "many",
    )


async def test_left_join_of_one_row_by_key(claims: Claims) -> None:
    """SQLx 2796, in a comment: a single left join, and a condition on the key of the left side."""
    sql = "select c.name from person p left join city c on c.id = p.city_id where p.id = $1"
    await claims.hold(sql, "?", "optional", "int4:pointless", (1,))


async def test_left_join_on_a_parameter(claims: Claims) -> None:
    """SQLx 2127: a parameter in ON finds fewer rows to join, one in WHERE fewer rows at all."""
    await claims.hold(
        """
        select p.*, v.seen
        from person p left join visit v on v.person_id = p.id and v.city_id = $1
        where p.id = $2
        """,
        "!!???",
        "many",
        "int4:accepted int4:pointless",
        (1, 1),
    )


async def test_left_join_with_a_condition_on_the_left_side(claims: Claims) -> None:
    """SQLx 3539: WHERE on the left side says nothing of the right side, whose key is its reference."""
    sql = "select p.id, h.person_id from person p left join home h on h.person_id = p.id where p.id = $1"
    await claims.hold(sql, "!?", "optional", "int4:pointless", (1,))


async def test_left_join_with_that_condition_in_on(claims: Claims) -> None:
    """SQLx 3539: the same condition in ON is another statement, which returns all rows of the left side."""
    sql = "select p.id, h.person_id from person p left join home h on h.person_id = p.id and p.id = $1"
    await claims.hold(sql, "!?", "many", "int4:accepted", (1,))


async def test_left_join_turned_inner_by_where(claims: Claims) -> None:
    """SQLx 3539, the other way round: a condition on the right side leaves no row without it."""
    sql = "select p.id, h.street from person p left join home h on h.person_id = p.id where h.person_id = $1"
    await claims.hold(sql, "!!", "optional", "int4:pointless", (1,))


async def test_left_join_grouped_by_the_key_of_its_right_side(claims: Claims) -> None:
    """SQLx 3164: the group of the rows that found nothing has no key."""
    await claims.hold(
        "select count(*), c.id, c.name from person p left join city c on c.id = p.city_id group by c.id", "!??", "many"
    )


async def test_the_answer_is_the_same_under_every_plan(claims: Claims) -> None:
    """SQLx 2800: what the planner may do, and what the tables hold, changes no answer."""
    sql = """
        select p.name, c.name as city, h.street
        from home h
        right join (person p left join city c on c.id = p.city_id) on h.person_id = p.id
        where p.name > $1
    """
    before = await claims.describe(sql)
    for settings in PLANS:
        async with claims.connection.transaction():
            await claims.connection.execute(settings + (";" + SKEWED if settings != PLANS[0] else ""))
            assert await claims.describe(sql) == before
            await claims.connection.execute("truncate city, person, home, visit, follows")
    await claims.hold(sql, "!??", "many", "text:pointless", ("",))


async def test_inner_join_with_an_optional_parameter(claims: Claims) -> None:
    """SQLx 1265: a condition that may not look at its parameter leaves an inner join an inner join."""
    await claims.hold(
        "select v.id, p.name from visit v join person p on p.id = v.person_id where $1::int is null or p.id = $1",
        "!!",
        "many",
        "int4:accepted",
        (None,),
    )


async def test_left_join_or_nothing(claims: Claims) -> None:
    """SQLx 1265: rows that found nothing, and rows that found one thing."""
    await claims.hold(
        "select p.id, c.name from person p left join city c on c.id = p.city_id where c.id is null or c.id = $1",
        "!?",
        "many",
        "int4:accepted",
        (1,),
    )


async def test_left_join_of_the_latest_by_row_number(claims: Claims) -> None:
    """SQLx 1852: a left join of a numbered subquery, of which the first row is wanted."""
    await claims.hold(
        """
        select p.name, latest.seen, latest.note
        from person p
        left join (
            select person_id, seen, note, row_number() over (partition by person_id order by seen desc) as place
            from visit
        ) latest on latest.person_id = p.id and latest.place = 1
        """,
        "!??",
        "many",
    )


async def test_union_of_a_table_with_itself(claims: Claims) -> None:
    """SQLx 1699: the columns of a UNION are no table's columns, but never NULL where both sides never are."""
    await claims.hold("select * from person union select * from person", "!!??", "many")


async def test_columns_of_a_view(claims: Claims) -> None:
    """SQLx 3192: the columns of a view are those of its query."""
    await claims.hold("select id, name, city, mail from resident", "!!!?", "many")


async def test_count_is_never_null(claims: Claims) -> None:
    """SQLx 864: of a query that counts there is always one row, with a number in it."""
    await claims.hold("select count(*) as count from visit where note = $1", "!", "one", "text:pointless", ("x",))


async def test_count_of_a_whole_table(claims: Claims) -> None:
    """SQLx 696."""
    await claims.hold("select count(*) from visit", "!", "one")


async def test_upsert_returns_one_row(claims: Claims) -> None:
    """SQLx 696, in a comment: what an INSERT with ON CONFLICT DO UPDATE returns."""
    await claims.hold(
        """
        insert into file (hash, size) values ($1, $2)
        on conflict (hash) do update set size = excluded.size
        returning hash, size
        """,
        "!!",
        "one",
        "bytea:required int4:required",
        (b"\1\2", 3),
    )


async def test_is_not_null_in_where(claims: Claims) -> None:
    """SQLx 3829: nullable columns that a condition keeps from being NULL."""
    sql = """
        select person_id, followed_id from follows
        where person_id = any($1) and followed_id = any($1) and person_id is not null and followed_id is not null
    """
    await claims.hold(sql, "!!", "many", "int4[]:pointless", ([1, 2],))
    await claims.hold(sql.partition("and person_id is")[0], "!!", "many", "int4[]:pointless", ([1, 2],))


async def test_old_row_of_an_insert(claims: Claims) -> None:
    """SQLx 4332: an inserted row has no old version, so its key is NULL."""
    if claims.connection.get_server_version().major < 18:
        pytest.skip("RETURNING old.* came with PostgreSQL 18")
    await claims.hold(
        "insert into file (hash, size) values ('\\x0102', 1) on conflict (hash) do nothing returning old.hash, new.hash",
        "?!",
        "optional",
    )


async def test_arrays_that_hold_null(claims: Claims) -> None:
    """SQLx 3775, 3776: arrays may hold NULL, as arguments and as results, and unnest shows them."""
    sql = "select * from unnest($1::bigint[], $2::bool[]) as t (person_id, admin)"
    await claims.hold(sql, "??", "many", "int8[]:accepted bool[]:accepted", ([1, None, 3], [True, None]))
    description = await claims.describe("select array[null, false, true] as test")
    assert not description.columns[0].nullable
    for annotation in (list[bool | None], list[bool]):
        assert result_misfit(description.columns[0].type, annotation) is None
        assert argument_misfit(description.columns[0].type, annotation) is None


async def test_parameters_of_an_insert_from_select(claims: Claims) -> None:
    """sqlc 4336: parameters are required where the column refuses NULL, by whatever way they get there."""
    params = "int4:required text:required text:accepted"
    for source in ("values ($1::int, $2, $3)", "select $1::int, $2, $3", "select * from (select $1::int, $2, $3) x"):
        await claims.hold(
            f"insert into person (id, name, mail) {source} returning id, name, mail",
            "!!?",
            "one",
            params,
            (9, "Eve", None),
        )


async def test_parameters_of_updates(claims: Claims) -> None:
    """sqlc 4336: and in SET, where coalesce() accepts NULL for "leave it as it is"."""
    await claims.hold(
        "update person set name = $1, mail = $2, city_id = coalesce($3, city_id) where id = $4 returning name, mail",
        "!?",
        "optional",
        "text:required text:accepted int4:accepted int4:pointless",
        ("Eve", None, None, 1),
    )


async def test_left_join_of_a_subquery_with_an_enum(claims: Claims) -> None:
    """sqlc 2806: an enum column of a subquery that is left joined, and the same as a WITH query."""
    inner = "select person_id, channel from visit where note is not null"
    await claims.hold(
        f"select p.name, v.channel from person p left join ({inner}) v on v.person_id = p.id", "!?", "many"
    )
    await claims.hold(
        f"with v as ({inner}) select p.name, v.channel from person p left join v on v.person_id = p.id", "!?", "many"
    )


async def test_nested_row_of_a_left_join(claims: Claims) -> None:
    """sqlc 2348, 2997: a row within a row is missing as a whole, and one reason says so."""
    sql = """
        select p.id, v.id as "visit.id", v.channel as "visit.channel", v
        from person p left join visit v on v.person_id = p.id
    """
    await claims.hold(sql, "!???", "many")
    description = await claims.describe(sql)
    assert {column.reason for column in description.columns[1:]} == {"an outer join may find no row of v"}


async def test_a_constant_is_never_null(claims: Claims) -> None:
    """SQLx 3428: what comes from no table has no NOT NULL, and may still be known."""
    await claims.hold("select true as value, 'a' as name, null::int as size", "!!?", "one")


async def test_coalesce_is_null_only_where_all_are(claims: Claims) -> None:
    """sqlc 1663, pgtyped 327, and SQLx 3372 in a view."""
    await claims.connection.execute(
        "create view contact as select id, coalesce(mail, name) as first, coalesce(mail, city_id::text) as second from person"
    )
    sql = "select coalesce(name) as a, coalesce(mail) as b, coalesce(mail, name) as c, coalesce(mail, null) as d from person"
    await claims.hold(sql, "!?!?", "many")
    await claims.hold("select first, second from contact", "!?", "many")


async def test_left_joins_of_one_table_under_two_names(claims: Claims) -> None:
    """sqlc 3269: a name of its own for a table that stands in the statement already."""
    await claims.hold(
        """
        select p.id, other.name
        from person p left join follows f on f.person_id = p.id left join person other on other.id = f.followed_id
        """,
        "!?",
        "many",
    )


async def test_left_join_before_and_after_an_inner_join(claims: Claims) -> None:
    """sqlc 2044: the order in which joins are written changes nothing."""
    left, inner = "left join home h on h.person_id = p.id", "join visit v on v.person_id = p.id"
    for joins in (f"{left} {inner}", f"{inner} {left}"):
        await claims.hold(f"select p.name, v.channel, h.street from person p {joins}", "!!?", "many")


async def test_left_join_of_a_subquery_grouped_by_its_columns(claims: Claims) -> None:
    """sqlc 3667: the group of the rows that found nothing again, now of a subquery."""
    await claims.hold(
        """
        select c.name, c.id
        from person p left join (select id, name from city where name <> '') c on c.id = p.city_id
        group by c.name, c.id
        """,
        "??",
        "many",
    )


async def test_scalar_subqueries(claims: Claims) -> None:
    """sqlc 1208, 1758: a subquery without a row is NULL; one that counts always has its row."""
    await claims.hold(
        """
        select (select count(*) from visit v where v.person_id = p.id) as visits,
               (select name from city c where c.id = p.city_id limit 1) as city
        from person p
        """,
        "!?",
        "many",
    )


async def test_case_without_else(claims: Claims) -> None:
    """sqlc 2284: CASE is NULL where no branch is taken."""
    sql = "select case when mail is not null then 1 end, case when mail is not null then 1 else 2 end from person"
    await claims.hold(sql, "?!", "many")


async def test_parameters_inside_of_coalesce(claims: Claims) -> None:
    """sqlc 2748, 3118, 3900: NULL is welcome where COALESCE catches it."""
    await claims.hold(
        "insert into file (hash, size) values ($1, coalesce($2, 0)) returning size",
        "!",
        "one",
        "bytea:required int4:accepted",
        (b"\1\3", None),
    )
    await claims.hold(
        "update person set name = coalesce($1, name) where id = $2 returning name",
        "!",
        "optional",
        "text:accepted int4:pointless",
        (None, 1),
    )
