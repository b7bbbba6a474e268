"""A server in memory gives the memory back when it has idled, unless something in it is kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.servers import eventually, running_in

from assay.server import Server
from assay.server.memory import keep, let_go, memory_home


@pytest.fixture
def volatile(home: Path) -> Iterator[Server]:
    """A server in memory that was never started."""
    place = memory_home(home)
    if place is None:
        pytest.skip("there is no file system in memory with room for a server")
    yield Server.locate("18", home=place)
    Server.locate("18", home=place).stop()
    shutil.rmtree(place)


def idled(server: Server) -> bool:
    """Wait until the server was stopped for idling, and its watcher has ended."""
    home = server.layout.home
    return eventually(lambda: not server.status().running) and eventually(lambda: running_in(home) == [], 5.0)


def test_data_are_removed_when_the_server_has_idled(volatile: Server) -> None:
    volatile.ensure_running(idle_timeout=0.5)
    assert volatile.layout.data.is_dir()
    assert idled(volatile)
    assert not volatile.layout.data.exists()
    volatile.ensure_running(idle_timeout=0.5)
    assert volatile.status().running


def test_data_stay_as_long_as_something_in_them_is_kept(volatile: Server) -> None:
    keep(volatile.layout.home)
    volatile.ensure_running(idle_timeout=0.5)
    assert idled(volatile)
    assert volatile.layout.data.is_dir()
    let_go(volatile.layout.home)
    volatile.ensure_running(idle_timeout=0.5)
    assert idled(volatile)
    assert not volatile.layout.data.exists()


def test_data_on_disk_stay(home: Path) -> None:
    server = Server.locate("18", home=home)
    server.ensure_running(idle_timeout=0.5)
    assert idled(server)
    assert server.layout.data.is_dir()
