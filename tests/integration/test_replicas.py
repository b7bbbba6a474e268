"""Reads that are proven go to replicas, all else goes to the primary, and one's own writes are seen."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.replication import (
    DATABASE,
    NOT_READ_ONLY,
    READ,
    SLOW,
    UNLOGGED,
    WHERE,
    WRITE,
    Opened,
    Trio,
    answered,
    eventually,
    listed,
    paused,
    roles,
)

import assay
from assay.config import DatabaseUrl

# --- where statements go


async def test_reads_that_are_proven_are_spread_over_the_replicas(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven) as pool:
        assert [await pool.fetch_one(bool, WHERE) for _ in range(20)] == [True] * 20
        assert answered(pool) == [0, 10, 10]
        assert await asyncio.gather(*(pool.fetch_all(str, READ, 1) for _ in range(40))) == [["one"]] * 40
        assert sum(answered(pool)) == 60
        assert min(answered(pool)[1:]) > 15


async def test_all_else_goes_to_the_primary(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven) as pool:
        assert not await pool.fetch_one(bool, f"{WHERE} -- not on the list")
        assert await pool.fetch_one(str, f"{READ} for update", 1) == "one"
        assert await pool.fetch_all(int, "insert into item values (2, 'two') returning id") == [2]
        assert await pool.execute(WRITE, 3, "three") == 1
        async with pool.transaction() as tx:
            assert not await tx.fetch_one(bool, WHERE)
        async with pool.transaction(readonly=True) as tx:
            assert not await tx.fetch_one(bool, WHERE)
        async with pool.acquire() as connection:
            assert not await connection.fetch_one(bool, WHERE)
        assert [found async for found in pool.stream(bool, WHERE)] == [False]
        assert answered(pool) == [0, 0, 0]


async def test_readonly_transactions_go_to_a_replica_when_asked(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven, transactions=True) as pool:
        async with pool.transaction(readonly=True, isolation="repeatable read") as tx:
            assert await tx.fetch_one(bool, WHERE)
        async for attempt in pool.transaction(readonly=True, retry=2):
            async with attempt as tx:
                assert await tx.fetch_one(bool, WHERE)
        assert [found async for found in pool.stream(bool, WHERE)] == [True]
        assert [found async for found in pool.stream(bool, f"{WHERE} -- not on the list")] == [False]
        async with pool.transaction(readonly=True, isolation="serializable") as tx:
            assert not await tx.fetch_one(bool, WHERE)
        async with pool.transaction() as tx:
            assert not await tx.fetch_one(bool, WHERE)
        assert pool.stats().in_use == 0


async def test_writes_and_reads_together_leave_each_where_it_belongs(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven, pool={"max_connections": 5}) as pool:

        async def use(number: int) -> None:
            await pool.execute(WRITE, number, "x")
            assert await pool.fetch_one(bool, WHERE)
            assert await pool.fetch_one(str, f"{READ} -- where it was written", number) == "x"

        await asyncio.gather(*(use(number) for number in range(100)))
        assert sum(answered(pool)) == 100
        assert [member.passed_on for member in pool.members()] == [0, 0, 0]
        assert pool.stats().acquired == 300
        connections = [member.connections for member in pool.members()]
        assert [found.acquired for found in connections if found] == [200, *answered(pool)[1:]]


# --- statements that a replica cannot run after all


async def test_listed_statement_that_writes_is_run_once_by_the_primary(
    shop: Trio, proven: Path, opened: Opened
) -> None:
    async with opened(shop, proven) as pool:
        assert not await pool.fetch_one(bool, NOT_READ_ONLY, 10)
        assert not await pool.fetch_one(bool, NOT_READ_ONLY, 11)
        assert sum(member.passed_on for member in pool.members()) == 1
        assert answered(pool) == [0, 0, 0]


async def test_unlogged_tables_are_read_on_the_primary(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven) as pool:
        assert [await pool.fetch_one(int, UNLOGGED) for _ in range(3)] == [0, 0, 0]
        assert sum(member.passed_on for member in pool.members()) == 1


async def test_read_that_stands_in_the_way_of_replay_runs_once_more_on_the_primary(
    shop: Trio, proven: Path, opened: Opened
) -> None:
    for node in (shop.first, shop.second):
        node.configure("max_standby_streaming_delay", "0")
    async with opened(shop, proven) as pool:
        reading = asyncio.create_task(pool.fetch_one(int, SLOW))
        await asyncio.sleep(0.2)
        await pool.execute("alter table item alter column value set statistics 50")
        await pool.execute("vacuum full item")
        assert await reading == 1
        assert sum(member.passed_on for member in pool.members()) == 1


async def test_error_of_the_statement_itself_is_raised_and_not_run_again(
    shop: Trio, proven: Path, opened: Opened
) -> None:
    async with opened(shop, proven) as pool:
        with pytest.raises(assay.ParameterError):
            await pool.fetch_all(str, READ, "not a number")
        assert [member.passed_on for member in pool.members()] == [0, 0, 0]


# --- the list of what is proven


async def test_without_a_list_all_goes_to_the_primary(
    shop: Trio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, opened: Opened
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(shop, None) as pool:
        assert not await pool.fetch_one(bool, WHERE)
    assert (
        "All statements go to the primary: there is no .assay/read-only.json in the working folder or above"
        in caplog.text
    )


async def test_list_in_the_working_folder_is_found(
    shop: Trio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    (tmp_path / ".assay").mkdir()
    listed(tmp_path / ".assay" / "read-only.json")
    monkeypatch.chdir(tmp_path)
    async with opened(shop, None) as pool:
        assert await pool.fetch_one(bool, WHERE)


async def test_list_for_other_migrations_counts_once_the_database_has_had_them(
    trio: Trio, tmp_path: Path, caplog: pytest.LogCaptureFixture, surface: Any
) -> None:
    url, replicas = await another_database(trio)
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "1_item.sql").write_text("create table item (id int primary key);\n")
    migrations = assay.migrate.load(tmp_path / "migrations")
    path = listed(tmp_path / "list.json", assay.migrate.fingerprint(migrations))
    options = assay.Replicas(replicas, proven=path, check_every=0.05)
    async with surface.Pool(url, replicas=options) as pool:
        assert "the statements were proven read-only on other migrations than the primary has had" in caplog.text
        assert roles(pool) == ["primary", "behind", "behind"]
        assert not await pool.fetch_one(bool, WHERE)
        await assay.migrate.run(url, migrations)
        await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])
        assert await pool.fetch_one(bool, WHERE)
        await pool.execute("update _sqlx_migrations set checksum = '\\x00'")
        await eventually(lambda: roles(pool) == ["primary", "behind", "behind"])
        assert not await pool.fetch_one(bool, WHERE)


async def test_ordinary_role_that_may_not_read_the_ledger_is_told(trio: Trio, tmp_path: Path, surface: Any) -> None:
    url, replicas = await another_database(trio)
    role = f"app_{url.database}"
    async with await assay.connect(url) as admin:
        run: Any = admin.execute
        await run(f"create role {role} login")
        await admin.execute("create table _sqlx_migrations (version bigint, checksum bytea, success boolean)")
    path = listed(tmp_path / "list.json")
    options = assay.Replicas([as_role(one, role) for one in replicas], proven=path, check_every=0.05)
    async with surface.Pool(as_role(url, role), replicas=options) as pool:
        await eventually(lambda: roles(pool) == ["primary", "behind", "behind"])
        assert "may not read _sqlx_migrations; grant it SELECT on that table" in pool.members()[1].reason
        async with await assay.connect(url) as admin:
            run = admin.execute
            await run(f"grant select on _sqlx_migrations to {role}")
        await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])
        assert await pool.fetch_one(bool, WHERE)


def as_role(url: DatabaseUrl, role: str) -> DatabaseUrl:
    return DatabaseUrl(role, None, url.host, url.port, url.database)


async def another_database(trio: Trio) -> tuple[DatabaseUrl, list[DatabaseUrl]]:
    """A new database on the three servers."""
    name = f"{DATABASE}_{secrets.token_hex(4)}"
    trio.primary.run(f"create database {name}")
    await asyncio.to_thread(trio.settle)
    return trio.primary.url.with_database(name), [url.with_database(name) for url in trio.replicas]


# --- one's own writes


async def pairs(pool: assay.Pool, count: int, **options: Any) -> None:
    """Write and read back, so many times, from several tasks at once."""

    async def one_after_the_other(task: int) -> None:
        async with pool.session(**options) as db:
            for number in range(count // 4):
                await db.execute(WRITE, task, str(number))
                assert await db.fetch_one(str, READ, task) == str(number)

    await asyncio.gather(*(one_after_the_other(100 + task) for task in range(4)))


async def test_own_writes_are_seen(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven) as pool:
        await pairs(pool, 140)
        assert answered(pool) == [0, 0, 0]
        await pairs(pool, 140, wait=5.0)
        assert sum(answered(pool)) == 140


async def test_own_writes_are_seen_though_commits_do_not_wait_for_the_disk(
    shop: Trio, proven: Path, opened: Opened
) -> None:
    async with opened(shop, proven, pool={"server_settings": {"synchronous_commit": "off"}}) as pool:
        await pairs(pool, 20, wait=5.0)
        assert sum(answered(pool)) == 20


@pytest.mark.soak
async def test_own_writes_are_seen_ten_thousand_times(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven) as pool:
        await pairs(pool, 4600)
        await pairs(pool, 5000, wait=5.0)
        print(f"answered by primary and replicas: {answered(pool)}")
        assert sum(answered(pool)) == 5000
    async with opened(shop, proven, pool={"server_settings": {"synchronous_commit": "off"}}) as pool:
        await pairs(pool, 400, wait=5.0)
        print(f"the same with asynchronous commits: {answered(pool)}")


async def test_own_writes_are_seen_while_replay_is_paused(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven) as pool:
        with paused(shop.first, shop.second):
            assert await pool.fetch_all(str, READ, 100) == []
            before = answered(pool)
            await pairs(pool, 20, wait=0.02)
            assert answered(pool) == before
            assert await pool.fetch_all(str, READ, 100) == []
        with paused(shop.first):
            before = answered(pool)
            await pairs(pool, 20, wait=5.0)
            assert answered(pool) == [0, before[1], before[2] + 20]


async def test_own_writes_are_seen_when_replay_is_delayed(shop: Trio, proven: Path, opened: Opened) -> None:
    for node in (shop.first, shop.second):
        node.configure("recovery_min_apply_delay", "300")
    try:
        async with opened(shop, proven) as pool:
            await pairs(pool, 20)
            assert answered(pool) == [0, 0, 0]
            await pairs(pool, 8, wait=5.0)
            assert sum(answered(pool)) > 0
    finally:
        for node in (shop.first, shop.second):
            node.configure("recovery_min_apply_delay", "0")


async def test_reads_after_the_first_go_to_a_replica_again(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven) as pool, pool.session() as db:
        assert await db.fetch_one(bool, WHERE)
        await db.execute(WRITE, 1, "again")
        assert not await db.fetch_one(bool, WHERE)
        await asyncio.to_thread(shop.settle)
        assert await db.fetch_one(bool, WHERE)


@pytest.mark.parametrize("how", ["transaction", "returning", "failed"])
async def test_every_way_to_write_counts_as_a_write(shop: Trio, proven: Path, how: str, opened: Opened) -> None:
    async with opened(shop, proven) as pool, pool.session() as db:
        assert await db.position() is None
        match how:
            case "transaction":
                async with db.transaction() as tx:
                    await tx.execute(WRITE, 1, how)
            case "returning":
                await db.fetch_all(int, "update item set value = $1 returning id", how)
            case "failed":
                with pytest.raises(assay.UniqueViolation):
                    await db.execute("insert into item values (1, 'twice')")
        assert not await db.fetch_one(bool, WHERE)
        assert await db.position() is not None


async def test_position_can_be_handed_to_another_process(shop: Trio, proven: Path, opened: Opened) -> None:
    async with opened(shop, proven) as pool, opened(shop, proven) as elsewhere:
        with paused(shop.first, shop.second):
            async with pool.session() as db:
                await db.execute(WRITE, 1, "handed on")
                text = str(await db.position())
            assert await elsewhere.fetch_one(str, READ, 1) == "one"
            after = assay.Position.parse(text)
            async with elsewhere.session(after=after) as db:
                assert await db.fetch_one(str, READ, 1) == "handed on"
            assert answered(elsewhere)[0] == 0
            assert await pool.position() >= after


async def test_position_of_a_promotion_that_nobody_saw_is_no_reason_for_an_old_answer(
    shop: Trio, proven: Path, opened: Opened
) -> None:
    async with opened(shop, proven) as pool, pool.session(after=assay.Position(9, 1)) as db:
        with pytest.raises(
            assay.ConnectionFailed, match="is on timeline 9, and no member of the pool is seen on a later"
        ):
            await db.fetch_one(str, READ, 1)


async def test_pool_without_replicas_has_sessions_too(shop: Trio, surface: Any) -> None:
    async with surface.Pool(shop.primary.url) as pool, pool.session() as db:
        await db.execute(WRITE, 1, "plain")
        assert await db.fetch_one(str, READ, 1) == "plain"
        assert await db.position() is not None
        assert pool.members() == ()
