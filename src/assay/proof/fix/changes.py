"""What a fix would change, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from assay.proof.discover.model import Place
from assay.proof.discover.source import Source
from assay.proof.findings import Finding


@dataclass(frozen=True, slots=True, order=True)
class Import:
    """A name that a file must import: ``from uuid import UUID``, or ``import asyncpg``."""

    module: str
    name: str = ""
    """Empty for the module itself."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a file."""

    line: int
    """From 1."""
    column: int
    """In characters, from 0."""
    end_line: int
    end_column: int
    """Of the character after the last."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Another expression in the place of one."""

    span: Span
    text: str
    imports: frozenset[Import] = frozenset()


@dataclass(frozen=True, slots=True)
class AddField:
    """A new field of a class."""

    owner: str
    """The class's qualified name."""
    line: str
    """``name: annotation``, and perhaps a default."""
    after: str
    """The field that it comes after; empty for the beginning of the class."""
    imports: frozenset[Import] = frozenset()


@dataclass(frozen=True, slots=True)
class RemoveField:
    """A field of a class that goes."""

    owner: str
    name: str


Edit = Replace | AddField | RemoveField


@dataclass(frozen=True, slots=True)
class Change:
    """One edit of one file, and what it is for."""

    source: Source
    edit: Edit
    place: Place
    what: str
    """In words: ``Device.attestation_chain is bytes | None``."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``assay check --fix`` would do about findings."""

    changes: tuple[Change, ...] = ()
    """In the order of their places."""
    fixable: frozenset[Finding] = frozenset()
    """The findings that the changes mend."""
    left: dict[Finding, str] = field(default_factory=dict)
    """Why others are left, in words that follow "because"."""


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A file before and after."""

    path: Path
    shown: str
    """The path for reports."""
    encoding: str
    before: str
    after: str
