"""A server that nobody uses is stopped; one that somebody uses is not."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
from tests.fixtures.servers import eventually, running_in

from assay.server import Server
from assay.server.idle import allowed
from assay.server.processes import command_line, is_alive, wait_for_exit


def watchers(home: Path) -> list[int]:
    return [pid for pid in running_in(home) if "assay.server.watch" in command_line(pid)]


def test_idle_server_is_stopped_and_so_is_its_watcher(embedded: Server, home: Path) -> None:
    embedded.ensure_running(idle_timeout=0.5)
    assert eventually(lambda: not embedded.status().running)
    assert eventually(lambda: running_in(home) == [], 5.0)
    assert "received fast shutdown request" in embedded.layout.log.read_text()


async def test_server_with_a_client_is_left_alone_until_it_leaves(embedded: Server, home: Path) -> None:
    url = embedded.ensure_running(idle_timeout=0.3)
    connection = await asyncpg.connect(url.reveal())
    await asyncio.sleep(1.5)
    assert await connection.fetchval("select 1") == 1
    await connection.close()
    assert await asyncio.to_thread(eventually, lambda: not embedded.status().running)


async def test_clients_that_come_and_go_keep_the_server(embedded: Server) -> None:
    """None of them need be there at the moment when the watcher looks."""
    url = embedded.ensure_running(idle_timeout=0.6)
    pid = embedded.status().pid
    for _ in range(12):
        connection = await asyncpg.connect(url.reveal())
        await connection.close()
        await asyncio.sleep(0.1)
    assert embedded.status().pid == pid


def test_asking_for_the_server_keeps_it(embedded: Server) -> None:
    embedded.ensure_running(idle_timeout=0.6)
    pid = embedded.status().pid
    for _ in range(12):
        embedded.ensure_running(idle_timeout=0.6)
        time.sleep(0.1)
    assert embedded.status().pid == pid


def test_longest_idle_timeout_asked_for_holds_until_the_server_stops(embedded: Server) -> None:
    embedded.ensure_running(idle_timeout=500)
    embedded.ensure_running(idle_timeout=100)
    assert allowed(embedded.layout) == 500
    embedded.ensure_running(idle_timeout=0)
    embedded.ensure_running(idle_timeout=900)
    assert allowed(embedded.layout) == float("inf")
    embedded.stop()
    embedded.ensure_running(idle_timeout=100)
    assert allowed(embedded.layout) == 100


def test_server_that_may_idle_for_ever_has_no_watcher(embedded: Server, home: Path) -> None:
    embedded.ensure_running(idle_timeout=0)
    assert watchers(home) == []


def test_one_watcher_and_it_is_replaced_when_it_was_killed(embedded: Server, home: Path) -> None:
    embedded.ensure_running()
    embedded.ensure_running()
    assert eventually(lambda: len(watchers(home)) == 1)  # it may not have become its program yet
    [first] = watchers(home)
    os.kill(first, signal.SIGKILL)
    assert wait_for_exit(first, 5.0)
    embedded.ensure_running()
    assert eventually(lambda: len(watchers(home)) == 1)
    [second] = watchers(home)
    assert second != first


def test_watcher_ends_when_the_server_is_killed(embedded: Server, home: Path) -> None:
    embedded.ensure_running()
    pid = embedded.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: running_in(home) == [])


def test_server_started_again_while_the_watcher_ends_is_watched(embedded: Server, home: Path) -> None:
    for _ in range(3):
        embedded.ensure_running()
        pid = embedded.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert wait_for_exit(pid, 5.0)
    embedded.ensure_running()
    time.sleep(0.5)
    assert len(watchers(home)) == 1


async def test_server_whose_home_was_removed_is_ended(embedded: Server, home: Path) -> None:
    url = embedded.ensure_running(idle_timeout=0.3)
    pid = embedded.status().pid
    assert pid is not None
    connection = await asyncpg.connect(url.reveal())
    await asyncio.sleep(0.5)
    assert is_alive(pid)
    while embedded.layout.state.exists():  # the server writes into it meanwhile
        shutil.rmtree(embedded.layout.state, ignore_errors=True)
    assert await asyncio.to_thread(eventually, lambda: running_in(home) == [])
    connection.terminate()


def test_watcher_needs_neither_driver_nor_command_line() -> None:
    code = "import sys, assay.server.watch; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"asyncpg", "click", "msgspec", "asyncio"} & set(loaded)
