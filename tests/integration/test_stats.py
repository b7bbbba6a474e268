"""What ``assay stats`` says of a server, section by section, against what was done there."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from assay.config import DatabaseUrl
from assay.ops.stats.model import Section
from assay.ops.stats.session import open_session
from assay.ops.stats.stats import READERS, read_stats, stats_lines

FILLED = """
create table visit (id bigint primary key, page text not null, note text);
create index visit_page on visit (page);
create index visit_page_too on visit (page);
insert into visit select n, 'page ' || n % 100, repeat('x', 3000) from generate_series(1, 3000) n;
analyze visit;
"""


async def section(url: DatabaseUrl, name: str, limit: int = 10) -> Section:
    async with open_session(url, limit) as session:
        (found,) = (await read_stats(session, [name])).sections
    return found


async def rows(url: DatabaseUrl, name: str) -> list[dict[str, Any]]:
    return (await section(url, name)).to_json()["rows"]


@pytest.fixture
async def plain(database: DatabaseUrl, driver: asyncpg.Connection) -> AsyncIterator[DatabaseUrl]:
    """The database as a role that may do nothing but connect sees it."""
    role = f"nobody_{secrets.token_hex(6)}"
    await driver.execute(f"create role {role} login password 'secret'")
    yield DatabaseUrl(role, "secret", database.host, database.port, database.database, database.options)
    await driver.execute(f"drop owned by {role}; drop role {role}")


async def test_sizes_are_those_that_the_server_tells(database: DatabaseUrl, driver: asyncpg.Connection) -> None:
    await driver.execute(FILLED)
    told = await driver.fetchrow(
        "select pg_total_relation_size('visit') as total_bytes, pg_indexes_size('visit') as indexes_bytes,"
        " pg_total_relation_size('visit') - pg_indexes_size('visit') as table_bytes"
    )
    (visit,) = await rows(database, "tables")
    assert visit["name"] == "public.visit"
    assert {name: visit[name] for name in ("total_bytes", "indexes_bytes")} == {
        name: told[name] for name in ("total_bytes", "indexes_bytes")
    }
    assert visit["heap_bytes"] + visit["toast_bytes"] == told["table_bytes"]
    assert (visit["estimated_rows"], visit["size_is_estimated"]) == (3000, False)


async def test_a_table_that_is_locked_has_its_size_estimated_and_is_not_waited_for(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    await driver.execute(FILLED)
    async with driver.transaction():
        await driver.execute("lock table visit in access exclusive mode")
        found = await section(database, "tables")
        (visit,) = found.to_json()["rows"]
        names = [each.name for each in (await everything(database)) if not each.fields]
    assert (visit["size_is_estimated"], visit["heap_bytes"] > 0) == (True, True)
    assert "some tables are locked" in found.notes[0]
    assert names == []


async def everything(url: DatabaseUrl) -> tuple[Section, ...]:
    async with open_session(url, 10) as session:
        return (await read_stats(session, list(READERS))).sections


async def test_redundant_and_unused_indexes_are_remarked(database: DatabaseUrl, driver: asyncpg.Connection) -> None:
    await driver.execute(FILLED)
    await driver.fetch("select from visit where id = 7")
    await driver.execute("select pg_stat_clear_snapshot(), pg_sleep(0.1)")
    found = {row["name"]: row for row in await rows(database, "indexes")}
    assert found["public.visit_page_too"]["redundant_with"] == "public.visit_page"
    assert found["public.visit_page_too"]["remark"] == "public.visit_page does the same"
    assert (found["public.visit_page"]["remark"], found["public.visit_page"]["scans"]) == ("not used yet", 0)
    assert found["public.visit_pkey"]["remark"] == ""


async def test_what_is_asked_for_again_is_found_in_memory(database: DatabaseUrl, driver: asyncpg.Connection) -> None:
    await driver.execute(FILLED)
    for _ in range(3):
        await driver.fetch("select count(*) from visit")
    await driver.close()  # a session tells its figures when it ends
    for _ in range(50):
        of = {row["what"]: row for row in await rows(database, "cache")}
        if of["tables"]["hit_blocks"]:
            break
        await asyncio.sleep(0.1)
    assert of["tables"]["hit_ratio"] == pytest.approx(
        of["tables"]["hit_blocks"] / (of["tables"]["hit_blocks"] + of["tables"]["read_blocks"])
    )
    assert of["tables"]["hit_ratio"] > 0.5


WIDE = """
create table {table} (id bigint, kind integer, name text, at timestamptz, note text) with (autovacuum_enabled = off);
insert into {table} select n, n % 7, 'name of ' || n, now(), case when n % 3 = 0 then 'note ' || n end
    from generate_series(1, 60000) n;
create index {table}_id on {table} (id);
create index {table}_kind on {table} (kind);
"""


async def test_the_estimate_of_bloat_is_near_what_pgstattuple_measures(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    await driver.execute(WIDE.format(table="full_one") + WIDE.format(table="holed"))
    await driver.execute("delete from holed where id % 10 < 6")
    await driver.execute("vacuum analyze full_one")
    await driver.execute("vacuum analyze holed")
    estimated = {row["name"]: row for row in await rows(database, "bloat")}
    await driver.execute("create extension pgstattuple")
    measured = {row["name"]: row for row in await rows(database, "bloat")}
    assert {row["method"] for row in estimated.values()} == {"estimate"}
    assert {row["method"] for row in measured.values()} == {"measured"}
    for name in ("public.full_one", "public.holed", "public.full_one_id", "public.holed_id"):
        assert estimated[name]["wasted_ratio"] == pytest.approx(measured[name]["wasted_ratio"], abs=0.12), name
    assert measured["public.holed"]["wasted_ratio"] > 0.5 > 0.1 > measured["public.full_one"]["wasted_ratio"]


async def test_what_there_is_no_time_to_measure_is_estimated(database: DatabaseUrl, driver: asyncpg.Connection) -> None:
    await driver.execute(WIDE.format(table="full_one"))
    await driver.execute("analyze full_one; create extension pgstattuple")
    await driver.execute(
        "alter function pgstattuple_approx(regclass) rename to approx; alter function pgstatindex(regclass) rename to of_index"
    )
    await driver.execute(
        "create function pgstattuple_approx(regclass) returns table (dead_tuple_len int8, approx_free_space int8,"
        " dead_tuple_count int8) language sql as 'select 1, 1, 1 from pg_sleep(60)'"
    )
    await driver.execute(
        "create function pgstatindex(regclass) returns table (index_size int8, avg_leaf_density float8)"
        " language sql as 'select 1, 1 from pg_sleep(60)'"
    )
    async with open_session(database, 10, 1.0) as session:
        (found,) = (await read_stats(session, ["bloat"])).sections
    assert {row["method"] for row in found.to_json()["rows"]} == {"estimate"}
    assert "the rest is estimated" in found.notes[0]


async def test_long_transactions_are_told_with_their_last_query_without_values(
    database: DatabaseUrl, driver: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.ops.stats.activity.LONG_AFTER", 0.0)
    async with driver.transaction():
        await driver.execute("select 'of nobody''s concern', 4711 /* somebody */")
        (found,) = await rows(database, "transactions")
    assert (found["pid"], found["state"]) == (driver.get_server_pid(), "idle in transaction")
    assert found["query"] == "select '...', 0"
    assert found["age_seconds"] >= found["in_state_seconds"] >= 0
    assert await rows(database, "transactions") == []


@pytest.fixture
async def queue(database: DatabaseUrl, driver: asyncpg.Connection) -> AsyncIterator[list[int]]:
    """Three sessions, of which the second waits for the first and the third for the second."""
    await driver.execute("create table account (id integer primary key, balance integer)")
    await driver.execute("insert into account values (1, 100)")
    others = [await asyncpg.connect(database.reveal()) for _ in range(2)]
    holding = driver.transaction()
    await holding.start()
    await driver.execute("update account set balance = 50 where id = 1")
    waiting = [asyncio.create_task(others[0].execute("alter table account add column password text default 'pst'"))]
    await until_waiting(database, 1)
    waiting.append(asyncio.create_task(others[1].execute("select * from account where id = 42")))
    await until_waiting(database, 2)
    yield [driver.get_server_pid(), *(other.get_server_pid() for other in others)]
    await holding.rollback()
    await asyncio.gather(*waiting)
    for other in others:
        await other.close()


async def until_waiting(url: DatabaseUrl, count: int) -> None:
    admin = await asyncpg.connect(url.reveal())
    try:
        asked = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        for _ in range(200):
            if await admin.fetchval(asked) == count:
                return
            await asyncio.sleep(0.02)
    finally:
        await admin.close()
    raise AssertionError("nobody waits")


async def test_who_waits_stands_below_whom_it_waits_for(database: DatabaseUrl, queue: list[int]) -> None:
    found = await section(database, "locks")
    mine = [row for row in found.to_json()["rows"] if row["pid"] in queue]
    assert [(row["pid"], row["depth"], row["blocked_by"]) for row in mine] == [
        (queue[0], 0, []),
        (queue[1], 1, [queue[0]]),
        (queue[2], 2, [queue[1]]),
    ]
    assert [row["lock"] for row in mine] == [None, "AccessExclusiveLock", "AccessShareLock"]
    assert [row["relation"] for row in mine[1:]] == ["public.account", "public.account"]
    assert [row["query"] for row in mine] == [
        "update account set balance = 0 where id = 0",
        "alter table account add column password text default '...'",
        "select * from account where id = 0",
    ]
    text = "\n".join([line async for line in lines(database)])
    assert f"\n  {queue[0]} " in text
    assert f"\n  └ {queue[1]} " in text
    assert f"\n    └ {queue[2]} " in text
    assert "pst" not in text


async def lines(url: DatabaseUrl) -> AsyncIterator[str]:
    async with open_session(url, 10) as session:
        for line in stats_lines(await read_stats(session, ["locks"]), None):
            yield line


async def test_connections_are_counted_by_application_and_state(database: DatabaseUrl) -> None:
    named = [
        await asyncpg.connect(database.reveal(), server_settings={"application_name": "shop front"}) for _ in range(3)
    ]
    try:
        found = [row for row in await rows(database, "connections") if row["application"] == "shop front"]
    finally:
        for each in named:
            await each.close()
    assert [(row["connections"], row["state"], row["database"]) for row in found] == [(3, "idle", database.database)]


async def test_vacuum_tells_dead_rows_and_the_age(database: DatabaseUrl, driver: asyncpg.Connection) -> None:
    await driver.execute("create table t (id integer) with (autovacuum_enabled = off)")
    await driver.execute("insert into t select generate_series(1, 500)")
    await driver.execute("delete from t")
    await driver.close()
    for _ in range(50):
        (found,) = await rows(database, "vacuum")
        if found["dead_rows"]:
            break
        await asyncio.sleep(0.1)
    assert (found["name"], found["dead_rows"], found["due"]) == ("public.t", 500, True)
    assert 0 < found["freeze_ratio"] < 1
    assert found["vacuumed_seconds_ago"] is None


async def test_a_table_s_own_settings_say_when_vacuum_is_due(database: DatabaseUrl, driver: asyncpg.Connection) -> None:
    own = {"patient": "autovacuum_vacuum_threshold = 1000", "steady": "autovacuum_vacuum_scale_factor = 0"}
    if driver.get_server_version().major >= 18:
        own["capped"] = "autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_max_threshold = 100"
    for name, settings in own.items():
        await driver.execute(f"create table {name} (id integer) with (autovacuum_enabled = off, {settings})")
        await driver.execute(f"insert into {name} select generate_series(1, 500)")
        await driver.execute(f"delete from {name}")
    await driver.close()
    for _ in range(50):
        found = await rows(database, "vacuum")
        if all(row["dead_rows"] for row in found):
            break
        await asyncio.sleep(0.1)
    due = {row["name"].removeprefix("public."): row["due"] for row in found}
    assert due == {name: name != "patient" for name in own}


async def test_a_slot_that_nobody_reads_is_told(database: DatabaseUrl, driver: asyncpg.Connection) -> None:
    name = f"slot_{secrets.token_hex(4)}"
    await driver.execute(f"select pg_create_physical_replication_slot('{name}', true)")
    try:
        found = await section(database, "replication", limit=100)
    finally:
        await driver.execute(f"select pg_drop_replication_slot('{name}')")
    (slot,) = [row for row in found.to_json()["rows"] if row["name"] == name]
    assert (slot["kind"], slot["state"]) == ("slot", "not active")
    assert slot["kept_wal_bytes"] >= 0
    assert any("keeps WAL until the disk is full" in note for note in found.notes)


async def test_a_role_without_rights_is_told_what_it_may_not_see(
    database: DatabaseUrl, driver: asyncpg.Connection, plain: DatabaseUrl, queue: list[int]
) -> None:
    await driver.execute(FILLED)  # in the transaction that is open, so that only its name is there for others
    found = {each.name: each for each in await everything(plain)}
    assert set(found) == set(READERS)
    assert [name for name, each in found.items() if not each.fields] == []
    hidden = found["locks"].to_json()["rows"]
    assert [row["pid"] for row in hidden if row["pid"] in queue] == queue
    assert {row["query"] for row in hidden if row["pid"] in queue} == {None}
    assert any("grant pg_monitor" in note for note in found["locks"].notes)


async def test_a_section_that_takes_too_long_is_left_and_the_others_are_told(
    database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.ops.stats.overview._DATABASE", "select pg_sleep(30)")
    async with open_session(database, 10, 0.2) as session:
        slow, vacuum = (await read_stats(session, ["database", "vacuum"])).sections
    assert (slow.notes, slow.rows) == (("it took longer than 0.2 s, and was left",), ())
    assert vacuum.fields


async def test_every_section_is_told_through_a_transaction_pooling_proxy(
    bouncer: DatabaseUrl, database_18: DatabaseUrl
) -> None:
    through = bouncer.with_database(database_18.database or "")
    for _ in range(2):
        assert [each.name for each in await everything(through) if not each.fields] == []


async def test_nothing_can_be_written_through_its_session(database: DatabaseUrl) -> None:
    async with open_session(database, 10) as session, session.looking():
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await session.rows("create table public.t (id integer)")


async def test_an_extension_that_is_missing_is_told_with_what_to_do(database: DatabaseUrl) -> None:
    found = await section(database, "statements")
    assert found.rows == ()
    assert "put pg_stat_statements into shared_preload_libraries" in found.notes[0]
    assert "create extension pg_stat_statements" in found.notes[0]
