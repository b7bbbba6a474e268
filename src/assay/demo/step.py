"""What the demo tells: a step that is done, and what was shown of a backend."""

from __future__ import annotations

from dataclasses import dataclass

from assay.errors import Error


@dataclass(frozen=True, slots=True)
class Shown:
    """What was shown of a backend."""

    backend: str
    """Its folder."""
    migrations: int
    rows: int
    """Of its seeds."""
    queries: int
    """All of which were proven."""
    requests: int
    seconds: float
    """What all of it took."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is done."""

    title: str
    done: str
    """What was done, in a line."""
    seconds: float
    lines: tuple[str, ...] = ()
    """More about it."""
    shown: tuple[Shown, ...] = ()
    """The backends, in the step that sums up."""


def expect(right: bool, what: str) -> None:
    """Raise Error, saying what came instead, unless it is right."""
    if not right:
        raise Error(f"The demo did not come out as it should: {what}")
