"""Reads that are proven go to replicas that are near enough, writes never do, and one's own writes are seen."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.replication import DATABASE, Node, Trio, until

import assay
from assay.config import DatabaseUrl
from assay.runtime.replicas.proven import encode

WHERE = "select pg_is_in_recovery()"
READ = "select value from item where id = $1"
WRITE = "insert into item (id, value) values ($1, $2) on conflict (id) do update set value = excluded.value"
UNLOGGED = "select count(*) from scratch"
NOT_READ_ONLY = "insert into item (id, value) values ($1, 'by mistake') returning pg_is_in_recovery()"
SLOW = "select count(*) from item, pg_sleep(0.7)"
PROVEN = [WHERE, READ, UNLOGGED, NOT_READ_ONLY, SLOW]
"""Two of these are not read-only: a list may be wrong, after a function was changed by hand, say."""

SCHEMA = """
create table if not exists item (id int primary key, value text not null);
create unlogged table if not exists scratch (id int);
truncate item;
insert into item values (1, 'one')
"""


@pytest.fixture
def proven(tmp_path: Path) -> Path:
    return listed(tmp_path / "read-only.json")


def listed(path: Path, migrations: str = "") -> Path:
    path.write_bytes(encode(migrations, PROVEN))
    return path


@pytest.fixture
def shop(trio: Trio) -> Trio:
    trio.primary.run(SCHEMA)
    trio.settle()
    return trio


@asynccontextmanager
async def opened(
    trio: Trio, proven: Path | None, *, pool: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[assay.Pool]:
    replicas = assay.Replicas(trio.replicas, proven=proven, **{"check_every": 0.05, "max_lag": 30.0, **options})
    async with assay.Pool(trio.primary.url, replicas=replicas, **(pool or {})) as made:
        yield made


async def eventually(truth: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> None:
    """Wait until something holds; fail after ten seconds."""
    async with asyncio.timeout(10):
        while True:
            found = truth()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.01)


def roles(pool: assay.Pool) -> list[str]:
    return [str(member.role) for member in pool.members()]


def answered(pool: assay.Pool) -> list[int]:
    return [member.answered for member in pool.members()]


@contextmanager
def paused(*nodes: Node) -> Iterator[None]:
    """Let replicas replay nothing for a while."""
    for node in nodes:
        node.run("select pg_wal_replay_pause()")
        until(lambda node=node: node.run("select pg_get_wal_replay_pause_state()") == "paused")
    try:
        yield
    finally:
        for node in nodes:
            node.run("select pg_wal_replay_resume()")


# --- where statements go


async def test_reads_that_are_proven_are_spread_over_the_replicas(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven) as pool:
        assert [await pool.fetch_one(bool, WHERE) for _ in range(20)] == [True] * 20
        assert answered(pool) == [0, 10, 10]
        assert await asyncio.gather(*(pool.fetch_all(str, READ, 1) for _ in range(40))) == [["one"]] * 40
        assert sum(answered(pool)) == 60
        assert min(answered(pool)[1:]) > 15


async def test_all_else_goes_to_the_primary(shop: Trio, proven: Path) -> None:
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


async def test_readonly_transactions_go_to_a_replica_when_asked(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven, transactions=True) as pool:
        async with pool.transaction(readonly=True, isolation="repeatable read") as tx:
            assert await tx.fetch_one(bool, WHERE)
        async for attempt in pool.transaction(readonly=True, retry=2):
            async with attempt as tx:
                assert await tx.fetch_one(bool, WHERE)
        async with pool.transaction(readonly=True, isolation="serializable") as tx:
            assert not await tx.fetch_one(bool, WHERE)
        async with pool.transaction() as tx:
            assert not await tx.fetch_one(bool, WHERE)
        assert pool.stats().in_use == 0


async def test_writes_and_reads_together_leave_each_where_it_belongs(shop: Trio, proven: Path) -> None:
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


async def test_listed_statement_that_writes_is_run_once_by_the_primary(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven) as pool:
        assert not await pool.fetch_one(bool, NOT_READ_ONLY, 10)
        assert not await pool.fetch_one(bool, NOT_READ_ONLY, 11)
        assert sum(member.passed_on for member in pool.members()) == 1
        assert answered(pool) == [0, 0, 0]


async def test_unlogged_tables_are_read_on_the_primary(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven) as pool:
        assert [await pool.fetch_one(int, UNLOGGED) for _ in range(3)] == [0, 0, 0]
        assert sum(member.passed_on for member in pool.members()) == 1


async def test_read_that_stands_in_the_way_of_replay_runs_once_more_on_the_primary(shop: Trio, proven: Path) -> None:
    for node in (shop.first, shop.second):
        node.configure("max_standby_streaming_delay", "0")
    async with opened(shop, proven) as pool:
        reading = asyncio.create_task(pool.fetch_one(int, SLOW))
        await asyncio.sleep(0.2)
        await pool.execute("alter table item alter column value set statistics 50")
        await pool.execute("vacuum full item")
        assert await reading == 1
        assert sum(member.passed_on for member in pool.members()) == 1


async def test_error_of_the_statement_itself_is_raised_and_not_run_again(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven) as pool:
        with pytest.raises(assay.ParameterError):
            await pool.fetch_all(str, READ, "not a number")
        assert [member.passed_on for member in pool.members()] == [0, 0, 0]


# --- the list of what is proven


async def test_without_a_list_all_goes_to_the_primary(
    shop: Trio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(shop, None) as pool:
        assert not await pool.fetch_one(bool, WHERE)
    assert (
        "All statements go to the primary: there is no .assay/read-only.json in the working folder or above"
        in caplog.text
    )


async def test_list_in_the_working_folder_is_found(shop: Trio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".assay").mkdir()
    listed(tmp_path / ".assay" / "read-only.json")
    monkeypatch.chdir(tmp_path)
    async with opened(shop, None) as pool:
        assert await pool.fetch_one(bool, WHERE)


async def test_list_for_other_migrations_counts_once_the_database_has_had_them(
    trio: Trio, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url, replicas = await another_database(trio)
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "1_item.sql").write_text("create table item (id int primary key);\n")
    migrations = assay.migrate.load(tmp_path / "migrations")
    path = listed(tmp_path / "list.json", assay.migrate.fingerprint(migrations))
    options = assay.Replicas(replicas, proven=path, check_every=0.05)
    async with assay.Pool(url, replicas=options) as pool:
        assert "the statements were proven read-only on other migrations than the primary has had" in caplog.text
        assert roles(pool) == ["primary", "behind", "behind"]
        assert not await pool.fetch_one(bool, WHERE)
        await assay.migrate.run(url, migrations)
        await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])
        assert await pool.fetch_one(bool, WHERE)
        await pool.execute("update _sqlx_migrations set checksum = '\\x00'")
        await eventually(lambda: roles(pool) == ["primary", "behind", "behind"])
        assert not await pool.fetch_one(bool, WHERE)


async def test_ordinary_role_that_may_not_read_the_ledger_is_told(trio: Trio, tmp_path: Path) -> None:
    url, replicas = await another_database(trio)
    async with await assay.connect(url) as admin:
        await admin.execute("drop role if exists app; create role app login")
        await admin.execute("create table _sqlx_migrations (version bigint, checksum bytea, success boolean)")
    path = listed(tmp_path / "list.json")
    options = assay.Replicas([as_app(one) for one in replicas], proven=path, check_every=0.05)
    async with assay.Pool(as_app(url), replicas=options) as pool:
        await eventually(lambda: roles(pool) == ["primary", "behind", "behind"])
        assert "may not read _sqlx_migrations; grant it SELECT on that table" in pool.members()[1].reason
        async with await assay.connect(url) as admin:
            await admin.execute("grant select on _sqlx_migrations to app")
        await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])
        assert await pool.fetch_one(bool, WHERE)


def as_app(url: DatabaseUrl) -> DatabaseUrl:
    return DatabaseUrl("app", None, url.host, url.port, url.database)


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


async def test_own_writes_are_seen(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven) as pool:
        await pairs(pool, 140)
        assert answered(pool) == [0, 0, 0]
        await pairs(pool, 140, wait=5.0)
        assert sum(answered(pool)) == 140


async def test_own_writes_are_seen_though_commits_do_not_wait_for_the_disk(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven, pool={"server_settings": {"synchronous_commit": "off"}}) as pool:
        await pairs(pool, 20, wait=5.0)
        assert sum(answered(pool)) == 20


@pytest.mark.soak
async def test_own_writes_are_seen_ten_thousand_times(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven) as pool:
        await pairs(pool, 4600)
        await pairs(pool, 5000, wait=5.0)
        print(f"answered by primary and replicas: {answered(pool)}")
        assert sum(answered(pool)) == 5000
    async with opened(shop, proven, pool={"server_settings": {"synchronous_commit": "off"}}) as pool:
        await pairs(pool, 400, wait=5.0)
        print(f"the same with asynchronous commits: {answered(pool)}")


async def test_own_writes_are_seen_while_replay_is_paused(shop: Trio, proven: Path) -> None:
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


async def test_own_writes_are_seen_when_replay_is_delayed(shop: Trio, proven: Path) -> None:
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


async def test_reads_after_the_first_go_to_a_replica_again(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven) as pool, pool.session() as db:
        assert await db.fetch_one(bool, WHERE)
        await db.execute(WRITE, 1, "again")
        assert not await db.fetch_one(bool, WHERE)
        await asyncio.to_thread(shop.settle)
        assert await db.fetch_one(bool, WHERE)


@pytest.mark.parametrize("how", ["transaction", "returning", "failed"])
async def test_every_way_to_write_counts_as_a_write(shop: Trio, proven: Path, how: str) -> None:
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


async def test_position_can_be_handed_to_another_process(shop: Trio, proven: Path) -> None:
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


async def test_position_of_a_promotion_that_nobody_saw_is_no_reason_for_an_old_answer(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven) as pool, pool.session(after=assay.Position(9, 1)) as db:
        with pytest.raises(
            assay.ConnectionFailed, match="is on timeline 9, and no member of the pool is seen on a later"
        ):
            await db.fetch_one(str, READ, 1)


async def test_pool_without_replicas_has_sessions_too(shop: Trio) -> None:
    async with assay.Pool(shop.primary.url) as pool, pool.session() as db:
        await db.execute(WRITE, 1, "plain")
        assert await db.fetch_one(str, READ, 1) == "plain"
        assert await db.position() is not None
        assert pool.members() == ()


# --- lag


async def test_replica_that_is_too_far_behind_is_not_asked_until_it_has_caught_up(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven, max_lag=0.3) as pool:
        with paused(shop.first):
            await pool.execute(WRITE, 1, "new")
            await eventually(lambda: roles(pool) == ["primary", "behind", "replica"])
            assert "the bound is max_lag = 0.3 s" in pool.members()[1].reason
            before = answered(pool)[1]
            assert [await pool.fetch_one(str, READ, 1) for _ in range(5)] == ["new"] * 5
            assert answered(pool)[1] == before
        with paused(shop.first, shop.second):
            await pool.execute(WRITE, 1, "newer")
            await eventually(lambda: roles(pool) == ["primary", "behind", "behind"])
            assert await pool.fetch_one(str, READ, 1) == "newer"
        await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])
        assert await pool.fetch_one(bool, WHERE)


async def test_of_replicas_within_the_bound_the_nearer_one_is_asked(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven) as pool:
        with paused(shop.first):
            await pool.execute(WRITE, 1, "near")
            await eventually(lambda: (pool.members()[1].lag_seconds or 0) > 0.2)
            assert roles(pool) == ["primary", "replica", "replica"]
            assert [await pool.fetch_one(str, READ, 1) for _ in range(5)] == ["near"] * 5
            assert answered(pool)[1] == 0


async def test_bound_in_bytes_of_log(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven, max_lag_bytes=10_000) as pool:
        with paused(shop.first):
            await pool.execute(WRITE, 1, "a little")
            await asyncio.sleep(0.15)
            assert roles(pool)[1] == "replica"
            await pool.execute(WRITE, 1, secrets.token_hex(20_000))
            await eventually(lambda: roles(pool)[1] == "behind")
            assert "bytes of log behind; the bound is max_lag_bytes = 10,000" in pool.members()[1].reason


# --- members that go and come


@asynccontextmanager
async def kept_busy(pool: assay.Pool) -> AsyncIterator[None]:
    """Tasks that read, and whose every read has to succeed."""
    stop = asyncio.Event()

    async def keep_reading() -> int:
        count = 0
        while not stop.is_set():
            assert await pool.fetch_one(str, READ, 1) == "one"
            count += 1
        return count

    readers = [asyncio.create_task(keep_reading()) for _ in range(5)]
    try:
        yield
    finally:
        stop.set()
        counts = await asyncio.gather(*readers, return_exceptions=True)
    assert [count for count in counts if not isinstance(count, int)] == []
    assert min(counts) > 0  # type: ignore[type-var]  # they are numbers


async def test_replica_that_is_killed_takes_no_read_with_it_and_is_used_when_it_is_back(
    shop: Trio, proven: Path
) -> None:
    try:
        async with opened(shop, proven) as pool, kept_busy(pool):
            await asyncio.sleep(0.1)
            await asyncio.to_thread(shop.first.kill)
            await eventually(lambda: roles(pool) == ["primary", "unreachable", "replica"])
            await eventually(lambda: "does not answer: Cannot connect to" in pool.members()[1].reason)
            await asyncio.to_thread(shop.first.start)
            await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])
            before = answered(pool)[1]
            await eventually(lambda: answered(pool)[1] > before)
    finally:
        await asyncio.to_thread(lambda: shop.first.is_running or shop.first.start())


async def test_replica_that_hangs_takes_no_read_with_it(
    shop: Trio, proven: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process answers nothing and refuses nothing."""
    monkeypatch.setattr("assay.runtime.replicas.member.LOOK_TIMEOUT", 0.3)
    async with opened(shop, proven) as pool, kept_busy(pool):
        with shop.first.hanging():
            await eventually(lambda: roles(pool) == ["primary", "unreachable", "replica"])
            assert pool.members()[1].reason == "does not answer: nothing in 0.3 s"
            await eventually(lambda: pool.members()[1].passed_on > 0)
            await eventually(lambda: pool.stats().in_use <= 5)
        await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])


async def test_pool_opens_while_a_replica_is_away(shop: Trio, proven: Path) -> None:
    await asyncio.to_thread(shop.first.kill)
    try:
        async with opened(shop, proven) as pool:
            assert roles(pool) == ["primary", "unreachable", "replica"]
            assert await pool.fetch_one(bool, WHERE)
            await asyncio.to_thread(shop.first.start)
            await eventually(lambda: roles(pool) == ["primary", "replica", "replica"])
    finally:
        await asyncio.to_thread(lambda: shop.first.is_running or shop.first.start())


async def test_pool_finds_the_primary_wherever_it_stands_in_the_list(shop: Trio, proven: Path) -> None:
    replicas = assay.Replicas([shop.second.url, shop.primary.url], proven=proven, check_every=0.05)
    async with assay.Pool(shop.first.url, replicas=replicas) as pool:
        assert await pool.execute(WRITE, 1, "found") == 1
        assert roles(pool) == ["replica", "replica", "primary"]


async def test_pool_without_a_primary_does_not_open(shop: Trio, proven: Path) -> None:
    with pytest.raises(
        assay.ConnectionFailed, match=r"No member of the pool takes writes: .* is in recovery, and no primary was seen"
    ):
        await assay.Pool.open(shop.first.url, replicas=assay.Replicas([shop.second.url], proven=proven))


async def test_server_that_is_no_copy_of_the_primary_is_refused(
    shop: Trio, proven: Path, server_18: DatabaseUrl
) -> None:
    with pytest.raises(assay.ConfigurationError) as caught:
        await assay.Pool.open(shop.primary.url, replicas=assay.Replicas([shop.first.url, server_18], proven=proven))
    assert str(caught.value).startswith(
        f"The replica {server_18.place} is no replica of this primary: its system identifier"
    )
    assert str(caught.value).endswith("correct the URL, or make the replica anew with pg_basebackup")


async def test_server_given_twice_is_refused(shop: Trio) -> None:
    with pytest.raises(assay.ConfigurationError, match="is given twice among the pool's URL and its replicas"):
        assay.Pool(shop.primary.url, replicas=[shop.primary.url])


async def test_class_of_ones_own_is_told_that_it_gets_no_replicas(shop: Trio) -> None:
    class Mine(assay.Pool):
        pass

    with pytest.raises(assay.UsageError, match=r"Mine takes no replicas; give them to assay\.Pool itself"):
        Mine(shop.primary.url, replicas=shop.replicas)


async def test_closed_pool_says_so_and_leaves_no_connection(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven) as pool:
        await pool.fetch_one(bool, WHERE)
    for sql in (WHERE, "select 1"):
        with pytest.raises(assay.PoolClosed, match="is closed"):
            await pool.fetch_all(int, sql)
    count = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
    for node in shop.nodes:
        await asyncio.to_thread(until, lambda node=node: node.run(count) == "0")


async def test_limits_and_renewal_hold_for_every_member(shop: Trio, proven: Path) -> None:
    async with opened(shop, proven, pool={"min_connections": 1, "max_connections": 4}) as pool:
        assert (pool.stats().open, pool.stats().max_connections) == (3, 12)
        pool.resize(min_connections=2, max_connections=3)
        await eventually(lambda: pool.stats().open == 6)
        assert pool.stats().max_connections == 9
        await pool.warm_up(READ)
        assert pool.stats().open == 9
        before = pool.stats().opened
        pool.drain()
        await eventually(lambda: pool.stats().opened > before)
        assert "2 of 2 replicas in use" in repr(pool)


async def test_changes_of_members_are_written_to_the_log(
    shop: Trio, proven: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "assay.replicas")
    async with opened(shop, proven, max_lag=0.3) as pool:
        assert f"{shop.primary.url.place} is the primary" in caplog.text
        assert f"{shop.first.url.place} is a replica that answers" in caplog.text
        with paused(shop.first):
            await pool.execute(WRITE, 1, "logged")
            await eventually(lambda: roles(pool)[1] == "behind")
        (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert warning.getMessage().startswith(f"{shop.first.url.place} is 0.3")
