"""Live databases against built ones: other versions, other names, few rights, and what a migration cannot close."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import fresh
from tests.integration.test_schema_diff import EVERYTHING, told

from assay.config import DatabaseUrl
from assay.schema.drift import Drift, find_drift

HOSTILE = Path(__file__).parents[1] / "data" / "schema" / "hostile.sql"


@pytest.fixture
async def built(server_18: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """An empty database where the migrations' would be."""
    async for url in fresh(server_18):
        yield url


async def given(url: DatabaseUrl, *scripts: str) -> DatabaseUrl:
    """A database after some scripts."""
    driver = await asyncpg.connect(url.reveal())
    try:
        for script in scripts:
            await driver.execute(script)
    finally:
        await driver.close()
    return url


def names(drift: Drift) -> list[str]:
    return [told(one) for one in drift.differences]


async def test_two_builds_of_the_same_do_not_differ_whatever_server_the_live_one_is_on(
    database: DatabaseUrl, built: DatabaseUrl
) -> None:
    for url in (database, built):
        await given(url, EVERYTHING.read_text(), "grant all on person to pg_monitor with grant option")
    assert await find_drift(database, built) == Drift(())


async def test_a_change_on_another_version_is_named_alone(database: DatabaseUrl, built: DatabaseUrl) -> None:
    await given(built, EVERYTHING.read_text())
    await given(database, EVERYTHING.read_text(), "alter table person drop constraint sane")
    drift = await find_drift(database, built, write=True)
    assert (names(drift), drift.notes, drift.unclosed) == (["- constraint sane ON public.person"], (), ())
    await given(database, drift.migration)
    assert names(await find_drift(database, built)) == []


async def test_from_nothing_and_to_nothing(database: DatabaseUrl, built: DatabaseUrl) -> None:
    await given(built, EVERYTHING.read_text())
    drift = await find_drift(database, built, write=True)
    assert (drift.notes, drift.unclosed) == ((), ())
    await given(database, drift.migration)
    assert names(await find_drift(database, built)) == []


async def test_a_materialized_view_over_another_is_tried_on_filled_ones(
    database: DatabaseUrl, built: DatabaseUrl
) -> None:
    first = "create materialized view a as select 1 as one"
    await given(database, first)
    await given(built, first, "create materialized view b as select one from a")
    drift = await find_drift(database, built, write=True)
    assert (names(drift), drift.notes, drift.unclosed) == (["- materialized view public.b"], (), ())


async def test_types_without_a_cast_go_through_text(database: DatabaseUrl, built: DatabaseUrl) -> None:
    table = "create type pair as (a integer); create table t (a {}, b {}, c {}[])"
    await given(built, table.format("timestamptz", "pair", "bigint"))
    await given(database, table.format("integer", "uuid", "integer"))
    drift = await find_drift(database, built, write=True)
    assert (drift.notes, drift.unclosed) == ((), ())
    assert "a TYPE timestamp with time zone USING a::text::timestamp with time zone" in drift.migration
    assert "c TYPE bigint[] USING c::bigint[]" in drift.migration
    await given(database, drift.migration)
    assert names(await find_drift(database, built)) == []


async def test_everything_can_be_taken_away(database: DatabaseUrl, built: DatabaseUrl) -> None:
    await given(database, EVERYTHING.read_text(), "drop user mapping for current_user server away")
    drift = await find_drift(database, built, write=True)
    assert (drift.notes, drift.unclosed) == ((), ())
    await given(database, drift.migration)
    assert names(await find_drift(database, built)) == []


async def test_hostile_names_and_texts_go_both_ways(database: DatabaseUrl, built: DatabaseUrl) -> None:
    await given(built, HOSTILE.read_text())
    drift = await find_drift(database, built, write=True)
    assert (drift.notes, drift.unclosed) == ((), ())
    backwards = await find_drift(database, built, write=True, reverse=True)
    assert (backwards.notes, backwards.unclosed) == ((), ())
    await given(database, drift.migration)
    assert names(await find_drift(database, built)) == []


async def test_who_may_not_read_the_tables_is_still_told_what_differs(
    database: DatabaseUrl, built: DatabaseUrl
) -> None:
    await given(built, "create table t (a integer); create view v as select a from t")
    role = f"blind_{database.database}"
    await given(database, f"create table t (a bigint); create view v as select a from t; create role {role} login")
    try:
        drift = await find_drift(replace(database, user=role, password=None), built, write=True)
    finally:
        await given(database, f"drop owned by {role}; drop role {role}")
    assert names(drift)[0] == "~ column public.t.a: type"
    assert "could not be copied" in drift.notes[0]
    assert "was not tried" in drift.notes[-1]


async def test_a_label_that_is_used_at_once_makes_the_type_anew(database: DatabaseUrl, built: DatabaseUrl) -> None:
    table = "create table t (a mood default '{}'); insert into t values ('happy')"
    await given(built, "create type mood as enum ('happy', 'sad')", table.format("sad"))
    await given(database, "create type mood as enum ('happy')", table.format("happy"))
    drift = await find_drift(database, built, write=True)
    assert (names(drift), drift.unclosed) == (["~ enum public.mood: labels", "~ column public.t.a: default"], ())
    await given(database, f"begin; {drift.migration} commit")
    assert names(await find_drift(database, built)) == []


async def test_what_cannot_be_written_is_said(database: DatabaseUrl, built: DatabaseUrl) -> None:
    await given(built, "create table t (a integer) partition by range (a)")
    await given(database, "create table t (a integer) partition by hash (a)")
    drift = await find_drift(database, built, write=True)
    assert [told(one) for one in drift.unclosed] == ["~ table public.t: partition by"]
    assert "-- not written: table public.t has another partition by" in drift.migration


async def test_the_tables_of_assay_are_not_compared(database: DatabaseUrl, built: DatabaseUrl) -> None:
    await given(database, "create table _sqlx_migrations (version bigint primary key, a text default 'x')")
    assert await find_drift(database, built) == Drift(())


async def test_nothing_is_left_on_the_servers(database: DatabaseUrl, built: DatabaseUrl) -> None:
    role = f"passing_{database.database}"
    await given(database, "create table t (a integer)", f"create role {role}; grant select on t to {role}")
    try:
        await find_drift(database, built, write=True)
    finally:
        await given(database, f"drop owned by {role}; drop role {role}")
    driver = await asyncpg.connect(built.reveal())
    assert await driver.fetchval("select count(*) from pg_roles where rolname = $1", role) == 0
    await driver.close()
