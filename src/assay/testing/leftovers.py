"""What tests leave behind."""

from __future__ import annotations


class LeftBehind(UserWarning):
    """A test left connections open, or in use; they were closed, and the next test does not see anything of it."""
