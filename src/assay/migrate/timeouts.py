"""What the first comments of a migration ask of the server: how long to wait for a lock, how long a statement may run.

::

    -- lock-timeout: 5s
    -- statement-timeout: 10min
    -- lock-retries: 8

A statement that waits for a lock makes every later query of the table wait behind it, so on a live system a migration
had better give up after seconds and try again. Source: PostgreSQL's manual, section 19.11.1.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from assay.errors import MigrationError

RETRIES = 5
"""How often a file with a lock timeout is tried again, unless it says otherwise."""
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_LOCK_NOT_AVAILABLE = "55P03"

_LINE = re.compile(r"--[ \t]*(?P<name>lock-timeout|statement-timeout|lock-retries)[ \t]*:(?P<value>[^\n]*)")
_DURATION = re.compile(r"(\d{1,9})[ \t]*(ms|s|min|h|d)?")
_MILLISECONDS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The limits of a file; None where it names none, and the session's own hold."""

    lock: int | None = None
    """Milliseconds that a statement waits for a lock; 0 waits for ever."""
    statement: int | None = None
    """Milliseconds that a statement may run; 0 is no limit."""
    retries: int = 0
    """How often the file is tried again when it did not get a lock in time."""

    def __bool__(self) -> bool:
        return self.lock is not None or self.statement is not None

    def settings(self, *, local: bool) -> Iterator[str]:
        """The statements that set them, for the transaction alone or for the session."""
        scope = "local " if local else ""
        if self.lock is not None:
            yield f"set {scope}lock_timeout = {self.lock}"
        if self.statement is not None:
            yield f"set {scope}statement_timeout = {self.statement}"

    def pause_after(self, error: MigrationError, attempt: int) -> float | None:
        """Seconds to wait before the file is tried again, by chance up to twice as long each time; None to give up.

        Args:
            error: why it failed.
            attempt: which attempt that was, from 1.
        """
        state = getattr(error.__cause__, "sqlstate", None)
        if state != _LOCK_NOT_AVAILABLE or attempt > self.retries:
            return None
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1))
        return random.uniform(longest / 2, longest)  # noqa: S311 - it spreads attempts, and keeps no secret

    def missed_lock(self, attempt: int) -> str:
        """What is said of an attempt, from 1, in which a statement did not get its lock."""
        waited = f"{(self.lock or 0) / 1000:g} s" if (self.lock or 0) >= 1000 else f"{self.lock} ms"
        return f"no lock within {waited}, another session has it (attempt {attempt} of {self.retries + 1})"


NONE = Timeouts()
"""Of a file that names no limits."""


def read_timeouts(path: Path, sql: str) -> Timeouts:
    """The limits that the comments before a file's first statement name.

    Raises MigrationError, with the line, for a value that is none.
    """
    lock = statement = retries = None
    for number, line in _leading_comments(sql):
        found = _LINE.fullmatch(line.rstrip())
        if found is None:
            continue
        value = found["value"].strip()
        if found["name"] == "lock-retries":
            retries = _count(path, number, value)
        elif found["name"] == "lock-timeout":
            lock = _milliseconds(path, number, value)
        else:
            statement = _milliseconds(path, number, value)
    return Timeouts(lock, statement, 0 if not lock else RETRIES if retries is None else retries)


def _leading_comments(sql: str) -> Iterator[tuple[int, str]]:
    begin = 0
    for number in count(1):
        end = sql.find("\n", begin)  # not split: a file can be long
        text = sql[begin : end if end >= 0 else len(sql)].strip()
        if text and not text.startswith("--"):
            return
        yield number, text
        if end < 0:
            return
        begin = end + 1


def _milliseconds(path: Path, line: int, value: str) -> int:
    found = _DURATION.fullmatch(value)
    milliseconds = int(found[1]) * _MILLISECONDS[found[2] or "ms"] if found else _MOST + 1
    if milliseconds > _MOST:
        raise MigrationError(f"{path}:{line}: {value!r} is no duration; write it as 500ms, 5s, 10min or 1h, 0 for none")
    return milliseconds


def _count(path: Path, line: int, value: str) -> int:
    if not re.fullmatch(r"\d{1,3}", value):
        raise MigrationError(f"{path}:{line}: {value!r} is no number of attempts, from 0 to 999")
    return int(value)
