"""``assay migrate run`` struck down at random moments of forty files, and run again, ends in the same schema.

A moment is a number of messages between the command and the server, counted by a proxy between them, and some
milliseconds after it. The numbers come from a seed, so a moment can be come back to.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.fixtures.faultproxy import FaultProxy, fault_proxy
from tests.fixtures.migrating import run_again, start

from assay.config import DatabaseUrl
from assay.migrate.target import APPLICATION_NAME
from assay.schema.dump import written_out
from assay.server import Server

SEED = int(os.environ.get("ASSAY_SOAK_SEED", "20261120"))
MANY = int(os.environ.get("ASSAY_SOAK_MOMENTS", "50"))
PATIENCE = 60.0
"""Seconds after which a command that does not end is a failure."""
PAIRS = 20
"""Files in a transaction, each with one after it that is not."""

TRANSACTION = """
create table t{n} (id int primary key, a int, b int);
insert into log (said) values ('t{n} made');
insert into t{n} select i, i, i from generate_series(1, 500) i;
create index t{n}_old on t{n} (b);
alter table t{n} add column c int not null default 7;
create view v{n} as select id, c from t{n};
insert into log (said) values ('t{n} filled');
"""
STEPS = """-- no-transaction
insert into log (said) values ('t{n} steps');
create index concurrently t{n}_a on t{n} (a);
begin;
alter table t{n} add column d text;
insert into log (said) values ('t{n} altered');
commit;
drop index concurrently t{n}_old;
create unique index concurrently t{n}_b on t{n} (b, id);
reindex index concurrently t{n}_a;
vacuum t{n};
insert into log (said) values ('t{n} done');
"""

RESULT = {
    "log": "select said from log order by said",
    "ledger": "select version, success, checksum from _sqlx_migrations order by version",
    "invalid indexes": "select indexrelid::regclass::text from pg_index where not indisvalid",
    "tables of Assay's": "select relname from pg_class where relname like '%assay%'",
    "locks": "select classid, objid, mode from pg_locks where locktype = 'advisory'",
}
SESSIONS = "select count(*) from pg_stat_activity where datname = current_database() and application_name = $1"


@dataclass
class Struck:
    """A command under way, and what can happen to it."""

    command: asyncio.subprocess.Process
    proxy: FaultProxy
    server: Server

    def send(self, number: int) -> None:
        if self.command.returncode is None:
            self.command.send_signal(number)

    def cut(self) -> None:
        for link in [*self.proxy.links]:
            link.cut()

    def crash(self) -> None:
        pid = self.server.status().pid
        assert pid is not None, "the server was not running"
        os.kill(pid, signal.SIGKILL)


DISASTERS: dict[str, tuple[Callable[[Struck], None], set[int]]] = {
    "SIGKILL": (lambda struck: struck.send(signal.SIGKILL), {-signal.SIGKILL}),
    "SIGTERM": (lambda struck: struck.send(signal.SIGTERM), {130}),
    "Ctrl-C": (lambda struck: struck.send(signal.SIGINT), {130}),
    "server crash": (Struck.crash, {2}),
    "cut connection": (Struck.cut, {2}),
}
"""What happens, and the exit codes that the command then has, if it had not come to its end."""


@dataclass
class Moment:
    """Where in a run the disaster comes."""

    message: int
    delay: float
    """Seconds after the message."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    passed: int = 0

    def seen(self) -> None:
        self.passed += 1
        if self.passed == self.message:
            self.reached.set()


@pytest.fixture(scope="module")
def server(module_home: Path) -> Server:
    """A server that nobody minds to see crash; the tests' own are shared."""
    return Server.locate("18", home=module_home)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrations")
    for n in range(1, PAIRS + 1):
        before = "create table log (said text primary key);" if n == 1 else ""
        (folder / f"{2 * n - 1:02}_transaction_{n}.sql").write_text(before + TRANSACTION.format(n=n))
        (folder / f"{2 * n:02}_steps_{n}.sql").write_text(STEPS.format(n=n))
    return folder


@pytest.fixture(scope="module")
def whole(server: Server, folder: Path) -> tuple[int, dict[str, Any]]:
    """How many messages an undisturbed run passes, and what it ends in."""

    async def undisturbed() -> tuple[int, dict[str, Any]]:
        url, count = server.ensure_database("whole"), Moment(0, 0.0)
        async with fault_proxy(url) as (proxy, through):
            proxy.seen = count.seen
            await run_again(through, folder)
        return count.passed, await ending(url)

    return asyncio.run(undisturbed())


async def ending(url: DatabaseUrl) -> dict[str, Any]:
    """What a run has left, once all its sessions are gone."""
    driver = await asyncpg.connect(url.reveal())
    try:
        async with asyncio.timeout(20):
            while await driver.fetchval(SESSIONS, APPLICATION_NAME):
                await asyncio.sleep(0.01)
        found = {name: [tuple(row) for row in await driver.fetch(query)] for name, query in RESULT.items()}
    finally:
        await driver.close()
    return {**found, "schema": await written_out(url)}


def start_again(server: Server) -> None:
    """What brings a server back that has crashed; it also ends the sessions that were busy and have outlived it."""
    while server.status().running:  # a start that came before its end would find it there
        time.sleep(0.01)
    server.ensure_running()


async def struck(url: DatabaseUrl, folder: Path, server: Server, name: str, moment: Moment) -> bool:
    """Let a disaster come over a run; says whether it came before the end."""
    strike, codes = DISASTERS[name]
    async with fault_proxy(url) as (proxy, through):
        proxy.seen = moment.seen
        command = await start(through, folder)
        end = asyncio.create_task(command.communicate())
        reached = asyncio.create_task(moment.reached.wait())
        await asyncio.wait([end, reached], return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()
        await asyncio.sleep(moment.delay)
        strike(Struck(command, proxy, server))
        if name == "server crash":
            await asyncio.to_thread(start_again, server)
        try:
            output, errors = await asyncio.wait_for(asyncio.shield(end), PATIENCE)
        except TimeoutError:
            command.kill()
            await end
            raise AssertionError(f"the command did not end within {PATIENCE} seconds of a {name}") from None
    assert command.returncode in {0, *codes}, (output + errors).decode()
    return command.returncode != 0


async def locks_left(url: DatabaseUrl) -> int:
    """Advisory locks that are held once the sessions of a run are gone."""
    driver = await asyncpg.connect(url.reveal())
    try:
        async with asyncio.timeout(20):
            while await driver.fetchval(SESSIONS, APPLICATION_NAME):
                await asyncio.sleep(0.01)
        return int(await driver.fetchval("select count(*) from pg_locks where locktype = 'advisory'"))
    finally:
        await driver.close()


async def converges(server: Server, folder: Path, whole: tuple[int, dict[str, Any]], count: int, seed: int) -> int:
    """Try ``count`` moments, the disasters in turn; gives how many came before the end of the run."""
    messages, expected = whole
    chance, hit = random.Random(seed), 0
    for number in range(count):
        name = [*DISASTERS][number % len(DISASTERS)]
        moment = Moment(chance.randrange(1, messages), chance.uniform(0, 0.008))
        url = server.ensure_database(f"struck_{seed}_{number}")
        hit += await struck(url, folder, server, name, moment)
        url = server.ensure_database(str(url.database))
        where = f"{name} at message {moment.message} of {messages} and {moment.delay * 1000:.1f} ms, seed {seed}"
        assert await locks_left(url) == 0, where
        await run_again(url, folder)
        assert await ending(url) == expected, where
    return hit


def test_an_undisturbed_run_does_everything_once(whole: tuple[int, dict[str, Any]]) -> None:
    messages, expected = whole
    assert messages > 40 * PAIRS
    assert len(expected["log"]) == 5 * PAIRS
    assert [(version, success) for version, success, _ in expected["ledger"]] == [(n, True) for n in range(1, 41)]
    assert expected["schema"].count("CREATE INDEX") + expected["schema"].count("CREATE UNIQUE INDEX") == 2 * PAIRS
    assert expected["invalid indexes"] == expected["tables of Assay's"] == expected["locks"] == []


async def test_struck_at_six_moments_and_run_again_it_ends_the_same(
    server: Server, folder: Path, whole: tuple[int, dict[str, Any]]
) -> None:
    assert await converges(server, folder, whole, 6, 7) >= 4


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_soak_struck_at_many_moments_and_run_again_it_ends_the_same(
    server: Server, folder: Path, whole: tuple[int, dict[str, Any]]
) -> None:
    hit = await converges(server, folder, whole, MANY, SEED)
    print(f"{hit} of {MANY} moments came before the end of the run; {whole[0]} messages; seed {SEED}")
    assert hit >= MANY * 0.8
