"""The hidden folder of a restore: swept up when its run was killed, left alone while somebody works in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.fixtures.servers import python

from assay.ops.backup.pitr.places import hidden

WORKER = """
import asyncio, sys
from pathlib import Path
from assay.ops.backup.pitr.places import hidden

async def work():
    async with hidden(Path(sys.argv[1])) as part:
        print(part, flush=True)
        await asyncio.sleep(60)

asyncio.run(work())
"""


def begun(into: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that works in a folder for the same place, and that folder."""
    worker = python(WORKER, str(into))
    assert worker.stdout is not None
    return worker, Path(worker.stdout.readline().strip())


async def test_two_runs_for_one_place_leave_each_other_alone_and_what_is_killed_is_swept_up(tmp_path: Path) -> None:
    into = tmp_path / "data"
    worker, theirs = begun(into)
    async with hidden(into) as ours:
        assert {theirs, ours} == set(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == [theirs]
    worker.kill()
    worker.communicate()
    async with hidden(into) as ours:
        assert list(tmp_path.iterdir()) == [ours]
    assert list(tmp_path.iterdir()) == []


async def test_what_is_not_of_this_place_is_left_alone(tmp_path: Path) -> None:
    names = [".data2.restoring-1", ".data.old", "data.restoring-1", ".other.restoring-1"]
    for name in names:
        (tmp_path / name).mkdir()
    async with hidden(tmp_path / "data"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == set(names)


async def test_a_folder_that_a_server_still_runs_in_is_left(tmp_path: Path) -> None:
    left = tmp_path / ".data.restoring-1"
    left.mkdir()
    (left / "postmaster.pid").write_text("1\n")
    server = python("input()", "-D", str(left), "", stdin=subprocess.PIPE)
    async with hidden(tmp_path / "data"):
        assert left.exists()
    server.communicate("\n")
    async with hidden(tmp_path / "data"):
        assert not left.exists()


async def test_a_folder_that_was_renamed_stays(tmp_path: Path) -> None:
    async with hidden(tmp_path / "data") as part:
        part.rename(tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        async with hidden(tmp_path / "file" / "data"):
            pass
