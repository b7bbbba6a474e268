"""TRUNCATE, LOCK and REFRESH MATERIALIZED VIEW: a relation that is not there is noticed before they run."""

from __future__ import annotations

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import StatementError
from assay.proof import describe
from assay.proof.utility import named_relations

SCHEMA = """
create schema audit;
create table team (id integer primary key);
create table "Team; ""1"" of" (id integer primary key);
create table audit.event (id integer primary key);
create table "only" (id integer primary key);
create table café (id integer primary key);
create materialized view totals as select count(*) from team;
create unique index on totals (count);
create materialized view "view" as select 1;
"""

ACCEPTED = [
    "truncate team",
    "TRUNCATE TABLE Team, audit.event RESTART IDENTITY CASCADE",
    'truncate only team, "Team; ""1"" of"',
    "truncate team *, only (audit.event)",
    'truncate table only "only"',
    "truncate audit /* the schema */ . -- and the table\n event;",
    "truncate CAFé",
    "lock team",
    "lock table only team, audit.event in access exclusive mode nowait",
    'lock "only"',
    "refresh materialized view totals",
    "refresh materialized view concurrently totals with data",
    "refresh materialized view public . totals with no data",
    "refresh materialized view view",
    'truncate U&"t\\0065am"',
    "analyze nothing",
]
REFUSED = {
    "truncate |teams": "teams",
    "truncate table only |Teams restart identity": "teams",
    'truncate team, only ( |"Team" )': "Team",
    "truncate team *, |audit . Events, nothing": "audit.events",
    "truncate |audits.event": "audits.event",
    'truncate |"only"."Team; ""1"" of"': 'only.Team; "1" of',
    "lock table team, |nothing in share mode": "nothing",
    "lock only |event nowait": "event",
    "refresh materialized view |total": "total",
    "/* daily */ refresh materialized view concurrently |audit.totals with data": "audit.totals",
}


@pytest.fixture
async def connection(driver: asyncpg.Connection) -> asyncpg.Connection:
    await driver.execute(SCHEMA)
    return driver


async def test_relations_that_are_there_are_found_however_they_are_written(connection: asyncpg.Connection) -> None:
    for sql in ACCEPTED:
        assert (await describe(connection, sql)).columns == ()


@pytest.mark.parametrize("marked", REFUSED)
async def test_a_relation_that_is_missing_is_refused_at_its_name(connection: asyncpg.Connection, marked: str) -> None:
    with pytest.raises(StatementError) as refused:
        await describe(connection, marked.replace("|", ""))
    error = refused.value
    assert (error.sqlstate, error.position) == ("42P01", marked.index("|") + 1)
    assert error.message.startswith(f'relation "{REFUSED[marked]}" does not exist')


async def test_the_search_path_and_temporary_tables_of_the_session_count(connection: asyncpg.Connection) -> None:
    await connection.execute("set search_path to audit; create temp table passing (id integer)")
    await describe(connection, "truncate event, passing, pg_temp.passing")
    with pytest.raises(StatementError, match='relation "team" does not exist'):
        await describe(connection, "truncate team")


async def test_the_server_refuses_the_same_when_it_runs_them(connection: asyncpg.Connection) -> None:
    for marked in REFUSED:
        with pytest.raises((asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)):
            async with connection.transaction():
                await connection.execute(marked.replace("|", ""))


async def test_nothing_is_emptied_or_locked(connection: asyncpg.Connection) -> None:
    await connection.execute("insert into team values (1)")
    async with connection.transaction():
        await describe(connection, "truncate team")
        await describe(connection, "lock team")
        held = await connection.fetchval("select count(*) from pg_locks where relation = 'team'::regclass")
    assert held == 0
    assert await connection.fetchval("select count(*) from team") == 1


@given(st.sampled_from(["truncate", "lock", "refresh materialized view"]), st.text())
def test_any_text_behind_the_first_word_is_read_without_a_failure(verb: str, rest: str) -> None:
    sql = f"{verb} {rest}"
    for named in named_relations(sql):
        assert sql[named.start :].startswith(named.name.partition(".")[0])


def test_names_of_other_statements_and_names_with_a_database_are_not_looked_up() -> None:
    assert named_relations("select * from truncate") == named_relations("") == ()
    assert [each.name for each in named_relations('truncate db.public.team, b, U&"a", c')] == ["b", "c"]
