"""``assay backup`` struck down at ten moments: nothing is left that looks complete, and no program runs on."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.servers import eventually, running_in

from assay.config import DatabaseUrl
from assay.ops.backup.databases import FILLING
from assay.ops.backup.listing import list_backups
from assay.ops.backup.retention import State
from assay.ops.backup.stores import LocalStore

MOMENTS = 10
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
ROWS = "create table noise as select i, md5(i::text) || md5((i + 1)::text) as text from generate_series(1, 80000) i"


@pytest.fixture
async def noisy(database_18: DatabaseUrl) -> DatabaseUrl:
    connection = await asyncpg.connect(database_18.reveal())
    await connection.execute(ROWS)
    await connection.close()
    return database_18


def assay(folder: Path, url: DatabaseUrl, *arguments: str) -> subprocess.Popen[bytes]:
    environ = {"PATH": "/usr/bin:/bin", "DATABASE_URL": url.reveal(), "HOME": str(folder)}
    command = [sys.executable, "-m", "assay", "backup", *arguments, "--store", str(folder / "backups")]
    return subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finished(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    said, complained = process.communicate(timeout=60)
    return process.returncode, (said + complained).decode()


def struck(process: subprocess.Popen[bytes], seconds: float, number: signal.Signals) -> int:
    time.sleep(seconds)
    process.send_signal(number)
    return finished(process)[0]


def timed(process: subprocess.Popen[bytes]) -> float:
    started = time.perf_counter()
    code, said = finished(process)
    assert code == 0, said
    return time.perf_counter() - started


def test_a_backup_killed_at_ten_moments_leaves_nothing_that_looks_complete(tmp_path: Path, noisy: DatabaseUrl) -> None:
    store = LocalStore(tmp_path / "backups")
    whole = timed(assay(tmp_path, noisy, "create"))
    done = 1
    for moment in range(MOMENTS):
        number = SIGNALS[moment % len(SIGNALS)]
        code = struck(assay(tmp_path, noisy, "create"), whole * (moment + 0.5) / MOMENTS, number)
        assert eventually(lambda: not running_in(store.root)), "pg_dump runs on"
        states = [one.state for one in asyncio.run(list_backups(store))]
        assert states.count(State.COMPLETE) in ((done + 1,) if code == 0 else (done, done + 1))
        assert State.CORRUPT not in states
        done = states.count(State.COMPLETE)
    assert done < MOMENTS
    shown = json.loads(finished(assay(tmp_path, noisy, "list", "--output-format", "json"))[1])
    assert {one["state"] for one in shown["backups"]} <= {"complete", "incomplete"}
    code, said = finished(assay(tmp_path, noisy, "verify"))
    assert (code, "is good" in said) == (0, True)


async def databases(url: DatabaseUrl) -> list[str]:
    connection = await asyncpg.connect(url.with_database("postgres").reveal())
    try:
        return [row[0] for row in await connection.fetch("select datname from pg_database")]
    finally:
        await connection.close()


def test_a_restore_killed_at_ten_moments_leaves_no_half_database(tmp_path: Path, noisy: DatabaseUrl) -> None:
    timed(assay(tmp_path, noisy, "create"))
    name = f"{noisy.database}_again"
    whole = timed(assay(tmp_path, noisy, "restore", "--to", name))
    before = asyncio.run(sessions(noisy))
    done = 0
    for moment in range(MOMENTS):
        asyncio.run(dropped(noisy, name))
        number = SIGNALS[moment % len(SIGNALS)]
        restoring = assay(tmp_path, noisy, "restore", "--to", name)
        code = struck(restoring, whole * (moment + 0.5) / MOMENTS, number)
        assert eventually(lambda: not running_in(tmp_path / "backups")), "pg_restore runs on"
        assert eventually(lambda: asyncio.run(sessions(noisy)) <= before), "the server does what it was sent"
        there = name in asyncio.run(databases(noisy))
        if there:
            assert asyncio.run(rows(noisy.with_database(name))) == 80_000
        assert there or code != 0
        done += there
    assert done < MOMENTS
    asyncio.run(dropped(noisy, name))
    timed(assay(tmp_path, noisy, "restore", "--to", name))
    assert not [one for one in asyncio.run(databases(noisy)) if one.startswith(FILLING)]
    asyncio.run(dropped(noisy, name))


async def rows(url: DatabaseUrl) -> int:
    connection = await asyncpg.connect(url.reveal())
    try:
        count: int = await connection.fetchval("select count(*) from noise")
        return count
    finally:
        await connection.close()


async def sessions(url: DatabaseUrl) -> set[int]:
    """The processes of the server that somebody else is connected to."""
    connection = await asyncpg.connect(url.with_database("postgres").reveal())
    try:
        sql = "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
        return {row[0] for row in await connection.fetch(sql)}
    finally:
        await connection.close()


async def dropped(url: DatabaseUrl, name: str) -> None:
    connection = await asyncpg.connect(url.with_database("postgres").reveal())
    await connection.execute(f'drop database if exists "{name}" with (force)')
    await connection.close()
