"""What can go wrong with a backup: nothing that looks complete is left, and the message says what to do."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.faultproxy import FaultProxy, fault_proxy
from tests.fixtures.servers import eventually, running_in

from assay.config import DatabaseUrl
from assay.errors import AuthenticationFailed, BackupError, ConnectionFailed, Error, InsufficientPrivilege, ServerError
from assay.ops.backup import create
from assay.ops.backup.create import Wanted, create_backup
from assay.ops.backup.databases import FILLING, being_filled
from assay.ops.backup.listing import list_backups
from assay.ops.backup.manifest import Archive, Contents, Manifest, Properties
from assay.ops.backup.restore import restore_backup
from assay.ops.backup.stores import LocalStore
from assay.ops.backup.verify import verify_backup
from assay.server import Server, binaries
from assay.server.client_programs import client_program

OLD_DUMP = Path("/usr/lib/postgresql/15/bin/pg_dump")
NOISE = "create table noise as select i, md5(i::text) || md5((i + 1)::text) as text from generate_series(1, 60000) i"
"""About five megabytes that hardly compress."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def passworded(module_home: Path) -> DatabaseUrl:
    """A server that listens on TCP and asks for a password."""
    return Server.locate("18", home=module_home).listen("127.0.0.1", free_port())


@pytest.fixture
async def noisy(passworded: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    admin = await asyncpg.connect(passworded.reveal())
    await admin.execute("create database noisy")
    url = passworded.with_database("noisy")
    connection = await asyncpg.connect(url.reveal())
    await connection.execute(NOISE)
    await connection.close()
    yield url
    await admin.execute("drop database noisy with (force)")
    await admin.close()


@pytest.fixture
async def proxy(noisy: DatabaseUrl) -> AsyncIterator[tuple[FaultProxy, DatabaseUrl]]:
    async with fault_proxy(noisy) as (made, url):
        yield made, url


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "backups")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for a megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True).returncode:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def left_in(store: LocalStore) -> list[Path]:
    return list(store.root.iterdir()) if store.root.is_dir() else []


async def unfinished(url: DatabaseUrl) -> list[str]:
    connection = await asyncpg.connect(url.reveal())
    try:
        rows = await connection.fetch("select datname from pg_database where starts_with(datname, $1)", FILLING)
        return [row[0] for row in rows]
    finally:
        await connection.close()


async def test_a_wrong_password_is_refused_without_being_shown(noisy: DatabaseUrl, store: LocalStore) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        await create_backup(replace(noisy, password="hush-hush"), store)
    assert "hush-hush" not in str(caught.value)
    assert left_in(store) == []


async def test_the_password_is_on_no_command_line(
    proxy: tuple[FaultProxy, DatabaseUrl], noisy: DatabaseUrl, store: LocalStore
) -> None:
    faults, url = proxy
    faults.delay = 0.01
    backing_up = asyncio.create_task(create_backup(url, store))
    seen: set[str] = set()
    while not backing_up.done():
        seen |= set(command_lines())
        await asyncio.sleep(0.01)
    await backing_up
    assert noisy.password
    assert [line for line in seen if "pg_dump" in line]
    assert not [line for line in seen if noisy.password in line]


def command_lines() -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


@pytest.mark.parametrize("archive", list(Archive))
async def test_a_server_that_goes_in_the_middle_leaves_nothing(
    proxy: tuple[FaultProxy, DatabaseUrl], store: LocalStore, archive: Archive
) -> None:
    faults, url = proxy
    pieces = 0

    def count() -> None:
        nonlocal pieces
        pieces += 1
        if pieces == 150:  # pg_dump is amid the table by then
            for link in list(faults.links):
                link.cut()

    faults.seen = count
    with pytest.raises((BackupError, ConnectionFailed)):
        await create_backup(url, store, Wanted(archive=archive))
    assert pieces >= 150
    assert left_in(store) == []
    assert eventually(lambda: not running_in(store.root))


async def test_a_full_disk_is_named_and_what_was_written_is_removed(noisy: DatabaseUrl, small_disk: Path) -> None:
    store = LocalStore(small_disk / "backups")
    with pytest.raises(BackupError, match="No space left on device; free some space there, or use another store"):
        await create_backup(noisy, store)
    assert left_in(store) == []


async def test_a_disk_that_is_full_when_the_manifest_comes_leaves_nothing(noisy: DatabaseUrl, small_disk: Path) -> None:
    store = LocalStore(small_disk / "backups")
    await store.prepare()
    free = os.statvfs(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (free.f_bavail * free.f_frsize - free.f_frsize))
    with pytest.raises(BackupError, match="No space left on device"):
        await create_backup(noisy, store, Wanted(contents=Contents.SCHEMA))
    assert left_in(store) == []


async def test_a_store_that_cannot_be_written_to_is_named_before_anything_is_done(
    noisy: DatabaseUrl, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match=r"The store .*file/backups cannot be written to: .*Not a directory"):
        await create_backup(noisy, LocalStore(tmp_path / "file" / "backups"))


@pytest.mark.skipif(not OLD_DUMP.exists(), reason="no PostgreSQL 15 on this machine")
async def test_an_older_pg_dump_than_the_server_is_told(
    noisy: DatabaseUrl, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create, "client_program", lambda name, major: OLD_DUMP)
    with pytest.raises(BackupError, match=r"server version mismatch; .*install the client programs of the server's"):
        await create_backup(noisy, store)
    assert left_in(store) == []


def test_no_pg_dump_for_the_server_says_what_to_install() -> None:
    with pytest.raises(ServerError, match=r"no pg_dump for PostgreSQL 99 .*postgresql-client-99"):
        client_program("pg_dump", 99)


def test_client_programs_are_found_where_there_is_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_FOLDERS", (f"{tmp_path}/{{}}/bin",))
    (tmp_path / "16" / "bin").mkdir(parents=True)
    (tmp_path / "16" / "bin" / "pg_dump").touch()
    assert client_program("pg_dump", 16) == tmp_path / "16" / "bin" / "pg_dump"
    assert client_program("pg_restore", 16).parent != tmp_path / "16" / "bin"


async def test_a_backup_of_a_newer_server_is_refused_by_an_older_one(
    noisy: DatabaseUrl, server_15: DatabaseUrl, store: LocalStore
) -> None:
    manifest = await create_backup(noisy, store, Wanted(contents=Contents.SCHEMA))
    with pytest.raises(BackupError, match=r"of PostgreSQL 18, and .* is on 15; restore it on a server of version 18"):
        await restore_backup(store, manifest, server_15.with_database("never_made"))
    assert await unfinished(server_15) == []


@pytest.fixture
def server_15(request: pytest.FixtureRequest) -> DatabaseUrl:
    from tests.conftest import SYSTEM_15, start

    if not SYSTEM_15.exists():
        pytest.skip("no PostgreSQL 15 on this machine")
    return start("15", request)


async def test_a_backup_of_an_older_server_is_restored_on_a_newer_one(
    noisy: DatabaseUrl, server_15: DatabaseUrl, store: LocalStore
) -> None:
    manifest = await create_backup(server_15, store)
    await restore_backup(store, manifest, noisy.with_database("from_15"))
    admin = await asyncpg.connect(noisy.reveal())
    await admin.execute("drop database from_15")
    await admin.close()


async def test_a_role_that_may_not_read_a_table_is_told_which(noisy: DatabaseUrl, store: LocalStore) -> None:
    admin = await asyncpg.connect(noisy.reveal())
    await admin.execute("create role reader login password 'reader'")
    try:
        with pytest.raises(InsufficientPrivilege, match="permission denied for table noise"):
            await create_backup(replace(noisy, user="reader", password="reader"), store)
        assert left_in(store) == []
        await admin.execute("grant pg_read_all_data to reader")
        manifest = await create_backup(replace(noisy, user="reader", password="reader"), store)
        with pytest.raises(InsufficientPrivilege, match="takes a role with CREATEDB"):
            await verify_backup(store, manifest, replace(noisy, user="reader", password="reader"))
    finally:
        await admin.execute("drop role reader")
        await admin.close()


async def test_a_restore_that_loses_its_server_leaves_nothing(
    proxy: tuple[FaultProxy, DatabaseUrl], noisy: DatabaseUrl, store: LocalStore
) -> None:
    faults, url = proxy
    manifest = await create_backup(noisy, store)
    pieces = 0

    def count() -> None:
        nonlocal pieces
        pieces += 1
        if pieces >= 60:  # pg_restore is at work by then
            faults.refuses = True
            for link in list(faults.links):
                link.cut()

    faults.seen = count
    with pytest.raises(Error):
        await restore_backup(store, manifest, url.with_database("half"))
    admin = await asyncpg.connect(noisy.reveal())
    try:
        assert await admin.fetchval("select 1 from pg_database where datname = 'half'") is None
    finally:
        await admin.close()
    assert pieces >= 60


async def dumping(
    proxy: tuple[FaultProxy, DatabaseUrl], store: LocalStore
) -> tuple[FaultProxy, asyncio.Task[Manifest]]:
    """A backup on a slow network, of which pg_dump is under way."""
    faults, url = proxy
    faults.delay = 0.02
    running = asyncio.create_task(create_backup(url, store))
    while not any("pg_dump" in line for line in command_lines_with(str(store.root))):
        await asyncio.sleep(0.01)
    return faults, running


async def test_a_cancelled_backup_ends_pg_dump_and_leaves_nothing(
    proxy: tuple[FaultProxy, DatabaseUrl], store: LocalStore
) -> None:
    _, running = await dumping(proxy, store)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert left_in(store) == []
    assert command_lines_with(str(store.root)) == []
    assert await list_backups(store) == ()


async def test_a_cancelled_backup_does_not_wait_for_a_server_that_has_fallen_silent(
    proxy: tuple[FaultProxy, DatabaseUrl], store: LocalStore
) -> None:
    faults, running = await dumping(proxy, store)
    faults.swallow()
    running.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await running
    assert left_in(store) == []
    assert command_lines_with(str(store.root)) == []


@pytest.mark.parametrize("place", [0, 0.5, 1], ids=["head", "middle", "end"])
async def test_an_archive_that_is_damaged_is_named_whatever_pg_restore_makes_of_it(
    noisy: DatabaseUrl, store: LocalStore, place: float
) -> None:
    manifest = await create_backup(noisy, store)
    await restore_backup(store, manifest, noisy, clean=True)  # which sweeps up behind other tests
    path = store.root / manifest.id / "archive.dump"
    content = bytearray(path.read_bytes())
    content[int((len(content) - 1) * place)] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupError, match=r"is damaged: archive\.dump has another checksum than when it was written"):
        await restore_backup(store, manifest, noisy.with_database("never_made"))
    assert await unfinished(noisy) == []
    admin = await asyncpg.connect(noisy.reveal())
    assert await admin.fetchval("select 1 from pg_database where datname = 'never_made'") is None
    await admin.close()


async def test_a_database_to_be_filled_is_dropped_whenever_its_making_is_cancelled(noisy: DatabaseUrl) -> None:
    properties = Properties("UTF8", "C", "C")
    async with being_filled(noisy, properties):
        pass  # which sweeps up behind other tests
    for moment in range(12):
        with suppress(TimeoutError):
            async with asyncio.timeout(moment * 0.006), being_filled(noisy, properties):
                pass
        assert await unfinished(noisy) == []


def command_lines_with(text: str) -> list[str]:
    return [line for line in command_lines() if text in line]
