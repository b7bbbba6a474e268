"""A progress bar on standard error, for runs that take a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

PATIENCE = 1.0
"""Seconds that pass before a bar is shown."""
_CLEARED = "\x1b[1A\x1b[2K"
"""Up to the bar's line, and empty it."""


@contextmanager
def progress_bar(label: str, *, patience: float = PATIENCE) -> Iterator[Callable[[int, int], None] | None]:
    """Gives what is told how many steps are done of how many; None where nobody would see it.

    The bar appears on a terminal only, after ``patience`` seconds, and is gone at the end.
    """
    if not getattr(sys.stderr, "isatty", bool)():  # it is None where it was closed
        yield None
        return
    bar = _Bar(label, time.monotonic() + patience)
    try:
        yield bar.told
    finally:
        bar.close()


class _Bar:
    def __init__(self, label: str, begin: float) -> None:
        self.label = label
        self.begin = begin
        self.bar: Any = None

    def told(self, done: int, total: int) -> None:
        if self.bar is None:
            if time.monotonic() < self.begin:
                return
            self.bar = click.progressbar(length=total, label=self.label, file=sys.stderr)
            self.bar.__enter__()
        self.bar.update(done - self.bar.pos)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.__exit__(None, None, None)
            sys.stderr.write(_CLEARED)
            sys.stderr.flush()
