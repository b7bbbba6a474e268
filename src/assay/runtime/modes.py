"""What a transaction is begun with: its isolation, what it may do, and how long it may wait."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

from assay.errors import UsageError
from assay.runtime.executor import BlockOptions, Isolation

_LONGEST_TIMEOUT = 2_147_483.0
"""Seconds; the server counts milliseconds in 31 bits."""


@dataclass(frozen=True, slots=True)
class Mode:
    """What BEGIN says of a transaction (manual, SQL command BEGIN), and the timeouts that are set for it alone."""

    isolation: Isolation | None = None
    """None: as the server is set, ``read committed`` unless somebody changed it."""
    readonly: bool = False
    deferrable: bool = False
    """Wait for a moment in which a read-only serializable transaction cannot fail; pointless for any other."""
    statement_timeout: float | None = None
    """Seconds that each statement may take; 0 for no limit, None as the session is set. So are the other two."""
    lock_timeout: float | None = None
    """Seconds that a statement may wait for a lock."""
    idle_timeout: float | None = None
    """Seconds between statements after which the server ends the connection."""
    retry: int = 0
    """How many times the block is run again after a serialization failure or a deadlock."""

    def __post_init__(self) -> None:
        if self.isolation not in (None, *get_args(Isolation)):
            known = ", ".join(map(repr, get_args(Isolation)))
            raise UsageError(f"There is no isolation {self.isolation!r}; it takes {known}")
        for name in _SETTINGS:
            _check_seconds(name, getattr(self, name))
        if isinstance(self.retry, bool) or not isinstance(self.retry, int) or self.retry < 0:
            raise UsageError(f"retry is {self.retry!r}; it takes how many times to run the block again, such as 3")

    @property
    def begin(self) -> str:
        """The statements that begin the transaction, in one message."""
        words = ["begin"]
        if self.isolation is not None:
            words.append(f"isolation level {self.isolation}")
        words += ["read only"] * self.readonly + ["deferrable"] * self.deferrable
        return "; ".join([" ".join(words), *self._timeouts()])

    @property
    def suits_savepoint(self) -> bool:
        """Whether it asks for nothing that only a whole transaction can have."""
        return not (self.isolation or self.readonly or self.deferrable or self.retry)

    def savepoint(self, number: int) -> str:
        """The statements that begin a savepoint of that number, and keep the timeouts of the block around it."""
        kept = [
            f"select pg_catalog.set_config('assay.{setting}_{number}', pg_catalog.current_setting('{setting}'), true)"
            for setting in self._chosen()
        ]
        return "; ".join([f"savepoint assay_{number}", *kept, *self._timeouts()])

    def release(self, number: int) -> str:
        """The statements that end a savepoint, and give the block around it its timeouts back."""
        given_back = [
            f"select pg_catalog.set_config('{setting}', pg_catalog.current_setting('assay.{setting}_{number}'), true)"
            for setting in self._chosen()
        ]
        return "; ".join([*given_back, f"release savepoint assay_{number}"])

    def _timeouts(self) -> list[str]:
        return [f"set local {setting} = {milliseconds}" for setting, milliseconds in self._chosen().items()]

    def _chosen(self) -> dict[str, int]:
        """The server's settings that are asked for, in milliseconds; what is not 0 is at least 1."""
        given = {setting: getattr(self, name) for name, setting in _SETTINGS.items()}
        return {setting: math.ceil(value * 1000) for setting, value in given.items() if value is not None}


def mode_of(options: BlockOptions, retry: int | None) -> Mode:
    """The mode of a block. Raises UsageError for a value that cannot be used, TypeError for another option."""
    unknown = sorted(options.keys() - BlockOptions.__annotations__.keys())
    if unknown:
        known = ", ".join(BlockOptions.__annotations__)
        raise TypeError(f"transaction() takes no argument {unknown[0]!r}; it takes {known} and retry")
    return Mode(**options, retry=retry or 0)


_SETTINGS = {
    "statement_timeout": "statement_timeout",
    "lock_timeout": "lock_timeout",
    "idle_timeout": "idle_in_transaction_session_timeout",
}
"""The server's names for the timeouts."""


def _check_seconds(name: str, value: float | None) -> None:
    if value is None:
        return
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= _LONGEST_TIMEOUT:
        raise UsageError(f"{name} is {value!r}; it takes seconds, such as 2.5, or 0 for no limit")
