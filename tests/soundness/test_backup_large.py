"""Backups at size: a gigabyte made, verified, restored, and struck down at ten moments by each signal."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.servers import eventually, running_in

from assay import migrate
from assay.config import DatabaseUrl
from assay.ops.backup.create import Wanted, create_backup
from assay.ops.backup.listing import list_backups
from assay.ops.backup.manifest import Archive
from assay.ops.backup.retention import State
from assay.ops.backup.stores import LocalStore
from assay.ops.backup.verify import verify_backup
from assay.ops.seed import load, seed_files
from assay.server.client_programs import client_program, connection_variables
from assay.server.databases import drop_database

MEGABYTES = int(os.environ.get("ASSAY_SOAK_BACKUP_MB", "1000"))
BACKENDS = sorted(path.parent for path in (Path(__file__).parents[2] / "backends").glob("*/migrations"))


@pytest.fixture
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="assay-soak-backup-"))
    yield place
    shutil.rmtree(place)


@pytest.fixture
def large(database_18: DatabaseUrl) -> DatabaseUrl:
    command = [client_program("pgbench", 18), "--initialize", f"--scale={max(1, MEGABYTES // 15)}", "--quiet"]
    subprocess.run(command, env=connection_variables(database_18), check=True, capture_output=True)
    return database_18


def assay(folder: Path, url: DatabaseUrl, *arguments: str) -> subprocess.Popen[bytes]:
    environ = {"PATH": "/usr/bin:/bin", "DATABASE_URL": url.reveal(), "HOME": str(folder)}
    command = [sys.executable, "-m", "assay", "backup", *arguments, "--store", str(folder / "backups")]
    return subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def timed(process: subprocess.Popen[bytes]) -> float:
    started = time.perf_counter()
    said, complained = process.communicate()
    assert process.returncode == 0, (said + complained).decode()
    return time.perf_counter() - started


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_gigabyte_is_backed_up_verified_and_restored_and_any_moment_to_be_killed_is_as_good(
    folder: Path, large: DatabaseUrl
) -> None:
    store = LocalStore(folder / "backups")
    created = timed(assay(folder, large, "create", "--content"))
    verified = timed(assay(folder, large, "verify", "--content"))
    again = large.with_database(f"{large.database}_again")
    try:
        restored = timed(assay(folder, again, "restore"))
    finally:
        asyncio.run(drop_database(again, force=True))
    print(f"{MEGABYTES} MB: created in {created:.1f} s, verified in {verified:.1f} s, restored in {restored:.1f} s")
    whole, done = timed(assay(folder, large, "create")), 2
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        for moment in range(10):
            process = assay(folder, large, "create")
            time.sleep(whole * (moment + 0.5) / 10)
            process.send_signal(number)
            process.communicate()
            assert eventually(lambda: not running_in(store.root)), "pg_dump runs on"
            states = [one.state for one in asyncio.run(list_backups(store))]
            assert states.count(State.COMPLETE) in ((done + 1,) if process.returncode == 0 else (done, done + 1))
            assert State.CORRUPT not in states
            done = states.count(State.COMPLETE)
    assert done < 22, "hardly any was struck down before it had ended"
    timed(assay(folder, large, "verify"))


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
