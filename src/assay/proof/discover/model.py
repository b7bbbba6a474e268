"""What is found in code: values that later steps turn into proofs and findings."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from assay.proof.place import Place as Place
from assay.sql.styles import Style

if TYPE_CHECKING:
    from assay.proof.discover.resolve import Project
    from assay.proof.discover.scopes import Scope
    from assay.proof.discover.source import Source
    from assay.proof.discover.surfaces import Surface


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

    def part(self, start: int, end: int) -> Sql:
        """The characters from ``start`` up to, not including, ``end``; both from 0."""
        return self.cut([(start, end)])[0]

    def cut(self, spans: Iterable[tuple[int, int]]) -> list[Sql]:
        """Several parts, in order and without overlaps, in one go."""
        parts: list[Sql] = []
        number = at = 0
        for start, end in spans:
            kept: list[Run] = []
            while number < len(self.runs) and at < end:
                run = self.runs[number]
                first, last = max(start - at, 0), min(end - at, len(run.text))
                if first < last:
                    kept.append(Run(run.text[first:last], run.source, run.offset + first))
                if at + len(run.text) > end:
                    break
                at += len(run.text)
                number += 1
            parts.append(Sql(tuple(kept) or (self._empty(number),)))
        return parts

    def _empty(self, number: int) -> Run:
        run = self.runs[min(number, len(self.runs) - 1)]
        return Run("", run.source, run.offset)


@dataclass(frozen=True, slots=True)
class NotConstant:
    """Why an expression is not a constant string."""

    place: Place
    why: str
    """In words that follow "because": ``"sql" is a parameter of "find"``."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A condition that a string depends on, and how it came out."""

    condition: Hashable
    """Equal for conditions that always come out alike."""
    outcome: Hashable
    words: str
    """In words that follow "where": ``newest is true (line 12)``."""
    line: int = 0
    asks: tuple[Hashable, int] | None = None
    """The condition of the ``elif`` that is asked only because this one failed, and its line."""


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What a library makes of a string before it is run: SQLAlchemy's ``text()``, psycopg's ``sql.SQL()``."""

    name: str
    """``text`` or ``SQL``."""
    bound: tuple[Argument, ...] = ()
    """The parameters that ``bindparams()`` gives values for."""
    expanding: frozenset[str] = frozenset()
    """The parameters that a list in parentheses takes the place of."""
    unpacked: bool = False
    """Whether ``bindparams(**named)`` may give more."""


@dataclass(frozen=True, slots=True)
class Form:
    """One of the strings that an expression can be, or why it is none."""

    sql: Sql | NotConstant
    choices: tuple[Choice, ...] = ()
    """The conditions under which it is this one."""
    wrapper: Wrapper | None = None

    @property
    def branch(self) -> str:
        """The conditions, in words that follow "where"; empty where there are none.

        Of a chain of ``elif`` only the last that was asked: those above it failed.
        """
        asked = {(choice.condition, choice.line) for choice in self.choices}
        telling = [choice for choice in self.choices if choice.asks not in asked]
        return " and ".join(choice.words for choice in sorted(telling, key=lambda choice: choice.line))


@dataclass(frozen=True, slots=True)
class Argument:
    """A value given for a parameter of the statement."""

    node: ast.expr
    name: str | None = None
    """The keyword, or None for one by position."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that takes SQL, with its statement.

    Where a call can run several statements, under conditions or one after the other, there is one of these for each.
    """

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
    batch: bool = False
    """Whether the arguments are many sets of parameters."""
    style: Style = Style.ASSAY
    """How its placeholders are written."""
    expanding: frozenset[str] = frozenset()
    """The parameters that a list in parentheses takes the place of."""
    branch: str = ""
    """Under which conditions this statement is run, in words that follow "where"; empty where it always is."""

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
