"""What is known of a project's calls, in plain values that can leave the process that imported its modules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.proof.description import Description, Stored
from assay.proof.discover.libraries import Owner
from assay.proof.place import Place
from assay.proof.report import Report
from assay.proof.verdict import Verdict

_NO_ROWS = {(Owner.ASSAY, "execute"), (Owner.ASSAY, "execute_many"), (Owner.ASSAY, "copy_in")} | {
    (Owner.ASYNCPG, method) for method in ("execute", "executemany")
}
"""Calls whose callers never see a row."""


@dataclass(frozen=True, slots=True)
class DescribedCall:
    """One call that takes SQL."""

    place: Place
    descriptions: tuple[Description, ...]
    """Of each statement that it runs; empty where the server refuses it, or it has none that is constant."""
    gives_rows: bool
    """Whether its caller sees the rows."""
    classless: bool
    """Whether no class is named for the rows, so that nothing was compared with their columns."""
    unverified: bool
    """Whether it is given arguments that were not compared with their parameters."""

    @property
    def writes(self) -> frozenset[str]:
        """The columns written, as ``schema.table.column``."""
        return frozenset(name for each in self.descriptions for name in each.writes)

    @property
    def reads(self) -> frozenset[str]:
        """The columns read, in the same form."""
        return frozenset(name for each in self.descriptions for name in each.reads)

    def stored_in(self, column: str) -> tuple[Stored, ...]:
        """The values that it stores in a column."""
        return tuple(value for each in self.descriptions for value in each.stored if value.column == column)


@dataclass(frozen=True, slots=True)
class Proven:
    """A report, and what it says of each call in the order of the code."""

    report: Report
    calls: tuple[DescribedCall, ...]


def described_calls(verdicts: Iterable[Verdict]) -> tuple[DescribedCall, ...]:
    """What verdicts know, without the classes that they are about."""
    return tuple(_described(verdict) for verdict in verdicts)


def _described(verdict: Verdict) -> DescribedCall:
    surface = verdict.call.surface
    return DescribedCall(
        verdict.call.place,
        verdict.branches or verdict.descriptions,
        (surface.owner, surface.method) not in _NO_ROWS,
        verdict.is_classless,
        bool(verdict.unverified),
    )
