"""Point in time, on a server of the tests' own: set up, copied, and restored to between two writes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import SYSTEM_15
from tests.fixtures.replication import Node, make_primary
from tests.fixtures.servers import eventually, fresh_home, running_in

from assay.config import DatabaseUrl
from assay.errors import BackupError
from assay.ops.backup.pitr.archive import WAL, SetUp, archive_command, flush, read_status, set_up
from assay.ops.backup.pitr.base import Base, data_of, list_bases, make_base
from assay.ops.backup.pitr.prune import prune_archive
from assay.ops.backup.pitr.restore import restore_to
from assay.ops.backup.retention import Policy
from assay.server import Server, cluster, postmaster
from assay.server.account import service_account
from assay.server.layout import Layout
from assay.server.processes import command_line


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    yield from fresh_home()


@pytest.fixture(scope="module")
def node(home: Path) -> Iterator[Node]:
    made = make_primary(home / "primary")
    made.run("create table log (id int, at timestamptz default clock_timestamp())")
    yield made
    made.kill()


@pytest.fixture(scope="module")
def archive(home: Path) -> Path:
    """A folder whose name is hard to pass on."""
    return home / "the archive's 100% $HOME"


@pytest.fixture(scope="module")
def archiving(node: Node, archive: Path) -> SetUp:
    """The server archives: it was set up, restarted and tried."""
    first = asyncio.run(set_up(node.url, archive, archive_command(archive)))
    assert (first.restart, first.archived) == (True, None)
    node.stop()
    node.start()
    return asyncio.run(set_up(node.url, archive, archive_command(archive)))


@pytest.fixture(scope="module")
def base(node: Node, archive: Path, archiving: SetUp) -> Base:
    return asyncio.run(make_base(node.url, archive))


@pytest.fixture
async def restored(home: Path) -> AsyncIterator[Path]:
    place = home / "restored"
    yield place
    assert not list(home.glob(".restored*")), "a half-made directory was left"
    assert running_in(place) == []
    shutil.rmtree(place, ignore_errors=True)


async def ids(node: Node, data: Path) -> list[int]:
    """The rows of a restored directory, read on a server of its own."""
    layout = Layout(data.parent, data.parent, service_account(), data.parent)
    assert data.name == "data"
    folder = data.parent
    postmaster.start(node.programs, layout, folder, listen="", port=5432, began=lambda: None)
    try:
        connection = await asyncpg.connect(DatabaseUrl("postgres", None, str(folder), None, "shop").reveal())
        try:
            assert await connection.fetchval("show archive_mode") == "off"
            await connection.execute("insert into log values (1000)")
            return [row[0] for row in await connection.fetch("select id from log where id < 1000 order by id")]
        finally:
            await connection.close()
    finally:
        found = postmaster.find(layout)
        if found is not None:
            postmaster.stop(layout, found)


def write(node: Node, number: int) -> datetime:
    """Write a row; when it was committed, at the latest."""
    node.run(f"insert into log (id) values ({number})")
    return datetime.fromisoformat(node.run("select clock_timestamp()"))


def test_a_server_is_set_up_and_its_segments_arrive_whole(archive: Path, archiving: SetUp) -> None:
    assert archiving.restart is False
    assert archiving.archived is not None
    files = [path.name for path in (archive / WAL).iterdir()]
    assert archiving.archived in files
    assert not [name for name in files if name.endswith(".part")]
    assert (archive / WAL / archiving.archived).stat().st_size == 16 << 20


async def test_a_restore_to_between_two_writes_100_ms_apart_has_the_first_alone(
    node: Node, archive: Path, base: Base, home: Path
) -> None:
    write(node, 1)
    before = write(node, 2)
    await asyncio.sleep(0.1)
    write(node, 3)
    await flush(node.url)
    place = home / "between"
    place.mkdir()
    place.chmod(0o755)
    os.chown(place, *owner())
    done = await restore_to(archive, before + timedelta(milliseconds=50), place / "data")
    assert done.last_commit is not None
    assert done.last_commit <= before
    assert await ids(node, place / "data") == [1, 2]
    shutil.rmtree(place)


@pytest.mark.skipif(not SYSTEM_15.exists(), reason="no PostgreSQL 15 on this machine")
async def test_a_server_of_the_system_is_restored_in_the_same_way(home: Path) -> None:
    server = Server.locate("15", home=home / "fifteen")
    server.layout.make()
    node = Node(server.programs(), server.layout)
    cluster.ensure(node.programs, node.layout)
    node.start()
    try:
        node.run("create database shop")
        node.run("create table log (id int)")
        archive, place = home / "archive15", home / "between15"
        await set_up(node.url, archive, archive_command(archive))
        node.stop()
        node.start()
        base = await make_base(node.url, archive)
        before = write(node, 1)
        write(node, 2)
        await flush(node.url)
        place.mkdir()
        os.chown(place, *owner())
        done = await restore_to(archive, before, place / "data")
        assert (done.base.id, done.base.server_major) == (base.id, 15)
        assert await ids(node, place / "data") == [1]
    finally:
        node.kill()


def owner() -> tuple[int, int]:
    """Whom a server's data belong to."""
    account = service_account()
    return (account.uid, account.gid) if account is not None else (-1, -1)


async def test_a_moment_that_the_log_does_not_reach_is_told_and_nothing_is_left(
    archive: Path, base: Base, restored: Path
) -> None:
    with pytest.raises(BackupError, match="recovery ended before configured recovery target was reached"):
        await restore_to(archive, datetime.now(UTC) + timedelta(days=1), restored)
    assert not restored.exists()


async def test_a_moment_before_the_first_base_backup_is_refused(archive: Path, base: Base, restored: Path) -> None:
    with pytest.raises(BackupError, match=f"was finished by .*: the oldest was finished at {base.finished.year}"):
        await restore_to(archive, base.finished - timedelta(hours=1), restored)


async def test_a_directory_that_is_there_is_not_touched(archive: Path, base: Base, restored: Path) -> None:
    restored.mkdir()
    with pytest.raises(BackupError, match="is there; restore into another folder, or move it away"):
        await restore_to(archive, base.finished, restored)
    assert list(restored.iterdir()) == []


async def test_a_base_backup_that_was_damaged_is_found(archive: Path, base: Base, restored: Path) -> None:
    path = data_of(archive, base) / "global" / "1262"
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    try:
        with pytest.raises(BackupError, match="checksum mismatch for file"):
            await restore_to(archive, base.finished + timedelta(milliseconds=1), restored)
    finally:
        path.write_bytes(content)


async def test_the_status_tells_the_base_backups_and_a_missing_segment(node: Node, archive: Path, base: Base) -> None:
    await flush(node.url)
    await flush(node.url)
    good = await read_status(node.url, archive)
    assert (good.archiving, good.problem, good.missing) == (True, "", ())
    assert base.id in [one.id for one in good.bases]
    last = sorted(path.name for path in (archive / WAL).iterdir() if len(path.name) == 24)[-2]
    (archive / WAL / last).rename(archive / "aside")
    try:
        assert (await read_status(node.url, archive)).missing == (last,)
    finally:
        (archive / "aside").rename(archive / WAL / last)


async def test_another_way_to_archive_is_not_replaced_unasked(node: Node, archive: Path, archiving: SetUp) -> None:
    with pytest.raises(BackupError, match=r"archives in another way: archive_command is .*add --replace"):
        await set_up(node.url, archive, "/bin/true")


async def test_a_role_that_is_no_superuser_is_told(node: Node, archive: Path, archiving: SetUp) -> None:
    node.run("create role plain login")
    plain = replace(node.url, user="plain")
    with pytest.raises(BackupError, match="takes a superuser; name one in the database URL"):
        await set_up(plain, archive, archive_command(archive))
    assert (await read_status(plain, archive)).archiving
    node.run("drop role plain")


async def test_a_base_backup_that_fails_leaves_nothing(archive: Path, base: Base) -> None:
    before = list(archive.glob("base/*"))
    nowhere = DatabaseUrl.parse("postgresql://postgres@127.0.0.1:1/postgres")
    with pytest.raises(Exception, match="Cannot connect"):
        await make_base(nowhere, archive)
    (archive / "base" / "20200101T000000Z-base-abcdef").mkdir()
    assert [one.id for one in list_bases(archive)] == [base.id]
    (archive / "base" / "20200101T000000Z-base-abcdef").rmdir()
    assert list(archive.glob("base/*")) == before


async def test_pruning_keeps_the_log_that_the_oldest_base_backup_left_needs(
    node: Node, archive: Path, base: Base, home: Path
) -> None:
    write(node, 90)
    await flush(node.url)
    newer = await make_base(node.url, archive)
    write(node, 91)
    await flush(node.url)
    copy = home / "pruned"
    shutil.copytree(archive, copy)
    shutil.rmtree(archive / "base" / newer.id)
    for path in (copy / WAL, *(copy / WAL).iterdir()):
        os.chown(path, *owner())
    half = copy / "base" / "20200101T000000Z-base-abcdef"
    half.mkdir()
    os.utime(half, (0, 0))
    tried = await prune_archive(copy, Policy(count=1), dry_run=True)
    kept = {one.backup.id: one.keep for one in tried.decisions}
    assert kept == {newer.id: True, base.id: False, half.name: False}
    assert tried.segments > 0
    before = len(list((copy / WAL).iterdir()))
    assert (await prune_archive(copy, Policy(count=1))).segments == tried.segments
    assert len(list((copy / WAL).iterdir())) == before - tried.segments
    assert [path.name for path in (copy / "base").iterdir()] == [newer.id]
    found = await read_status(node.url, copy)
    assert (found.missing, [one.id for one in found.bases]) == ((), [newer.id])
    done = await restore_to(copy, newer.finished + timedelta(milliseconds=1), home / "of-pruned")
    assert done.base.id == newer.id
    shutil.rmtree(home / "of-pruned")
    shutil.rmtree(copy)


async def test_a_server_with_tablespaces_is_left_to_pgbackrest(
    node: Node, archive: Path, base: Base, home: Path
) -> None:
    place = home / "space"
    place.mkdir(mode=0o700)
    os.chown(place, *owner())
    subprocess.run(
        [
            node.programs.path("psql"),
            "-Xqc",
            f"create tablespace other location '{place}'",
            "-h",
            node.url.host or "",
            "-U",
            "postgres",
        ],
        check=True,
    )
    try:
        with pytest.raises(BackupError, match="has the tablespace other, whose folder a restored copy would share"):
            await make_base(node.url, archive)
    finally:
        node.run("drop tablespace other")
    assert [one.id for one in list_bases(archive)] == [base.id]


# --- as a person calls it


def assay(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    command = [sys.executable, "-m", "assay", "backup", "pitr", *arguments]
    return subprocess.run(command, cwd="/", env=environ, capture_output=True, text=True, timeout=120)


def test_the_commands_say_what_they_did(node: Node, archive: Path, base: Base, home: Path) -> None:
    url = node.url.reveal()
    again = assay("init", "-D", url, "--archive", archive)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.startswith(f"The server archives to {archive}; 0000000")
    status = assay("status", "-D", url, "--archive", archive, "--output-format", "json")
    report = json.loads(status.stdout)
    assert (status.returncode, report["problems"], report["missing"]) == (0, [], [])
    assert report["from"] == base.finished.isoformat()
    moment = datetime.fromisoformat(node.run("select clock_timestamp()"))
    write(node, 50)
    done = assay("restore", "-D", url, "-a", archive, "--to", moment.isoformat(), "--into", home / "by-command")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"to {home}/by-command as it was at {moment.isoformat(' ')}" in done.stdout
    shutil.rmtree(home / "by-command")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_restore_that_is_struck_down_leaves_no_server_and_no_directory(
    archive: Path, base: Base, home: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "assay", "backup", "pitr", "restore", "-a", archive, "--into", home / "struck"]
    moment = (base.finished + timedelta(milliseconds=1)).isoformat()
    with subprocess.Popen([*command, "--to", moment], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert eventually(lambda: bool(list(home.glob(".struck.restoring-*/postmaster.pid"))))
        process.send_signal(number)
        process.communicate()
    assert eventually(lambda: not [pid for pid in running_in(home) if ".struck" in command_line(pid)])
    assert not (home / "struck").exists()
    left = list(home.glob(".struck.*"))
    assert bool(left) == (number is signal.SIGKILL)
    if left:  # the next run for the same directory sweeps it up, and nothing else
        (other := home / ".struck2.restoring-0").mkdir()
        subprocess.run([*command, "--to", moment], check=True, capture_output=True)
        assert list(home.glob(".struck*")) == [other]
        other.rmdir()
        shutil.rmtree(home / "struck")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["status"], "Say where the archive is: --archive"),
        (["restore", "--to", "yesterday", "--into", "/x", "-a", "/x"], "'yesterday' is not a moment; give it as 2026-"),
        (["restore", "--to", "2026-01-01", "--into", "/x", "-a", "/nonexistent"], "No base backup in /nonexistent"),
    ],
)
def test_misuse_is_one_sentence(arguments: list[str], what: str) -> None:
    done = assay(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert what in done.stderr


# --- the command that the server runs


def run_command(command: str, source: Path, name: str) -> int:
    """As the server does: ``%p`` and ``%f`` are filled in, and a shell runs it."""
    text = command.replace("%%", "\0").replace("%p", str(source)).replace("%f", name).replace("\0", "%")
    return subprocess.run(["/bin/sh", "-c", text], cwd=source.parent, capture_output=True).returncode


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    path = tmp_path / "pg_wal"
    path.mkdir()
    (path / "seg").write_bytes(b"one" * 1000)
    return path / "seg"


def test_the_command_copies_and_says_so(tmp_path: Path, segment: Path) -> None:
    folder = tmp_path / "it's 100%"
    (folder / WAL).mkdir(parents=True)
    assert run_command(archive_command(folder), segment, "A" * 24) == 0
    assert (folder / WAL / ("A" * 24)).read_bytes() == segment.read_bytes()
    assert [path.name for path in (folder / WAL).iterdir()] == ["A" * 24]


def test_the_command_takes_the_same_segment_again_and_never_another(tmp_path: Path, segment: Path) -> None:
    (tmp_path / WAL).mkdir()
    command = archive_command(tmp_path)
    assert run_command(command, segment, "A") == 0
    assert run_command(command, segment, "A") == 0
    old = segment.read_bytes()
    segment.write_bytes(b"two" * 1000)
    assert run_command(command, segment, "A") != 0
    assert (tmp_path / WAL / "A").read_bytes() == old


def test_the_command_goes_on_where_it_was_killed(tmp_path: Path, segment: Path) -> None:
    (tmp_path / WAL).mkdir()
    (tmp_path / WAL / "A.part").write_bytes(b"hal")
    assert run_command(archive_command(tmp_path), segment, "A") == 0
    assert (tmp_path / WAL / "A").read_bytes() == segment.read_bytes()


def test_the_command_fails_when_the_folder_is_gone(tmp_path: Path, segment: Path) -> None:
    assert run_command(archive_command(tmp_path / "gone"), segment, "A") != 0
