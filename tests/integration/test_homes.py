"""The homes of the tests' servers: in memory only where there is room, and gone with the process that made them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures import homes
from tests.fixtures.homes import guarded_home, roomy_memory
from tests.fixtures.servers import eventually, python, running_in

from assay.server import Server

SERVE = """
import time
from tests.fixtures.homes import guarded_home, roomy_memory
from assay.server import Server
with guarded_home(roomy_memory()) as home:
    Server.locate("18", home=home).ensure_running()
    print(home, flush=True)
    time.sleep(60)
"""


def test_a_process_that_is_killed_leaves_neither_home_nor_server() -> None:
    with python(SERVE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout
        home = Path(process.stdout.readline().strip())
        assert running_in(home)
        process.kill()
    assert eventually(lambda: not home.exists() and not running_in(home), seconds=90)


@pytest.mark.parametrize("parent", [roomy_memory(), None], ids=["memory", "disk"])
def test_a_home_has_servers_and_is_gone_afterwards(parent: Path | None) -> None:
    with guarded_home(parent) as home:
        assert Server.locate("18", home=home).ensure_running().host == f"{home}/18/run"
    assert not home.exists()
    assert not running_in(home)


def test_memory_that_has_no_room_is_not_used() -> None:
    assert roomy_memory(10**15) is None


@pytest.mark.parametrize("asked", ["_available", "_allowed"])
def test_twice_as_much_must_be_free_for_programs(asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homes, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(homes, "_available", lambda: 2_000_000)
    monkeypatch.setattr(homes, "_allowed", lambda: 2_000_000)
    assert roomy_memory(1_000_000) == tmp_path
    monkeypatch.setattr(homes, asked, lambda: 1_999_999)
    assert roomy_memory(1_000_000) is None
