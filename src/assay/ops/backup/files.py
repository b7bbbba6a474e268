"""The files of a backup on this machine: listed, measured, and written to the disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import TypeVar

from assay.ops.backup.manifest import BackupFile
from assay.ops.backup.together import together

_T = TypeVar("_T")
_PIECE = 1 << 20
"""Bytes that are hashed while they are still in the processor's cache."""

_OFTEN = 0.5
"""Seconds between two looks at what has grown."""


def files_below(folder: Path) -> list[str]:
    """The paths of all files below a folder, sorted, with ``/``."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


async def measure_all(folder: Path, paths: Iterable[str]) -> tuple[BackupFile, ...]:
    """The sizes and hashes of files, several at a time.

    Raises OSError when one cannot be read.
    """
    async with together() as group:
        tasks = [group.create_task(measure(folder, path)) for path in paths]
    return tuple(task.result() for task in tasks)


async def measure(folder: Path, path: str) -> BackupFile:
    """The size and the hash of a file. Ctrl-C need not wait for its end.

    Raises OSError when it cannot be read.
    """
    size, digest = await _stoppable(lambda stop: _hash(folder / path, stop))
    return BackupFile(path, size, digest)


async def flush_until(ended: asyncio.Event, folder: Path) -> None:
    """Have the system write to the disk what grows below a folder, and, once that has ended, all of it and the folder.

    So there is little left to wait for at the end: a system that is not asked keeps gigabytes in its memory.

    Raises OSError when it cannot.
    """
    sizes: dict[Path, int] = {}
    pause = _OFTEN
    while not ended.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), pause)
        pause = max(_OFTEN, 20 * await _flush_grown(ended, folder, sizes))
    await _stoppable(lambda stop: _settle_all([*sorted(folder.rglob("*")), folder, folder.parent], stop.is_set))


async def _flush_grown(ended: asyncio.Event, folder: Path, sizes: dict[Path, int]) -> float:
    """Write what has grown to the disk; how many seconds it took to look, which is long where very many files are."""
    began = perf_counter()
    grown = await _stoppable(lambda stop: _grown(folder, sizes))
    looking = perf_counter() - began
    await _stoppable(lambda stop: _settle_all(grown, lambda: stop.is_set() or ended.is_set()))
    return looking


def settle(path: Path) -> None:
    """Have the system write a file, or what a folder lists, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _hash(path: Path, stop: Event) -> tuple[int, str]:
    digest, size = sha256(), 0
    piece = memoryview(bytearray(_PIECE))
    with path.open("rb", buffering=0) as file:
        while not stop.is_set() and (count := file.readinto(piece)):
            digest.update(piece[:count])
            size += count
    return size, digest.hexdigest()


def _grown(folder: Path, sizes: dict[Path, int]) -> list[Path]:
    """The files below a folder that are not of the size that they had, which is noted."""
    grown = []
    for path in folder.rglob("*"):
        if path.is_file() and sizes.get(path) != (size := path.stat().st_size):
            sizes[path] = size
            grown.append(path)
    return grown


def _settle_all(paths: Iterable[Path], stopped: Callable[[], bool]) -> None:
    for path in paths:
        if stopped():
            return
        settle(path)


async def _stoppable(work: Callable[[Event], _T]) -> _T:
    """Do work in a thread, and tell it to stop when this is cancelled: a thread cannot be."""
    stop = Event()
    try:
        return await asyncio.to_thread(work, stop)
    finally:
        stop.set()
