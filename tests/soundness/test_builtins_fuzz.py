"""The lists of built-in functions that never return NULL, tried on real servers with values of every kind."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
from tests.soundness.builtins_calls import SETUP, Caller
from tests.soundness.builtins_targets import Target, catalogued, listed, with_nulls

from assay.config import DatabaseUrl

FEW = 60
MANY = int(os.environ.get("ASSAY_SOAK_CALLS", "10000"))
"""Calls of each function and choice of types."""
SECTIONS = ("total", "always", "needs", "either", "text cast", "columns")
SILENT = 45
"""As many functions may be left without a call that returns: they need a replica, a large object, an aggregate, ..."""


@pytest.fixture
async def caller(database: DatabaseUrl) -> AsyncIterator[Caller]:
    """Calls on a new database of each server."""
    async for one in made(database, 20, 1):
        yield one


async def made(database: DatabaseUrl, more: int, seed: int) -> AsyncIterator[Caller]:
    connection = await asyncpg.connect(database.reveal(), statement_cache_size=0)
    try:
        await connection.execute(SETUP)
        yield Caller(connection, more, seed)
    finally:
        await connection.close()


def version(caller: Caller) -> int:
    return caller.connection.get_server_version().major


async def targets(caller: Caller, section: str) -> list[Target]:
    return await catalogued(caller.connection, [*listed(version(caller), section)])


async def by_detail(caller: Caller, section: str) -> list[tuple[Target, str]]:
    entries = listed(version(caller), section)
    return [(target, entries[target.oid][1]) for target in await catalogued(caller.connection, [*entries])]


async def test_every_listed_function_exists_under_its_name(caller: Caller) -> None:
    for section in (*SECTIONS, "safe volatile", "refused by replica", "in sql"):
        entries = listed(version(caller), section)
        found = {one.oid: f"{one.name}({','.join(one.arguments)})" for one in await targets(caller, section)}
        assert {oid: signature for oid, (signature, _) in entries.items()} == found


async def test_listed_functions_are_in_the_language_that_the_list_says(caller: Caller) -> None:
    oids = {oid for section in (*SECTIONS, "safe volatile") for oid in listed(version(caller), section)}
    rows = await caller.connection.fetch(
        "select p.oid::int8 from pg_proc p join pg_language l on l.oid = p.prolang"
        " where l.lanname = 'sql' and p.oid = any($1::oid[])",
        [*oids],
    )
    assert {row[0] for row in rows} == {*listed(version(caller), "in sql")}


async def test_total_functions_give_no_null_for_values(caller: Caller) -> None:
    outcome = await caller.all(await targets(caller, "total"), FEW)
    assert outcome.bad == []
    assert len(outcome.silent) <= SILENT, outcome.silent
    assert outcome.functions > 1900


async def test_some_functions_give_no_null_whatever_the_arguments(caller: Caller) -> None:
    outcome = await caller.all([with_nulls(one) for one in await targets(caller, "always")], 1000)
    assert outcome.bad == []
    assert outcome.functions > 80


async def test_an_array_given_as_variadic_makes_null_only_when_it_is_null(caller: Caller) -> None:
    chosen = [one for one in await targets(caller, "total") if one.variadic == "any"]
    arrays = [
        replace(one, variadic="array", arguments=(*one.arguments[:-1], kind))
        for one in chosen
        for kind in ("_text", "_int4", "_pair")
    ]
    outcome = await caller.all(arrays, 500)
    assert outcome.bad == []
    assert {one.name for one in chosen} >= {"concat", "concat_ws", "format", "num_nulls", "jsonb_build_object"}
    nulls = await caller.all([replace(one, nullable=frozenset({0})) for one in arrays if one.name == "concat"], 500)
    assert nulls.bad


async def test_some_functions_give_null_only_for_certain_arguments(caller: Caller) -> None:
    entries = await by_detail(caller, "needs")
    required = [with_nulls(target, [*map(int, detail.split(","))]) for target, detail in entries]
    outcome = await caller.all(required, 1000)
    assert outcome.bad == []
    assert outcome.silent == []


async def test_some_functions_give_null_only_for_two_nulls(caller: Caller) -> None:
    chosen = await targets(caller, "either")
    outcome = await caller.all([with_nulls(one, [given]) for one in chosen for given in (0, 1)], 1000)
    assert outcome.bad == []


async def test_what_casts_to_text_gives_no_null_for_values(caller: Caller) -> None:
    outcome = await caller.all(await targets(caller, "text cast"), 1000)
    assert outcome.bad == []
    assert outcome.silent == []


async def test_listed_columns_hold_no_null(caller: Caller) -> None:
    outcome = await caller.all([replace(one, columns=marks) for one, marks in await by_detail(caller, "columns")], 500)
    assert outcome.bad == []
    assert outcome.functions > 40


async def test_listed_columns_hold_no_null_in_sets_for_null_arguments(caller: Caller) -> None:
    entries = [replace(one, columns=marks) for one, marks in await by_detail(caller, "columns") if one.returns_set]
    outcome = await caller.all([with_nulls(one) for one in entries], 500)
    assert outcome.bad == []


FIELDS = ["epoch", "year", "decade", "century", "millennium", "julian", "isoyear"]


async def test_growing_fields_of_infinite_values_are_not_null(caller: Caller) -> None:
    kinds = ("date", "timestamp", "timestamptz", "interval")
    await caller.all([Target(0, "isfinite", (kind,)) for kind in kinds], FEW)
    # date_part() of a date goes through timestamp, which ends earlier.
    await caller.connection.execute("delete from values_date where v > '294276-12-31' and isfinite(v)")
    for kind in kinds:
        for field in ["day", "hour", *FIELDS[:5]] if kind == "interval" else FIELDS:
            for call in (f"extract({field} from v)", f"date_part('{field}', v)"):
                rows = await caller.connection.fetchval(f"select count(*) from values_{kind} where {call} is null")
                assert rows == 0, call


async def test_months_of_infinite_values_are_null(caller: Caller) -> None:
    assert await caller.connection.fetchval("select extract(month from timestamp 'infinity') is null")


HARMLESS = """
random() random_normal() gen_random_uuid() uuidv4() uuidv7() uuidv7('1h') array_shuffle('{1,2}'::int[])
array_sample('{1,2}'::int[],1) clock_timestamp() timeofday() pg_sleep(0) pg_sleep_for('0') pg_sleep_until(now())
current_query() pg_jit_available() pg_relation_size('sampled') pg_table_size('sampled') pg_indexes_size('sampled')
pg_total_relation_size('sampled') pg_database_size(current_database()) pg_tablespace_size('pg_default')
pg_partition_tree('hashed') pg_partition_ancestors('hashed')
"""


async def test_safe_volatile_functions_run_where_nothing_may_be_written(caller: Caller) -> None:
    chosen = await targets(caller, "safe volatile")
    calls = [call for call in HARMLESS.split() if call.partition("(")[0] in {one.name for one in chosen}]
    assert {call.partition("(")[0] for call in calls} == {one.name for one in chosen}
    async with caller.connection.transaction(readonly=True):
        for call in calls:
            await caller.connection.execute(f"select {call}")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await caller.connection.execute("select nextval('a_sequence')")


async def test_the_functions_called_safe_are_volatile_and_those_refused_are_not(caller: Caller) -> None:
    query = "select distinct provolatile::text from pg_proc where oid = any($1::oid[])"
    for section, kinds in (("safe volatile", {"v"}), ("refused by replica", {"i", "s"})):
        rows = await caller.connection.fetch(query, [*listed(version(caller), section)])
        assert {row[0] for row in rows} == kinds


GIVERS = {
    "array_length": ("_int4", "int4"),
    "regexp_match": ("text", "text"),
    "jsonb_object_field": ("jsonb", "text"),
    "jsonb_path_exists_opr": ("jsonb", "jsonpath"),
    "lower": ("int4range",),
    "pg_table_is_visible": ("oid",),
    "to_number": ("text", "text"),
    "scale": ("numeric",),
    "area": ("path",),
    "box_intersect": ("box", "box"),
}


async def test_the_calls_find_functions_that_give_null(caller: Caller) -> None:
    for name, arguments in GIVERS.items():
        assert (await caller.all([Target(0, name, arguments)], 3000)).bad, name


async def test_the_calls_find_columns_and_rows_that_are_null(caller: Caller) -> None:
    rows = Target(0, "unnest", ("_int4",), returns_set=True)
    columns = Target(0, "jsonb_each_text", ("jsonb",), returns_set=True, columns="++")
    assert (await caller.all([rows], 500)).bad
    assert (await caller.all([columns], 500)).bad


async def test_a_row_of_nulls_is_no_null(caller: Caller) -> None:
    larger = Target(0, "greatest_of_rows", ("pair",))
    await caller.connection.execute(
        "create function pg_catalog.greatest_of_rows(pair) returns pair language sql as 'select $1'"
    )
    assert (await caller.all([larger], 500)).bad == []


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", [11, 12])
async def test_soak_listed_functions_give_no_null(database: DatabaseUrl, seed: int) -> None:
    async for caller in made(database, 300, seed):
        for section in ("total", "text cast"):
            outcome = await caller.all(await targets(caller, section), MANY)
            print(f"\nPostgreSQL {version(caller)}, {section}: {outcome}")
            assert outcome.bad == []
        entries = await by_detail(caller, "needs")
        loose = [with_nulls(target, [*map(int, detail.split(","))]) for target, detail in entries]
        loose += [with_nulls(target) for target in await targets(caller, "always")]
        outcome = await caller.all(loose, MANY)
        print(f"PostgreSQL {version(caller)}, with NULL arguments: {outcome}")
        assert outcome.bad == []


@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_soak_listed_functions_give_no_null_to_an_ordinary_role(database: DatabaseUrl) -> None:
    role = f"plain_{secrets.token_hex(6)}"
    async for caller in made(database, 50, 21):
        await caller.connection.execute(f"create role {role}; grant all on schema public to {role}; set role {role}")
        try:
            outcome = await caller.all(await targets(caller, "total"), 3000)
        finally:
            await caller.connection.execute(f"reset role; drop owned by {role} cascade; drop role {role}")
        print(f"\nPostgreSQL {version(caller)}, as an ordinary role: {outcome}")
        assert outcome.bad == []


@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_soak_most_strict_functions_left_out_do_give_null(database: DatabaseUrl) -> None:
    async for caller in made(database, 100, 5):
        hidden = ["internal", "cstring", "_cstring", "trigger", "event_trigger", "void", "unknown", "pg_ddl_command"]
        rows = await caller.connection.fetch(
            "select oid::int8 from pg_proc where oid < 10000 and prokind = 'f' and proisstrict and prolang in"
            " (select oid from pg_language where lanname in ('internal', 'sql'))"
            " and not proargtypes::oid[] && $1::text[]::regtype[]::oid[] and not prorettype = any($1::text[]::regtype[])",
            hidden,
        )
        left = {row[0] for row in rows} - {*listed(version(caller), "total")}
        targeted = await catalogued(caller.connection, sorted(left))
        quiet = [str(one) for one in targeted if not (await caller.all([one], 5000)).bad]
        seen = len(left) - len(quiet)
        print(f"\nPostgreSQL {version(caller)}: {seen} of {len(left)} strict functions left out gave NULL")
        print("not these:", "; ".join(quiet))
        assert len(quiet) < 0.25 * len(left)
