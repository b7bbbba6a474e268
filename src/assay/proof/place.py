"""Where in the code something is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A character in a file of the project."""

    path: str
    """Relative to the project's root, with ``/``; absolute for a file outside it."""
    line: int
    """From 1."""
    column: int
    """In characters, from 1."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"
