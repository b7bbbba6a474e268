"""What the answer to a check depends on in the file system, and whether it is still the same.

A file is the same while its times and its size are. One that was changed just before the check began could be changed
again without a trace in them, because clocks are coarse; of such a file the content counts too.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import time_ns

FRESH = 2_000_000_000
"""Nanoseconds for which a file that was changed is looked at more closely: the coarsest clock of a file system."""
TICK = 20_000_000
"""Nanoseconds by which the time of a change may lie before the change: a tick of the kernel's clock, and some more."""

State = tuple[int, int, int, str] | None
"""A file's time of change, time of the change of its inode, both in nanoseconds, size, and the digest of its content
where that counts; None for one that is not there."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The state of files and folders, by their paths."""

    files: Mapping[str, State]
    folders: Mapping[str, str]
    """Digests of the names that are in them."""

    def hold(self) -> bool:
        """Whether all of it is as it was."""
        return all(_is(path, state) for path, state in self.files.items()) and all(
            digest == names_in(folder) for folder, digest in self.folders.items()
        )


@dataclass(frozen=True, slots=True)
class Beginning:
    """The files as they are before they are read."""

    time: int
    """In nanoseconds, as ``time.time_ns`` gives it."""
    files: frozenset[str]
    """All of them."""
    fresh: Mapping[str, State]
    """Those that were changed just now, with digests."""

    @classmethod
    def of(cls, files: Iterable[str]) -> Beginning:
        """Look at files."""
        now = time_ns()
        states = {path: state_of(path) for path in files}
        fresh = {path for path, state in states.items() if state is not None and _is_fresh(state, now)}
        return cls(now, frozenset(states), {path: state_of(path, with_digest=True) for path in fresh})

    def inputs(self, files: Iterable[str], folders: Iterable[str]) -> Inputs | None:
        """The state of what was looked at since; None where something may have changed meanwhile."""
        found = {path: self._settled(path) for path in files}
        listed = {folder: names_in(folder) for folder in folders}
        if any(state == _CHANGED for state in found.values()) or any(map(self._is_new, listed)):
            return None
        return Inputs(found, listed)

    def _settled(self, path: str) -> State:
        """A file's state, if it was the same all the time."""
        state = state_of(path)
        if state is None or not _is_fresh(state, self.time):
            return state
        state = state_of(path, with_digest=True)
        return state if state == self.fresh.get(path) else _CHANGED

    def _is_new(self, folder: str) -> bool:
        try:
            return Path(folder).stat().st_mtime_ns > self.time - TICK
        except OSError:
            return False


_CHANGED: State = (-1, -1, -1, "")


def state_of(path: str, *, with_digest: bool = False) -> State:
    """A file's state now."""
    try:
        found = os.stat(path)  # noqa: PTH116 - done for thousands of files, each time
        digest = _digest(path) if with_digest and stat.S_ISREG(found.st_mode) else ""
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, digest


def names_in(folder: str) -> str:
    """A digest of the names in a folder, less hidden ones and what Python compiles; empty where there is none."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.name[0] != "." and entry.name != "__pycache__")
    except OSError:
        return ""
    return sha256("\0".join(names).encode(errors="surrogateescape")).hexdigest()[:24]


def _is(path: str, state: State) -> bool:
    return state_of(path, with_digest=state is not None and bool(state[3])) == state


def _is_fresh(state: tuple[int, int, int, str], now: int) -> bool:
    return max(state[0], state[1]) > now - FRESH


def _digest(path: str) -> str:
    return sha256(Path(path).read_bytes()).hexdigest()
