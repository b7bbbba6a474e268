"""What a diagram shows, before anybody says where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assay.schema.structure.model import Kind

Detail = Literal["all", "keys", "none"]
"""Which columns a table shows."""


@dataclass(frozen=True, slots=True)
class Row:
    """A column in a table's box."""

    name: str
    type: str
    nullable: bool
    marks: tuple[str, ...] = ()
    """Of ``PK``, ``FK``, ``UK``."""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A table."""

    address: tuple[str, str]
    title: str
    kind: Kind
    rows: tuple[Row, ...]
    comment: str = ""
    hidden: int = 0
    """How many columns are not shown."""


@dataclass(frozen=True, slots=True)
class Link:
    """A foreign key, from the table that has it to the one that it refers to."""

    name: str
    child: int
    """Which box has it."""
    parent: int
    """Which box it refers to."""
    columns: tuple[str, ...]
    child_row: int
    """Where it is, of the rows shown; -1 for the title."""
    parent_row: int
    many: bool
    """Whether several rows can refer to one."""
    optional: bool
    """Whether a row may refer to none."""


@dataclass(frozen=True, slots=True)
class Diagram:
    """Tables and the references between them."""

    boxes: tuple[Box, ...]
    links: tuple[Link, ...]
