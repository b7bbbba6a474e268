"""Work that runs the project's own code, done in a process of its own.

Modules do what they like when they are imported: they print, ask, exit, start threads, or never end. So the process
that imports them has no terminal and no open output, tells this one on a board in shared memory whose code it is
running, and is ended when that takes too long. What it found comes back through a pipe. Where it is lost in a module,
the work is begun again without that module.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import pickle
import select
import signal
import struct
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never, TypeVar

from assay.errors import Error, ProofError
from assay.proof.guard import Guard

_T = TypeVar("_T")

GRACE = 5.0
"""Seconds that the process has to end when it is asked to."""
SLACK = 2.0
"""Seconds that the process has to notice by itself that a module takes too long."""
MOST_LOST = 20
"""How many modules the work may be begun again without; where more seem to end it, there is one that does so later."""
LOOK = 0.1
"""Seconds between two looks at a process that says nothing."""
TELL = 0.05
"""Seconds between two messages about progress."""

Progress = Callable[[int, int], None]
Work = Callable[[Guard, Progress], _T]

_HEAD, _STEPS = struct.Struct("!cQ"), struct.Struct("!QQ")
_RESULT, _PROGRESS, _ERROR, _TRACE, _STOPPED = b"r", b"p", b"e", b"t", b"s"
_STOPS = {signal.SIGINT, signal.SIGTERM}


class Board:
    """A page that two processes see: in whose code the one that writes is."""

    _head = struct.Struct("!QI")

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2 * mmap.PAGESIZE)
        self._times = 0

    def write(self, path: str) -> None:
        """Say in which file's code this process is; empty for its own."""
        name = os.fsencode(path)
        self._times += 1
        self._memory[: self._head.size + len(name)] = self._head.pack(self._times, len(name)) + name

    def read(self) -> tuple[int, str]:
        """How often something was written, and what it was last."""
        times, length = self._head.unpack(self._memory[: self._head.size])
        return times, os.fsdecode(self._memory[self._head.size : self._head.size + length])

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()


@dataclass(frozen=True, slots=True)
class _Lost:
    """The process is gone without an answer."""

    path: str
    """The file in whose code it was; empty for Assay's own."""
    why: str


def apart(work: Work[_T], limit: float, progress: Progress | None = None) -> _T:
    """Do the work in a process of its own, and return what it returns, which must be plain values.

    Args:
        work: is given what it must run the project's code under, and what to tell of its progress.
        limit: seconds that a module may take; 0 for no limit.
        progress: is told, in this process, what the work tells.

    An error of Assay's is raised here as a ProofError with its words. Raises ProofError, too, when the process ends by
    itself outside of the project's code.
    """
    failed: dict[Path, str] = {}
    while True:
        outcome = _once(work, failed, limit, progress)
        if not isinstance(outcome, _Lost):
            return outcome
        if not outcome.path or Path(outcome.path) in failed or len(failed) == MOST_LOST:
            raise ProofError(
                f"The process that imports the project's modules could not go on: {outcome.why}; "
                "look for a module that ends its process, or has its memory used up, some time after it is imported"
            )
        failed[Path(outcome.path)] = outcome.why


def _once(work: Work[_T], failed: dict[Path, str], limit: float, progress: Progress | None) -> _T | _Lost:
    board = Board()
    end, begin = map(_apart_from_the_standard, os.pipe())
    # Until each has its own handlers, what ends this process is kept from both.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    number = os.fork()
    if number == 0:
        os.close(end)
        _run(work, Guard(board.write, limit, failed), begin, before)
    process = _Process(number)
    try:
        os.close(begin)
        with os.fdopen(end, "rb", buffering=0) as pipe:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            outcome: _T | _Lost = _Watched(process, pipe.fileno(), board, limit, progress).outcome()
        return outcome
    except KeyboardInterrupt:
        process.stop()
        raise
    finally:
        process.end()
        board.close()


def _run(work: Work[Any], guard: Guard, pipe: int, signals: set[int | signal.Signals]) -> Never:
    """What the other process does; it ends here, whatever happens."""
    try:
        os.setsid()
        _silence()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        guard.begin()
        _send(pipe, _RESULT, pickle.dumps(work(guard, _Telling(pipe))))
    except KeyboardInterrupt:
        _send(pipe, _STOPPED)
    except Error as error:
        _send(pipe, _ERROR, str(error).encode(errors="backslashreplace"))
    except BaseException:
        _send(pipe, _TRACE, traceback.format_exc().encode(errors="backslashreplace"))
    finally:
        os._exit(0)


def _silence() -> None:
    """Nothing can be asked or printed from here on, by whatever means."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)


def _apart_from_the_standard(descriptor: int) -> int:
    """The same pipe, under a number that is none of the standard ones, which may have been closed."""
    if descriptor > 2:
        return descriptor
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(descriptor)
    return moved


def _send(pipe: int, kind: bytes, content: bytes = b"") -> None:
    rest = memoryview(_HEAD.pack(kind, len(content)) + content)
    while rest:
        rest = rest[os.write(pipe, rest) :]


class _Telling:
    """Sends progress on, not oftener than anybody could read it."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() >= self._next or done == total:
            self._next = time.monotonic() + TELL
            _send(self._pipe, _PROGRESS, _STEPS.pack(done, total))


class _Process:
    """The other process."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._status: int | None = None

    def has_ended(self, *, wait: bool = False) -> bool:
        """Whether it has ended."""
        if self._status is None:
            number, status = os.waitpid(self._number, 0 if wait else os.WNOHANG)
            self._status = status if number else None
        return self._status is not None

    @property
    def way_of_ending(self) -> str:
        """How it ended, in words."""
        code = os.waitstatus_to_exitcode(self._status or 0)
        if code >= 0:
            return f"it ended the process, with exit status {code}"
        return f"it ended the process by the signal {signal.Signals(-code).name}"

    def stop(self) -> None:
        """Ask it to end and to leave things in order."""
        if not self.has_ended():
            os.kill(self._number, signal.SIGINT)
        until = time.monotonic() + GRACE
        while not self.has_ended() and time.monotonic() < until:
            time.sleep(LOOK / 5)

    def end(self) -> None:
        """End it, if it has not ended, and what the project's modules started and left."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._number, signal.SIGKILL)
        if not self.has_ended():
            os.kill(self._number, signal.SIGKILL)
            self.has_ended(wait=True)


class _Watched:
    """The other process, seen from this one."""

    def __init__(self, process: _Process, pipe: int, board: Board, limit: float, progress: Progress | None) -> None:
        self._process = process
        self._pipe = pipe
        self._board = board
        self._limit = limit
        self._progress = progress
        self._read = bytearray()
        self._seen = (-1, "")
        self._since = 0.0

    def outcome(self) -> Any:
        """What the work returned, or how the process was lost; raises what it reports."""
        while True:
            ended = self._process.has_ended()
            while select.select([self._pipe], [], [], 0 if ended else LOOK)[0]:
                chunk = os.read(self._pipe, 1 << 20)
                if not chunk:
                    ended = self._process.has_ended(wait=True)
                    break
                self._read += chunk
                for kind, content in self._messages():
                    if kind == _RESULT:
                        return pickle.loads(content)  # noqa: S301 - from this program's own process
                    self._hear(kind, content)
            if ended:
                return _Lost(self._board.read()[1], self._process.way_of_ending)
            if self._is_stuck():
                return _Lost(self._seen[1], f"it takes longer than {self._limit:g} s")

    def _messages(self) -> Iterator[tuple[bytes, bytes]]:
        """The messages that are there whole."""
        while len(self._read) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._read)
            if len(self._read) < _HEAD.size + length:
                break
            content = bytes(self._read[_HEAD.size : _HEAD.size + length])
            del self._read[: _HEAD.size + length]
            yield kind, content

    def _hear(self, kind: bytes, content: bytes) -> None:
        if kind == _PROGRESS and self._progress is not None:
            self._progress(*_STEPS.unpack(content))
        elif kind == _ERROR:
            raise ProofError(content.decode())
        elif kind == _TRACE:
            raise RuntimeError(f"the process that does the work failed:\n{content.decode()}")
        elif kind == _STOPPED:
            raise KeyboardInterrupt

    def _is_stuck(self) -> bool:
        seen = self._board.read()
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        return bool(self._limit and seen[1]) and time.monotonic() > self._since + self._limit + SLACK
