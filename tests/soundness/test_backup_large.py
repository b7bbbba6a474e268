"""Backups at size: pgbench and all backends made, verified, restored, and struck down at ten moments."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.filling import FILLERS, fill_database
from tests.fixtures.servers import ask, eventually, running_in

from assay import migrate
from assay.config import DatabaseUrl
from assay.ops.backup.create import Wanted, create_backup
from assay.ops.backup.listing import list_backups
from assay.ops.backup.manifest import Archive
from assay.ops.backup.retention import State
from assay.ops.backup.stores import LocalStore
from assay.ops.backup.verify import verify_backup
from assay.ops.contents import contents_of
from assay.ops.seed import load, seed_files
from assay.server.databases import drop_database

MEGABYTES = int(os.environ.get("ASSAY_SOAK_BACKUP_MB", "1000"))
SMALL = 24
LONG = 5.0
"""Seconds that a backup takes which is struck down by every signal at every moment."""
BACKENDS = sorted(path.parent for path in (Path(__file__).parents[2] / "backends").glob("*/migrations"))


@pytest.fixture
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="assay-soak-backup-"))
    yield place
    shutil.rmtree(place)


def assay(folder: Path, url: DatabaseUrl, *arguments: str) -> subprocess.Popen[bytes]:
    environ = {"PATH": "/usr/bin:/bin", "DATABASE_URL": url.reveal(), "HOME": str(folder)}
    command = [sys.executable, "-m", "assay", "backup", *arguments, "--store", str(folder / "backups")]
    return subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def timed(process: subprocess.Popen[bytes]) -> float:
    started = time.perf_counter()
    said, complained = process.communicate()
    assert process.returncode == 0, (said + complained).decode()
    return time.perf_counter() - started


@pytest.fixture
async def large(request: pytest.FixtureRequest, database_18: DatabaseUrl) -> DatabaseUrl:
    """A database of so many megabytes at least."""
    await fill_database(database_18, request.param)
    assert int(str(await ask(database_18, "select pg_database_size(current_database())"))) > request.param * 1_000_000
    return database_18


@pytest.fixture
async def again(large: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """Another database, which is not there yet."""
    url = large.with_database(f"{large.database}_again")
    yield url
    await drop_database(url, force=True)


in_both_sizes = pytest.mark.parametrize(
    "large",
    [
        pytest.param(SMALL, id="small"),
        pytest.param(MEGABYTES, id="large", marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
    indirect=True,
)


@in_both_sizes
async def test_pgbench_and_all_backends_come_back_row_for_row_and_any_moment_to_be_killed_is_as_good(
    folder: Path, large: DatabaseUrl, again: DatabaseUrl
) -> None:
    created = timed(assay(folder, large, "create", "--content"))
    restored = timed(assay(folder, again, "restore"))
    before = await contents_of(large, content=True)
    assert {name.partition(".")[0] for name in before} == {*FILLERS, "public"}
    assert await contents_of(again, content=True) == before
    store = LocalStore(folder / "backups")
    (first,) = await list_backups(store)
    await _struck_down(folder, large, store)
    verified = timed(assay(folder, large, "verify", first.id, "--content"))
    rows = sum(table.rows for table in before.values())
    print(f"{rows:,} rows: created in {created:.1f} s, verified in {verified:.1f} s, restored in {restored:.1f} s")


async def _struck_down(folder: Path, large: DatabaseUrl, store: LocalStore) -> None:
    """At ten moments by each signal, or at a few, for another test is for a small database struck down."""
    whole, done = timed(assay(folder, large, "create")), 2
    numbers = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
    strikes = [(moment, number) for moment in range(10) for number in numbers]
    if whole < LONG:
        strikes = strikes[5::10]
    for moment, number in strikes:
        process = assay(folder, large, "create")
        await asyncio.sleep(whole * (moment + 0.5) / 10)
        process.send_signal(number)
        process.communicate()
        assert eventually(lambda: not running_in(store.root)), "pg_dump runs on"
        states = [one.state for one in await list_backups(store)]
        assert states.count(State.COMPLETE) in ((done + 1,) if process.returncode == 0 else (done, done + 1))
        assert State.CORRUPT not in states
        done = states.count(State.COMPLETE)
    assert done < 2 + len(strikes) * 2 / 3, "hardly any was struck down before it had ended"


@pytest.mark.soak
@pytest.mark.parametrize("backend", BACKENDS, ids=[path.name for path in BACKENDS])
async def test_the_schema_and_the_seeds_of_every_backend_come_back(
    backend: Path, database: DatabaseUrl, folder: Path
) -> None:
    try:
        await migrate.run(database, backend / "migrations")
    except asyncpg.PostgresError as error:
        pytest.skip(f"its migrations need another server: {error}")
    if (backend / "seeds").is_dir():
        async for _ in load(database, seed_files(backend / "seeds")):
            pass
    store = LocalStore(folder / "backups")
    for archive in Archive:
        manifest = await create_backup(database, store, Wanted(archive=archive, hashed=True))
        assert (await verify_backup(store, manifest, database, content=True)).differences == ()
