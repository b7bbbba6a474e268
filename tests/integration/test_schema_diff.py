"""What differs between two databases: each change of each kind of object is named, alone, and the SQL closes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import fresh

from assay.config import DatabaseUrl
from assay.schema.closing import close
from assay.schema.compare import Difference, differences
from assay.schema.inventory import Inventory, read_inventory, read_objects

EVERYTHING = Path(__file__).parents[1] / "data" / "schema" / "everything.sql"
SELECT = '"Odd ""Name"""."select"'


@dataclass(frozen=True, slots=True)
class Built:
    """A connection to a database with one of each kind of object, and what it has."""

    runner: asyncio.Runner
    driver: asyncpg.Connection
    inventory: Inventory


@pytest.fixture(scope="module")
def built(shared_database: DatabaseUrl) -> Iterator[Built]:
    """One connection for all tests, on which the server has planned the queries."""
    with asyncio.Runner() as runner:
        driver = runner.run(asyncpg.connect(shared_database.reveal()))
        runner.run(driver.execute(EVERYTHING.read_text()))
        yield Built(runner, driver, runner.run(read_inventory(shared_database)))
        runner.run(driver.close())


@asynccontextmanager
async def undone(driver: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction that is rolled back."""
    transaction = driver.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


@asynccontextmanager
async def databases(server: DatabaseUrl, count: int) -> AsyncIterator[list[DatabaseUrl]]:
    """Empty databases, for the length of a block."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(asynccontextmanager(fresh)(server)) for _ in range(count)]


async def all_of(driver: asyncpg.Connection) -> Inventory:
    """What a database has."""
    async with undone(driver):
        return await read_objects(driver)


async def execute(url: DatabaseUrl, script: str) -> None:
    """Run a script on a connection of its own."""
    driver = await asyncpg.connect(url.reveal())
    try:
        await driver.execute(script)
    finally:
        await driver.close()


def told(difference: Difference) -> str:
    """A difference in a line: ``+ kind identity`` is only live, ``-`` only built, ``~`` with the facets."""
    item = difference.object
    sign = "+" if difference.built is None else "-" if difference.live is None else "~"
    facets = ", ".join(change.name for change in difference.facets)
    return f"{sign} {item.kind} {item.identity}" + (f": {facets}" if facets else "")


CASES = [
    ("create schema more", "+ schema more"),
    ("drop schema \"Odd \"\"Name\"\"\" cascade", '- schema "Odd ""Name"""'),
    ("comment on schema public is 'mine'", "~ schema public: comment"),
    ("grant usage on schema public to pg_monitor", "~ schema public: grants to pg_monitor"),
    ("drop extension citext", "- extension citext"),
    ("create extension hstore schema \"Odd \"\"Name\"\"\"", "+ extension hstore"),
    ("alter extension citext set schema \"Odd \"\"Name\"\"\"", "~ extension citext: schema"),
    # types
    ("create type more as enum ('a')", "+ enum public.more"),
    ("alter type mood add value 'new, ''quoted''' before 'sad'", "~ enum public.mood: labels"),
    (r"alter type mood add value E'back\\slash' after 'sad'", "~ enum public.mood: labels"),
    ("alter type mood rename value 'sad' to 'blue'", "~ enum public.mood: labels"),
    ("comment on type mood is 'swings'", "~ enum public.mood: comment"),
    ("revoke usage on type mood from public", "~ enum public.mood: grants to PUBLIC"),
    ("alter domain positive set default 2", "~ domain public.positive: default"),
    ("alter domain positive set not null", "~ domain public.positive: not null"),
    ("alter domain positive drop constraint positive_check", "~ domain public.positive: constraint positive_check"),
    ("alter domain positive add constraint small check (value < 500)", "~ domain public.positive: constraint small"),
    ("alter type pair rename attribute a to z", "~ composite type public.pair: attributes"),
    ("comment on column pair.a is 'first'", "~ composite type public.pair: comment on attribute a"),
    ("create type more as (a integer)", "+ composite type public.more"),
    ("drop type span", "- range type public.span"),
    ("drop type span; create type span as range (subtype = float8)", "~ range type public.span: definition"),
    ("create domain more as text collate \"C\" default 'x' not null check (value <> '')", "+ domain public.more"),
    ("drop collation sorted", "- collation public.sorted"),
    # sequences
    ("create sequence more", "+ sequence public.more"),
    ("alter sequence ticket increment by 6", "~ sequence public.ticket: options"),
    ("alter sequence ticket as integer", "~ sequence public.ticket: type"),
    ("alter sequence ticket owned by person.ticket", "~ sequence public.ticket: owned by"),
    ("grant usage on sequence ticket to pg_monitor", "~ sequence public.ticket: grants to pg_monitor"),
    # tables
    ("create table more (id bigserial primary key, a integer references person, check (a > 0))", "+ table public.more"),
    ("drop table child", "- table public.child"),
    ("drop table event", "- table public.event"),
    ("drop table event_rest", "- table public.event_rest"),
    ("alter table event detach partition event_2025", "~ table public.event_2025: partition of; + index public.event_2025_at_idx"),
    ("alter table child no inherit parent", "~ table public.child: inherits"),
    ("alter table fast set logged", "~ table public.fast: persistence"),
    ("alter table fast reset (fillfactor)", "~ table public.fast: options"),
    ("alter table fast set (fillfactor = 60, autovacuum_enabled = off)", "~ table public.fast: options"),
    ("alter table person disable row level security", "~ table public.person: row security"),
    ("alter table person force row level security", "~ table public.person: forced row security"),
    ("alter table person set without cluster", "~ table public.person: clustered on"),
    ("alter table person replica identity full", "~ table public.person: replica identity"),
    ("comment on table person is null", "~ table public.person: comment"),
    ("grant select, update on person to pg_monitor with grant option", "~ table public.person: grants to pg_monitor"),
    ("grant select on parent to public", "~ table public.parent: grants to PUBLIC"),
    # columns
    ("alter table parent add extra integer default 1", "+ column public.parent.extra"),
    ("alter table person add extra text collate \"C\" not null default 'x'", "+ column public.person.extra"),
    ("alter table person drop home", "- column public.person.home"),
    ("alter table person alter home type text using null", "~ column public.person.home: type"),
    ("alter table person alter tags type varchar[] using tags::varchar[], alter tags set default '{}'",
     "~ column public.person.tags: default, type"),
    ("alter table parent alter a type bigint", "~ column public.parent.a: type"),
    (f'alter table {SELECT} alter "a""b" type text collate "C"', f'~ column {SELECT}."a""b": collation'),
    ("alter table person alter status set default 'old'", "~ column public.person.status: default"),
    ("alter table person alter status drop default", "~ column public.person.status: default"),
    ("alter table parent alter a set default 7", "~ column public.parent.a: default"),
    ("alter table person alter status drop not null", "~ column public.person.status: not null"),
    ("alter table person alter mood set not null", "~ column public.person.mood: not null"),
    ("alter table person alter id set generated by default", "~ column public.person.id: identity"),
    ("alter table person alter id set increment by 3 set cycle", "~ column public.person.id: identity"),
    ("alter table person alter id drop identity", "~ column public.person.id: identity"),
    ("alter table parent alter a add generated always as identity", "~ column public.parent.a: identity"),
    ("alter table person alter shout drop expression", "~ column public.person.shout: generated"),
    ("alter table person drop shout, add shout text generated always as (lower(email)) stored",
     "~ column public.person.shout: generated"),
    ("alter table person alter name set statistics 100", "~ column public.person.name: statistics"),
    ("alter table person alter name set storage external", "~ column public.person.name: storage"),
    ("alter table person alter name set compression pglz", "~ column public.person.name: compression"),
    ("alter table person alter name set (n_distinct = 5)", "~ column public.person.name: settings"),
    ("comment on column person.email is 'another'", "~ column public.person.email: comment"),
    ("grant select (name), update (name) on person to pg_monitor", "~ column public.person.name: grants to pg_monitor"),
    # constraints, indexes, statistics
    ("alter table person drop constraint sane", "- constraint sane ON public.person"),
    ("alter table person drop constraint sane, add constraint sane check (age < 100)",
     "~ constraint sane ON public.person: definition"),
    ("alter table person add constraint more unique nulls not distinct (tags)", "+ constraint more ON public.person"),
    ("alter table fast add constraint more foreign key (b) references fast", "+ constraint more ON public.fast"),
    (f"alter table {SELECT} alter constraint select_from_fkey not deferrable",
     f"~ constraint select_from_fkey ON {SELECT}: definition"),
    ("alter table fast drop constraint fast_pkey", "- constraint fast_pkey ON public.fast"),
    ("comment on constraint sane on person is 'sane'", "~ constraint sane ON public.person: comment"),
    ("alter table parent add check (a > 0)", "+ constraint parent_a_check ON public.parent"),
    ("alter table event add primary key (id, at)", "+ constraint event_pkey ON public.event"),
    ("drop index person_mood", "- index public.person_mood"),
    ("create index more on person (name)", "+ index public.more"),
    ("drop index event_at; create index event_at on event (at)", "~ index public.event_at: definition"),
    ("comment on index person_mood is 'x'", "~ index public.person_mood: comment"),
    ("drop statistics person_stats", "- statistics public.person_stats"),
    ("alter statistics person_stats set statistics 50", "~ statistics public.person_stats: target"),
    # views
    ("drop view grown", "- view public.grown"),
    ("create or replace view grown as select id, name from person where age > 21 with local check option",
     "~ view public.grown: definition"),
    ("alter view grown set (security_barrier = true)", "~ view public.grown: options"),
    ("comment on view grown is 'x'", "~ view public.grown: comment"),
    ("comment on column grown.name is 'x'", "~ view column public.grown.name: comment"),
    ("alter view grown alter name set default 'x'", "~ view column public.grown.name: default"),
    ("grant select on grown to pg_monitor", "~ view public.grown: grants to pg_monitor"),
    ("drop materialized view counted", "- materialized view public.counted"),
    (("drop materialized view counted; create materialized view counted as select status, 1 as n from person; "
     "create unique index on counted (status)"), "~ materialized view public.counted: definition"),
    ("create view more as select * from grown", "+ view public.more"),
    # routines
    ("drop function greet", "- function public.greet(text, text[])"),
    ("create or replace function twice(n integer) returns integer language sql stable begin atomic select n * 2; end",
     "~ function public.twice(integer): definition"),
    ("drop function twice; create function twice(m integer) returns bigint language sql as 'select 2'",
     "~ function public.twice(integer): definition"),
    ("create function more(a person, out b text) language sql as $$ select '$x$' $$",
     "+ function public.more(public.person)"),
    ("revoke execute on function twice from public", "~ function public.twice(integer): grants to PUBLIC"),
    ("grant execute on function twice to pg_monitor", "~ function public.twice(integer): grants to pg_monitor"),
    ("comment on function twice is 'x'", "~ function public.twice(integer): comment"),
    ("create or replace procedure forget(p bigint) language sql as 'select 1'",
     "~ procedure public.forget(bigint): definition"),
    ("drop aggregate total(integer)", "- aggregate public.total(integer)"),
    ("create or replace aggregate total(integer) (sfunc = int4pl, stype = integer, initcond = '1')",
     "~ aggregate public.total(integer): definition"),
    ("drop operator ===(integer, integer)", "- operator public.=== (integer, integer)"),
    ("drop cast (mood as integer)", "- cast (public.mood AS integer)"),
    # triggers, rules, policies
    ("drop trigger touch on person", "- trigger touch ON public.person"),
    ("alter table person enable trigger touch", "~ trigger touch ON public.person: enabled"),
    ("alter table person enable always trigger touch", "~ trigger touch ON public.person: enabled"),
    (("drop trigger touch on person; create trigger touch before insert on person for each row execute function touched(); "
     "alter table person disable trigger touch"), "~ trigger touch ON public.person: definition"),
    ("drop rule quiet on fast", "- rule quiet ON public.fast"),
    ("alter table fast disable rule quiet", "~ rule quiet ON public.fast: enabled"),
    ("create or replace rule quiet as on delete to fast where old.a > 1 do instead nothing",
     "~ rule quiet ON public.fast: definition"),
    ("drop policy own on person", "- policy own ON public.person"),
    ("alter policy own on person to pg_monitor", "~ policy own ON public.person: roles"),
    ("alter policy own on person using (true)", "~ policy own ON public.person: using"),
    ("create policy more on person as restrictive for update using (true) with check (age > 1)",
     "+ policy more ON public.person"),
    ("alter event trigger watch disable", "~ event trigger watch: enabled"),
    ("drop event trigger watch", "- event trigger watch"),
    # what is of the database
    ("drop publication changes", "- publication changes"),
    ("alter publication changes add table parent", "~ publication changes: contents"),
    ("alter publication changes set (publish = 'insert')", "~ publication changes: options"),
    ("alter server away options (set host 'near.example')", "~ server away: option host"),
    ("create server more foreign data wrapper nothing", "+ server more"),
    ("alter foreign data wrapper nothing options (add x 'y')", "~ foreign data wrapper nothing: option x"),
    ("drop foreign table remote", "- foreign table public.remote"),
    ("alter foreign table remote options (set table_name 'u')", "~ foreign table public.remote: option table_name"),
    ("alter foreign table remote alter a options (set column_name 'c')", "~ column public.remote.a: option column_name"),
    ("alter foreign table remote add c text", "+ column public.remote.c"),
]  # fmt: skip


@pytest.mark.parametrize(("mutation", "expected"), CASES, ids=[f"{case[1]} | {case[0][:40]}" for case in CASES])
def test_one_change_is_named_alone_and_closed_both_ways(built: Built, mutation: str, expected: str) -> None:
    built.runner.run(check_change(built, mutation, expected.split("; ")))


async def check_change(built: Built, mutation: str, expected: list[str]) -> None:
    """Change the database, compare, close the differences, compare again; then from the other side."""
    async with undone(built.driver):
        await built.driver.execute(mutation)
        changed = await read_objects(built.driver)
        assert [told(one) for one in differences(changed, built.inventory)] == expected
        await built.driver.execute(";\n".join(close(changed, built.inventory)))
        assert differences(await read_objects(built.driver), built.inventory) == ()
    async with undone(built.driver):
        await built.driver.execute(";\n".join(close(built.inventory, changed)))
        assert differences(await read_objects(built.driver), changed) == ()
