"""What tests leave behind, which they are warned of."""

from __future__ import annotations

import warnings

from assay.wording import counted

CLOSE_TIMEOUT = 1.0
"""Seconds that a connection which the test left in use is waited for."""


class LeftBehind(UserWarning):
    """A test left connections open, or in use; they were closed, and the next test does not see anything of it."""


def warn_of_use(count: int, name: str, advice: str) -> None:
    """Warn of connections of a pool that were in use when the test was over."""
    if count:
        many = counted(count, "connection")
        warnings.warn(LeftBehind(f"The test left {many} of {name} in use; {advice}"), stacklevel=3)


def warn_of_sessions(left: list[str]) -> None:
    """Warn of sessions, in words, that were open when the test was over."""
    if left:
        many = counted(len(left), "connection")
        message = f"The test left {many} to its database open: {'; '.join(left)}; close what it opens"
        warnings.warn(LeftBehind(message), stacklevel=3)
