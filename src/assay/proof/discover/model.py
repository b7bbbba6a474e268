"""What is found in code: values that later steps turn into proofs and findings."""

from __future__ import annotations

import ast
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.proof.discover.resolve import Project
    from assay.proof.discover.scopes import Scope
    from assay.proof.discover.source import Source
    from assay.proof.discover.surfaces import Surface


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


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive characters of a string that stand in the source one after the other."""

    text: str
    source: Source
    offset: int
    """In the source's text, of the first character; an escape sequence is a run of its own."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A constant string and where in the code each of its characters stands."""

    runs: tuple[Run, ...]
    """At least one."""

    @property
    def text(self) -> str:
        """The string itself."""
        return "".join(run.text for run in self.runs)

    def place(self, position: int) -> Place:
        """Where a character of the string stands, given its position from 1; beyond the end, the last character."""
        ends = list(accumulate(len(run.text) for run in self.runs))
        index = min(max(position, 1), max(ends[-1], 1)) - 1
        number = min(bisect_right(ends, index), len(self.runs) - 1)
        run = self.runs[number]
        return run.source.place_at(run.offset + index - (ends[number] - len(run.text)))


@dataclass(frozen=True, slots=True)
class NotConstant:
    """Why an expression is not a constant string."""

    place: Place
    why: str
    """In words that follow "because": ``"sql" is a parameter of "find"``."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A value given for a parameter of the statement."""

    node: ast.expr
    name: str | None = None
    """The keyword, or None for one by position."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the runtime surface, with its statement."""

    surface: Surface
    source: Source
    scope: Scope
    node: ast.Call
    row: ast.expr | None
    """The expression for the row class; None where the surface has none."""
    sql: Sql | NotConstant
    arguments: tuple[Argument, ...]
    unpacked: bool
    """Whether ``*args`` or ``**named`` may give more arguments."""

    @property
    def place(self) -> Place:
        """Where the call begins."""
        return self.source.place(self.node)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that could not be parsed."""

    place: Place
    why: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """Everything found in the project's files, in the order of their paths and lines."""

    project: Project
    """The parsed files, for following names further."""
    calls: tuple[Call, ...]
    unreadable: tuple[Unreadable, ...]
    files: int
    """How many files were read."""
