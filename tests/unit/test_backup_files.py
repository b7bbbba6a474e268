"""The files of a backup on this machine: measured as sha256sum would, and written to the disk."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.ops.backup import files
from assay.ops.backup.files import files_below, flush_until, measure, measure_all


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was written to the disk, in order."""
    told: list[Path] = []
    settle: Callable[[Path], None] = files.settle

    def tell(path: Path) -> None:
        settle(path)
        told.append(path)

    monkeypatch.setattr(files, "settle", tell)
    return told


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 7])
async def test_a_file_is_measured_as_sha256sum_does(tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(bytes(range(256)) * (size // 256) + b"y" * (size % 256))
    found = await measure(tmp_path, "file")
    said = subprocess.run(["sha256sum", tmp_path / "file"], capture_output=True, text=True, check=True).stdout
    assert (found.path, found.size, found.sha256) == ("file", size, said.split()[0])


async def test_files_of_folders_are_measured_in_order_and_one_that_is_gone_is_told(tmp_path: Path) -> None:
    for path in ("b", "a/c", "a/b"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(path)
    assert files_below(tmp_path) == ["a/b", "a/c", "b"]
    assert [one.path for one in await measure_all(tmp_path, files_below(tmp_path))] == ["a/b", "a/c", "b"]
    with pytest.raises(FileNotFoundError):
        await measure_all(tmp_path, ["b", "gone"])


async def test_what_grows_is_written_to_the_disk_meanwhile_and_everything_at_the_end(
    tmp_path: Path, settled: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_OFTEN", 0.01)
    (folder := tmp_path / "backup").mkdir()
    (one := folder / "one").write_text("1")
    ended = asyncio.Event()
    flushing = asyncio.create_task(flush_until(ended, folder))
    async with asyncio.timeout(10):
        while settled != [one]:
            await asyncio.sleep(0.01)
        one.write_text("1 and more")
        while settled != [one, one]:
            await asyncio.sleep(0.01)
    (two := folder / "two").write_text("2")
    ended.set()
    await flushing
    assert settled[-4:] == [one, two, folder, tmp_path]


async def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(files, "settle", fail)
    (ended := asyncio.Event()).set()
    with pytest.raises(OSError, match="Input/output error"):
        await flush_until(ended, tmp_path)
