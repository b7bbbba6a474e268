"""A promotion is followed: no answer is wrong, no acknowledged write is lost, an old primary is not written to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.fixtures.replication import WHERE, Opened, Trio, eventually, listed, roles

import assay
from assay.config import DatabaseUrl

LAST = "select value from item where id = $1"
TAKE = "insert into taken (task, number) values ($1, $2)"
KEEP = "insert into item (id, value) values ($1, $2) on conflict (id) do update set value = excluded.value"
SCHEMA = "create table item (id int primary key, value text not null); create table taken (task int, number int)"


@pytest.fixture
def proven(tmp_path: Path) -> Path:
    return listed(tmp_path / "read-only.json", statements=[LAST, WHERE, HELD])


HELD = "select count(*) from taken where task = $1 and number = $2"


class Load:
    """Tasks that write, and read what they wrote, and remember what they were told."""

    def __init__(self, pool: assay.Pool) -> None:
        self.pool = pool
        self.acknowledged: set[tuple[int, int]] = set()
        self.tried: set[tuple[int, int]] = set()
        self.errors: list[assay.Error] = []
        self.wrong: list[str] = []
        self.ended = asyncio.Event()

    async def take(self, task: int) -> None:
        """Write one row after the other on the pool."""
        for number in range(1_000_000):
            if self.ended.is_set():
                return
            self.tried.add((task, number))
            try:
                await self.pool.execute(TAKE, task, number)
            except assay.Error as error:
                self.errors.append(error)
                await asyncio.sleep(0.01)
            else:
                self.acknowledged.add((task, number))

    async def keep(self, task: int) -> None:
        """Write a value and read it back; after a write whose end is not known, either value may be there."""
        possible = {""}
        async with self.pool.session(wait=0.05) as db:
            for number in range(1_000_000):
                if self.ended.is_set():
                    return
                try:
                    possible.add(str(number))
                    await db.execute(KEEP, task, str(number))
                    possible = {str(number)}
                    found = await db.fetch_one(str, LAST, task)
                    if found not in possible:
                        self.wrong.append(f"task {task} read {found} instead of {possible}")
                except assay.Error as error:
                    self.errors.append(error)
                    await asyncio.sleep(0.01)

    async def look(self) -> None:
        """Read what may be on any member; what was never written must not be there."""
        while not self.ended.is_set():
            try:
                found = await self.pool.fetch_optional(str, LAST, 100)
                if found is not None and not found.isdecimal():
                    self.wrong.append(found)
            except assay.Error as error:
                self.errors.append(error)
                await asyncio.sleep(0.01)

    async def progresses(self, more: int = 20) -> None:
        """Wait until so many more rows are acknowledged."""
        enough = len(self.acknowledged) + more
        await eventually(lambda: len(self.acknowledged) >= enough)


async def test_promotion_under_load_is_followed(own_trio: Trio, proven: Path, opened: Opened) -> None:
    trio = own_trio
    trio.primary.run(SCHEMA)
    trio.primary.configure("synchronous_standby_names", '"first"')  # so that PostgreSQL itself loses nothing
    trio.second.follow(trio.first)  # so that it is never ahead of the one that is promoted, and can follow it
    trio.settle()
    async with (
        opened(trio, proven, pool={"max_connections": 5}) as pool,
        opened(trio, proven, check_every=60.0, max_lag=None) as unaware,
    ):
        load = Load(pool)
        async with asyncio.TaskGroup() as tasks:
            for task in range(3):
                tasks.create_task(load.take(task))
                tasks.create_task(load.keep(100 + task))
                tasks.create_task(load.look())
            await load.progresses()
            await asyncio.to_thread(trio.primary.kill)
            await asyncio.to_thread(trio.first.promote)
            await load.progresses()
            assert roles(pool)[1] == "primary"
            await eventually(lambda: roles(pool) == ["unreachable", "primary", "replica"])
            trio.primary.set_at_rest("synchronous_standby_names", "")
            await asyncio.to_thread(trio.primary.start)
            await eventually(lambda: roles(pool) == ["stale", "primary", "replica"])
            before = trio.primary.run("select count(*) from taken")
            await load.progresses()
            load.ended.set()
        assert load.wrong == []
        assert {type(error) for error in load.errors} <= {assay.ConnectionLost, assay.ConnectionFailed}
        rows = set(await pool.fetch_all(tuple[int, int], "select task, number from taken"))
        assert load.acknowledged <= rows <= load.tried
        await unaware.execute(TAKE, 2000, 1)  # it has lost its connections, and would find the old primary there again
        assert trio.first.run("select count(*) from taken where task = 2000") == "1"
        assert trio.primary.run("select count(*) from taken") == before
        assert "is an old primary, on timeline 1 where 2 is the latest" in pool.members()[0].reason
    async with opened(trio, proven) as pool:
        assert roles(pool) == ["stale", "primary", "replica"]
        await pool.execute(TAKE, 1000, 1)
        assert trio.first.run("select count(*) from taken where task = 1000") == "1"
        assert trio.primary.run("select count(*) from taken") == before


async def test_old_primary_that_runs_on_is_cut_off_and_a_new_one_can_follow_it_back(
    own_trio: Trio, proven: Path, opened: Opened
) -> None:
    trio = own_trio
    trio.primary.run(SCHEMA)
    trio.settle()
    async with (
        opened(trio, proven) as pool,
        opened(trio, proven, check_every=20.0) as unaware,
        pool.listen("news") as news,
    ):
        with pytest.raises(assay.ConnectionLost):
            async with pool.transaction() as tx:
                await tx.execute(TAKE, 1, 1)
                await asyncio.to_thread(trio.first.promote)
                await eventually(lambda: roles(pool) == ["stale", "primary", "stale"])
                await tx.execute(TAKE, 1, 2)
        for node in (trio.primary, trio.first):
            assert node.run("select count(*) from taken") == "0"
        async with asyncio.timeout(10):
            assert isinstance(await anext(news), assay.Gap)
            await pool.execute("notify news, 'from the new primary'")
            assert (await anext(news)).payload == "from the new primary"  # type: ignore[union-attr]  # no gap again
        assert "was last seen on timeline 1, and the primary is on 2" in pool.members()[2].reason
        async with pool.session() as db:
            await db.execute(TAKE, 2, 1)
            position = await db.position()
        assert position is not None
        assert position.timeline == 2
        async with unaware.session(after=position) as db:
            assert roles(unaware) == ["primary", "replica", "replica"]
            assert await db.fetch_one(int, HELD, 2, 1) == 1
            assert roles(unaware)[:2] == ["stale", "primary"]


async def test_planned_switch_of_roles_leaves_all_members_in_use(own_trio: Trio, proven: Path, opened: Opened) -> None:
    trio = own_trio
    trio.primary.run(SCHEMA)
    trio.settle()
    async with opened(trio, proven, max_lag=None) as pool:
        await pool.execute(TAKE, 1, 1)
        await asyncio.to_thread(trio.primary.stop)
        await nobody_takes_writes(pool, trio)
        waiting = asyncio.create_task(pool.execute(TAKE, 1, 2))
        await asyncio.to_thread(trio.first.promote)
        assert await waiting == 1
        trio.primary.make_standby()
        trio.primary.set_at_rest("primary_conninfo", trio.first.connection_for(trio.primary))
        await asyncio.to_thread(trio.primary.start)
        await asyncio.to_thread(trio.second.follow, trio.first)
        await eventually(lambda: roles(pool) == ["replica", "primary", "replica"])
        assert await pool.fetch_all(int, "select number from taken order by number") == [1, 2]
        before = [member.answered for member in pool.members()]

        async def is_answered_by_both() -> bool:
            await pool.fetch_one(bool, WHERE)  # by the primary, until a connection to a replica is open
            return all(member.answered > before[number] for number, member in enumerate(pool.members()) if number != 1)

        await eventually(is_answered_by_both)
    await ordinary_role_sees_it_after_a_restart_point(trio, proven)


async def ordinary_role_sees_it_after_a_restart_point(trio: Trio, proven: Path) -> None:
    trio.first.run("create role app login; checkpoint")
    trio.settle(trio.first)
    urls = [DatabaseUrl("app", None, node.url.host, None, node.url.database) for node in trio.nodes]
    replicas = assay.Replicas(urls[1:], proven=proven, check_every=0.05)
    async with assay.Pool(urls[0], replicas=replicas) as pool:
        assert roles(pool)[1] == "primary"
        assert set(roles(pool)) <= {"primary", "replica", "stale"}
        trio.primary.run("checkpoint")
        trio.second.run("checkpoint")
        await eventually(lambda: roles(pool) == ["replica", "primary", "replica"])


async def nobody_takes_writes(pool: assay.Pool, trio: Trio) -> None:
    """Reads go on, and who wants to write is told of every member why it does not do."""
    await eventually(lambda: roles(pool) == ["unreachable", "replica", "replica"])
    assert await pool.fetch_one(bool, WHERE)
    with pytest.raises(assay.PoolTimeout) as caught:
        async with pool.acquire(timeout=0.1):
            pass
    places = [node.url.place for node in trio.nodes]
    assert str(caught.value).startswith(
        f"No member of the pool takes writes: {places[0]} does not answer: Cannot connect to {places[0]}"
    )
    assert str(caught.value).endswith(f"; {places[1]} is a replica that answers; {places[2]} is a replica that answers")
