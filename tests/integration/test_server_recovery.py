"""What an embedded server recovers from: each thing really done to it."""

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
from tests.fixtures.servers import ask, eventually, python, running_in

from assay import errors
from assay.server import Server
from assay.server.processes import command_line, is_alive, wait_for_exit

ENSURE = """
import sys
from pathlib import Path
from assay.server import Server
Server.locate("18", home=Path(sys.argv[1])).ensure_running()
"""


@pytest.fixture
def shared(module_home: Path) -> Server:
    """A server that each test finds as the one before has left it, for what it recovers from without a trace."""
    return Server.locate("18", home=module_home)


def watchers(home: Path) -> list[int]:
    return [pid for pid in running_in(home) if "assay.server.watch" in command_line(pid)]


def server_pid(server: Server) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any server, of the account that servers run as."""
    from assay.server.account import run_as, service_account

    process = subprocess.Popen(["sleep", "600"], cwd="/", **run_as(service_account()))
    yield process
    still_there = process.poll() is None
    process.kill()
    process.wait()
    assert still_there, "an innocent process was killed"


async def test_killed_server_is_started_again(shared: Server) -> None:
    url = shared.ensure_database("shop")
    pid = server_pid(shared)
    os.kill(pid, signal.SIGKILL)
    assert wait_for_exit(pid, 5.0)
    assert not shared.status().running
    assert await ask(shared.ensure_database("shop"), "select current_database()") == "shop"
    assert shared.ensure_database("shop") == url
    assert server_pid(shared) != pid


async def test_busy_session_that_outlived_a_killed_server_is_ended(shared: Server) -> None:
    """It never looks up from its loop, and holds the memory that a new server would share."""
    url = shared.ensure_running()
    connection = await asyncpg.connect(url.reveal())
    busy = asyncio.ensure_future(connection.execute("do $$ begin loop end loop; end $$"))
    await asyncio.sleep(0.2)
    orphan = connection.get_server_pid()
    pid = server_pid(shared)
    os.kill(pid, signal.SIGKILL)
    assert wait_for_exit(pid, 5.0)
    time.sleep(0.2)
    assert is_alive(orphan), "the test needs a session that is still there"
    assert await ask(shared.ensure_running(), "select 1") == 1
    assert not is_alive(orphan)
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await busy
    connection.terminate()


async def test_frozen_server_is_stopped_all_the_same(shared: Server) -> None:
    shared.ensure_running()
    pid = server_pid(shared)
    os.kill(pid, signal.SIGSTOP)
    from assay.server import postmaster

    found = postmaster.find(shared.layout)
    assert found is not None
    postmaster.end_everything(shared.layout.data)
    assert not is_alive(pid)
    assert await ask(shared.ensure_running(), "select 1") == 1


async def test_pid_file_that_names_another_process_is_not_believed(
    shared: Server, bystander: subprocess.Popen[bytes]
) -> None:
    shared.ensure_running()
    pid_file = shared.layout.data / "postmaster.pid"
    stale = pid_file.read_text().splitlines(keepends=True)
    socket_lock = next((shared.layout.place / "run").glob(".s.PGSQL.*.lock"))
    stale_lock = socket_lock.read_text().splitlines(keepends=True)
    shared.stop()
    pid_file.write_text("".join([f"{bystander.pid}\n", *stale[1:]]))
    socket_lock.write_text("".join([f"{bystander.pid}\n", *stale_lock[1:]]))
    assert not shared.status().running
    assert not shared.stop()
    assert await ask(shared.ensure_running(), "select 1") == 1


@pytest.mark.parametrize(
    "text", ["", "garbage", "-1\n/x\n", "0\n/d\n1\n5432\n/tmp\n\n\nready\n", "99999999\n\n1\n5432\n/x\n"]
)
def test_garbled_pid_file_is_no_server(home: Path, text: str) -> None:
    server = Server.locate("18", home=home)
    server.layout.data.mkdir(parents=True)
    (server.layout.data / "postmaster.pid").write_text(text)
    assert not server.status().running
    assert not server.stop()


async def test_vanished_socket_brings_a_new_server(shared: Server) -> None:
    url = shared.ensure_running()
    pid = server_pid(shared)
    for path in (shared.layout.place / "run").iterdir():
        path.unlink()
    assert shared.ensure_running() == url
    assert await ask(url, "select 1") == 1
    assert not is_alive(pid)


async def test_removed_pid_file_brings_a_new_server(shared: Server) -> None:
    url = shared.ensure_running()
    pid = server_pid(shared)
    (shared.layout.data / "postmaster.pid").unlink()
    assert await ask(shared.ensure_running(), "select 1") == 1
    assert not is_alive(pid)
    assert shared.ensure_running() == url


async def test_removed_home_under_a_running_server_is_made_anew(embedded: Server, home: Path) -> None:
    embedded.ensure_running()
    pid = server_pid(embedded)
    while embedded.layout.state.exists():  # the server writes into it meanwhile
        shutil.rmtree(embedded.layout.state, ignore_errors=True)
    assert await ask(embedded.ensure_running(), "select 1") == 1
    assert not is_alive(pid)
    assert eventually(lambda: len(watchers(home)) == 1)


def test_left_over_of_an_interrupted_start_is_swept(embedded: Server) -> None:
    embedded.layout.make()
    left = embedded.layout.place / "data.new-12345678"
    (left / "base").mkdir(parents=True)
    (left / "PG_VERSION").write_text("18\n")
    embedded.ensure_running()
    assert not left.exists()


def test_data_without_the_heart_of_a_database_are_put_aside(embedded: Server) -> None:
    embedded.layout.data.mkdir(parents=True)
    (embedded.layout.data / "PG_VERSION").write_text("18\n")
    (embedded.layout.data / "notes").write_text("mine")
    embedded.ensure_running()
    [aside] = embedded.layout.place.glob("data.damaged-*")
    assert (aside / "notes").read_text() == "mine"


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.3])
async def test_starter_killed_at_any_moment_is_no_hindrance(embedded: Server, home: Path, seconds: float) -> None:
    process = python(ENSURE, str(home), start_new_session=True)
    assert eventually(lambda: (home / "18").exists())
    time.sleep(seconds)
    process.kill()
    process.communicate()
    assert await ask(embedded.ensure_running(), "select 1") == 1
    assert not list(embedded.layout.place.glob("data.new-*"))


def test_data_of_another_major_version_are_refused_and_kept(shared: Server) -> None:
    shared.ensure_running()
    shared.stop()
    (shared.layout.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(errors.ServerError, match="was made by PostgreSQL 17, and PostgreSQL 18 cannot open it"):
        shared.ensure_running()
    assert (shared.layout.data / "base").is_dir()
    (shared.layout.data / "PG_VERSION").write_text("18\n")
    shared.ensure_running()


def test_damaged_data_are_reported_in_the_servers_own_words(embedded: Server, home: Path) -> None:
    embedded.ensure_running()
    embedded.stop()
    (embedded.layout.data / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(errors.ServerError, match=r"The server did not start: .*(FATAL|PANIC).*\n.*log: .*server\.log"):
        embedded.ensure_running()
    assert eventually(lambda: running_in(home) == [], 5.0)


def test_lock_that_is_held_too_long_names_its_holder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.server import locking

    path = home / "lock"
    holder = python(
        "import sys, time; from pathlib import Path; from assay.server.locking import holding\n"
        "with holding(Path(sys.argv[1]), 'starting the server'): print(1, flush=True); time.sleep(60)",
        str(path),
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        with (
            pytest.raises(errors.ServerError, match=rf"Process {holder.pid} \(starting the server\) has held"),
            locking.holding(path, "waiting", timeout=0.1),
        ):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with locking.holding(path, "after the holder died", timeout=1.0):
        pass


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system with too little room for a database."""
    folder = Path(tempfile.mkdtemp(prefix="assay-test-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=711", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        folder.rmdir()
        pytest.skip("a file system can be mounted only by root on Linux")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


def test_full_disk_is_said_to_be_full(small_disk: Path) -> None:
    server = Server.locate("18", home=small_disk)
    with pytest.raises(errors.ServerError, match="is full; free some space") as caught:
        server.ensure_running()
    assert str(small_disk) in caught.value.message
    assert not list((small_disk / "18").glob("data*"))


def test_disk_without_any_room_is_said_to_be_full(small_disk: Path) -> None:
    with (small_disk / "ballast").open("wb") as ballast, pytest.raises(OSError, match="No space left"):
        while True:
            ballast.write(b"\0" * 65536)
            ballast.flush()
    with pytest.raises(errors.ServerError, match="space"):
        Server.locate("18", home=small_disk).ensure_running()


def test_home_that_cannot_be_written_to_is_said_so(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(errors.ServerError, match="set ASSAY_HOME"):
        Server.locate("18", home=home / "file" / "below").ensure_running()
